/**
 * Raw tracepoints: a program there gets the arguments of the kernel's tracepoint, as u64 each, instead of the struct
 * that a tracepoint records. One row an event says how the recorded fields become those arguments again.
 */
import { AnyctxError } from "../../error.ts";
import { loadBigInt } from "../../events/integer.ts";
import { RECORD } from "../../events/record.ts";
import { ARGUMENT_BYTES, argumentsContext, numbered } from "./context.ts";
import type { EventContext, ProgramEvent, ProgramType } from "./program-type.ts";

/**
 * One argument: the field it was recorded in, with bits left out that recording added, or so many times that; `flag`: 1 if one of the field's
 * bits is set; `lost`: a pointer into the kernel that the text does not hold, always 0.
 */
export type RawArgument =
  | { readonly field: string; readonly without?: bigint; readonly times?: bigint }
  | { readonly flag: string; readonly bits: bigint }
  | { readonly lost: string };

/** `prev_state` of sched_switch has this bit where the task was preempted: printed as `+`. */
const PREEMPTED = 0x100n;

const TASK = "struct task_struct *";
const REQUEST = "struct request *";
const SECTOR_BYTES = 512n;

/** By event name: the arguments in the order of the kernel's `TP_PROTO`. */
export const RAW_ARGUMENTS: Readonly<Record<string, readonly RawArgument[]>> = {
  kmalloc: [
    { field: "call_site" },
    { field: "ptr" },
    { field: "bytes_req" },
    { field: "bytes_alloc" },
    { field: "gfp_flags" },
    { field: "node" },
  ],
  kmem_cache_alloc: [
    { field: "call_site" },
    { field: "ptr" },
    { lost: "struct kmem_cache *" },
    { field: "gfp_flags" },
    { field: "node" },
  ],
  kfree: [{ field: "call_site" }, { field: "ptr" }],
  kmem_cache_free: [{ field: "call_site" }, { field: "ptr" }, { lost: "struct kmem_cache *" }],
  sys_enter: [{ lost: "struct pt_regs *" }, { field: "id" }],
  sys_exit: [{ lost: "struct pt_regs *" }, { field: "ret" }],
  sched_switch: [
    { flag: "prev_state", bits: PREEMPTED },
    { lost: "struct task_struct * (previous)" },
    { lost: "struct task_struct * (next)" },
    { field: "prev_state", without: PREEMPTED },
  ],
  sched_wakeup: [{ lost: TASK }],
  sched_wakeup_new: [{ lost: TASK }],
  sched_waking: [{ lost: TASK }],
  sched_migrate_task: [{ lost: TASK }, { field: "dest_cpu" }],
  sched_stat_runtime: [{ lost: TASK }, { field: "runtime" }],
  sched_process_exit: [{ lost: TASK }, { field: "group_dead" }],
  sched_process_fork: [{ lost: "struct task_struct * (parent)" }, { lost: "struct task_struct * (child)" }],
  block_rq_insert: [{ lost: REQUEST }],
  block_rq_issue: [{ lost: REQUEST }],
  block_rq_complete: [{ lost: REQUEST }, { lost: "blk_status_t" }, { field: "nr_sector", times: SECTOR_BYTES }],
  cpu_frequency: [{ field: "state" }, { field: "cpu_id" }],
  cpu_idle: [{ field: "state" }, { field: "cpu_id" }],
  mm_vmscan_direct_reclaim_begin: [{ field: "order" }, { field: "gfp_flags" }],
  mm_vmscan_direct_reclaim_end: [{ field: "nr_reclaimed" }],
  softirq_raise: [{ field: "vec" }],
  irq_handler_entry: [{ field: "irq" }, { lost: "struct irqaction *" }],
  irq_handler_exit: [{ field: "irq" }, { lost: "struct irqaction *" }, { field: "ret" }],
  softirq_entry: [{ field: "vec" }],
  softirq_exit: [{ field: "vec" }],
};

