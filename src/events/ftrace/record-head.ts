/** What a record has before its event's own fields: worked out once for all lines of a task on a CPU in a second. */
import type { Target } from "../batch.ts";
import { RECORD } from "../record.ts";
import { recordFlags } from "../tracepoints/entry.ts";
import { bytesOf, matches } from "./bytes.ts";
import type { Head } from "./head.ts";

/** The record's header and the common fields of the payload, as words; its time is that of the second. */
export type HeadWords = Int32Array;

const COMMON_BYTES = 8;
const HEAD_BYTES = RECORD.payload + COMMON_BYTES;
const [TIME, SIZE, EVENT, UNREAD, COMMON] = [
  RECORD.time >> 2,
  RECORD.size >> 2,
  RECORD.event >> 2,
  RECORD.unread >> 2,
  RECORD.payload >> 2,
] as const;
const TWO_32 = 4294967296;
/** What the kernel prints for a CPU's idle task; its real name is `swapper/` and the CPU's number. */
const IDLE = bytesOf("<idle>");
const SWAPPER = bytesOf("swapper/");
const MAX_COMM = 15;

export function headWords(head: Head, text: Uint8Array): HeadWords {
  const view = new DataView(new ArrayBuffer(HEAD_BYTES));
  const { pid } = head;
  // seconds * 1e9 can be more than a double holds exactly: the seconds' lower half first, then what it carries.
  const middle = (head.seconds >>> 16) * 1e9;
  const sum = (middle % 65536) * 65536 + (head.seconds & 0xffff) * 1e9;
  view.setUint32(RECORD.time, sum >>> 0, true);
  view.setUint32(RECORD.time + 4, Math.floor(middle / 65536) + Math.floor(sum / TWO_32), true);
  view.setUint32(RECORD.pidTgid, pid, true);
  view.setUint32(RECORD.pidTgid + 4, head.tgid === 0 ? pid : head.tgid, true);
  new Uint8Array(view.buffer).set(nameOf(head, text), RECORD.comm);
  view.setUint16(RECORD.cpu, head.cpu, true);
  view.setUint8(RECORD.level, head.level);
  view.setUint8(RECORD.flags, recordFlags(head.common));
  view.setUint8(RECORD.preempt, head.preempt);
  view.setInt32(RECORD.pid, pid, true);
  view.setUint8(RECORD.payload + 2, head.common);
  view.setUint8(RECORD.payload + 3, head.preempt | (head.migrate << 4));
  view.setInt32(RECORD.payload + 4, pid, true);
  return new Int32Array(view.buffer);
}

function nameOf({ commFrom, commTo, pid, cpu }: Head, text: Uint8Array): Uint8Array {
  if (pid === 0 && commTo - commFrom === IDLE.length && matches(text, commFrom, IDLE))
    return Uint8Array.of(...SWAPPER, ...bytesOf(String(cpu))).subarray(0, MAX_COMM);
  return text.subarray(commFrom, Math.min(commTo, commFrom + MAX_COMM));
}

/** What of a record its head's words do not have. */
export interface RecordHead {
  readonly nanoseconds: number;
  /** Index in the table of events, and the number that its format has. */
  readonly event: number;
  readonly id: number;
  /** Bytes of the record. */
  readonly size: number;
  readonly unreadLow: number;
  readonly unreadHigh: number;
}

/** Writes everything of the record at `at` but the event's own fields. */
export function writeHead({ words }: Target, at: number, head: HeadWords, more: RecordHead): void {
  const to = at >> 2;
  for (let index = 0; index < head.length; index++) words[to + index] = head[index] as number;
  const low = ((head[TIME] as number) >>> 0) + more.nanoseconds;
  words[to + TIME] = low;
  if (low >= TWO_32) words[to + TIME + 1] = (head[TIME + 1] as number) + 1;
  words[to + SIZE] = more.size;
  words[to + EVENT] = (head[EVENT] as number) | more.event;
  words[to + UNREAD] = more.unreadLow;
  words[to + UNREAD + 1] = more.unreadHigh;
  words[to + COMMON] = (head[COMMON] as number) | (more.id & 0xffff);
}
