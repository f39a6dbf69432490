/* What lies deeper in packets: names, headers through a dynptr, a program for each protocol, a server for each flow. */
#include "programs.h"

#define DNS_AT (14 + 20 + 8)
#define DNS_HEADER 12
#define LONGEST_NAME 64

struct walk {
	void *context;
	__u32 at;
	__u32 labels;
	__u32 done;
};

static long next_label(__u32 index, struct walk *walk)
{
	__u8 length;

	if (load_bytes(walk->context, walk->at, &length, 1))
		return 1;
	if (length == 0 || length > 63) {
		walk->done = length == 0;
		return 1;
	}
	walk->at += 1 + length;
	walk->labels++;
	return 0;
}

/* The labels of the name that is asked for, and how long the name is; -1 for what is no whole question. */
SEC("tc") int dns_name(struct __sk_buff *skb)
{
	struct walk walk = { .context = skb, .at = DNS_AT + DNS_HEADER };

	loop(LONGEST_NAME, next_label, &walk, 0);
	if (!walk.done)
		return -1;
	return walk.labels << 16 | (walk.at - DNS_AT - DNS_HEADER);
}

extern int bpf_dynptr_from_xdp(struct xdp_md *xdp, __u64 flags, struct bpf_dynptr *dynptr) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *dynptr, __u32 offset, void *buffer, __u32 size) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *dynptr) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *dynptr, __u32 start, __u32 end) __ksym;

/* Bytes behind the UDP header, by what the header says or by what there is: the less. */
SEC("xdp") int payload(struct xdp_md *xdp)
{
	struct bpf_dynptr packet;
	struct ip ip_room, *ip;
	struct udp udp_room, *udp;
	__u32 said, there;

	if (bpf_dynptr_from_xdp(xdp, 0, &packet))
		return -1;
	ip = bpf_dynptr_slice(&packet, 14, &ip_room, sizeof(ip_room));
	if (!ip || ip->protocol != UDP)
		return -2;
	if (bpf_dynptr_adjust(&packet, 14 + sizeof(*ip), bpf_dynptr_size(&packet)))
		return -3;
	udp = bpf_dynptr_slice(&packet, 0, &udp_room, sizeof(udp_room));
	if (!udp)
		return -4;
	said = swap16(udp->length) - sizeof(*udp);
	there = bpf_dynptr_size(&packet) - sizeof(*udp);
	return said < there ? said : there;
}

int tcp_seen, udp_seen;

SEC("xdp") int tcp_only(struct xdp_md *xdp)
{
	tcp_seen++;
	return PASS_XDP;
}

SEC("xdp") int udp_only(struct xdp_md *xdp)
{
	udp_seen++;
	return SEND_XDP;
}

struct {
	__uint(type, MAP_PROG_ARRAY);
	__uint(max_entries, 32);
	__uint(key_size, 4);
	__array(values, int(void *));
} by_number SEC(".maps") = {
	.values = { [TCP] = (void *)&tcp_only, [UDP] = (void *)&udp_only },
};

/* Goes on in the program of the packet's protocol; drops what there is none for. */
SEC("xdp") int dispatch(struct xdp_md *xdp)
{
	struct ip *ip = ip_of(DATA(xdp), END(xdp));

	if (ip)
		tail_call(xdp, &by_number, ip->protocol);
	return DROP_XDP;
}

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} servers SEC(".maps");

static __noinline __u32 mix(__u32 a, __u32 b, __u32 c)
{
	__u32 hash = a * 0x85ebca6bU;

	hash = (hash ^ hash >> 13) + b * 0xc2b2ae35U;
	hash = (hash ^ hash >> 16) + c;
	return hash ^ hash >> 11;
}

/* A server for each flow, always the same one, and how much each gets. */
SEC("xdp") int balance(struct xdp_md *xdp)
{
	struct ip *ip = ip_of(DATA(xdp), END(xdp));
	struct udp *udp = ip ? ports_of(ip, END(xdp)) : 0;
	__u32 server;
	__u64 *packets;

	if (!udp)
		return -1;
	server = mix(ip->source, ip->destination, (__u32)udp->source << 16 | udp->destination) % 4;
	packets = map_lookup(&servers, &server);
	if (packets)
		add(packets, 1);
	return server;
}
