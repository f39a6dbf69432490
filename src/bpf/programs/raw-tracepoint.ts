/**
 * Raw tracepoints: a program there gets the arguments of the kernel's tracepoint, as u64 each, instead of the struct
 * that a tracepoint records. One row an event says how the recorded fields become those arguments again.
 */
import { AnyctxError } from "../../error.ts";
import { loadBigInt } from "../../events/integer.ts";
import { RECORD } from "../../events/record.ts";
import { addressOf, type KernelObject, RecordReader } from "../kernel/object.ts";
import { OBJECTS, PREEMPTED } from "../kernel/told.ts";
import { ARGUMENT_BYTES, argumentsContext, numbered } from "./context.ts";
import type { EventContext, ProgramEvent, ProgramType } from "./program-type.ts";

/**
 * One argument: the field it was recorded in, with bits left out that recording added, or so many times that, or the number that stands
 * for what was recorded; `flag`: 1 if one of the field's bits is set; `object`: the address of an object that the event tells of; `lost`:
 * a pointer into the kernel of which it tells nothing, always 0.
 */
export type RawArgument =
  | {
      readonly field: string;
      readonly without?: bigint;
      readonly times?: bigint;
      readonly meaning?: ReadonlyMap<bigint, bigint>;
    }
  | { readonly flag: string; readonly bits: bigint }
  | { readonly object: KernelObject }
  | { readonly lost: string };

const SECTOR_BYTES = 512n;

/** `blk_status_t` by the error that it is recorded as (`blk_errors`). */
const BLOCK_STATUS: ReadonlyMap<bigint, bigint> = new Map([
  ...([0n, -95n, -110n, -28n, -67n, -121n, -52n, -61n, -84n, -12n].map((error, status) => [error, BigInt(status)]) as [
    bigint,
    bigint,
  ][]),
  [-5n, 10n],
]);

const { previous, next, task, request, action, cache, socket, packet, device, timer, highResolutionTimer, work } =
  OBJECTS;
const SOFTIRQ: readonly RawArgument[] = [{ field: "vec" }];
const REQUEST: readonly RawArgument[] = [{ object: request }];
const TASK: readonly RawArgument[] = [{ object: task }];
const WORK: readonly RawArgument[] = [{ object: work }];
const PACKET: readonly RawArgument[] = [{ object: packet }];
const SOCKET: readonly RawArgument[] = [{ object: socket }];

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
    { object: cache },
    { field: "gfp_flags" },
    { field: "node" },
  ],
  kfree: [{ field: "call_site" }, { field: "ptr" }],
  kmem_cache_free: [{ field: "call_site" }, { field: "ptr" }, { object: cache }],
  sys_enter: [{ object: OBJECTS.entryRegisters }, { field: "id" }],
  sys_exit: [{ object: OBJECTS.exitRegisters }, { field: "ret" }],
  sched_switch: [
    { flag: "prev_state", bits: PREEMPTED },
    { object: previous },
    { object: next },
    { field: "prev_state", without: PREEMPTED },
  ],
  sched_wakeup: TASK,
  sched_wakeup_new: TASK,
  sched_waking: TASK,
  sched_migrate_task: [{ object: task }, { field: "dest_cpu" }],
  sched_stat_runtime: [{ object: task }, { field: "runtime" }],
  sched_pi_setprio: [{ object: OBJECTS.boosted }, { lost: "struct task_struct * (who waits)" }],
  sched_process_exit: [{ object: task }, { field: "group_dead" }],
  sched_process_free: TASK,
  sched_process_fork: [{ object: OBJECTS.parent }, { object: OBJECTS.child }],
  sched_process_exec: [{ object: OBJECTS.executing }, { field: "old_pid" }, { object: OBJECTS.binary }],
  task_newtask: [{ object: OBJECTS.made }, { field: "clone_flags" }],
  task_rename: [{ object: OBJECTS.renamed }, { lost: "char *" }],
  signal_generate: [
    ...([
      { field: "sig" },
      { object: OBJECTS.signal },
      { object: task },
      { field: "group" },
      { field: "result" },
    ] as const),
  ],
  signal_deliver: [{ field: "sig" }, { object: OBJECTS.signal }, { lost: "struct k_sigaction *" }],
  block_rq_insert: REQUEST,
  block_rq_issue: REQUEST,
  block_rq_merge: REQUEST,
  block_io_start: REQUEST,
  block_io_done: REQUEST,
  block_rq_complete: [
    { object: request },
    { field: "error", meaning: BLOCK_STATUS },
    { field: "nr_sector", times: SECTOR_BYTES },
  ],
  cpu_frequency: [{ field: "state" }, { field: "cpu_id" }],
  cpu_idle: [{ field: "state" }, { field: "cpu_id" }],
  mm_vmscan_direct_reclaim_begin: [{ field: "order" }, { field: "gfp_flags" }],
  mm_vmscan_direct_reclaim_end: [{ field: "nr_reclaimed" }],
  softirq_raise: SOFTIRQ,
  softirq_entry: SOFTIRQ,
  softirq_exit: SOFTIRQ,
  irq_handler_entry: [{ field: "irq" }, { object: action }],
  irq_handler_exit: [{ field: "irq" }, { object: action }, { field: "ret" }],
  timer_start: [{ object: timer }, { field: "bucket_expiry" }],
  timer_cancel: [{ object: timer }],
  timer_expire_entry: [{ object: timer }, { field: "baseclk" }],
  timer_expire_exit: [{ object: timer }],
  hrtimer_start: [{ object: highResolutionTimer }, { field: "mode" }, { field: "was_armed" }],
  hrtimer_cancel: [{ object: highResolutionTimer }],
  hrtimer_expire_entry: [{ object: highResolutionTimer }, { lost: "ktime_t *" }],
  hrtimer_expire_exit: [{ object: highResolutionTimer }],
  workqueue_activate_work: WORK,
  workqueue_execute_start: WORK,
  workqueue_execute_end: [{ object: work }, { field: "function" }],
  inet_sock_set_state: [{ object: socket }, { field: "oldstate" }, { field: "newstate" }],
  tcp_destroy_sock: SOCKET,
  tcp_rcv_space_adjust: SOCKET,
  tcp_receive_reset: SOCKET,
  tcp_retransmit_skb: [{ object: socket }, { object: packet }, { field: "err" }],
  kfree_skb: [{ object: packet }, { field: "location" }, { field: "reason" }, { field: "rx_sk" }],
  consume_skb: [{ object: packet }, { field: "location" }],
  net_dev_queue: PACKET,
  netif_receive_skb: PACKET,
  netif_rx: PACKET,
  net_dev_start_xmit: [{ object: packet }, { object: device }],
  net_dev_xmit: [{ object: packet }, { field: "rc" }, { object: device }, { field: "len" }],
};

