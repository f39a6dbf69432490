/** From a line of ftrace's text to a record. */
import type { BatchWriter } from "../batch.ts";
import type { SourceEvent } from "../event.ts";
import { RECORD, RECORD_FLAGS } from "../record.ts";
import { ByteCache } from "./byte-cache.ts";
import { bytesOf, endOfLine, matches, NEWLINE, textOf } from "./bytes.ts";
import { type LineSkip, TraceCounts } from "./counts.ts";
import { COMMON_FLAGS } from "./flags.ts";
import type { FormatTable, FtraceFormat } from "./format.ts";
import { createHeadReader, FORMS, type Head, type HeadReader, layoutOfHeader, readHeaderLine } from "./head.ts";
import { createMatcher, type Matcher } from "./matcher.ts";
import type { SymbolTable } from "./symbols.ts";

export interface LineReader {
  readonly counts: TraceCounts;
  readonly events: readonly SourceEvent[];
  /** The most bytes a record can take, for a line of at most `MAX_LINE_BYTES`. */
  readonly recordBytes: number;
  /**
   * Reads whole lines from `from` on, until `to` or until the batch is full; `text[to - 1]` is a newline.
   * @returns where it stopped
   */
  readLines(text: Uint8Array, from: number, to: number, batch: BatchWriter): number;
}

export const MAX_LINE_BYTES = 16384;
const ALL_CPUS = 65536;
const HASH = 35;
const TWO_32 = 4294967296;
const LOST = /^CPU:\s*\d+ \[LOST (?:(\d+) )?EVENTS\]\s*$/;
const ANNOTATION = /^\s*(?:=>.*)?$|: <(?:user )?stack trace>\s*$/;
/** What the kernel prints for a CPU's idle task; its real name is `swapper/` and the CPU's number. */
const IDLE = bytesOf("<idle>");
const SWAPPER = bytesOf("swapper/");

const ENTER = "sys_enter_";
/** How names of events are written, in the order of FORMS. */
const PREFIXES = [
  ["", ""],
  [ENTER, "sys_"],
  ["sys_exit_", "sys_"],
] as const;

/** What is needed to read a line. */
interface Reading {
  readonly head: HeadReader;
  readonly formats: FormatTable;
  /** By event, as `formats`. */
  readonly matchers: readonly Matcher[];
  /** Index of an event by its name; of a system call's by the call's, in the order of FORMS. */
  readonly names: readonly ByteCache[];
  /** As `matchers`, of calls as they are entered: `)` ends their fields. */
  readonly calls: ReadonlyMap<number, Matcher>;
  /** Names of the flags that the file's header has told so far. */
  readonly headerNames: string[];
  readonly counts: TraceCounts;
  readonly cpus: number;
  readonly recordBytes: number;
}

export function createLineReader(formats: FormatTable, symbols: SymbolTable, cpus: number = ALL_CPUS): LineReader {
  const matchers = formats.map((format) => createMatcher(format, symbols));
  const counts = new TraceCounts();
  const recordBytes = RECORD.payload + Math.max(0, ...formats.map((format) => format.size)) + MAX_LINE_BYTES + 8;
  const names = PREFIXES.map((prefix) => indexByName(formats, prefix));
  const entered = [...formats.entries()].filter(([, { name }]) => name.startsWith(ENTER));
  const calls = new Map(entered.map(([index, format]) => [index, createMatcher(format, symbols, ")")]));
  const reading = {
    head: createHeadReader(),
    formats,
    matchers,
    names,
    calls,
    headerNames: [],
    counts,
    cpus,
    recordBytes,
  };
  return {
    counts,
    recordBytes,
    events: formats.map((format, index) => ({
      ...{ index, name: format.name, category: format.category, format },
      missing: matchers[index]?.unprinted ?? [],
    })),
    readLines: (text, from, to, batch) => readLines(reading, text, from, to, batch),
  };
}

/** By names that begin with `prefix`: what stands for it in the text, and the rest. */
function indexByName(formats: FormatTable, [prefix, written]: readonly [string, string]): ByteCache {
  const names = new ByteCache();
  for (const [index, { name }] of formats.entries()) {
    if (!name.startsWith(prefix)) continue;
    const bytes = bytesOf(written + name.slice(prefix.length));
    if (names.find(bytes, 0, bytes.length) < 0) names.add(bytes, 0, bytes.length, BigInt(index));
  }
  return names;
}

function readLines(reading: Reading, text: Uint8Array, from: number, to: number, batch: BatchWriter): number {
  let position = from;
  while (position < to && batch.hasRoom()) {
    const next = text.indexOf(NEWLINE, position) + 1;
    if (text[position] === HASH) readComment(reading, text, position, next);
    else {
      const reason = readLine(reading, text, position, batch);
      if (reason !== undefined) skipLine(reading, reason, text, position);
    }
    position = next;
  }
  return position;
}

/** The header, before the first event, tells how the columns of flags are laid out. */
function readComment({ counts, head, headerNames }: Reading, text: Uint8Array, from: number, to: number): void {
  counts.lines++;
  counts.comments++;
  if (counts.read > 0) return;
  readHeaderLine(textOf(text, from, to), headerNames);
  const layout = layoutOfHeader(headerNames);
  if (layout !== undefined) head.useLayout(layout);
}

/** Reads one line into the batch, or tells why not. */
function readLine(reading: Reading, text: Uint8Array, from: number, batch: BatchWriter): LineSkip | undefined {
  const { head, names, counts } = reading;
  if (!head.read(text, from)) return "head";
  const { nameFrom, nameTo, cpu, fields, form } = head.head;
  const known = names[form] as ByteCache;
  const found = known.find(text, nameFrom, nameTo);
  if (found < 0) return "event";
  if (cpu >= reading.cpus) return "cpu";
  const event = known.low(found);
  const { target, position } = batch;
  target.start = position + RECORD.payload;
  target.limit = position + reading.recordBytes;
  const matcher = form === FORMS.enter ? reading.calls.get(event) : reading.matchers[event];
  if (!(matcher as Matcher).match(text, fields, target)) return "fields";
  const size = (target.end - position + 7) & ~7;
  writeHead(target.view, position, head.head, reading.formats[event] as FtraceFormat, event, size);
  writeComm(target.bytes, position + RECORD.comm, text, head.head);
  batch.keep(size);
  counts.lines++;
  counts.read++;
  return undefined;
}

function skipLine({ counts, head }: Reading, reason: LineSkip, text: Uint8Array, from: number): void {
  if (reason === "head") skipHeadless(counts, textOf(text, from, endOfLine(text, from)));
  else if (reason === "event") counts.skip(reason, textOf(text, head.head.nameFrom, head.head.nameTo));
  else counts.skip(reason);
}

/** A line without a head is not always one that should have one. */
function skipHeadless(counts: TraceCounts, line: string): void {
  const lost = LOST.exec(line);
  if (lost === null) {
    counts.skip(ANNOTATION.test(line) ? "annotation" : "head");
    return;
  }
  counts.lost += Number(lost[1] ?? 1);
  counts.skip("lost");
}

/** Writes everything before the payload but the name, and the payload's common fields. */
function writeHead(view: DataView, at: number, head: Head, format: FtraceFormat, event: number, size: number): void {
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
