// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * How long calls of a function take, from their beginning to their result: a histogram of microseconds. The function's
 * first argument tells its calls apart. On functions of a Node process: docs/live.md.
 */
#include "histogram.h"

char LICENSE[] SEC("license") = "GPL";

__u64 unknown = 0; /* results of calls that nobody saw begin */
__u64 samples = 0;
__u64 longest = 0; /* nanoseconds between two samples of a clock */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} began SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} took SEC(".maps");

/* What a typed program is given: an argument a word. */
struct call {
	__u64 id;
};

/* struct bpf_perf_event_data of x86-64. */
struct sample {
	__u64 registers[21];
	__u64 period;
	__u64 address;
};

SEC("fentry/call")
int on_call(struct call *call)
{
	__u64 id = call->id;
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&began, &id, &now, BPF_ANY);
	return 0;
}

SEC("fexit/call")
int on_result(struct call *call)
{
	__u64 id = call->id;
	__u64 *then = bpf_map_lookup_elem(&began, &id);

	if (!then) {
		__sync_fetch_and_add(&unknown, 1);
		return 0;
	}
	__u32 slot = slot_of((bpf_ktime_get_ns() - *then) / 1000);
	__u64 *count = bpf_map_lookup_elem(&took, &slot);

	if (count)
		__sync_fetch_and_add(count, 1);
	bpf_map_delete_elem(&began, &id);
	return 0;
}

SEC("perf_event")
int on_sample(struct sample *sample)
{
	__sync_fetch_and_add(&samples, 1);
	if (sample->period > longest)
		longest = sample->period;
	return 0;
}
