/**
 * The formats of the recorded trace's events, as Linux 6.18 on x86-64 has them in tracefs, in tracefs' own syntax. As
 * data of a module they load in a browser too. The constants that the kernel's macros leave in a `print fmt` are worked
 * out, and the common fields, the same in every format, are written once.
 */
import { type FormatTable, type FtraceFormat, parseFormat } from "./format.ts";

/** Names of allocation flags, combinations first: the first that fits is the one that is printed. */
const GFP_FLAGS: string = [
  '{ 0x1c24ca, "GFP_TRANSHUGE" }',
  '{ 0x1c20ca, "GFP_TRANSHUGE_LIGHT" }',
  '{ 0x100cca, "GFP_HIGHUSER_MOVABLE" }',
  '{ 0x100cc2, "GFP_HIGHUSER" }',
  '{ 0x100cc0, "GFP_USER" }',
  '{ 0x400cc0, "GFP_KERNEL_ACCOUNT" }',
  '{ 0xcc0, "GFP_KERNEL" }',
  '{ 0xc40, "GFP_NOFS" }',
  '{ 0x820, "GFP_ATOMIC" }',
  '{ 0xc00, "GFP_NOIO" }',
  '{ 0x2800, "GFP_NOWAIT" }',
  '{ 0x1, "GFP_DMA" }',
  '{ 0x4, "GFP_DMA32" }',
  '{ 0xc00, "__GFP_RECLAIM" }',
  '{ 0x1, "__GFP_DMA" }',
  '{ 0x2, "__GFP_HIGHMEM" }',
  '{ 0x4, "__GFP_DMA32" }',
  '{ 0x8, "__GFP_MOVABLE" }',
  '{ 0x10, "__GFP_RECLAIMABLE" }',
  '{ 0x20, "__GFP_HIGH" }',
  '{ 0x40, "__GFP_IO" }',
  '{ 0x80, "__GFP_FS" }',
  '{ 0x100, "__GFP_ZERO" }',
  '{ 0x400, "__GFP_DIRECT_RECLAIM" }',
  '{ 0x800, "__GFP_KSWAPD_RECLAIM" }',
  '{ 0x1000, "__GFP_WRITE" }',
  '{ 0x2000, "__GFP_NOWARN" }',
  '{ 0x4000, "__GFP_RETRY_MAYFAIL" }',
  '{ 0x8000, "__GFP_NOFAIL" }',
  '{ 0x10000, "__GFP_NORETRY" }',
  '{ 0x20000, "__GFP_MEMALLOC" }',
  '{ 0x40000, "__GFP_COMP" }',
  '{ 0x80000, "__GFP_NOMEMALLOC" }',
  '{ 0x100000, "__GFP_HARDWALL" }',
  '{ 0x200000, "__GFP_THISNODE" }',
  '{ 0x400000, "__GFP_ACCOUNT" }',
  '{ 0x800000, "__GFP_ZEROTAGS" }',
  '{ 0x1000000, "__GFP_NO_OBJ_EXT" }',
].join(", ");

/** Why a task sleeps; nothing of it: it runs or could run. */
const TASK_STATES =
  '{ 0x01, "S" }, { 0x02, "D" }, { 0x04, "T" }, { 0x08, "t" }, { 0x10, "X" }, { 0x20, "Z" }, { 0x40, "P" }, { 0x80, "I" }';

const SOFTIRQS =
  '{ 0, "HI" }, { 1, "TIMER" }, { 2, "NET_TX" }, { 3, "NET_RX" }, { 4, "BLOCK" }, { 5, "IRQ_POLL" }, { 6, "TASKLET" }, { 7, "SCHED" }, { 8, "HRTIMER" }, { 9, "RCU" }';

/** Declaration, offset, size in bytes, signed. */
type Field = readonly [declaration: string, offset: number, size: number, signed: 0 | 1];

interface Source {
  readonly category: string;
  readonly name: string;
  readonly id: number;
  readonly fields: readonly Field[];
  readonly print: string;
}

const COMMON: readonly Field[] = [
  ["unsigned short common_type", 0, 2, 0],
  ["unsigned char common_flags", 2, 1, 0],
  ["unsigned char common_preempt_count", 3, 1, 0],
  ["int common_pid", 4, 4, 1],
];

