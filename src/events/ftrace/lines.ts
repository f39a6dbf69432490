/** From a line of ftrace's text to a record. */

import type { BatchWriter } from "../batch.ts";
import { COMMON_FLAGS } from "../context.ts";
import { RECORD, RECORD_FLAGS } from "../record.ts";
import type { SymbolTable } from "../symbols.ts";
import { ByteCache } from "./byte-cache.ts";
import { bytesOf, endOfLine, matches, NEWLINE, textOf } from "./bytes.ts";
import type { EventFormat, FormatTable } from "./format.ts";
import { createHeadReader, type Head, layoutOfHeader, readHeaderLine } from "./head.ts";
import { createMatcher, type Matcher } from "./matcher.ts";

/** Why a line gave no record. */
export const SKIP_REASONS = {
  annotation: "an annotation: a stack trace, a blank line",
  lost: "the kernel says that it lost events here",
  head: "no event line: task, CPU, time or name is missing",
  event: "an event whose format is not known",
  cpu: "a CPU number beyond the given number of CPUs",
  fields: "the fields do not match the event's format",
  long: "longer than a line of a trace can be",
  cut: "the file ends in the middle of the line",
} as const;
export type SkipReason = keyof typeof SKIP_REASONS;

export interface TraceCounts {
  /** Always `comments + read + ` all of `skipped`. */
  lines: number;
  comments: number;
  /** Lines that became records. */
  read: number;
  readonly skipped: Map<SkipReason, number>;
  /** The number (from 1) of the first line skipped for each reason. */
  readonly firstSkipped: Map<SkipReason, number>;
  /** Events that the kernel says it lost; where it does not say how many, one for each place. */
  lost: number;
  /** Lines of events without a format, by name, for the first MAX_UNKNOWN names. */
  readonly unknown: Map<string, number>;
}

/** An event of the table: records name it by its index. */
export interface TraceEvent {
  readonly index: number;
  readonly name: string;
  readonly category: string;
  readonly format: EventFormat;
  /** Fields that the text does not hold: they are 0 in every record. */
  readonly unprinted: readonly string[];
}

export interface LineReader {
  readonly counts: TraceCounts;
  readonly events: readonly TraceEvent[];
  /** The most bytes a record can take, for a line of at most `MAX_LINE_BYTES`. */
  readonly recordBytes: number;
  /**
   * Reads whole lines from `from` on, until `to` or until the batch is full; `text[to - 1]` is a newline.
   * @returns where it stopped
   */
  readLines(text: Uint8Array, from: number, to: number, batch: BatchWriter): number;
  /** Counts a line that is not read. */
  skip(reason: SkipReason): void;
}

export const MAX_LINE_BYTES = 16384;
const MAX_UNKNOWN = 256;
const HASH = 35;
const TWO_32 = 4294967296;
const LOST = /^CPU:\s*\d+ \[LOST (?:(\d+) )?EVENTS\]\s*$/;
const ANNOTATION = /^\s*(?:=>.*)?$|: <(?:user )?stack trace>\s*$/;
/** What the kernel prints for a CPU's idle task; its real name is `swapper/` and the CPU's number. */
const IDLE = bytesOf("<idle>");
const SWAPPER = bytesOf("swapper/");

