/* Flows: a table by five-tuple, a cache that forgets what was not used, what is too old, and what was seen before. */
#include "programs.h"

struct flow {
	__u32 source, destination;
	__u16 source_port, destination_port;
	__u32 protocol;
};
struct seen {
	__u64 packets;
	__u64 bytes;
	__u64 last;
};

static __always_inline int flow_of(struct __sk_buff *skb, struct flow *flow)
{
	struct ip *ip = ip_of(DATA(skb), END(skb));
	struct udp *udp = ip ? ports_of(ip, END(skb)) : 0;

	if (!udp)
		return 0;
	flow->source = ip->source;
	flow->destination = ip->destination;
	flow->source_port = udp->source;
	flow->destination_port = udp->destination;
	flow->protocol = ip->protocol;
	return 1;
}

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 32);
	__type(key, struct flow);
	__type(value, struct seen);
} flows SEC(".maps");

__u64 refused;

/* Packets and bytes of each flow; flows that there is no room for are counted. `mark` stands for the time. */
SEC("tc") int flow_table(struct __sk_buff *skb)
{
	struct flow flow = {};
	struct seen *seen, first = { .packets = 1, .bytes = skb->len, .last = skb->mark };

	if (!flow_of(skb, &flow))
		return 0;
	seen = map_lookup(&flows, &flow);
	if (seen) {
		seen->packets++;
		seen->bytes += skb->len;
		seen->last = skb->mark;
		return 2;
	}
	if (map_update(&flows, &flow, &first, NOEXIST) == 0)
		return 1;
	refused++;
	return -1;
}

struct sweep {
	__u64 oldest;
	__u32 gone, kept;
};

static long leave_young(void *map, struct flow *flow, struct seen *seen, struct sweep *sweep)
{
	if (seen->last >= sweep->oldest) {
		sweep->kept++;
		return 0;
	}
	sweep->gone++;
	map_delete(map, flow);
	return 0;
}

/* Deletes flows that were not seen since `mark`, and says how many went and stayed. */
SEC("tc") int sweep_flows(struct __sk_buff *skb)
{
	struct sweep sweep = { .oldest = skb->mark };

	for_each(&flows, leave_young, &sweep, 0);
	return sweep.gone << 16 | sweep.kept;
}

struct {
	__uint(type, MAP_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u64);
} recent SEC(".maps");

/* A cache of flows: whether this one was in it, and its number in the order of coming. */
SEC("tc") int flow_cache(struct __sk_buff *skb)
{
	static __u64 numbers;
	struct flow flow = {};
	__u64 *number, next;

	if (!flow_of(skb, &flow))
		return -1;
	number = map_lookup(&recent, &flow);
	if (number)
		return *number;
	next = ++numbers;
	map_update(&recent, &flow, &next, ANY);
	return 0;
}

struct {
	__uint(type, MAP_BLOOM);
	__uint(max_entries, 1000);
	__type(value, struct flow);
} known SEC(".maps");

/* Whether a flow was seen before: never "no" for one that was. */
SEC("tc") int seen_before(struct __sk_buff *skb)
{
	struct flow flow = {};

	if (!flow_of(skb, &flow))
		return -1;
	if (map_peek(&known, &flow) == 0)
		return 1;
	map_push(&known, &flow, ANY);
	return 0;
}
