// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * What a program's use of maps costs: the workloads by which Linux's allocator and maps were measured (samples/bpf's map_perf_test
 * and the htab_mem bench of its selftests), each on a map whose elements exist from the start and on one that makes them as they are
 * asked for. `anyctx bench map-perf` runs them and says what one took.
 */
#include "anyctx.h"

char LICENSE[] SEC("license") = "GPL";

/* As many at once as a network card hands over, and the keys of one CPU. */
enum { BATCH = 64, STRIPE = 1024, CPUS = 64 };

/* Where in its keys a CPU is: a cache line each. */
struct position {
	__u32 at;
	__u32 unused[15];
} positions[CPUS];

struct prefix {
	__u32 length;
	__u32 address;
};

#define MAP(name, kind, flags, entries, key_type, value_type)                                                                \
	struct {                                                                                                             \
		__uint(type, kind);                                                                                          \
		__uint(map_flags, flags);                                                                                    \
		__uint(max_entries, entries);                                                                                \
		__type(key, key_type);                                                                                       \
		__type(value, value_type);                                                                                   \
	} name SEC(".maps")

#define BOTH(name, kind, entries)                                                                                            \
	MAP(name, kind, 0, entries, __u32, __u64);                                                                           \
	MAP(name##_dynamic, kind, BPF_F_NO_PREALLOC, entries, __u32, __u64)

BOTH(hash, BPF_MAP_TYPE_HASH, 1000);
BOTH(percpu, BPF_MAP_TYPE_PERCPU_HASH, 1000);
BOTH(stripes, BPF_MAP_TYPE_HASH, 8192);
BOTH(percpu_stripes, BPF_MAP_TYPE_PERCPU_HASH, 8192);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, 0, 10000, __u32, __u64);
MAP(lru_lists, BPF_MAP_TYPE_LRU_HASH, BPF_F_NO_COMMON_LRU, 10000, __u32, __u64);
MAP(array, BPF_MAP_TYPE_ARRAY, 0, 1000, __u32, __u64);
MAP(trie, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, 10000, struct prefix, __u64);

/* An event of map_perf_test: its own key comes and goes. */
static __always_inline int event(void *map, __u32 key)
{
	for (int turn = 0; turn < 10; turn++) {
		__u64 value = turn;
		if (bpf_map_update_elem(map, &key, &value, BPF_ANY))
			return 1;
		if (!bpf_map_lookup_elem(map, &key))
			return 2;
		if (bpf_map_delete_elem(map, &key))
			return 3;
	}
	return 0;
}

static __always_inline int add_batch(void *map, __u32 first, __u64 flags)
{
	for (__u32 index = 0; index < BATCH; index++) {
		__u32 key = first + index;
		__u64 value = index;
		if (bpf_map_update_elem(map, &key, &value, flags))
			return 1;
	}
	return 0;
}

static __always_inline int delete_batch(void *map, __u32 first)
{
	for (__u32 index = 0; index < BATCH; index++) {
		__u32 key = first + index;
		if (bpf_map_delete_elem(map, &key))
			return 3;
	}
	return 0;
}

static __always_inline __u32 first_key(__u32 cpu)
{
	return cpu * STRIPE + positions[cpu % CPUS].at;
}

static __always_inline void move_on(__u32 cpu)
{
	positions[cpu % CPUS].at = (positions[cpu % CPUS].at + BATCH) % STRIPE;
}

static __always_inline int overwrite(void *map, __u32 cpu)
{
	move_on(cpu);
	return add_batch(map, first_key(cpu), BPF_ANY);
}

static __always_inline int batch(void *map, __u32 cpu)
{
	int failed = add_batch(map, first_key(cpu), BPF_NOEXIST) | delete_batch(map, first_key(cpu));

	move_on(cpu);
	return failed;
}

/* Two CPUs in turn: what the even one adds the odd one deletes. */
static __always_inline int add_or_delete(void *map, __u32 cpu)
{
	if (cpu % 2 == 0)
		return add_batch(map, first_key(cpu), BPF_NOEXIST);
	int failed = delete_batch(map, first_key(cpu - 1));

	move_on(cpu - 1);
	return failed;
}

static __always_inline int lookups(void *map, __u32 limit, int count)
{
	__u64 sum = 0;
	for (int index = 0; index < count; index++) {
		__u32 key = bpf_get_prandom_u32() % limit;
		__u64 *value = bpf_map_lookup_elem(map, &key);
		if (value)
			sum += *value;
	}
	return sum == 1;
}

static __always_inline int update_any_keys(void *map)
{
	for (int index = 0; index < 32; index++) {
		__u32 key = bpf_get_prandom_u32();
		__u64 value = index;
		if (bpf_map_update_elem(map, &key, &value, BPF_ANY))
			return 1;
	}
	return 0;
}

#define PROGRAM(name, what)                                                                                                  \
	SEC("tc") int name(void *packet)                                                                                     \
	{                                                                                                                    \
		return what;                                                                                                 \
	}

#define IN_BOTH(name, map, what)                                                                                             \
	PROGRAM(name, what(&map, bpf_get_smp_processor_id()))                                                                \
	PROGRAM(name##_dynamic, what(&map##_dynamic, bpf_get_smp_processor_id()))

IN_BOTH(event_hash, hash, event)
IN_BOTH(event_percpu, percpu, event)
IN_BOTH(overwrite_hash, stripes, overwrite)
IN_BOTH(batch_hash, stripes, batch)
IN_BOTH(batch_percpu, percpu_stripes, batch)
IN_BOTH(other_cpu_hash, stripes, add_or_delete)

PROGRAM(lookup_hash, lookups(&hash, 1000, 64))
PROGRAM(lookup_hash_dynamic, lookups(&hash_dynamic, 1000, 64))
PROGRAM(lookup_array, lookups(&array, 1000, 64))
PROGRAM(lookup_lru, lookups(&lru, 10000, 32))
PROGRAM(update_lru, update_any_keys(&lru))
PROGRAM(update_lru_lists, update_any_keys(&lru_lists))

SEC("tc") int lookup_trie(void *packet)
{
	__u64 sum = 0;
	for (int index = 0; index < 32; index++) {
		struct prefix key = { .length = 32, .address = bpf_get_prandom_u32() };
		__u64 *value = bpf_map_lookup_elem(&trie, &key);
		if (value)
			sum += *value;
	}
	return sum == 1;
}