/** The most arguments that BPF allows a raw tracepoint. */
const MOST_ARGUMENTS = 12;

/** `payload`: where the record's payload begins in `source`. */
type ArgumentReader = (source: DataView, payload: number) => bigint;

function readerOf({ name, format }: ProgramEvent, argument: RawArgument): ArgumentReader {
  if ("lost" in argument) return () => 0n;
  const from = "field" in argument ? argument.field : argument.flag;
  const field = format?.fields.find((each) => each.name === from);
  if (field?.kind !== "number" || field.count !== 1)
    throw new AnyctxError("UNSUPPORTED", `raw tracepoint ${name}: its format has no number "${from}"`);
  // The kernel passes an argument of 32 bits zero-extended, also a negative one.
  const load: ArgumentReader = (source, payload) => loadBigInt(source, payload + field.offset, field.size);
  if ("flag" in argument) return (source, payload) => ((load(source, payload) & argument.bits) === 0n ? 0n : 1n);
  const mask = ~(argument.without ?? 0n);
  const { times } = argument;
  if (times !== undefined) return (source, payload) => load(source, payload) * times;
  return (source, payload) => load(source, payload) & mask;
}

/** What an argument is, as the name of its field in the context. */
function nameOf(argument: RawArgument): string {
  if ("lost" in argument) return argument.lost;
  return "field" in argument ? argument.field : `${argument.flag} & 0x${argument.bits.toString(16)}`;
}

/** A context of the arguments of an event's tracepoint. @throws {AnyctxError} UNSUPPORTED for an event whose arguments are not known */
export function tracepointArguments(event: ProgramEvent): EventContext {
  const row = RAW_ARGUMENTS[event.name];
  if (row === undefined)
    throw new AnyctxError(
      "UNSUPPORTED",
      `raw tracepoint ${event.name}: how its arguments follow from the recorded fields is not known; ` +
        `known are ${Object.keys(RAW_ARGUMENTS).join(", ")}. A tracepoint program (tracepoint/${event.category}/${event.name}) runs`,
    );
  const readers = row.map((argument) => readerOf(event, argument));
  return {
    fields: row.map((argument, index) => ({
      name: nameOf(argument),
      offset: index * ARGUMENT_BYTES,
      size: ARGUMENT_BYTES,
      ...("flag" in argument ? { recordedIn: argument.flag } : {}),
      ...("lost" in argument ? { unrecorded: true as const } : {}),
    })),
    bytes: () => row.length * ARGUMENT_BYTES,
    write(source, record, target, at) {
      for (const [index, read] of readers.entries())
        target.setBigUint64(at + index * ARGUMENT_BYTES, read(source, record + RECORD.payload), true);
    },
  };
}

export const RAW_TRACEPOINT: ProgramType<{ readonly event: string }> = {
  name: "raw_tracepoint",
  doc: "Runs on an event of the kernel's trace; its context is the tracepoint's arguments, a u64 each.",
  prefixes: ["raw_tracepoint", "raw_tp", "raw_tracepoint.w", "raw_tp.w"],
  section: "raw_tracepoint/EVENT",
  // Without an event it is attached to none, until a loader says which.
  parse: ([event = ""]) => ({ event }),
  describe: ({ event }) => (event === "" ? "a raw tracepoint" : `raw tracepoint ${event}`),
  attaches: (target, event) => target.event === event.name,
  context: {
    room: MOST_ARGUMENTS * ARGUMENT_BYTES,
    of: tracepointArguments,
    access: {
      bytes: ({ event }) => (RAW_ARGUMENTS[event]?.length ?? MOST_ARGUMENTS) * ARGUMENT_BYTES,
    },
    example: (_, index) => numbered(MOST_ARGUMENTS * ARGUMENT_BYTES, 0, index),
    direct: (given) => argumentsContext("A raw tracepoint", given, MOST_ARGUMENTS),
  },
  helpers: ["base", "task", "tracing"],
  result: { ignored: true, doc: "The kernel does nothing with it either." },
};
