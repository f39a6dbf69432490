/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The little a tracing program needs, so that the examples build with clang alone: no kernel headers, no libbpf.
 * Helper numbers are the kernel's (enum bpf_func_id); a map is a struct whose members' BTF types carry the attributes.
 */
#ifndef ANYCTX_H
#define ANYCTX_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed int __s32;
typedef signed long long __s64;

/* Where the loader looks: programs by their attach point, maps in ".maps". */
#define SEC(name) __attribute__((section(name), used))
#define __noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))

/* Map attributes: a number is an array's length, a type is what a pointer points to. */
#define __uint(attribute, number) int (*attribute)[number]
#define __type(attribute, type) __typeof__(type) *attribute
#define __array(attribute, type) __typeof__(type) *attribute[]

enum map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
};

enum map_flag { BPF_F_NO_PREALLOC = 1, BPF_F_NO_COMMON_LRU = 2 };
enum update_flag { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static __u32 (*const bpf_get_prandom_u32)(void) = (void *)7;
static __u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static __u64 (*const bpf_get_current_uid_gid)(void) = (void *)15;
static long (*const bpf_get_current_comm)(void *buffer, __u32 bytes) = (void *)16;

/* Adds to memory that other CPUs, or an interrupt on this one, add to as well. */
#define add(pointer, amount) ((void)__sync_fetch_and_add(pointer, amount))

/* What every tracepoint's context begins with. */
struct trace_common {
	__u16 type;
	__u8 flags;
	__u8 preempt_count;
	__s32 pid;
};

#endif
