// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * How long a task that could run waits for a CPU: from its wakeup, or from being put off while still runnable, until
 * it is switched to. A histogram of microseconds, one per CPU, by the CPU that it got.
 */
#include "histogram.h"

char LICENSE[] SEC("license") = "GPL";

/* Follow one task only; 0 follows all. */
volatile const __u32 target_pid = 0;

/* The part of prev_state that says why a task sleeps; nothing there: it was runnable (perhaps preempted). */
#define SLEEPS 0xff

__u64 missed = 0; /* tasks switched to that nobody saw becoming runnable */
__u64 failed = 0; /* updates that got an error */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} waits SEC(".maps");

struct sched_wakeup_context {
	struct trace_common common;
	char comm[16];
	__s32 pid;
	__s32 prio;
	__s32 target_cpu;
};

struct sched_switch_context {
	struct trace_common common;
	char prev_comm[16];
	__s32 prev_pid;
	__s32 prev_prio;
	__s64 prev_state;
	char next_comm[16];
	__s32 next_pid;
	__s32 next_prio;
};

/* pid 0 is each CPU's idle task: always runnable, never waiting. */
static __always_inline int followed(__u32 pid)
{
	return pid != 0 && (target_pid == 0 || pid == target_pid);
}

static __always_inline void enqueue(__u32 pid, __u64 now)
{
	if (followed(pid) && bpf_map_update_elem(&starts, &pid, &now, BPF_ANY))
		add(&failed, 1);
}

SEC("tracepoint/sched/sched_wakeup")
int on_sched_wakeup(struct sched_wakeup_context *context)
{
	enqueue(context->pid, bpf_ktime_get_ns());
	return 0;
}

SEC("tracepoint/sched/sched_switch")
int on_sched_switch(struct sched_switch_context *context)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 pid = context->next_pid;

	if (!(context->prev_state & SLEEPS))
		enqueue(context->prev_pid, now);
	if (!followed(pid))
		return 0;

	__u64 *start = bpf_map_lookup_elem(&starts, &pid);
	if (!start) {
		add(&missed, 1);
		return 0;
	}
	__u32 slot = slot_of((now - *start) / 1000);
	bpf_map_delete_elem(&starts, &pid);

	__u64 *count = bpf_map_lookup_elem(&waits, &slot);
	if (count)
		(*count)++;
	return 0;
}
