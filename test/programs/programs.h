/* What the programs of this folder share: headers of packets, contexts, and the helpers and kernel functions that they call. */
#include "../../src/bpf/fixtures/bpf.h"

#define MAP_PROG_ARRAY 3
#define MAP_LRU_HASH 9
#define MAP_LPM_TRIE 11
#define MAP_ARRAY_OF_MAPS 12
#define MAP_QUEUE 22
#define MAP_STACK 23
#define MAP_BLOOM 30

#define NO_PREALLOC 1
#define ANY 0
#define NOEXIST 1
#define FROM_NETWORK 1

#define __array(name, type) typeof(type) *name[]
#define __ksym __attribute__((section(".ksyms")))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))

#define add(pointer, amount) ((void)__sync_fetch_and_add(pointer, amount))
#define swap16(number) __builtin_bswap16(number)
#define swap32(number) __builtin_bswap32(number)

enum { PASS_XDP = 2, DROP_XDP = 1, SEND_XDP = 3, OK_TC = 0, SHOT_TC = 2 };
enum { ETHERNET_IP = 0x0800, TCP = 6, UDP = 17 };

struct ethernet {
	__u8 to[6], from[6];
	__u16 type;
};
struct ip {
	__u8 version_length, tos;
	__u16 total, id, fragment;
	__u8 ttl, protocol;
	__u16 check;
	__u32 source, destination;
};
struct udp {
	__u16 source, destination, length, check;
};

struct xdp_md {
	__u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};
struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex;
	__u32 ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4;
	__u32 remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
};

static long (*l3_replace)(void *, __u32, __u64, __u64, __u64) = (void *)10;
static long (*l4_replace)(void *, __u32, __u64, __u64, __u64) = (void *)11;
static long (*store_bytes)(void *, __u32, const void *, __u32, __u64) = (void *)9;
static void (*tail_call)(void *, void *, __u32) = (void *)12;
static long (*load_bytes)(const void *, __u32, void *, __u32) = (void *)26;
static long (*adjust_head)(void *, int) = (void *)44;
static long (*adjust_tail)(void *, int) = (void *)65;
static long (*load_relative)(const void *, __u32, void *, __u32, __u32) = (void *)68;
static long (*map_push)(void *, const void *, __u64) = (void *)87;
static long (*map_pop)(void *, void *) = (void *)88;
static long (*map_peek)(void *, void *) = (void *)89;
static long (*spin_lock)(void *) = (void *)93;
static long (*spin_unlock)(void *) = (void *)94;
static long (*strtol)(const char *, __u64, __u64, long *) = (void *)105;
static void *(*reserve)(void *, __u64, __u64) = (void *)131;
static void (*submit)(void *, __u64) = (void *)132;
static void (*discard)(void *, __u64) = (void *)133;
static long (*for_each)(void *, void *, void *, __u64) = (void *)164;
static long (*print_to)(char *, __u32, const char *, __u64 *, __u32) = (void *)165;
static long (*loop)(__u32, void *, void *, __u64) = (void *)181;
static long (*compare_text)(const char *, __u32, const char *) = (void *)182;
static void *(*kptr_xchg)(void *place, void *pointer) = (void *)194;

struct bpf_spin_lock {
	__u32 val;
};
struct bpf_timer {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_dynptr {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_list_head {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_list_node {
	__u64 opaque[3];
} __attribute__((aligned(8)));
struct bpf_rb_root {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_rb_node {
	__u64 opaque[4];
} __attribute__((aligned(8)));
struct bpf_iter_num {
	__u64 opaque[1];
} __attribute__((aligned(8)));

/* The IP header of a packet, if it has a whole one and is no fragment with options. */
static __always_inline struct ip *ip_of(void *data, void *end)
{
	struct ethernet *ethernet = data;
	struct ip *ip = data + sizeof(*ethernet);

	if ((void *)(ip + 1) > end || ethernet->type != swap16(ETHERNET_IP) || ip->version_length != 0x45)
		return 0;
	return ip;
}

/* The ports behind an IP header: source and destination lie alike in TCP and UDP. */
static __always_inline struct udp *ports_of(struct ip *ip, void *end)
{
	struct udp *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end || (ip->protocol != TCP && ip->protocol != UDP))
		return 0;
	return udp;
}

#define DATA(context) ((void *)(long)(context)->data)
#define END(context) ((void *)(long)(context)->data_end)

char _license[] SEC("license") = "GPL";