export function createLineReader(formats: FormatTable, symbols: SymbolTable, cpus = 65536): LineReader {
  const head = createHeadReader();
  const matchers: Matcher[] = formats.map((format) => createMatcher(format, symbols));
  const names = new ByteCache();
  for (const [index, { name }] of formats.entries()) {
    const bytes = bytesOf(name);
    if (names.find(bytes, 0, bytes.length) < 0) names.add(bytes, 0, bytes.length, BigInt(index));
  }
  const headerNames: string[] = [];
  const counts: TraceCounts = {
    ...{ lines: 0, comments: 0, read: 0, lost: 0 },
    skipped: new Map(),
    firstSkipped: new Map(),
    unknown: new Map(),
  };
  const recordBytes = RECORD.payload + Math.max(0, ...formats.map((format) => format.size)) + MAX_LINE_BYTES + 8;

  const skip = (reason: SkipReason): void => {
    counts.lines++;
    counts.skipped.set(reason, (counts.skipped.get(reason) ?? 0) + 1);
    if (!counts.firstSkipped.has(reason)) counts.firstSkipped.set(reason, counts.lines);
  };

  const readComment = (text: Uint8Array, from: number, to: number): void => {
    counts.lines++;
    counts.comments++;
    if (counts.read > 0) return;
    readHeaderLine(textOf(text, from, to), headerNames);
    const layout = layoutOfHeader(headerNames);
    if (layout !== undefined) head.useLayout(layout);
  };

  /** The reason why a line without a head is skipped. */
  const headless = (line: string): SkipReason => {
    const lost = LOST.exec(line);
    if (lost === null) return ANNOTATION.test(line) ? "annotation" : "head";
    counts.lost += Number(lost[1] ?? 1);
    return "lost";
  };

  const noteUnknown = (name: string): void => {
    const before = counts.unknown.get(name);
    if (before !== undefined || counts.unknown.size < MAX_UNKNOWN) counts.unknown.set(name, (before ?? 0) + 1);
  };

  /** Reads one line into the batch, or tells why not. */
  const readLine = (text: Uint8Array, from: number, batch: BatchWriter): SkipReason | undefined => {
    if (!head.read(text, from)) return headless(textOf(text, from, endOfLine(text, from)));
    const { nameFrom, nameTo, cpu, fields } = head.head;
    const found = names.find(text, nameFrom, nameTo);
    if (found < 0) {
      noteUnknown(textOf(text, nameFrom, nameTo));
      return "event";
    }
    if (cpu >= cpus) return "cpu";
    const event = names.low(found);
    const { target, position } = batch;
    target.start = position + RECORD.payload;
    target.limit = position + recordBytes;
    if (!(matchers[event] as Matcher).match(text, fields, target)) return "fields";
    const size = (target.end - position + 7) & ~7;
    writeHead(target.view, position, head.head, formats[event] as EventFormat, event, size);
    writeComm(target.bytes, position + RECORD.comm, text, head.head);
    batch.keep(size);
    counts.lines++;
    counts.read++;
    return undefined;
  };

  return {
    counts,
    recordBytes,
    events: formats.map((format, index) => ({
      ...{ index, name: format.name, category: format.category, format },
      unprinted: matchers[index]?.unprinted ?? [],
    })),
    skip,
    readLines(text, from, to, batch) {
      let position = from;
      while (position < to && batch.hasRoom()) {
        const next = text.indexOf(NEWLINE, position) + 1;
        if (text[position] === HASH) readComment(text, position, next);
        else {
          const reason = readLine(text, position, batch);
          if (reason !== undefined) skip(reason);
        }
        position = next;
      }
      return position;
    },
  };
}

/** Writes everything before the payload but the name, and the payload's common fields. */
function writeHead(view: DataView, at: number, head: Head, format: EventFormat, event: number, size: number): void {
  // seconds * 1e9 can be more than a double holds exactly: the seconds' lower half first, then what it carries.
  const low = (head.seconds & 0xffff) * 1e9 + head.nanoseconds;
  const middle = (head.seconds >>> 16) * 1e9;
  const sum = (middle % 65536) * 65536 + low;
  view.setUint32(at + RECORD.time, sum >>> 0, true);
  view.setUint32(at + RECORD.time + 4, Math.floor(middle / 65536) + Math.floor(sum / TWO_32), true);
  view.setUint32(at + RECORD.pidTgid, head.pid, true);
  view.setUint32(at + RECORD.pidTgid + 4, head.tgid === 0 ? head.pid : head.tgid, true);
  view.setUint32(at + RECORD.size, size, true);
  view.setUint16(at + RECORD.cpu, head.cpu, true);
  view.setUint8(at + RECORD.level, head.level);
  view.setUint8(at + RECORD.flags, recordFlags(head.common));
  view.setUint16(at + RECORD.event, event, true);
  view.setUint8(at + RECORD.preempt, head.preempt);
  view.setInt32(at + RECORD.pid, head.pid, true);
  const payload = at + RECORD.payload;
  view.setUint16(payload, format.id, true);
  view.setUint8(payload + 2, head.common);
  view.setUint8(payload + 3, head.preempt | (head.migrate << 4));
  view.setInt32(payload + 4, head.pid, true);
}

function recordFlags(common: number): number {
  return (
    ((common & COMMON_FLAGS.irqsOff) !== 0 ? RECORD_FLAGS.irqsOff : 0) |
    ((common & COMMON_FLAGS.bhOff) !== 0 ? RECORD_FLAGS.bhDisabled : 0) |
    ((common & (COMMON_FLAGS.needResched | COMMON_FLAGS.needReschedLazy)) !== 0 ? RECORD_FLAGS.needResched : 0)
  );
}

/** Writes the task's name; what was in the 16 bytes is zero. */
function writeComm(bytes: Uint8Array, at: number, text: Uint8Array, head: Head): void {
  const { commFrom, commTo } = head;
  if (head.pid === 0 && commTo - commFrom === IDLE.length && matches(text, commFrom, IDLE)) {
    bytes.set(SWAPPER, at);
    bytes.set(bytesOf(String(head.cpu)).subarray(0, 15 - SWAPPER.length), at + SWAPPER.length);
    return;
  }
  const length = Math.min(15, commTo - commFrom);
  for (let index = 0; index < length; index++) bytes[at + index] = text[commFrom + index] as number;
}
