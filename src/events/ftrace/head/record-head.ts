/** What a record has before its event's own fields: worked out once for all lines of a task on a CPU in a second. */
import type { Target } from "../../batch.ts";
import { RECORD } from "../../record.ts";
import { recordFlags } from "../../tracepoints/entry.ts";
import { bytesOf, matches } from "../bytes.ts";

const COMMON_BYTES = 8;
/** The record's header and the common fields of the payload. */
export const HEAD_BYTES: number = RECORD.payload + COMMON_BYTES;
const HEAD_WORDS = HEAD_BYTES >> 2;
const TIME = RECORD.time >> 2;
const SIZE = RECORD.size >> 2;
const EVENT = RECORD.event >> 2;
const UNREAD = RECORD.unread >> 2;
const COMMON = RECORD.payload >> 2;
const TWO_32 = 4294967296;
/** What the kernel and perf print for a CPU's idle task; its real name is `swapper/` and the CPU's number. */
const IDLE = ["<idle>", "swapper"].map(bytesOf);
const SWAPPER = bytesOf("swapper/");
const MAX_COMM = 15;

/** What a line says in front of its event. */
export interface Origin {
  /** The task's name is at `commFrom..commTo`. */
  commFrom: number;
  commTo: number;
  pid: number;
  /** 0 where the trace has none. */
  tgid: number;
  cpu: number;
  level: number;
  /** Bits of the tracepoint's `common_flags`. */
  common: number;
  preempt: number;
  migrate: number;
  seconds: number;
}

/** Records' heads one behind the other: all that a line's head says but the nanoseconds. */
export interface RecordHeads {
  readonly view: DataView;
  readonly words: Int32Array;
}

export function recordHeads(rows: number): RecordHeads {
  const buffer = new ArrayBuffer(rows * HEAD_BYTES);
  return { view: new DataView(buffer), words: new Int32Array(buffer) };
}

/** Makes a row of what a line's head says. */
export function fillHead({ view, words }: RecordHeads, row: number, head: Origin, text: Uint8Array): void {
  const at = row * HEAD_BYTES;
  const { pid } = head;
  words.fill(0, row * HEAD_WORDS, (row + 1) * HEAD_WORDS);
  // seconds * 1e9 can be more than a double holds exactly: the seconds' lower half first, then what it carries.
  const middle = Math.floor(head.seconds / 65536) * 1e9;
  const sum = (middle % 65536) * 65536 + (head.seconds & 0xffff) * 1e9;
  view.setUint32(at + RECORD.time, sum >>> 0, true);
  view.setUint32(at + RECORD.time + 4, Math.floor(middle / 65536) + Math.floor(sum / TWO_32), true);
  view.setUint32(at + RECORD.pidTgid, pid, true);
  view.setUint32(at + RECORD.pidTgid + 4, head.tgid === 0 ? pid : head.tgid, true);
  writeComm(view, at + RECORD.comm, head, text);
  view.setUint16(at + RECORD.cpu, head.cpu, true);
  view.setUint8(at + RECORD.level, head.level);
  view.setUint8(at + RECORD.flags, recordFlags(head.common));
  view.setUint8(at + RECORD.preempt, head.preempt);
  view.setInt32(at + RECORD.pid, pid, true);
  view.setUint8(at + RECORD.payload + 2, head.common);
  view.setUint8(at + RECORD.payload + 3, head.preempt | (head.migrate << 4));
  view.setInt32(at + RECORD.payload + 4, pid, true);
}

/** Writes the task's name. */
function writeComm(view: DataView, at: number, { commFrom, commTo, pid, cpu }: Origin, text: Uint8Array): void {
  const printed = commTo - commFrom;
  const isIdle = pid === 0 && IDLE.some((name) => name.length === printed && matches(text, commFrom, name));
  const name = isIdle ? Uint8Array.of(...SWAPPER, ...bytesOf(String(cpu))) : text;
  const from = isIdle ? 0 : commFrom;
  const length = Math.min(MAX_COMM, isIdle ? name.length : commTo - commFrom);
  for (let index = 0; index < length; index++) view.setUint8(at + index, name[from + index] as number);
}

/** What of a record no row has. */
export interface RecordRest {
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
export function writeHead({ words }: Target, at: number, heads: RecordHeads, row: number, rest: RecordRest): void {
  const to = at >> 2;
  const from = row * HEAD_WORDS;
  const head = heads.words;
  for (let index = 0; index < HEAD_WORDS; index++) words[to + index] = head[from + index] as number;
  const low = ((head[from + TIME] as number) >>> 0) + rest.nanoseconds;
  words[to + TIME] = low;
  if (low >= TWO_32) words[to + TIME + 1] = (head[from + TIME + 1] as number) + Math.floor(low / TWO_32);
  words[to + SIZE] = rest.size;
  words[to + EVENT] = (head[from + EVENT] as number) | rest.event;
  words[to + UNREAD] = rest.unreadLow;
  words[to + UNREAD + 1] = rest.unreadHigh;
  words[to + COMMON] = (head[from + COMMON] as number) | (rest.id & 0xffff);
}

/** The CPU of a row. */
export function cpuOf({ view }: RecordHeads, row: number): number {
  return view.getUint16(row * HEAD_BYTES + RECORD.cpu, true);
}
