/**
 * What stands before an event's name: `    bash-1033    [001] d.s3.  4782.088046: softirq_entry: vec=9 ...`.
 *
 * A task's name may hold anything, blanks, `-12 [003]` and all. The kernel right-aligns it in 16 columns, so the `-` is
 * looked for there first; in text that was trimmed, from the right among the places where a name of 15 bytes can end.
 */

import { FLAG_COLUMNS, type FlagMeaning } from "../../tracepoints/flags.ts";
import { bytesOf, isDigit, skipBlanks } from "../bytes.ts";
import { type EventPlace, FORMS, type Printer, readName } from "./event-name.ts";
import { KnownHeads, UNKEPT } from "./known-heads.ts";
import { cpuOf, fillHead, type Origin, type RecordHeads } from "./record-head.ts";

/** Positions of the flags in their column, -1 for those that are not there. */
export interface FlagLayout {
  readonly irqs: number;
  readonly resched: number;
  readonly lazy: number;
  readonly level: number;
  readonly preempt: number;
  readonly migrate: number;
  readonly width: number;
}

/** The layouts by width, where the file's header does not tell. */
const LAYOUTS: readonly FlagLayout[] = [
  { irqs: 0, resched: 1, lazy: -1, level: 2, preempt: 3, migrate: -1, width: 4 },
  { irqs: 0, resched: 1, lazy: -1, level: 2, preempt: 3, migrate: 4, width: 5 },
  { irqs: 0, resched: 1, lazy: 2, level: 3, preempt: 4, migrate: 5, width: 6 },
  { irqs: 0, resched: 1, lazy: 2, level: 3, preempt: 4, migrate: 6, width: 7 },
];

/** Names of the flags in the header's drawing, as the kernel writes them behind `=>`. */
const HEADER_NAMES: Readonly<Record<string, keyof FlagLayout>> = {
  "irqs-off": "irqs",
  "irqs-off/BH-disabled": "irqs",
  "need-resched": "resched",
  "need-resched-lazy": "lazy",
  "need-resched_lazy": "lazy",
  "hardirq/softirq": "level",
  "preempt-depth": "preempt",
  "migrate-disable": "migrate",
};

