/* Counts: by protocol, by size, by source, by bits, and a sketch that is bounded whatever comes. */
#include "programs.h"

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} protocols SEC(".maps");

/* Packets of each IP protocol; 0 for what is no IP. */
SEC("tc") int by_protocol(struct __sk_buff *skb)
{
	struct ip *ip = ip_of(DATA(skb), END(skb));
	__u32 protocol = ip ? ip->protocol : 0;
	__u64 *count = map_lookup(&protocols, &protocol);

	if (count)
		add(count, 1);
	return protocol;
}

struct {
	__uint(type, MAP_PERCPU_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} sizes SEC(".maps");

/* A histogram of sizes: slot n is for 2^n up to 2^(n+1). */
SEC("tc") int by_size(struct __sk_buff *skb)
{
	__u32 slot = 0, length = skb->len;

	for (int bit = 0; bit < 15; bit++) {
		if (length >> (bit + 1))
			slot = bit + 1;
	}
	__u64 *count = map_lookup(&sizes, &slot);

	if (count)
		*count += 1;
	return slot;
}

struct traffic {
	__u64 packets;
	__u64 bytes;
};
struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct traffic);
} sources SEC(".maps");

/* Packets and bytes of each source; sources that there is no room for are let through uncounted. */
SEC("socket") int by_source(struct __sk_buff *skb)
{
	struct traffic *traffic, first = {};
	__u32 source;

	if (load_relative(skb, 12, &source, sizeof(source), FROM_NETWORK))
		return 0;
	map_update(&sources, &source, &first, NOEXIST);
	traffic = map_lookup(&sources, &source);
	if (!traffic)
		return 1;
	add(&traffic->packets, 1);
	add(&traffic->bytes, skb->len);
	return 2;
}

__u64 all_bits;
__u64 common_bits = ~0ULL;
__u64 parity;
__u32 last;
__u32 changes;

/* What all sources have in common, by atomic operations on variables, and how often the source changed. */
SEC("tc") int by_bits(struct __sk_buff *skb)
{
	struct ip *ip = ip_of(DATA(skb), END(skb));
	__u32 before, source;

	if (!ip)
		return -1;
	source = ip->source;
	__sync_fetch_and_or(&all_bits, source);
	__sync_fetch_and_and(&common_bits, source);
	__sync_fetch_and_xor(&parity, source);
	before = __sync_lock_test_and_set(&last, source);
	if (before != source)
		__sync_fetch_and_add(&changes, 1);
	return __sync_val_compare_and_swap(&changes, 7, 100);
}

#define ROWS 4
#define COLUMNS 64
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, ROWS);
	__type(key, __u32);
	__type(value, __u32[COLUMNS]);
} sketch SEC(".maps");

/* A count-min sketch of sources; gives its estimate of this one. */
SEC("tc") int by_sketch(struct __sk_buff *skb)
{
	struct ip *ip = ip_of(DATA(skb), END(skb));
	__u32 least = ~0U, hash;

	if (!ip)
		return 0;
	hash = ip->source;
	for (__u32 row = 0; row < ROWS; row++) {
		__u32 key = row, *counts = map_lookup(&sketch, &key);

		hash = (hash ^ (hash >> 15)) * 0x9e3779b1U;
		if (!counts)
			return 0;
		__u32 *count = &counts[hash & (COLUMNS - 1)];

		*count += 1;
		if (*count < least)
			least = *count;
	}
	return least;
}
