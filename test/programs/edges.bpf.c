/* What helpers answer to what is asked of them seldom: each answer is put under a number of its own. */
#include "programs.h"

#define MAP_LRU 9
#define MAP_STACK_TRACE 7

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *pointer, __u32 start, __u32 end) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *pointer, struct bpf_dynptr *clone) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *pointer) __ksym;
extern int bpf_dynptr_from_skb(struct __sk_buff *context, __u64 flags, struct bpf_dynptr *pointer) __ksym;

static long (*reserve_dynptr)(void *, __u32, __u64, struct bpf_dynptr *) = (void *)198;
static void (*submit_dynptr)(struct bpf_dynptr *, __u64) = (void *)199;
static long (*dynptr_read)(void *, __u32, const struct bpf_dynptr *, __u32, __u64) = (void *)201;
static long (*dynptr_write)(const struct bpf_dynptr *, __u32, void *, __u32, __u64) = (void *)202;
static void *(*dynptr_data)(const struct bpf_dynptr *, __u32, __u32) = (void *)203;
static __u64 (*ring_query)(void *, __u64) = (void *)134;
static long (*get_stack)(void *, void *, __u32, __u64) = (void *)67;
static long (*get_stackid)(void *, void *, __u64) = (void *)27;
static long (*timer_init)(void *, void *, __u64) = (void *)169;
static long (*timer_set_callback)(void *, void *) = (void *)170;
static long (*timer_start)(void *, __u64, __u64) = (void *)171;
static long (*timer_cancel)(void *) = (void *)172;

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __s64);
} answers SEC(".maps");

struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, MAP_LRU);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} recent SEC(".maps");

struct {
	__uint(type, MAP_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__uint(value_size, 8 * 16);
} stacks SEC(".maps");

struct late {
	struct bpf_timer timer;
	__u64 count;
};

struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct late);
} timers SEC(".maps");

static __always_inline void answer(__u32 number, __s64 value)
{
	map_update(&answers, &number, &value, ANY);
}

/* A record is given back by a dynptr that leads to a part of it. */
SEC("tc") int part_of_record(struct __sk_buff *context)
{
	struct bpf_dynptr record, copy;
	__u64 bytes = 0x0807060504030201;

	answer(0, reserve_dynptr(&ring, 16, 0, &record));
	answer(1, dynptr_write(&record, 0, &bytes, 8, 0));
	answer(2, dynptr_write(&record, 12, &bytes, 8, 1));
	answer(3, bpf_dynptr_adjust(&record, 4, 12));
	answer(4, bpf_dynptr_size(&record));
	answer(5, bpf_dynptr_clone(&record, &copy));
	bytes = 0;
	answer(6, dynptr_read(&bytes, 4, &copy, 0, 0));
	answer(7, bytes);
	submit_dynptr(&record, 0);
	answer(8, ring_query(&ring, 0));
	answer(9, reserve_dynptr(&ring, 8192, 0, &record));
	submit_dynptr(&record, 0);
	return 0;
}

/* A packet need not lie in one piece, and is written to as by bpf_skb_store_bytes(). */
SEC("tc") int packet_by_dynptr(struct __sk_buff *context)
{
	struct bpf_dynptr packet;
	__u32 bytes = 0x11223344;

	answer(0, bpf_dynptr_from_skb(context, 0, &packet));
	answer(1, dynptr_data(&packet, 0, 8) != 0);
	answer(2, dynptr_write(&packet, 0, &bytes, 4, 0));
	answer(3, dynptr_write(&packet, 8, &bytes, 4, 3));
	answer(4, dynptr_write(&packet, 8, &bytes, 4, 0x10));
	answer(5, dynptr_write(&packet, bpf_dynptr_size(&packet), &bytes, 4, 0x10));
	return 0;
}

SEC("tc") int least_numbers(struct __sk_buff *context)
{
	struct bpf_iter_num it;
	int *number;
	__s64 sum = 0, count = 0;

	answer(0, bpf_iter_num_new(&it, -0x7fffffff - 1, -0x7fffffff + 1));
	while ((number = bpf_iter_num_next(&it))) {
		sum += *number;
		count++;
	}
	bpf_iter_num_destroy(&it);
	answer(1, sum);
	answer(2, count);
	return 0;
}

static long nothing(__u32 turn, void *context)
{
	return 0;
}

/* Where Linux has put the loop in place of the call, its errno has 32 bits. */
SEC("tc") int too_many_turns(struct __sk_buff *context)
{
	answer(0, loop(8, nothing, 0, 0));
	answer(1, loop((1 << 23) + 1, nothing, 0, 0));
	answer(2, loop(1, nothing, 0, 1));
	return 0;
}

static long add_up(void *map, __u32 *key, __u64 *value, __u64 *sum)
{
	*sum += *key * 100 + *value;
	return 0;
}

static __always_inline void keep(__u32 key, __u64 value)
{
	map_update(&recent, &key, &value, ANY);
}

SEC("tc") int recent_entries(struct __sk_buff *context)
{
	__u64 sum = 0;

	keep(0, 0);
	keep(1, 3);
	keep(2, 6);
	keep(3, 9);
	answer(0, for_each(&recent, add_up, &sum, 0));
	answer(1, sum);
	return 0;
}

SEC("raw_tp/sched_switch") int stack_flags(void *context)
{
	__u64 bytes[4] = {};

	answer(0, get_stack(context, bytes, 12, 0));
	answer(1, get_stack(context, bytes, 32, 0x200));
	answer(2, get_stack(context, bytes, 32, 0x800));
	answer(3, get_stack(context, bytes, 24, 0x900));
	answer(4, get_stackid(context, &stacks, 0x800));
	return 0;
}

static int fires(void *map, __u32 *key, struct late *late)
{
	late->count++;
	return 0;
}

/* A timer that was cancelled knows no function any more; one whose value was replaced is none. */
SEC("tc") int timer_again(struct __sk_buff *context)
{
	struct late empty = {};
	__u32 key = 0;
	struct late *late = map_lookup(&timers, &key);

	if (!late)
		return 1;
	answer(0, timer_start(&late->timer, 1000, 0));
	answer(1, timer_init(&late->timer, &timers, 1));
	answer(2, timer_start(&late->timer, 1000, 0));
	answer(3, timer_set_callback(&late->timer, fires));
	answer(4, timer_start(&late->timer, 1000000000000ULL, 0));
	answer(5, timer_cancel(&late->timer));
	answer(6, timer_start(&late->timer, 1000000000000ULL, 0));
	answer(7, timer_set_callback(&late->timer, fires));
	answer(8, timer_start(&late->timer, 1000000000000ULL, 0));
	answer(9, map_update(&timers, &key, &empty, ANY));
	answer(10, timer_cancel(&late->timer));
	return 0;
}
