// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * How long system calls take: for each number a count, a sum and a histogram of microseconds.
 *
 * `latencies` is a per-CPU hash, so that two CPUs in the same call never touch the same line; reading sums it up.
 */
#include "histogram.h"

char LICENSE[] SEC("license") = "GPL";

/* Follow one process only; 0 follows all. */
volatile const __u32 target_tgid = 0;

__u64 missed = 0; /* exits whose entry was not seen */
__u64 failed = 0; /* updates that got an error */

struct latency {
	__u64 count;
	__u64 total_ns;
	__u32 slots[SLOTS];
};

/* The first value of a call: too large to build on the stack each time. */
static struct latency zero;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct latency);
} latencies SEC(".maps");

struct sys_enter_context {
	struct trace_common common;
	__s64 id;
	__u64 arguments[6];
};

struct sys_exit_context {
	struct trace_common common;
	__s64 id;
	__s64 ret;
};

static __always_inline int followed(__u64 thread)
{
	return target_tgid == 0 || thread >> 32 == target_tgid;
}

SEC("tracepoint/raw_syscalls/sys_enter")
int on_sys_enter(struct sys_enter_context *context)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	if (followed(thread) && bpf_map_update_elem(&starts, &thread, &now, BPF_ANY))
		add(&failed, 1);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_exit")
int on_sys_exit(struct sys_exit_context *context)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 number = context->id;

	if (!followed(thread))
		return 0;
	__u64 *start = bpf_map_lookup_elem(&starts, &thread);
	if (!start) {
		add(&missed, 1);
		return 0;
	}
	__u64 elapsed_ns = bpf_ktime_get_ns() - *start;
	bpf_map_delete_elem(&starts, &thread);
	/* The return from a signal handler: its number is gone, -1 stands there. */
	if (context->id < 0)
		return 0;

	struct latency *latency = bpf_map_lookup_elem(&latencies, &number);
	if (!latency) {
		bpf_map_update_elem(&latencies, &number, &zero, BPF_NOEXIST);
		latency = bpf_map_lookup_elem(&latencies, &number);
	}
	if (!latency) {
		add(&failed, 1);
		return 0;
	}
	__u32 slot = slot_of(elapsed_ns / 1000);
	latency->count++;
	latency->total_ns += elapsed_ns;
	if (slot < SLOTS)
		latency->slots[slot]++;
	return 0;
}