/** Adds what a comment line of the header tells about the flags column; lines that tell nothing change nothing. */
export function readHeaderLine(line: string, names: string[]): void {
  const name = /=>\s*([\w/-]+)/.exec(line)?.[1];
  if (name !== undefined && /^#[\s|]*\/?[\s|]*_*-*=>/.test(line)) names.push(name);
}

/** The layout that the names of the header make, or undefined where they make none. */
export function layoutOfHeader(names: readonly string[]): FlagLayout | undefined {
  const layout = { irqs: -1, resched: -1, lazy: -1, level: -1, preempt: -1, migrate: -1, width: names.length };
  for (const [position, name] of names.entries()) {
    const key = HEADER_NAMES[name];
    if (key !== undefined && key !== "width") layout[key] = position;
  }
  return layout.irqs >= 0 && layout.level >= 0 ? layout : undefined;
}

/**
 * What a line's head says. Reused for every line; all members are whole numbers. Of a head that has come before only the CPU is told, the
 * nanoseconds and what is behind them: its record has the rest.
 */
export interface Head extends Origin, EventPlace {
  /** The row of `HeadReader.records` that has what the record has of it. */
  row: number;
  nanoseconds: number;
}

export interface HeadReader {
  readonly head: Head;
  readonly records: RecordHeads;
  /** The layout to expect, once the header has told it. */
  useLayout(layout: FlagLayout): void;
  /** Takes lines for trace-cmd's. */
  useTool(): void;
  /** Reads the head of the line at `from` into `head`; false where there is none. */
  read(line: Uint8Array, from: number): boolean;
  /** Reads the event's name at `from` into `head`, the rest of which somebody else has read. */
  readName(line: Uint8Array, from: number): boolean;
  /** Reads a column of flags into `head`; false where it is none. */
  readFlagColumn(flags: string): boolean;
  /** Makes the record of what is in `head`, which somebody else has read. */
  fill(line: Uint8Array): void;
}

const BLANK = 32;
const COMM_WIDTH = 16;
const MOST_CPU = 65535;
const MAX_COMM = 15;
const [OPEN, CLOSE, MINUS, DOT, COLON, NEWLINE, BRACKET, BRACKET_END] = [40, 41, 45, 46, 58, 10, 91, 93];
const NANO_PLACES = 9;
/** Times have 64 bits with a sign. */
const MOST_SECONDS = 9_223_372_035;
const NANO_DIGITS = [0, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1];

/** A column's characters as a table by character code. */
function tableOf(meanings: Readonly<Record<string, FlagMeaning>>): readonly (FlagMeaning | undefined)[] {
  const table = new Array<FlagMeaning | undefined>(256).fill(undefined);
  for (const [character, meaning] of Object.entries(meanings)) table[character.charCodeAt(0)] = meaning;
  return table;
}

const IRQS = tableOf(FLAG_COLUMNS.irqs);
const RESCHED = tableOf(FLAG_COLUMNS.resched);
const LAZY = tableOf(FLAG_COLUMNS.lazy);
const LEVEL = tableOf(FLAG_COLUMNS.level);

/** A head and what is needed while it is read. */
interface State extends Head {
  /** The number last read by `number`. */
  value: number;
  preferred: FlagLayout | undefined;
  printer: Printer;
  /** Behind the point of the time; 0 where it has none. */
  fraction: number;
}

export function createHeadReader(): HeadReader {
  const heads = new KnownHeads();
  const { records } = heads;
  const state: State = {
    row: UNKEPT,
    commFrom: 0,
    commTo: 0,
    pid: 0,
    tgid: 0,
    cpu: 0,
    level: 0,
    common: 0,
    preempt: 0,
    migrate: 0,
    seconds: 0,
    nanoseconds: 0,
    nameFrom: 0,
    nameTo: 0,
    form: FORMS.named,
    fields: 0,
    value: 0,
    preferred: undefined,
    printer: undefined,
    fraction: 0,
  };
  return {
    head: state,
    records,
    useLayout(layout) {
      state.preferred = layout;
      state.printer = "kernel";
      heads.forget();
    },
    useTool() {
      state.printer = "tool";
    },
    readName: (line, from) => readName(state, line, from, "kernel"),
    readFlagColumn: (flags) => readFlags(state, bytesOf(`${flags}\n`), 0) >= 0,
    read(line, from) {
      const known = heads.find(line, from);
      if (known >= 0) {
        state.row = known;
        state.cpu = cpuOf(records, known);
        const position = readFraction(state, line, from + heads.lengthOf(known));
        if (position >= 0 && readName(state, line, position, state.printer)) return true;
      }
      if (!readNew(state, line, from)) return false;
      const isKept = state.fraction > 0 && state.cpu <= MOST_CPU;
      state.row = isKept ? heads.take(line, from, state.fraction) : UNKEPT;
      fillHead(records, state.row, state, line);
      return true;
    },
    fill(line) {
      state.row = UNKEPT;
      fillHead(records, UNKEPT, state, line);
    },
  };
}

/** Reads a head that has not come before. */
function readNew(state: State, line: Uint8Array, from: number): boolean {
  return readTask(state, line, from) || readBehindBuffer(state, line, skipBlanks(line, from));
}

/** A task's name in its column from `from` on, and all behind it. */
function readTask(state: State, line: Uint8Array, from: number): boolean {
  const first = skipBlanks(line, from);
  // A short line must not be read on into the next one.
  let last = first;
  while (last < first + MAX_COMM && line[last] !== NEWLINE) last++;
  state.commFrom = first;
  state.commTo = from + COMM_WIDTH;
  if (state.commTo >= first && state.commTo <= last && readFrom(state, line, state.commTo)) return true;
  for (state.commTo = last; state.commTo >= first; state.commTo--) if (readFrom(state, line, state.commTo)) return true;
  return false;
}

/** `buffer:           bash-33  [001] ...`: trace-cmd names the buffer, or of several files the one, that a line is from. */
function readBehindBuffer(state: State, line: Uint8Array, from: number): boolean {
  for (let colon = from; line[colon] !== NEWLINE && line[colon] !== undefined; colon++)
    if (line[colon] === COLON && line[colon + 1] === BLANK && readTask(state, line, colon + 2)) return true;
  return false;
}

/** Reads a whole number below 2^31 into `state.value`; the position behind it, or -1. */
function number(state: State, line: Uint8Array, from: number): number {
  let position = from;
  let result = 0;
  for (; isDigit(line[position]); position++) {
    result = result * 10 + (line[position] as number) - 48;
    if (result > 0x7fffffff) return -1;
  }
  state.value = result;
  return position === from ? -1 : position;
}

/** `(1033)` or `(-------)` where the trace was recorded with thread groups. */
function readTgid(state: State, line: Uint8Array, from: number): number {
  state.tgid = 0;
  if (line[from] !== OPEN) return from;
  let position = skipBlanks(line, from + 1);
  if (line[position] === MINUS) while (line[position] === MINUS) position++;
  else {
    position = number(state, line, position);
    state.tgid = state.value;
  }
  return line[position] === CLOSE ? skipBlanks(line, position + 1) : -1;
}

function readFlags(state: State, line: Uint8Array, from: number): number {
  let to = from;
  while (line[to] !== BLANK && line[to] !== NEWLINE) to++;
  const width = to - from;
  const layout = state.preferred?.width === width ? state.preferred : LAYOUTS.find((each) => each.width === width);
  if (layout === undefined) return -1;
  const irqs = meaningOf(IRQS, line, from, layout.irqs);
  const resched = meaningOf(RESCHED, line, from, layout.resched);
  const lazy = meaningOf(LAZY, line, from, layout.lazy);
  const level = meaningOf(LEVEL, line, from, layout.level);
  if (irqs === undefined || resched === undefined || lazy === undefined || level === undefined) return -1;
  state.common = irqs.common | resched.common | lazy.common | level.common;
  state.level = level.level;
  state.preempt = layout.preempt < 0 ? 0 : depth(line[from + layout.preempt]);
  state.migrate = layout.migrate < 0 ? 0 : depth(line[from + layout.migrate]);
  return state.preempt < 0 || state.migrate < 0 ? -1 : skipBlanks(line, to);
}

/**
 * `1459676000000`: clocks that count something else than seconds (x86-tsc, counter, uptime) have no point. What they count is not
 * said; taken for nanoseconds, order and distances are right.
 */
function readCount(state: State, line: Uint8Array, from: number): number {
  let position = from;
  while (isDigit(line[position])) position++;
  if (position === from || line[position] !== COLON || line[position + 1] !== BLANK) return -1;
  // Of a count of 64 bits a double would be too short.
  const point = Math.max(from, position - NANO_PLACES);
  state.seconds = digitsIn(line, from, point);
  state.nanoseconds = digitsIn(line, point, position);
  if (state.seconds > MOST_SECONDS) return -1;
  return skipBlanks(line, position + 2);
}

/** `4782.088046`, in whole seconds and a fraction of up to nine digits. */
function readTime(state: State, line: Uint8Array, from: number): number {
  state.fraction = 0;
  const counted = readCount(state, line, from);
  if (counted >= 0) return counted;
  const dot = number(state, line, from);
  if (dot < 0 || line[dot] !== DOT) return -1;
  state.seconds = state.value;
  state.fraction = dot + 1;
  return readFraction(state, line, dot + 1);
}

/** What is behind the point. */
function readFraction(state: State, line: Uint8Array, from: number): number {
  let position = from;
  let value = 0;
  for (let digit = digitAt(line, position); digit >= 0 && digit <= 9; digit = digitAt(line, ++position))
    value = value * 10 + digit;
  const scale = NANO_DIGITS[position - from] ?? 0;
  if (scale === 0 || line[position] !== COLON || line[position + 1] !== BLANK) return -1;
  state.nanoseconds = value * scale;
  return skipBlanks(line, position + 2);
}

function digitsIn(line: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let position = from; position < to; position++) value = value * 10 + (line[position] as number) - 48;
  return value;
}