const SOURCES: readonly Source[] = [
  {
    category: "kmem",
    name: "kmalloc",
    id: 658,
    fields: [
      ["unsigned long call_site", 8, 8, 0],
      ["const void * ptr", 16, 8, 0],
      ["size_t bytes_req", 24, 8, 0],
      ["size_t bytes_alloc", 32, 8, 0],
      ["unsigned long gfp_flags", 40, 8, 0],
      ["int node", 48, 4, 1],
    ],
    print: `"call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d accounted=%s", (void *)REC->call_site, REC->ptr, REC->bytes_req, REC->bytes_alloc, (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", ${GFP_FLAGS}) : "none", REC->node, (1 && (REC->gfp_flags & 0x400000)) ? "true" : "false"`,
  },
  {
    category: "kmem",
    name: "kmem_cache_alloc",
    id: 659,
    fields: [
      ["unsigned long call_site", 8, 8, 0],
      ["const void * ptr", 16, 8, 0],
      ["__data_loc char[] name", 24, 4, 0],
      ["size_t bytes_req", 32, 8, 0],
      ["size_t bytes_alloc", 40, 8, 0],
      ["unsigned long gfp_flags", 48, 8, 0],
      ["int node", 56, 4, 1],
      ["bool accounted", 60, 1, 0],
    ],
    print: `"call_site=%pS ptr=%p name=%s bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d accounted=%s", (void *)REC->call_site, REC->ptr, __get_str(name), REC->bytes_req, REC->bytes_alloc, (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", ${GFP_FLAGS}) : "none", REC->node, REC->accounted ? "true" : "false"`,
  },
  {
    category: "kmem",
    name: "kfree",
    id: 657,
    fields: [
      ["unsigned long call_site", 8, 8, 0],
      ["const void * ptr", 16, 8, 0],
    ],
    print: '"call_site=%pS ptr=%p", (void *)REC->call_site, REC->ptr',
  },
  {
    category: "kmem",
    name: "kmem_cache_free",
    id: 656,
    fields: [
      ["unsigned long call_site", 8, 8, 0],
      ["const void * ptr", 16, 8, 0],
      ["__data_loc char[] name", 24, 4, 0],
    ],
    print: '"call_site=%pS ptr=%p name=%s", (void *)REC->call_site, REC->ptr, __get_str(name)',
  },
  {
    category: "raw_syscalls",
    name: "sys_enter",
    id: 443,
    fields: [
      ["long id", 8, 8, 1],
      ["unsigned long args[6]", 16, 48, 0],
    ],
    print:
      '"NR %ld (%lx, %lx, %lx, %lx, %lx, %lx)", REC->id, REC->args[0], REC->args[1], REC->args[2], REC->args[3], REC->args[4], REC->args[5]',
  },
  {
    category: "raw_syscalls",
    name: "sys_exit",
    id: 442,
    fields: [
      ["long id", 8, 8, 1],
      ["long ret", 16, 8, 1],
    ],
    print: '"NR %ld = %ld", REC->id, REC->ret',
  },
  {
    category: "sched",
    name: "sched_switch",
    id: 372,
    fields: [
      ["char prev_comm[16]", 8, 16, 0],
      ["pid_t prev_pid", 24, 4, 1],
      ["int prev_prio", 28, 4, 1],
      ["long prev_state", 32, 8, 1],
      ["char next_comm[16]", 40, 16, 0],
      ["pid_t next_pid", 56, 4, 1],
      ["int next_prio", 60, 4, 1],
    ],
    print: `"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> next_comm=%s next_pid=%d next_prio=%d", REC->prev_comm, REC->prev_pid, REC->prev_prio, (REC->prev_state & 0xff) ? __print_flags(REC->prev_state & 0xff, "|", ${TASK_STATES}) : "R", REC->prev_state & 0x100 ? "+" : "", REC->next_comm, REC->next_pid, REC->next_prio`,
  },
  {
    category: "sched",
    name: "sched_wakeup",
    id: 374,
    fields: [
      ["char comm[16]", 8, 16, 0],
      ["pid_t pid", 24, 4, 1],
      ["int prio", 28, 4, 1],
      ["int target_cpu", 32, 4, 1],
    ],
    print: '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu',
  },
  {
    category: "irq",
    name: "irq_handler_entry",
    id: 225,
    fields: [
      ["int irq", 8, 4, 1],
      ["__data_loc char[] name", 12, 4, 0],
    ],
    print: '"irq=%d name=%s", REC->irq, __get_str(name)',
  },
  {
    category: "irq",
    name: "irq_handler_exit",
    id: 224,
    fields: [
      ["int irq", 8, 4, 1],
      ["int ret", 12, 4, 1],
    ],
    print: '"irq=%d ret=%s", REC->irq, REC->ret ? "handled" : "unhandled"',
  },
  {
    category: "irq",
    name: "softirq_entry",
    id: 223,
    fields: [["unsigned int vec", 8, 4, 0]],
    print: `"vec=%u [action=%s]", REC->vec, __print_symbolic(REC->vec, ${SOFTIRQS})`,
  },
  {
    category: "irq",
    name: "softirq_exit",
    id: 222,
    fields: [["unsigned int vec", 8, 4, 0]],
    print: `"vec=%u [action=%s]", REC->vec, __print_symbolic(REC->vec, ${SOFTIRQS})`,
  },
];

/** The source as the text of a `format` file. */
function formatText(source: Source): string {
  const fields = [...COMMON, ...source.fields].map(
    ([declaration, offset, size, signed]) =>
      `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed};`,
  );
  return `name: ${source.name}\nID: ${source.id}\nformat:\n${fields.join("\n")}\n\nprint fmt: ${source.print}\n`;
}

export const RECORDED_FORMATS: FormatTable = SOURCES.map(
  (source): FtraceFormat => parseFormat(formatText(source), { category: source.category }),
);
