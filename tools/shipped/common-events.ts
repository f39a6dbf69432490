/** Which of a kernel's events have their formats in the package: those of its core, and not of single drivers and file systems. */
export const FORMATS_FILE = "src/events/tracepoints/linux-formats.ts";

const COMMON = new Set(
  `alarmtimer block bpf_test_run bpf_trace cgroup clk compaction context_tracking cpuhp csd dev dma_fence error_report exceptions ext4 fib
   fib6 filelock filemap ftrace huge_memory hugetlbfs icmp io_uring iommu ipi irq irq_vectors jbd2 kmem ksm lock maple_tree memcg migrate
   mmap mmap_lock mptcp msr napi neigh net netlink nmi notifier oom page_isolation page_pool pagemap percpu power printk qdisc
   raw_syscalls rcu readahead rpm rseq sched signal skb sock swiotlb syscalls task tcp thermal thp timer timer_migration timestamp tlb
   udp vmalloc vmscan vsyscall watchdog workqueue writeback x86_fpu xdp`.split(/\s+/),
);

export function isCommonCategory(category: string): boolean {
  return COMMON.has(category);
}