/** The most arguments that BPF allows a raw tracepoint. */
const MOST_ARGUMENTS = 12;

/** `record`: where the event's record begins in `source`. */
type ArgumentReader = (source: DataView, record: number) => bigint;

function readerOf({ name, format }: ProgramEvent, argument: RawArgument, reader: RecordReader): ArgumentReader {
  if ("lost" in argument) return () => 0n;
  if ("object" in argument) return (source, record) => addressOf(argument.object, reader.at(source, record));
  const from = "field" in argument ? argument.field : argument.flag;
  const field = format?.fields.find((each) => each.name === from);
  if (field?.kind !== "number" || field.count !== 1)
    throw new AnyctxError("UNSUPPORTED", `raw tracepoint ${name}: its format has no number "${from}"`);
  // The kernel passes an argument of 32 bits zero-extended, also a negative one.
  const load: ArgumentReader = (source, record) =>
    loadBigInt(source, record + RECORD.payload + field.offset, field.size);
  if ("flag" in argument) return (source, record) => ((load(source, record) & argument.bits) === 0n ? 0n : 1n);
  const mask = ~(argument.without ?? 0n);
  const { times, meaning } = argument;
  if (times !== undefined) return (source, record) => load(source, record) * times;
  if (meaning !== undefined)
    return (source, record) => meaning.get(BigInt.asIntN(field.size * 8, load(source, record))) ?? 0n;
  return (source, record) => load(source, record) & mask;
}

/** What an argument is, as the name of its field in the context. */
function nameOf(argument: RawArgument): string {
  if ("lost" in argument) return argument.lost;
  if ("object" in argument) return `struct ${argument.object.structs.at(-1)} *`;
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
  const reader = new RecordReader(event.format);
  const readers = row.map((argument) => readerOf(event, argument, reader));
  return {
    fields: row.map((argument, index) => ({
      name: nameOf(argument),
      offset: index * ARGUMENT_BYTES,
      size: ARGUMENT_BYTES,
      ...("flag" in argument ? { recordedIn: argument.flag } : {}),
      ...("lost" in argument ? { unrecorded: true as const } : {}),
    })),
    objects: row.flatMap((argument) => ("object" in argument ? [argument.object] : [])),
    bytes: () => row.length * ARGUMENT_BYTES,
    write(source, record, target, at) {
      for (const [index, read] of readers.entries())
        target.setBigUint64(at + index * ARGUMENT_BYTES, read(source, record), true);
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
  caller: () => "raw_tracepoint",
  result: { ignored: true, doc: "The kernel does nothing with it either." },
};
