/** A program for each helper that does something, and what comes of it; r9 is the context, `{hash}` a map. Run by rows.test.ts. */
import assert from "node:assert/strict";
import { programKind, programType } from "../programs/table.ts";
import type { Helper } from "./helper.ts";

const unsigned = (value: number): bigint => BigInt.asUintN(64, BigInt(value));
const EFAULT = unsigned(-14);
const EINVAL = unsigned(-22);

/** Sections that have, between them, callers of every helper. */
const SECTIONS = [
  ...["kprobe/f", "tc", "xdp", "fentry/f", "iter/task", "lsm/file_open", "perf_event", "syscall", "sockops"],
  ...["cgroup/sysctl", "cgroup/connect4", "cgroup_skb/egress", "lwt_in", "struct_ops/f"],
];

/** The first of the sections whose programs may call a helper. */
export function sectionFor({ name, callers }: Helper): string {
  const found = SECTIONS.find((section) => {
    const kind = programKind(section);
    const caller = "reason" in kind ? undefined : programType(kind).caller(kind.target);
    return caller !== undefined && (callers?.includes(caller) ?? true);
  });
  return found ?? assert.fail(`no section has a caller of ${name}`);
}

export interface Call {
  readonly text: string;
  readonly expected: bigint;
  /** Where the helper is for all programs, but is tested in one of these. */
  readonly section?: string;
  readonly prints?: readonly string[];
}

/** A dynptr at r10 - 16 to eight bytes. */
const DYNPTR = `*(u64 *)(r10 - 64) = 0x11223344
r1 = r10\nr1 += -64\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem
`;

/** A new object in r7 with a number in it, and what drops that of a register. */
const objectOf = (number: number): string =>
  `r1 = 5\nr2 = 0\ncall bpf_obj_new_impl\nr7 = r0\n*(u64 *)(r7 + 0) = ${number}\n`;
const drop = (register: number): string => `r1 = r${register}\nr2 = 0\ncall bpf_obj_drop_impl\n`;

/** An object for each CPU, in r7. */
const COPIES = "r1 = 5\nr2 = 0\ncall bpf_percpu_obj_new_impl\nr7 = r0\n";
const dropCopies = "r1 = r7\nr2 = 0\ncall bpf_percpu_obj_drop_impl\n";
const copyOf = (cpu: number): string => `r1 = r7\nr2 = ${cpu}\ncall per_cpu_ptr\n`;

/** An empty list at r10 - 16; the object in r7 put into it, and taken out: its number is left in a register. */
const LIST = "*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\n";
const push = (end: string): string =>
  `r1 = r10\nr1 += -16\nr2 = r7\nr2 += 8\nr3 = 0\nr4 = 0\ncall bpf_list_push_${end}_impl\n`;
const numberOf = (register: number): string => `r7 = r0\nr7 += -8\nr${register} = *(u64 *)(r7 + 0)\n${drop(7)}`;
const pop = (end: string, register: number): string =>
  `r1 = r10\nr1 += -16\ncall bpf_list_pop_${end}\n${numberOf(register)}`;

/** The same of a tree in the order of the numbers. */
const ADD = "r1 = r10\nr1 += -16\nr2 = r7\nr2 += 8\nr3 = function(less) ll\nr4 = 0\nr5 = 0\ncall bpf_rbtree_add_impl\n";
const first = (register: number): string =>
  `r1 = r10\nr1 += -16\ncall bpf_rbtree_first\nr2 = r0\nr1 = r10\nr1 += -16\ncall bpf_rbtree_remove\n${numberOf(register)}`;
const LESS = "exit\nless:\nr1 = *(u64 *)(r1 - 8)\nr2 = *(u64 *)(r2 - 8)\nr0 = 1\nif r1 < r2 goto +1\nr0 = 0";

/** The value of owner 5 is made of 77, found again without the flag, and read; one that there is not is deleted. */
const makesOwned = (whose: string): Call => ({
  text: `*(u64 *)(r10 - 8) = 77\nr1 = {owned}\nr2 = 5\nr3 = r10\nr3 += -8\nr4 = 1\ncall ${whose}_storage_get
if r0 == 0 goto +6\nr1 = {owned}\nr2 = 5\nr3 = 0\nr4 = 0\ncall ${whose}_storage_get\nr0 = *(u64 *)(r0 + 0)`,
  expected: 77n,
});
const dropsOwned = (whose: string): Call => ({
  text: `r1 = {owned}\nr2 = 5\ncall ${whose}_storage_delete`,
  expected: unsigned(-2),
});

