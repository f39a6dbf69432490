// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Who holds kernel memory: every allocation that was not freed again, and the sum of them for each call site.
 *
 * `allocs` grows and shrinks with what is live, in whatever context the kernel allocates: the case that dynamic maps
 * are made for. A pointer handed out twice means that its free was not seen (RCU and bulk frees have no event): the
 * older allocation is forgotten first.
 */
#include "anyctx.h"

char LICENSE[] SEC("license") = "GPL";

/* Only allocations of min_size to max_size bytes (as allocated, not as asked for) are followed. */
volatile const __u64 min_size = 0;
volatile const __u64 max_size = ~0ULL;

__u64 reused = 0;	 /* pointers seen again without a free between */
__u64 unknown_frees = 0; /* frees of pointers that are not in `allocs` */
__u64 failed = 0;	 /* updates that got an error: the allocation is not counted */

struct allocation {
	__u64 size;
	__u64 call_site;
};

struct site {
	__u64 bytes;
	__u64 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct allocation);
} allocs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct site);
} sites SEC(".maps");

struct kmalloc_context {
	struct trace_common common;
	__u64 call_site;
	__u64 ptr;
	__u64 bytes_req;
	__u64 bytes_alloc;
	__u64 gfp_flags;
	__s32 node;
};

struct kmem_cache_alloc_context {
	struct trace_common common;
	__u64 call_site;
	__u64 ptr;
	__u32 name;
	__u64 bytes_req;
	__u64 bytes_alloc;
	__u64 gfp_flags;
	__s32 node;
	__u8 accounted;
};

/* kfree and kmem_cache_free, as far as they are alike. */
struct free_context {
	struct trace_common common;
	__u64 call_site;
	__u64 ptr;
};

/* Takes `ptr` out of both maps. Returns 1 if it was there. */
static __noinline int forget(__u64 ptr)
{
	struct allocation *known = bpf_map_lookup_elem(&allocs, &ptr);
	if (!known)
		return 0;

	/* The value may be another allocation's once it is deleted: take what is needed before. */
	__u64 size = known->size;
	__u64 call_site = known->call_site;
	bpf_map_delete_elem(&allocs, &ptr);

	struct site *site = bpf_map_lookup_elem(&sites, &call_site);
	if (site) {
		add(&site->bytes, -size);
		add(&site->count, -1);
	}
	return 1;
}

static __always_inline void remember(__u64 ptr, __u64 size, __u64 call_site)
{
	struct allocation allocation = { .size = size, .call_site = call_site };
	struct site first = {};

	if (!ptr)
		return;
	if (forget(ptr))
		add(&reused, 1);
	if (size < min_size || size > max_size)
		return;

	struct site *site = bpf_map_lookup_elem(&sites, &call_site);
	if (!site) {
		/* Another CPU may have been faster: its element is as good. */
		bpf_map_update_elem(&sites, &call_site, &first, BPF_NOEXIST);
		site = bpf_map_lookup_elem(&sites, &call_site);
	}
	if (!site || bpf_map_update_elem(&allocs, &ptr, &allocation, BPF_ANY)) {
		add(&failed, 1);
		return;
	}
	add(&site->bytes, size);
	add(&site->count, 1);
}

static __always_inline void release(__u64 ptr)
{
	if (ptr && !forget(ptr))
		add(&unknown_frees, 1);
}

SEC("tracepoint/kmem/kmalloc")
int on_kmalloc(struct kmalloc_context *context)
{
	remember(context->ptr, context->bytes_alloc, context->call_site);
	return 0;
}

SEC("tracepoint/kmem/kmem_cache_alloc")
int on_kmem_cache_alloc(struct kmem_cache_alloc_context *context)
{
	remember(context->ptr, context->bytes_alloc, context->call_site);
	return 0;
}

SEC("tracepoint/kmem/kfree")
int on_kfree(struct free_context *context)
{
	release(context->ptr);
	return 0;
}

SEC("tracepoint/kmem/kmem_cache_free")
int on_kmem_cache_free(struct free_context *context)
{
	release(context->ptr);
	return 0;
}
