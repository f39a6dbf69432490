/**
 * Raw tracepoints: a program there gets the arguments of the kernel's tracepoint, as u64 each, instead of the struct
 * that a tracepoint records. One row an event says how the recorded fields become those arguments again.
 */
import { AnyctxError } from "../../error.ts";
import type { EventFormat } from "../../events/event.ts";
import { loadBigInt } from "../../events/integer.ts";

/**
 * One argument: the field it was recorded in, with bits left out that recording added; `flag`: 1 if one of the field's
 * bits is set; `lost`: a pointer into the kernel that the text does not hold, always 0.
 */
export type RawArgument =
  | { readonly field: string; readonly without?: bigint }
  | { readonly flag: string; readonly bits: bigint }
  | { readonly lost: string };

/** `prev_state` of sched_switch has this bit where the task was preempted: printed as `+`. */
const PREEMPTED = 0x100n;

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
  sched_wakeup: [{ lost: "struct task_struct *" }],
  irq_handler_entry: [{ field: "irq" }, { lost: "struct irqaction *" }],
  irq_handler_exit: [{ field: "irq" }, { lost: "struct irqaction *" }, { field: "ret" }],
  softirq_entry: [{ field: "vec" }],
  softirq_exit: [{ field: "vec" }],
};

/** Makes the contexts of one event's raw tracepoint programs. */
export interface RawContext {
  /** Bytes of a context: 8 for each argument. */
  readonly bytes: number;
  /** The arguments that are always 0, as `2: struct kmem_cache *`. */
  readonly lost: readonly string[];
  /** Writes the context at `at` of `target` for the record whose payload begins at `payload` of `source`. */
  write(source: DataView, payload: number, target: DataView, at: number): void;
}

/**
 * How to make raw tracepoint contexts for an event.
 * @throws {AnyctxError} UNSUPPORTED for an event without a row, or whose format lacks a field of the row
 */
export function rawContext(format: EventFormat): RawContext {
  const row = RAW_ARGUMENTS[format.name];
  if (row === undefined)
    throw new AnyctxError(
      "UNSUPPORTED",
      `raw tracepoint ${format.name}: how its arguments follow from the recorded fields is not known; ` +
        `known are ${Object.keys(RAW_ARGUMENTS).join(", ")}. A tracepoint program (tracepoint/${format.category}/${format.name}) runs`,
    );
  const readers = row.map((argument) => readerOf(format, argument));
  return {
    bytes: row.length * 8,
    lost: row.flatMap((argument, index) => ("lost" in argument ? [`${index}: ${argument.lost}`] : [])),
    write(source, payload, target, at) {
      for (const [index, read] of readers.entries()) target.setBigUint64(at + index * 8, read(source, payload), true);
    },
  };
}

type ArgumentReader = (source: DataView, payload: number) => bigint;

function readerOf(format: EventFormat, argument: RawArgument): ArgumentReader {
  if ("lost" in argument) return () => 0n;
  const name = "field" in argument ? argument.field : argument.flag;
  const field = format.fields.find((each) => each.name === name);
  if (field?.kind !== "number" || field.count !== 1)
    throw new AnyctxError("UNSUPPORTED", `raw tracepoint ${format.name}: its format has no number "${name}"`);
  // The kernel passes an argument of 32 bits zero-extended, also a negative one.
  const load: ArgumentReader = (source, payload) => loadBigInt(source, payload + field.offset, field.size);
  if ("flag" in argument) return (source, payload) => ((load(source, payload) & argument.bits) === 0n ? 0n : 1n);
  const mask = ~(argument.without ?? 0n);
  return (source, payload) => load(source, payload) & mask;
}
