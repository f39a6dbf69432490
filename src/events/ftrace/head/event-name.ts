/** The name that an event has in a line, in whatever form, and where its fields begin. */
import { bytesOf, endOfLine, isDigit, matches, skipBlanks, textOf } from "../bytes.ts";

/**
 * `name: fields`; and system calls, without their events' names: `sys_openat(dfd: 0x3, ...)` of sys_enter_openat and
 * `sys_openat -> 0x3` of sys_exit_openat; `vfs_read <-ksys_read` of a function; `# 41 buf: 01 02` of raw_data.
 */
export const FORMS = { named: 0, enter: 1, exit: 2, function: 3, raw: 4 } as const;

/** Where in a line an event stands. */
export interface EventPlace {
  /** Its name is at `nameFrom..nameTo`. */
  nameFrom: number;
  nameTo: number;
  /** How the event is written, a FORMS. */
  form: number;
  /** Where the fields begin. */
  fields: number;
}

const [BLANK, HASH, OPEN, CLOSE, PLUS, MINUS, COLON, LESS, BRACKET, NEWLINE] = [32, 35, 40, 41, 43, 45, 58, 60, 91, 10];
const CALL = bytesOf("sys_");
const RETURNS = bytesOf(" -> ");
const CALLED_BY = bytesOf(" <-");
const PLACE = /^(?:\+0x[0-9a-f]+\/0x[0-9a-f]+)?(?: \[\w+\])?(?: <[0-9a-f]+>)?(?=: )/;
const LONGEST_PLACE = 64;
/** By character code: whether names of events may have it. */
const IS_WORD = Uint8Array.from({ length: 256 }, (_, code) => (/\w/.test(String.fromCharCode(code)) ? 1 : 0));

/** Who printed a line: the kernel, or trace-cmd; undefined: it is not known. */
export type Printer = "kernel" | "tool" | undefined;

/** Behind names that are shorter trace-cmd fills a column. */
const NAME_COLUMNS = 20;

/**
 * How many of the blanks behind a name and its colon are no part of the fields: one, and where a tool may have filled a column those up to its
 * end.
 */
export function columnOf(blanks: number, nameLength: number, printer: Printer): number {
  const column = printer === "kernel" ? 1 : Math.max(1, NAME_COLUMNS - nameLength + 1);
  return Math.min(blanks, printer === "tool" || blanks >= column ? column : 1);
}

const blanksAt = (line: Uint8Array, from: number): number => skipBlanks(line, from) - from;

/** `(+10560)`: how long after the event before, as `trace-cmd report --ts-diff` prints it behind the time. */
function behindDifference(line: Uint8Array, from: number): number {
  if (line[from] !== OPEN || line[from + 1] !== PLUS) return from;
  let position = from + 2;
  while (isDigit(line[position])) position++;
  return line[position] === CLOSE ? skipBlanks(line, position + 1) : from;
}

/**
 * Reads the name of the event at `begin`, and where its fields begin, into `place`; false where there is none.
 * @param printer who printed the line, where that is known
 */
export function readName(place: EventPlace, line: Uint8Array, begin: number, printer: Printer): boolean {
  const from = behindDifference(line, begin);
  let position = from;
  while (IS_WORD[line[position] as number] === 1) position++;
  place.nameFrom = from;
  place.nameTo = position;
  if (position === from) return readRaw(place, line, from);
  position = behindPlace(line, position);
  // Behind perf's `sched:` stands the event's name.
  if (line[position] === COLON && IS_WORD[line[position + 1] as number] === 0) {
    place.form = FORMS.named;
    place.fields = position + 1 + columnOf(blanksAt(line, position + 1), position - from, printer);
    return true;
  }
  if (!matches(line, from, CALL)) return readFunction(place, line, from, position);
  const isExit = matches(line, position, RETURNS);
  if (!isExit && line[position] !== OPEN) return false;
  place.form = isExit ? FORMS.exit : FORMS.enter;
  place.fields = position + (isExit ? RETURNS.length : 1);
  return true;
}

/** `+0x91/0x170`, ` [module]`, ` <ffffffff814aa001>`: where in a function, with `options/sym-offset` and `sym-addr`, a marker was written. */
function behindPlace(line: Uint8Array, from: number): number {
  const isPlace = line[from + 1] === BRACKET || (line[from + 1] === LESS && line[from + 2] !== MINUS);
  if (line[from] !== PLUS && (line[from] !== BLANK || !isPlace)) return from;
  const place = PLACE.exec(textOf(line, from, Math.min(line.length, from + LONGEST_PLACE)))?.[0];
  return from + (place?.length ?? 0);
}

const RAW = /^# [0-9a-f]{1,8} buf:(?: [0-9a-f]{2}|$)/;
const LONGEST_RAW = 20;

/** What was written to `trace_marker_raw`. */
function readRaw(place: EventPlace, line: Uint8Array, from: number): boolean {
  if (line[from] !== HASH) return false;
  const end = Math.min(endOfLine(line, from), from + LONGEST_RAW);
  place.form = FORMS.raw;
  place.fields = from;
  return RAW.test(textOf(line, from, end));
}

/** What the function tracer prints: a function and, behind `<-`, who called it. */
function readFunction(place: EventPlace, line: Uint8Array, from: number, to: number): boolean {
  let position = to;
  while (line[position] !== NEWLINE && !matches(line, position, CALLED_BY)) position++;
  if (line[position] === NEWLINE) return false;
  place.form = FORMS.function;
  place.fields = from;
  return true;
}
