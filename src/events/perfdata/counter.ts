/**
 * Samples of clocks and counters as events: the payload is what a program gets, `struct bpf_perf_event_data` of x86-64
 * (`include/uapi/linux/bpf_perf_event.h`). Of the registers perf samples the instruction's address only.
 */
import type { BatchWriter } from "../batch.ts";
import { type EventField, fieldBit, type SourceEvent } from "../event.ts";
import { LEVELS, RECORD, RECORD_FLAGS } from "../record.ts";
import { type Attribute, nameOf, TYPES, unsampledBy } from "./attribute.ts";
import type { Sample } from "./sample.ts";

const WORD = 8;
/** `struct pt_regs`, then what was sampled. */
const MEMBERS: readonly string[] = [
  ...["r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di"],
  ...["orig_ax", "ip", "cs", "flags", "sp", "ss", "sample_period", "addr"],
];
const FIELDS = MEMBERS.map(
  (name, index): EventField => ({
    ...{ name, type: "u64", kind: "number", offset: index * WORD, size: WORD, count: 1, signed: false },
  }),
);
/** What a sample can have. */
const SAMPLED = { ip: "ipAt", sample_period: "periodAt", addr: "addressAt" } as const satisfies Record<
  string,
  keyof Sample
>;
const BYTES = FIELDS.length * WORD;
const CATEGORY = "perf";

const field = (name: string): EventField => FIELDS.find((each) => each.name === name) as EventField;
const PLACES = Object.entries(SAMPLED).map(([name, member]) => {
  const { offset } = field(name);
  return { member, offset, bit: 1 << fieldBit(FIELDS, field(name)) };
});
const UNSAMPLED = FIELDS.filter(({ name }) => !(name in SAMPLED));
/** Bits of the fields that no sample has. */
const NEVER = UNSAMPLED.reduce((mask, each) => mask | (1 << fieldBit(FIELDS, each)), 0);

export function counterEvent(attribute: Attribute, index: number): SourceEvent {
  const name = nameOf(attribute);
  return {
    ...{
      index,
      name,
      category: CATEGORY,
      unprinted: [...UNSAMPLED.map((each) => each.name), ...unsampledBy([attribute])],
      unreadable: [],
    },
    format: { category: CATEGORY, name, id: 0, fields: FIELDS, size: BYTES },
  };
}

/** The context that its samples are taken in: counters of the processor raise an NMI, clocks are timers, others count in a task. */
export function contextOf(attribute: Attribute): Pick<CounterPlace, "level" | "flags"> {
  if (attribute.type !== TYPES.software) return { level: LEVELS.indexOf("nmi"), flags: RECORD_FLAGS.irqsOff };
  if (!nameOf(attribute).endsWith("-clock")) return { level: LEVELS.indexOf("task"), flags: 0 };
  return { level: LEVELS.indexOf("hardirq"), flags: RECORD_FLAGS.irqsOff };
}

export interface CounterPlace {
  /** Index in the table of events. */
  readonly event: number;
  readonly level: number;
  /** RECORD_FLAGS. */
  readonly flags: number;
  readonly comm: Uint8Array;
}

/** Appends a record of a sample. @returns bits of the fields that it does not have although others do */
export function writeCounter(
  batch: BatchWriter,
  source: DataView,
  sample: Sample,
  { event, level, flags, comm }: CounterPlace,
): number {
  const { position: at, target } = batch;
  const { view, bytes } = target;
  const size = RECORD.payload + BYTES;
  let unread = 0;
  for (const { member, offset, bit } of PLACES) {
    const from = sample[member];
    if (from === 0) unread |= bit;
    else view.setBigUint64(at + RECORD.payload + offset, source.getBigUint64(from, true), true);
  }
  view.setUint32(at + RECORD.time, sample.timeLow, true);
  view.setUint32(at + RECORD.time + 4, sample.timeHigh, true);
  view.setUint32(at + RECORD.pidTgid, sample.tid, true);
  view.setUint32(at + RECORD.pidTgid + 4, sample.pid, true);
  bytes.set(comm.subarray(0, 15), at + RECORD.comm);
  view.setUint32(at + RECORD.size, size, true);
  view.setUint16(at + RECORD.cpu, sample.cpu, true);
  view.setUint8(at + RECORD.level, level);
  view.setUint8(at + RECORD.flags, flags);
  view.setUint16(at + RECORD.event, event, true);
  view.setInt32(at + RECORD.pid, sample.tid, true);
  view.setUint32(at + RECORD.unread, (NEVER | unread) >>> 0, true);
  batch.keep(size);
  return unread;
}
