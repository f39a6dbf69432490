/* Who may pass: by prefix, by port, by knocking, by rate. */
#include "programs.h"

struct prefix {
	__u32 bits;
	__u32 address;
};
struct {
	__uint(type, MAP_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
} rules SEC(".maps");

const volatile __u32 otherwise = PASS_XDP;

/* The verdict of the longest prefix that a source has. */
SEC("xdp") int by_prefix(struct xdp_md *xdp)
{
	struct ip *ip = ip_of(DATA(xdp), END(xdp));
	struct prefix prefix = { .bits = 32 };
	__u32 *verdict;

	if (!ip)
		return DROP_XDP;
	prefix.address = ip->source;
	verdict = map_lookup(&rules, &prefix);
	return verdict ? *verdict : otherwise;
}

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u16);
	__type(value, __u64);
} closed SEC(".maps");

/* Drops what goes to a closed port, and counts it. */
SEC("tc") int by_port(struct __sk_buff *skb)
{
	struct ip *ip = ip_of(DATA(skb), END(skb));
	struct udp *udp = ip ? ports_of(ip, END(skb)) : 0;
	__u16 port = udp ? swap16(udp->destination) : 0;
	__u64 *count = map_lookup(&closed, &port);

	if (!count)
		return OK_TC;
	add(count, 1);
	return SHOT_TC;
}

/* Whether a packet may leave a cgroup: not to port 443. It begins with its IP header here. */
SEC("cgroup_skb/egress") int by_cgroup(struct __sk_buff *skb)
{
	struct ip *ip = DATA(skb);
	struct udp *udp;

	if ((void *)(ip + 1) > END(skb))
		return 1;
	udp = ports_of(ip, END(skb));
	return !udp || swap16(udp->destination) != 443;
}

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} knocks SEC(".maps");

static const __u16 SECRET[] = { 7000, 8000, 9000 };

static __noinline __u32 next_state(__u32 state, __u16 port)
{
	if (state >= 3)
		return state;
	return SECRET[state] == port ? state + 1 : SECRET[0] == port;
}

/* Port 22 is open for who has sent to the three secret ports in their order. */
SEC("xdp") int by_knocking(struct xdp_md *xdp)
{
	struct ip *ip = ip_of(DATA(xdp), END(xdp));
	struct udp *udp = ip ? ports_of(ip, END(xdp)) : 0;
	__u32 source, *found, state;

	if (!udp)
		return DROP_XDP;
	source = ip->source;
	found = map_lookup(&knocks, &source);
	state = found ? *found : 0;
	if (swap16(udp->destination) == 22)
		return state == 3 ? PASS_XDP : DROP_XDP;
	state = next_state(state, swap16(udp->destination));
	map_update(&knocks, &source, &state, ANY);
	return DROP_XDP;
}

struct bucket {
	__u64 tokens;
	__u64 filled;
};
struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

#define MOST_TOKENS 5
#define NANOSECONDS_A_TOKEN 1000

/* Five packets at once, then one a microsecond, for each source. */
SEC("xdp") int by_rate(struct xdp_md *xdp)
{
	struct ip *ip = ip_of(DATA(xdp), END(xdp));
	struct bucket *bucket, full = { .tokens = MOST_TOKENS };
	__u64 now = ktime_get_ns(), more;
	__u32 source;

	if (!ip)
		return DROP_XDP;
	source = ip->source;
	bucket = map_lookup(&buckets, &source);
	if (!bucket) {
		full.filled = now;
		map_update(&buckets, &source, &full, NOEXIST);
		bucket = map_lookup(&buckets, &source);
		if (!bucket)
			return DROP_XDP;
	}
	more = (now - bucket->filled) / NANOSECONDS_A_TOKEN;
	bucket->filled += more * NANOSECONDS_A_TOKEN;
	bucket->tokens += more;
	if (bucket->tokens > MOST_TOKENS)
		bucket->tokens = MOST_TOKENS;
	if (bucket->tokens == 0)
		return DROP_XDP;
	bucket->tokens--;
	return PASS_XDP;
}