export const CALLS: Readonly<Record<string, Call>> = {
  map_lookup_elem: {
    text: "r1 = {hash}\nr2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 1\ncall map_lookup_elem",
    expected: 0n,
  },
  map_update_elem: {
    text: "r1 = {hash}\nr2 = r10\nr2 += -8\nr3 = r2\nr4 = 2\n*(u64 *)(r10 - 8) = 1\ncall map_update_elem",
    expected: unsigned(-2),
  },
  map_delete_elem: {
    text: "r1 = {hash}\nr2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 1\ncall map_delete_elem",
    expected: unsigned(-2),
  },
  map_push_elem: {
    text: "r1 = {queue}\nr2 = r10\nr2 += -8\nr3 = 0\n*(u64 *)(r10 - 8) = 1\ncall map_push_elem",
    expected: 0n,
  },
  map_pop_elem: {
    text: `*(u64 *)(r10 - 8) = 77
r1 = {queue}\nr2 = r10\nr2 += -8\nr3 = 0\ncall map_push_elem
r1 = {queue}\nr2 = r10\nr2 += -16\ncall map_pop_elem
if r0 != 0 goto +1\nr0 = *(u64 *)(r10 - 16)`,
    expected: 77n,
  },
  map_peek_elem: {
    text: "r1 = {queue}\nr2 = r10\nr2 += -8\ncall map_peek_elem",
    expected: unsigned(-2),
  },
  ringbuf_output: {
    text: "r1 = {ringbuf}\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\n*(u64 *)(r10 - 8) = 1\ncall ringbuf_output",
    expected: 0n,
  },
  ringbuf_reserve: {
    text: `r1 = {ringbuf}\nr2 = 16\nr3 = 0\ncall ringbuf_reserve\nr6 = r0\nif r0 == 0 goto +6
*(u64 *)(r0 + 8) = 7\nr7 = *(u64 *)(r0 + 8)\nr1 = r0\nr2 = 0\ncall ringbuf_submit\nr0 += r7`,
    expected: 7n,
  },
  ringbuf_submit: {
    text: `r1 = {ringbuf}\nr2 = 8\nr3 = 0\ncall ringbuf_reserve
r1 = r0\nr2 = 1\ncall ringbuf_submit`,
    expected: 0n,
  },
  ringbuf_discard: {
    text: `r1 = {ringbuf}\nr2 = 8\nr3 = 0\ncall ringbuf_reserve
r1 = r0\nr2 = 0\ncall ringbuf_discard`,
    expected: 0n,
  },
  ringbuf_query: {
    text: `*(u64 *)(r10 - 8) = 1
r1 = {ringbuf}\nr2 = r10\nr2 += -8\nr3 = 5\nr4 = 0\ncall ringbuf_output
r1 = {ringbuf}\nr2 = 0\ncall ringbuf_query`,
    expected: 5n,
  },
  map_lookup_percpu_elem: {
    text: `*(u32 *)(r10 - 4) = 1
r1 = {percpu}\nr2 = r10\nr2 += -4\nr3 = 0x100000003 ll\ncall map_lookup_percpu_elem
if r0 == 0 goto +3\n*(u64 *)(r0 + 0) = 5\nr0 = *(u64 *)(r0 + 0)\nr0 += 1`,
    expected: 6n,
  },
  perf_event_output: {
    text: "*(u64 *)(r10 - 8) = 7\nr2 = {perf}\nr3 = 0xffffffff ll\nr4 = r10\nr4 += -8\nr5 = 8\ncall perf_event_output",
    expected: unsigned(-2),
  },
  probe_read: { text: "r3 = r1\nr1 = r10\nr1 += -8\nr2 = 8\ncall probe_read", expected: 0n },
  probe_read_user: { text: "r3 = 1\nr1 = r10\nr1 += -8\nr2 = 8\ncall probe_read_user", expected: EFAULT },
  probe_read_kernel: { text: "r3 = -1\nr1 = r10\nr1 += -8\nr2 = 8\ncall probe_read_kernel", expected: EFAULT },
  probe_read_str: { text: "r3 = r1\nr3 += -40\nr1 = r10\nr1 += -8\nr2 = 4\ncall probe_read_str", expected: 4n },
  probe_read_user_str: { text: "r3 = 0\nr1 = r10\nr1 += -8\nr2 = 8\ncall probe_read_user_str", expected: EFAULT },
  probe_read_kernel_str: {
    text: "r3 = r1\nr3 += -40\nr1 = r10\nr1 += -16\nr2 = 16\ncall probe_read_kernel_str",
    expected: 10n,
  },
  ktime_get_ns: { text: "call ktime_get_ns", expected: 123_456_789_012n },
  ktime_get_boot_ns: { text: "call ktime_get_boot_ns", expected: 123_456_789_012n },
  trace_printk: {
    text: "*(u32 *)(r10 - 8) = 0x78256425\n*(u32 *)(r10 - 4) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = -1\nr4 = 255\ncall trace_printk",
    expected: 4n,
    prints: ["-1ff"],
  },
  get_prandom_u32: {
    text: "call get_prandom_u32\nr6 = r0\ncall get_prandom_u32\nr0 <<= 32\nr0 |= r6",
    expected: (67634689n << 32n) | 270369n,
  },
  get_smp_processor_id: { text: "call get_smp_processor_id", expected: 3n },
  get_current_pid_tgid: { text: "call get_current_pid_tgid", expected: (77n << 32n) | 78n },
  get_current_uid_gid: { text: "call get_current_uid_gid", expected: (5n << 32n) | 6n },
  get_current_comm: {
    text: "r1 = r10\nr1 += -16\nr2 = 16\ncall get_current_comm\nif r0 != 0 goto +1\nr0 = *(u32 *)(r10 - 16)",
    expected: 0x656b6166n,
  },
  copy_from_user: { text: "r3 = 1\nr1 = r10\nr1 += -8\nr2 = 8\ncall copy_from_user", expected: EFAULT },
  ktime_get_coarse_ns: { text: "call ktime_get_coarse_ns", section: "socket", expected: 123_456_789_012n },
  get_current_task: { text: "call get_current_task", expected: 0xffff888000000000n + 79n * 65536n },
  get_current_task_btf: { text: "call get_current_task_btf", expected: 0xffff888000000000n + 79n * 65536n },
  get_stack: {
    // Of no event a stack is known; what is asked for wrongly is said first, and nothing is left where it was to be.
    text: `*(u64 *)(r10 - 8) = 7\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0x200\ncall get_stack\nr1 = *(u64 *)(r10 - 8)\nr0 += r1`,
    expected: EINVAL,
  },
  get_task_stack: {
    text: "r1 = 0\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0x100\ncall get_task_stack",
    expected: EFAULT,
  },
  get_stackid: { text: "r2 = {array}\nr3 = 0x800\ncall get_stackid", expected: EINVAL },
  get_ns_current_pid_tgid: {
    text: `r1 = 4\nr2 = 4\nr3 = r10\nr3 += -8\nr4 = 8\ncall get_ns_current_pid_tgid
r0 = *(u64 *)(r10 - 8)`,
    expected: (77n << 32n) | 78n,
  },
  for_each_map_elem: {
    // The values of three entries, each with its key: 10 + 0, 20 + 1, and the function ends it before the third.
    text: `*(u64 *)(r10 - 8) = 0
r1 = {array}\nr2 = function(body) ll\nr3 = r10\nr3 += -8\nr4 = 0\ncall for_each_map_elem
r0 <<= 32\nr1 = *(u64 *)(r10 - 8)\nr0 |= r1
exit
body:
r5 = *(u32 *)(r2 + 0)
r3 = *(u64 *)(r3 + 0)
r3 += r5
r0 = *(u64 *)(r4 + 0)
r0 += r3
*(u64 *)(r4 + 0) = r0
r0 = 0
if r5 != 1 goto out
r0 = 1
out:`,
    expected: (2n << 32n) | 31n,
  },
  loop: {
    text: `*(u64 *)(r10 - 8) = 0
r1 = 10\nr2 = function(body) ll\nr3 = r10\nr3 += -8\nr4 = 0\ncall loop
r0 <<= 32\nr1 = *(u64 *)(r10 - 8)\nr0 |= r1
exit
body:
r0 = *(u64 *)(r2 + 0)
r0 += r1
*(u64 *)(r2 + 0) = r0
r0 = 0
if r1 != 4 goto out
r0 = 1
out:`,
    expected: (5n << 32n) | 10n,
  },
  spin_lock: {
    text: `*(u32 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\ncall spin_lock\nr6 = *(u32 *)(r10 - 8)
r1 = r10\nr1 += -8\ncall spin_unlock\nr0 = *(u32 *)(r10 - 8)\nr0 <<= 8\nr0 |= r6`,
    expected: 1n,
  },
  spin_unlock: {
    text: "*(u32 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\ncall spin_lock\nr1 = r10\nr1 += -8\ncall spin_unlock\nr0 = 3",
    expected: 3n,
  },
  tail_call: { text: "r1 = r9\nr2 = {programs}\nr3 = 1\ncall tail_call\nr0 = 5", expected: 77n },
  timer_init: {
    text: "r1 = r10\nr1 += -16\nr2 = {hash}\nr3 = 1\ncall timer_init\nr6 = r0\nr1 = r10\nr1 += -16\nr2 = {hash}\nr3 = 1\ncall timer_init\nr0 += r6",
    expected: unsigned(-16),
  },
  sk_storage_get: makesOwned("sk"),
  sk_storage_delete: dropsOwned("sk"),
  inode_storage_get: makesOwned("inode"),
  inode_storage_delete: dropsOwned("inode"),
  task_storage_get: makesOwned("task"),
  task_storage_delete: dropsOwned("task"),
  cgrp_storage_get: makesOwned("cgrp"),
  cgrp_storage_delete: dropsOwned("cgrp"),
  // What they do with pages is in test/arena/: of another map there are none.
  bpf_arena_alloc_pages: {
    text: "r1 = {hash}\nr2 = 0\nr3 = 1\nr4 = 0\nr5 = 0\ncall bpf_arena_alloc_pages",
    expected: 0n,
  },
  bpf_arena_free_pages: { text: "r1 = {hash}\nr2 = 4096\nr3 = 1\ncall bpf_arena_free_pages", expected: 0n },
  bpf_arena_reserve_pages: {
    text: "r1 = {hash}\nr2 = 4096\nr3 = 1\ncall bpf_arena_reserve_pages",
    expected: EINVAL,
  },
  user_ringbuf_drain: {
    // What it does with records is in src/load/drain.test.ts.
    text: "r1 = {commands}\nr2 = function(body) ll\nr3 = 0\nr4 = 4\ncall user_ringbuf_drain\nexit\nbody:\nr0 = 0",
    expected: EINVAL,
  },
  timer_set_callback: {
    text: "r1 = r10\nr1 += -16\nr2 = function(body) ll\ncall timer_set_callback\nexit\nbody:\nr0 = 0",
    expected: EINVAL,
  },
  bpf_wq_init: {
    text: "r1 = r10\nr1 += -16\nr2 = {hash}\nr3 = 0\ncall bpf_wq_init\nr6 = r0\nr1 = r10\nr1 += -16\nr2 = {hash}\nr3 = 1\ncall bpf_wq_init\nr0 += r6",
    expected: EINVAL,
  },
  bpf_wq_set_callback_impl: {
    text: "r1 = r10\nr1 += -16\nr2 = function(body) ll\nr3 = 0\nr4 = 0\ncall bpf_wq_set_callback_impl\nexit\nbody:\nr0 = 0",
    expected: EINVAL,
  },
  bpf_wq_start: { text: "r1 = r10\nr1 += -16\nr2 = 0\ncall bpf_wq_start", expected: EINVAL },
  timer_start: { text: "r1 = r10\nr1 += -16\nr2 = 5\nr3 = 0\ncall timer_start", expected: EINVAL },
  timer_cancel: {
    text: `r1 = r10\nr1 += -16\nr2 = {hash}\nr3 = 1\ncall timer_init
r1 = r10\nr1 += -16\nr2 = function(body) ll\ncall timer_set_callback
r1 = r10\nr1 += -16\nr2 = 5\nr3 = 0\ncall timer_start
r1 = r10\nr1 += -16\ncall timer_cancel\nexit\nbody:\nr0 = 0`,
    expected: 1n,
  },
  trace_vprintk: {
    text: `*(u64 *)(r10 - 24) = 0x6c6c25\n*(u32 *)(r10 - 21) = 0x20782520\n*(u32 *)(r10 - 20) = 0x78\n*(u64 *)(r10 - 24) = 0x782578
*(u64 *)(r10 - 16) = 255\nr1 = r10\nr1 += -24\nr2 = 8\nr3 = r10\nr3 += -16\nr4 = 8\ncall trace_vprintk`,
    expected: 3n,
    prints: ["xff"],
  },
  snprintf: {
    // "n%d" of 1234 in room for four: "n12", and the length of all of it with the NUL.
    text: `*(u64 *)(r10 - 8) = 0x64256e\n*(u64 *)(r10 - 16) = 1234
r1 = r10\nr1 += -24\nr2 = 4\nr3 = r10\nr3 += -8\nr4 = r10\nr4 += -16\nr5 = 8\ncall snprintf
r0 <<= 32\nr1 = *(u32 *)(r10 - 24)\nr0 |= r1`,
    expected: (6n << 32n) | 0x32316en,
  },
  seq_printf: {
    text: "*(u64 *)(r10 - 8) = 0x6968\nr1 = 0\nr2 = r10\nr2 += -8\nr3 = 3\nr4 = 0\nr5 = 0\ncall seq_printf",
    expected: 0n,
    prints: ["hi"],
  },
  seq_write: {
    text: "*(u64 *)(r10 - 8) = 0x6968\nr1 = 0\nr2 = r10\nr2 += -8\nr3 = 2\ncall seq_write",
    expected: 0n,
    prints: ["hi"],
  },
  strncmp: {
    text: "*(u64 *)(r10 - 8) = 0x6261\n*(u64 *)(r10 - 16) = 0x6361\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r10\nr3 += -16\ncall strncmp",
    expected: unsigned(-1),
  },
  strtol: {
    // " -12x"
    text: `r1 = 0x7832312d20 ll\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 10\nr4 = r10\nr4 += -16\ncall strtol
r1 = *(u64 *)(r10 - 16)\nr1 <<= 8\nr0 += r1`,
    expected: unsigned(-12 * 256 + 4),
  },
  strtoul: {
    // "0x1fz"
    text: `r1 = 0x7a66317830 ll\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall strtoul
r1 = *(u64 *)(r10 - 16)\nr1 <<= 8\nr0 += r1`,
    expected: 0x1f04n,
  },
  skb_output: {
    text: "*(u64 *)(r10 - 8) = 7\nr1 = r9\nr2 = {perf}\nr3 = 0xffffffff ll\nr4 = r10\nr4 += -8\nr5 = 8\ncall skb_output",
    expected: unsigned(-2),
  },
  xdp_output: {
    text: "*(u64 *)(r10 - 8) = 7\nr1 = r9\nr2 = {perf}\nr3 = 0xffffffff ll\nr4 = r10\nr4 += -8\nr5 = 8\ncall xdp_output",
    expected: unsigned(-2),
  },
  dynptr_from_mem: {
    text: "r1 = r10\nr1 += -64\nr2 = 8\nr3 = 1\nr4 = r10\nr4 += -16\ncall dynptr_from_mem",
    expected: EINVAL,
  },
  dynptr_read: {
    text: `*(u64 *)(r10 - 64) = 0x11223344
r1 = r10\nr1 += -64\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem
r1 = r10\nr1 += -32\nr2 = 2\nr3 = r10\nr3 += -16\nr4 = 1\nr5 = 0\ncall dynptr_read\nr0 = *(u16 *)(r10 - 32)`,
    expected: 0x2233n,
  },
  dynptr_write: {
    text: `*(u64 *)(r10 - 64) = 0\n*(u64 *)(r10 - 32) = 0x55
r1 = r10\nr1 += -64\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem
r1 = r10\nr1 += -16\nr2 = 7\nr3 = r10\nr3 += -32\nr4 = 1\nr5 = 0\ncall dynptr_write
r1 = r10\nr1 += -16\nr2 = 7\nr3 = r10\nr3 += -32\nr4 = 2\nr5 = 0\ncall dynptr_write
r1 = *(u64 *)(r10 - 64)\nr1 >>= 56\nr1 <<= 8\nr0 += r1`,
    expected: 0x5500n - 7n,
  },
  dynptr_data: {
    text: `*(u64 *)(r10 - 64) = 0x11223344
r1 = r10\nr1 += -64\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem
r1 = r10\nr1 += -16\nr2 = 4\nr3 = 8\ncall dynptr_data\nr6 = r0
r1 = r10\nr1 += -16\nr2 = 2\nr3 = 2\ncall dynptr_data\nr0 = *(u16 *)(r0 + 0)\nr0 += r6`,
    expected: 0x1122n,
  },
  ringbuf_reserve_dynptr: {
    text: `r1 = {ringbuf}\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr\nr6 = r0
r1 = r10\nr1 += -16\nr2 = 8\nr3 = 8\ncall dynptr_data\n*(u64 *)(r0 + 0) = 9\nr7 = *(u64 *)(r0 + 0)
r1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_submit_dynptr\nr0 = r6\nr0 += r7`,
    expected: 9n,
  },
  ringbuf_submit_dynptr: {
    text: `r1 = {ringbuf}\nr2 = 16\nr3 = 1\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr
r6 = r0\nr1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_submit_dynptr\nr0 = r6`,
    expected: EINVAL,
  },
  ringbuf_discard_dynptr: {
    text: `r1 = {ringbuf}\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr
r1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_discard_dynptr
r1 = r10\nr1 += -16\nr2 = 0\nr3 = 1\ncall dynptr_data`,
    expected: 0n,
  },
  csum_diff: {
    // 0x0001 + 0xf203 + 0xf4f5 + 0xf6f7, the example of RFC 1071, in the order of the bytes.
    text: `r1 = 0xf7f6f5f403f20100 ll\n*(u64 *)(r10 - 8) = r1
r1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = 8\nr5 = 0\ncall csum_diff`,
    expected: 0xf2ddn,
  },
  l3_csum_replace: {
    // The header's TTL goes from 0x40 to 0x3f: its checksum from 0xb1e6 to 0xb2e6.
    text: "r1 = r9\nr2 = 24\nr3 = 0x0640\nr4 = 0x063f\nr5 = 2\ncall l3_csum_replace\nr1 = r9\nr2 = 24\nr3 = r10\nr3 += -8\nr4 = 2\ncall skb_load_bytes\nr0 = *(u16 *)(r10 - 8)",
    expected: 0xe6b2n,
  },
  l4_csum_replace: {
    // Nothing is changed where there is no checksum, nor for a size that there is not.
    text: "r1 = r9\nr2 = 24\nr3 = 1\nr4 = 2\nr5 = 3\ncall l4_csum_replace",
    expected: EINVAL,
  },
  redirect: { text: "r1 = 3\nr2 = 0\ncall redirect", section: "xdp", expected: 4n },
  redirect_peer: { text: "r1 = 3\nr2 = 0\ncall redirect_peer", expected: 7n },
  redirect_neigh: { text: "r1 = 3\nr2 = 0\nr3 = 0\nr4 = 1\ncall redirect_neigh", expected: 2n },
  skb_load_bytes: {
    text: "r1 = r9\nr2 = 12\nr3 = r10\nr3 += -8\nr4 = 4\ncall skb_load_bytes\nr0 = *(u32 *)(r10 - 8)",
    expected: 0x00450008n,
  },
  skb_load_bytes_relative: {
    text: "r1 = r9\nr2 = 8\nr3 = r10\nr3 += -8\nr4 = 2\nr5 = 1\ncall skb_load_bytes_relative\nr0 = *(u16 *)(r10 - 8)",
    expected: 0x0640n,
  },
  skb_store_bytes: {
    text: "*(u64 *)(r10 - 8) = 0x99\nr1 = r9\nr2 = 5\nr3 = r10\nr3 += -8\nr4 = 1\nr5 = 0\ncall skb_store_bytes\nr1 = *(u32 *)(r9 + 76)\nr0 = *(u8 *)(r1 + 5)",
    expected: 0x99n,
  },
  skb_pull_data: { text: "r1 = r9\nr2 = 43\ncall skb_pull_data", expected: unsigned(-12) },
  get_hash_recalc: { text: "*(u32 *)(r9 + 68) = 7\nr1 = r9\ncall get_hash_recalc", expected: 7n },
  current_task_under_cgroup: {
    text: "r1 = {cgroups}\nr2 = 0\ncall current_task_under_cgroup\nr6 = r0\nr1 = {cgroups}\nr2 = 1000000\ncall current_task_under_cgroup\nr0 += r6",
    expected: unsigned(-11 - 7),
  },
  set_hash: { text: "r1 = r9\nr2 = 7\ncall set_hash\nr1 = *(u32 *)(r9 + 68)\nr0 += r1", expected: 7n },
  set_hash_invalid: {
    text: "*(u32 *)(r9 + 68) = 7\nr1 = r9\ncall set_hash_invalid\nr0 = *(u32 *)(r9 + 68)",
    expected: 0n,
  },
  csum_level: { text: "r1 = r9\nr2 = 1\ncall csum_level\nr1 = r9\nr2 = 0\ncall csum_level", expected: 0n },
  skb_adjust_room: {
    text: "r1 = r9\nr2 = 8\nr3 = 1\nr4 = 0\ncall skb_adjust_room\nr1 = *(u32 *)(r9 + 0)\nr0 += r1",
    expected: 50n,
  },
  skb_change_proto: {
    text: "r1 = r9\nr2 = 0xdd86\nr3 = 0\ncall skb_change_proto\nr1 = *(u32 *)(r9 + 0)\nr0 += r1",
    expected: 62n,
  },
  skb_ecn_set_ce: { text: "r1 = r9\ncall skb_ecn_set_ce", expected: 0n },
  skb_vlan_push: {
    text: "r1 = r9\nr2 = 0x0081\nr3 = 5\ncall skb_vlan_push\nr1 = r9\nr2 = 0x0081\nr3 = 6\ncall skb_vlan_push\nr0 = *(u32 *)(r9 + 0)\nr0 <<= 8\nr1 = *(u32 *)(r9 + 24)\nr0 |= r1",
    expected: (46n << 8n) | 6n,
  },
  skb_vlan_pop: {
    text: "r1 = r9\nr2 = 0x0081\nr3 = 5\ncall skb_vlan_push\nr1 = r9\ncall skb_vlan_pop\nr0 = *(u32 *)(r9 + 20)",
    expected: 0n,
  },
  skb_change_type: {
    text: "r1 = r9\nr2 = 3\ncall skb_change_type\nr1 = r9\nr2 = 4\ncall skb_change_type\nr1 = *(u32 *)(r9 + 4)\nr0 += r1",
    expected: unsigned(-19),
  },
  skb_change_tail: {
    text: "r1 = r9\nr2 = 43\nr3 = 0\ncall skb_change_tail\nr1 = *(u32 *)(r9 + 80)\nr0 = *(u16 *)(r1 - 2)\nr1 = *(u32 *)(r9 + 0)\nr0 += r1",
    expected: 0x77n + 43n,
  },
  skb_change_head: {
    text: "r1 = r9\nr2 = 4\nr3 = 0\ncall skb_change_head\nr1 = *(u32 *)(r9 + 76)\nr0 = *(u32 *)(r1 + 2)",
    expected: 0xffff0000n,
  },
  xdp_adjust_head: {
    text: "r1 = r9\nr2 = 12\ncall xdp_adjust_head\nr1 = *(u32 *)(r9 + 0)\nr0 = *(u32 *)(r1 + 0)",
    expected: 0x00450008n,
  },
  xdp_adjust_meta: {
    text: "r1 = r9\nr2 = -8\ncall xdp_adjust_meta\nr1 = *(u32 *)(r9 + 8)\n*(u64 *)(r1 + 0) = 4\nr2 = *(u32 *)(r9 + 0)\nr2 -= r1\nr0 = *(u64 *)(r1 + 0)\nr0 += r2",
    expected: 12n,
  },
  xdp_adjust_tail: { text: "r1 = r9\nr2 = -29\ncall xdp_adjust_tail", expected: EINVAL },
  xdp_get_buff_len: { text: "r1 = r9\ncall xdp_get_buff_len", expected: 42n },
  xdp_load_bytes: {
    text: "r1 = r9\nr2 = 40\nr3 = r10\nr3 += -8\nr4 = 2\ncall xdp_load_bytes\nr0 = *(u16 *)(r10 - 8)",
    expected: 0x7766n,
  },
  xdp_store_bytes: {
    text: "*(u64 *)(r10 - 8) = 0x99\nr1 = r9\nr2 = 42\nr3 = r10\nr3 += -8\nr4 = 1\ncall xdp_store_bytes",
    expected: EINVAL,
  },
  bpf_throw: {
    text: "call f\nr0 = 1\nexit\nf:\nr1 = 9\ncall bpf_throw\nr0 = 2",
    expected: 9n,
  },
  bpf_iter_num_new: {
    text: "r1 = r10\nr1 += -8\nr2 = 5\nr3 = 4\ncall bpf_iter_num_new\nr6 = r0\nr1 = r10\nr1 += -8\ncall bpf_iter_num_next\nr0 += r6",
    expected: EINVAL,
  },
  bpf_iter_num_next: {
    // 3 + 4 + 5
    text: `r6 = 0\nr1 = r10\nr1 += -8\nr2 = 3\nr3 = 6\ncall bpf_iter_num_new
next:\nr1 = r10\nr1 += -8\ncall bpf_iter_num_next\nif r0 == 0 goto out
r1 = *(u32 *)(r0 + 0)\nr6 += r1\ngoto next
out:\nr1 = r10\nr1 += -8\ncall bpf_iter_num_destroy\nr0 = r6`,
    expected: 12n,
  },
  bpf_iter_num_destroy: {
    text: "r1 = r10\nr1 += -8\nr2 = 3\nr3 = 6\ncall bpf_iter_num_new\nr1 = r10\nr1 += -8\ncall bpf_iter_num_destroy\nr1 = r10\nr1 += -8\ncall bpf_iter_num_next",
    expected: 0n,
  },
  bpf_rcu_read_lock: { text: "call bpf_rcu_read_lock\nr0 = 1\ncall bpf_rcu_read_unlock", expected: 0n },
  bpf_rcu_read_unlock: { text: "call bpf_rcu_read_lock\ncall bpf_rcu_read_unlock\nr0 = 1", expected: 1n },
  bpf_preempt_disable: { text: "call bpf_preempt_disable\nr0 = 1", expected: 1n },
  bpf_preempt_enable: { text: "call bpf_preempt_enable\nr0 = 1", expected: 1n },
  bpf_local_irq_save: {
    text: "*(u64 *)(r10 - 8) = 5\nr1 = r10\nr1 += -8\ncall bpf_local_irq_save\nr0 = *(u64 *)(r10 - 8)",
    expected: 0n,
  },
  bpf_local_irq_restore: { text: "r1 = r10\nr1 += -8\ncall bpf_local_irq_restore\nr0 = 1", expected: 1n },
  bpf_dynptr_adjust: {
    text: `${DYNPTR}r1 = r10\nr1 += -16\nr2 = 2\nr3 = 9\ncall bpf_dynptr_adjust\nr6 = r0
r1 = r10\nr1 += -16\nr2 = 2\nr3 = 6\ncall bpf_dynptr_adjust\nr1 = r10\nr1 += -16\ncall bpf_dynptr_size\nr0 += r6`,
    expected: unsigned(4 - 34),
  },
  bpf_dynptr_is_null: {
    text: `${DYNPTR}r1 = r10\nr1 += -16\ncall bpf_dynptr_is_null`,
    expected: 0n,
  },
  bpf_dynptr_is_rdonly: {
    text: "r1 = r9\nr2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_skb\nr1 = r10\nr1 += -16\ncall bpf_dynptr_is_rdonly",
    section: "cgroup_skb/egress",
    expected: 1n,
  },
  bpf_dynptr_size: { text: `${DYNPTR}r1 = r10\nr1 += -16\ncall bpf_dynptr_size`, expected: 8n },
  bpf_dynptr_clone: {
    text: `${DYNPTR}r1 = r10\nr1 += -16\nr2 = r10\nr2 += -32\ncall bpf_dynptr_clone\nr1 = r10\nr1 += -32\ncall bpf_dynptr_size`,
    expected: 8n,
  },
  bpf_dynptr_slice: {
    text: `${DYNPTR}r1 = r10\nr1 += -16\nr2 = 1\nr3 = 0\nr4 = 2\ncall bpf_dynptr_slice\nr0 = *(u16 *)(r0 + 0)`,
    expected: 0x2233n,
  },
  bpf_dynptr_slice_rdwr: {
    text: `${DYNPTR}r1 = r10\nr1 += -16\nr2 = 7\nr3 = 0\nr4 = 2\ncall bpf_dynptr_slice_rdwr`,
    expected: 0n,
  },
  bpf_dynptr_from_skb: {
    text: "r1 = r9\nr2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_skb\nr1 = r10\nr1 += -16\ncall bpf_dynptr_size",
    expected: 42n,
  },
  bpf_dynptr_from_xdp: {
    text: "r1 = r9\nr2 = 1\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_xdp",
    expected: EINVAL,
  },
  bpf_rdonly_cast: { text: "r1 = 5\nr2 = 1\ncall bpf_rdonly_cast", expected: 5n },
  bpf_task_acquire: { text: "r1 = 5\ncall bpf_task_acquire", expected: 5n },
  bpf_cgroup_acquire: { text: "r1 = 5\ncall bpf_cgroup_acquire", expected: 5n },
  bpf_task_release: { text: "r1 = 5\ncall bpf_task_release\nr0 = 1", expected: 1n },
  bpf_cgroup_release: { text: "r1 = 5\ncall bpf_cgroup_release\nr0 = 1", expected: 1n },
  bpf_obj_new_impl: { text: `${objectOf(7)}r6 = *(u64 *)(r7 + 0)\n${drop(7)}r0 = r6`, expected: 7n },
  bpf_obj_drop_impl: { text: `${objectOf(7)}${drop(7)}r0 = 1`, expected: 1n },
  bpf_refcount_acquire_impl: {
    text: `${objectOf(7)}r1 = r7\nr2 = 0\ncall bpf_refcount_acquire_impl\nr8 = r0\nr8 -= r7\n${drop(7)}${drop(7)}r0 = r8`,
    expected: 0n,
  },
  bpf_percpu_obj_new_impl: { text: `${COPIES}${dropCopies}r0 = 1`, expected: 1n },
  bpf_percpu_obj_drop_impl: { text: `${COPIES}${dropCopies}r0 = 2`, expected: 2n },
  per_cpu_ptr: {
    section: "tc",
    // What is written to one copy is not in the other, and there is no fifth.
    text: `${COPIES}${copyOf(0)}*(u64 *)(r0 + 56) = 7\n${copyOf(1)}r6 = *(u64 *)(r0 + 56)\n${copyOf(0)}r8 = *(u64 *)(r0 + 56)\n${copyOf(4)}r8 += r0\nr8 += r6\n${dropCopies}r0 = r8`,
    expected: 7n,
  },
  this_cpu_ptr: {
    section: "tc",
    // Kept in a place, and looked at from there.
    text: `*(u64 *)(r10 - 8) = 0\n${COPIES}r1 = r10\nr1 += -8\nr2 = r7\ncall kptr_xchg\nr8 = r0\nr1 = *(u64 *)(r10 - 8)\ncall this_cpu_ptr\n*(u64 *)(r0 + 0) = 5\nr6 = *(u64 *)(r0 + 0)\nr8 += r6\nr1 = r10\nr1 += -8\nr2 = 0\ncall kptr_xchg\nr7 = r0\n${dropCopies}r0 = r8`,
    expected: 5n,
  },
  bpf_list_push_front_impl: {
    text: `${LIST}${objectOf(3)}${push("front")}${objectOf(4)}${push("front")}${pop("front", 6)}${pop("front", 8)}r6 *= 10\nr0 = r6\nr0 += r8`,
    expected: 43n,
  },
  bpf_list_push_back_impl: {
    text: `${LIST}${objectOf(3)}${push("back")}${objectOf(4)}${push("back")}${pop("front", 6)}${pop("front", 8)}r6 *= 10\nr0 = r6\nr0 += r8`,
    expected: 34n,
  },
  bpf_list_pop_front: {
    text: `${LIST}r1 = r10\nr1 += -16\ncall bpf_list_pop_front`,
    expected: 0n,
  },
  bpf_list_pop_back: {
    text: `${LIST}${objectOf(3)}${push("back")}${objectOf(4)}${push("back")}${pop("back", 6)}${pop("back", 8)}r6 *= 10\nr0 = r6\nr0 += r8`,
    expected: 43n,
  },
  bpf_rbtree_add_impl: {
    text: `${LIST}${objectOf(5)}${ADD}${objectOf(2)}${ADD}${objectOf(9)}${ADD}${first(6)}${first(8)}r6 *= 10\nr6 += r8\n${first(8)}r6 *= 10\nr0 = r6\nr0 += r8\n${LESS}`,
    expected: 259n,
  },
  bpf_rbtree_first: { text: `${LIST}r1 = r10\nr1 += -16\ncall bpf_rbtree_first`, expected: 0n },
  bpf_rbtree_remove: {
    text: `${LIST}${objectOf(5)}r1 = r10\nr1 += -16\nr2 = r7\nr2 += 8\ncall bpf_rbtree_remove\nr6 = r0\n${drop(7)}r0 = r6`,
    expected: 0n,
  },
  kptr_xchg: {
    section: "tc",
    // An object goes into the place, another in its stead; the first comes back.
    text: `*(u64 *)(r10 - 8) = 0\n${objectOf(3)}r1 = r10\nr1 += -8\nr2 = r7\ncall kptr_xchg\nr6 = r0
${objectOf(4)}r1 = r10\nr1 += -8\nr2 = r7\ncall kptr_xchg\nr7 = r0\nr8 = *(u64 *)(r7 + 0)\nr8 += r6\n${drop(7)}r0 = r8`,
    expected: 3n,
  },
};
