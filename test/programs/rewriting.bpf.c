/* Packets that come out other than they went in. */
#include "programs.h"

#define IP_AT 14
#define OFFSET(type, field) ((__u32)__builtin_offsetof(struct type, field))

/* One hop less, and the checksum mended; what has no hop left is dropped. */
SEC("tc") int next_hop(struct __sk_buff *skb)
{
	struct ip *ip = ip_of(DATA(skb), END(skb));
	__u16 before, after;
	__u8 ttl;

	if (!ip || ip->ttl <= 1)
		return SHOT_TC;
	ttl = ip->ttl - 1;
	before = ip->ttl | ip->protocol << 8;
	after = ttl | ip->protocol << 8;
	l3_replace(skb, IP_AT + OFFSET(ip, check), before, after, 2);
	store_bytes(skb, IP_AT + OFFSET(ip, ttl), &ttl, 1, 0);
	return OK_TC;
}

const volatile __u32 inside = 0;
const volatile __u32 outside = 0;

/* A source address of the inside becomes that of the outside, in both checksums too. */
SEC("tc") int translate(struct __sk_buff *skb)
{
	struct ip *ip = ip_of(DATA(skb), END(skb));
	__u32 before, after = outside;

	if (!ip || ip->protocol != UDP || ip->source != inside)
		return OK_TC;
	before = ip->source;
	l4_replace(skb, IP_AT + sizeof(*ip) + OFFSET(udp, check), before, after, 4 | 0x10 | 0x20);
	l3_replace(skb, IP_AT + OFFSET(ip, check), before, after, 4);
	store_bytes(skb, IP_AT + OFFSET(ip, source), &after, 4, 0);
	return 1;
}

/* Sends a packet back to where it came from. */
SEC("xdp") int reflect(struct xdp_md *xdp)
{
	struct ethernet *ethernet = DATA(xdp), copy;
	struct ip *ip = ip_of(DATA(xdp), END(xdp));
	__u32 source;

	if (!ip)
		return PASS_XDP;
	copy = *ethernet;
	__builtin_memcpy(ethernet->to, copy.from, 6);
	__builtin_memcpy(ethernet->from, copy.to, 6);
	source = ip->source;
	ip->source = ip->destination;
	ip->destination = source;
	return SEND_XDP;
}

static __always_inline __u16 checksum(struct ip *ip)
{
	__u16 *words = (__u16 *)ip;
	__u32 sum = 0;

	for (__u32 index = 0; index < sizeof(*ip) / 2; index++)
		sum += words[index];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* IP in IP: an outer header in front of the inner one. */
SEC("xdp") int encapsulate(struct xdp_md *xdp)
{
	struct ip *ip = ip_of(DATA(xdp), END(xdp)), *outer;
	struct ethernet *ethernet, copy;
	__u16 total;

	if (!ip)
		return DROP_XDP;
	copy = *(struct ethernet *)DATA(xdp);
	total = swap16(ip->total);
	if (adjust_head(xdp, -(int)sizeof(*outer)))
		return DROP_XDP;
	ethernet = DATA(xdp);
	outer = (void *)(ethernet + 1);
	if ((void *)(outer + 1) > END(xdp))
		return DROP_XDP;
	*ethernet = copy;
	*outer = (struct ip){ .version_length = 0x45, .ttl = 64, .protocol = 4, .total = swap16(total + sizeof(*outer)),
			      .source = swap32(0x0a000001), .destination = swap32(0x0a000002) };
	outer->check = checksum(outer);
	return SEND_XDP;
}

/* Cuts off what the IP header does not speak of. */
SEC("xdp") int trim(struct xdp_md *xdp)
{
	struct ip *ip = ip_of(DATA(xdp), END(xdp));
	int wanted, length = xdp->data_end - xdp->data;

	if (!ip)
		return DROP_XDP;
	wanted = IP_AT + swap16(ip->total);
	if (wanted >= length)
		return PASS_XDP;
	return adjust_tail(xdp, wanted - length) ? DROP_XDP : SEND_XDP;
}