const digitAt = (line: Uint8Array, position: number): number => (line[position] as number) - 48;

/** Everything from the `-` before the pid on. */
function readFrom(state: State, line: Uint8Array, minus: number): boolean {
  if (line[minus] !== MINUS || !isDigit(line[minus + 1])) return false;
  let position = number(state, line, minus + 1);
  if (position < 0) return false;
  state.pid = state.value;
  position = readTgid(state, line, skipBlanks(line, position));
  if (position < 0 || line[position] !== BRACKET) return false;
  position = number(state, line, position + 1);
  if (position < 0 || line[position] !== BRACKET_END) return false;
  state.cpu = state.value;
  position = skipBlanks(line, position + 1);
  state.common = 0;
  state.level = 0;
  state.preempt = 0;
  state.migrate = 0;
  if (!isDigit(line[position])) position = readFlags(state, line, position);
  if (position < 0) return false;
  position = readTime(state, line, position);
  return position >= 0 && readName(state, line, position, state.printer);
}

/** What the character in a column means; a column that is not there reads as a dot. */
function meaningOf(
  table: readonly (FlagMeaning | undefined)[],
  line: Uint8Array,
  from: number,
  column: number,
): FlagMeaning | undefined {
  return table[column < 0 ? DOT : (line[from + column] as number)];
}

/** A depth as one hexadecimal digit or `.`; -1 for anything else. */
function depth(byte: number | undefined): number {
  if (byte === DOT) return 0;
  if (isDigit(byte)) return (byte as number) - 48;
  return byte !== undefined && byte >= 97 && byte <= 102 ? byte - 87 : -1;
}
