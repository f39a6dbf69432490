/**
 * A tracepoint's entry as the kernel records it, in binary: the struct that its format describes, from `common_type` on. It
 * is the payload of a record as it lies there; its common fields say the context.
 */
import type { BatchWriter } from "../batch.ts";
import { RECORD, RECORD_FLAGS } from "../record.ts";
import { COMMON_FLAGS } from "./flags.ts";

/** What is known of an entry besides its bytes. */
export interface EntryPlace {
  /** Nanoseconds, as two halves. */
  readonly timeLow: number;
  readonly timeHigh: number;
  readonly cpu: number;
  /** Thread group, where that is known; otherwise the thread is its own. */
  readonly tgid?: number | undefined;
  /** The task's name, at most 15 bytes. */
  readonly comm: Uint8Array;
  /** Index in the table of events. */
  readonly event: number;
}

/** Bytes that every entry begins with. */
export const COMMON_BYTES = 8;
/** The longest entry that a record is made of: larger ones do not fit a page of the kernel's buffer. */
export const MAX_ENTRY_BYTES = 65536;
export const ENTRY_RECORD_BYTES: number = RECORD.payload + MAX_ENTRY_BYTES + 8;

const COMM_BYTES = 16;

/** Appends a record of an entry: `length` bytes of `source`, at least `COMMON_BYTES`, from its common fields on. */
export function writeEntry(
  batch: BatchWriter,
  source: DataView,
  from: number,
  length: number,
  place: EntryPlace,
): void {
  const { position: at, target } = batch;
  const { view, bytes, words } = target;
  const size = (RECORD.payload + length + 7) & ~7;
  const payload = at + RECORD.payload;
  // Entries are short: a loop over words is faster than a view of them.
  const whole = length & ~3;
  for (let done = 0; done < whole; done += 4) words[(payload + done) >> 2] = source.getInt32(from + done, true);
  for (let done = whole; done < length; done++) bytes[payload + done] = source.getUint8(from + done);
  const common = view.getUint8(payload + 2);
  const count = view.getUint8(payload + 3);
  const pid = view.getInt32(payload + 4, true);
  view.setUint32(at + RECORD.time, place.timeLow, true);
  view.setUint32(at + RECORD.time + 4, place.timeHigh, true);
  view.setUint32(at + RECORD.pidTgid, pid, true);
  view.setUint32(at + RECORD.pidTgid + 4, place.tgid ?? pid, true);
  const { comm } = place;
  for (let index = 0; index < comm.length && index < COMM_BYTES - 1; index++)
    bytes[at + RECORD.comm + index] = comm[index] as number;
  view.setUint32(at + RECORD.size, size, true);
  view.setUint16(at + RECORD.cpu, place.cpu, true);
  view.setUint8(at + RECORD.level, levelOf(common));
  view.setUint8(at + RECORD.flags, recordFlags(common));
  view.setUint16(at + RECORD.event, place.event, true);
  view.setUint8(at + RECORD.preempt, count & 0xf);
  view.setInt32(at + RECORD.pid, pid, true);
  batch.keep(size);
}

/** The level of a tracepoint's `common_flags`. */
export function levelOf(common: number): number {
  if ((common & COMMON_FLAGS.nmi) !== 0) return 3;
  if ((common & COMMON_FLAGS.hardirq) !== 0) return 2;
  return (common & COMMON_FLAGS.softirq) !== 0 ? 1 : 0;
}

/** RECORD_FLAGS for a tracepoint's `common_flags`. */
export function recordFlags(common: number): number {
  return (
    ((common & COMMON_FLAGS.irqsOff) !== 0 ? RECORD_FLAGS.irqsOff : 0) |
    ((common & COMMON_FLAGS.bhOff) !== 0 ? RECORD_FLAGS.bhDisabled : 0) |
    ((common & (COMMON_FLAGS.needResched | COMMON_FLAGS.needReschedLazy)) !== 0 ? RECORD_FLAGS.needResched : 0)
  );
}
