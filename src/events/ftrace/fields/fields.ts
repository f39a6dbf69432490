/** Stores what one step of a line has read into the event's struct. */
import type { Target } from "../../batch.ts";
import { loadBigInt, storeBigInt } from "../../integer.ts";
import {
  bytesOf,
  endOfLine,
  findOnLine,
  isEndOfLine,
  matches,
  scanDecimal,
  scanHex,
  scanOctal,
  textOf,
} from "../bytes.ts";
import { ANY_COLUMNS } from "../format/print.ts";
import { resolveWords } from "../format/words.ts";
import type { SymbolTable } from "../symbols.ts";
import { STEPS, type Step } from "./steps.ts";

/** What is needed to match a line. */
export interface Matching {
  readonly steps: readonly Step[];
  readonly symbols: SymbolTable;
  /** Ends of texts tried on this line. */
  attempts: number;
  /** The last byte that a try on this line wrote lies before here. */
  farthest: number;
  /** Fields that this line does not tell, a bit each, as two halves. */
  unreadLow: number;
  unreadHigh: number;
}

const BLANK = 32;
const [ZERO, SMALL_X, BIG_X] = [48, 120, 88];

/** `0x`, as `%#X` prints it `0X`. */
const isPrefix = (line: Uint8Array, at: number): boolean =>
  line[at] === ZERO && (line[at + 1] === SMALL_X || line[at + 1] === BIG_X);

const OPEN = 40;
const CLOSE = bytesOf(")");
const ALL = 0xffff_ffff_ffff_ffffn;

export function markUnread(matching: Matching, step: Step): void {
  matching.unreadLow |= step.unreadLow;
  matching.unreadHigh |= step.unreadHigh;
}

/** Stores a text that stands at `from..to`; false where it is none of the step's. */
export function storeText(
  matching: Matching,
  step: Step,
  line: Uint8Array,
  begin: number,
  end: number,
  target: Target,
): boolean {
  if (step.kind === STEPS.ignored) return true;
  const from = step.padded ? behindBlanks(line, begin, end) : begin;
  // What is wider than its column has no blanks behind it that are not its own.
  const to = end - begin <= step.columns ? withoutBlanks(line, from, end) : end;
  if (isCut(step, to - from)) markUnread(matching, step);
  if (step.kind === STEPS.chars) return storeChars(step, line, from, to, target, matching);
  if (step.kind === STEPS.string) return appendBytes(matching, step, line, from, to, target, 1);
  if (step.kind === STEPS.bytes) return storeBytes(matching, step, line, from, to, target);
  if (step.kind === STEPS.numeral) return storeNumeral(matching, step, line, from, to, target);
  return storeMeaning(matching, step, line, from, to, target);
}

/** Whether a text may be the beginning of a longer one; one that fills its array is not. */
function isCut({ kind, most, size }: Step, length: number): boolean {
  return most > 0 && length >= most && (kind !== STEPS.chars || size === 0 || most < size);
}

function storeChars(
  step: Step,
  line: Uint8Array,
  from: number,
  to: number,
  target: Target,
  matching: Matching,
): boolean {
  // `char buf[]`: as long as it is.
  if (step.size === 0) return appendBytes(matching, step, line, from, to, target, 1);
  // With a precision it needs no NUL.
  if (to - from >= step.size + (step.most >= step.size ? 1 : 0)) return false;
  const at = target.start + step.offset;
  for (let index = 0; index < step.size; index++)
    target.bytes[at + index] = from + index < to ? (line[from + index] as number) : 0;
  return true;
}

/** Where the end of a text that stands at `from` is looked for first: not among the blanks of its column. */
export function firstEnd({ padded, columns }: Step, line: Uint8Array, from: number): number {
  if (padded) return behindBlanks(line, from, endOfLine(line, from));
  return columns === ANY_COLUMNS ? from : Math.min(from + columns, endOfLine(line, from));
}

function behindBlanks(line: Uint8Array, from: number, to: number): number {
  let begin = from;
  while (begin < to && line[begin] === BLANK) begin++;
  return begin;
}

function withoutBlanks(line: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && line[end - 1] === BLANK) end--;
  return end;
}

/** Appends bytes to the struct, with zeroes behind, and says in the field where they are. */
function appendBytes(
  matching: Matching,
  step: Step,
  bytes: Uint8Array,
  from: number,
  to: number,
  target: Target,
  zeroes: number,
): boolean {
  const length = to - from;
  const end = target.end;
  if (end + length + zeroes > target.limit) return false;
  for (let index = 0; index < length; index++) target.bytes[end + index] = bytes[from + index] as number;
  target.bytes.fill(0, end + length, end + length + zeroes);
  if (step.size === 4) {
    const offset = end - target.start - step.relative;
    target.view.setUint32(target.start + step.offset, ((length + zeroes) << 16) | offset, true);
  }
  target.end = end + length + zeroes;
  if (target.end > matching.farthest) matching.farthest = target.end;
  return true;
}

function storeBytes(
  matching: Matching,
  step: Step,
  line: Uint8Array,
  from: number,
  to: number,
  target: Target,
): boolean {
  const bytes = step.read(textOf(line, from, to));
  if (bytes === undefined) return false;
  if (step.adds) return appendBytes(matching, step, bytes, 0, bytes.length, target, 0);
  if (bytes.length > step.size) return false;
  // Of an array so many elements are printed as another field says: what the others are, nobody knows.
  if (bytes.length < step.size) markUnread(matching, step);
  target.bytes.set(bytes, target.start + step.offset);
  return true;
}

/** Words and symbols: what the printed bytes mean. */
function storeMeaning(
  matching: Matching,
  step: Step,
  line: Uint8Array,
  from: number,
  to: number,
  target: Target,
): boolean {
  const known = step.cache.find(line, from, to);
  if (known >= 0) return storeEntry(step, known, target);
  if (step.unknown.find(line, from, to) >= 0) {
    markUnread(matching, step);
    return true;
  }
  const text = textOf(line, from, to);
  if (step.kind === STEPS.symbol) {
    const address = matching.symbols.addressOf(text);
    return address !== undefined && storeEntry(step, step.cache.add(line, from, to, address), target);
  }
  const meaning = resolveWords(text, step.sets);
  if (meaning === undefined) return false;
  if (meaning !== "unknown") return storeEntry(step, step.cache.add(line, from, to, meaning.value), target);
  step.unknown.add(line, from, to, 0n);
  markUnread(matching, step);
  return true;
}

/** Stores what an entry of the step's cache stands for, or adds its bits. */
function storeEntry(step: Step, entry: number, { view, start }: Target): boolean {
  const at = start + step.offset;
  const low = step.cache.low(entry);
  const high = step.cache.high(entry);
  if (step.size === 8) {
    view.setInt32(at, step.adds ? view.getInt32(at, true) | low : low, true);
    view.setInt32(at + 4, step.adds ? view.getInt32(at + 4, true) | high : high, true);
    return true;
  }
  const before = step.adds ? loadBigInt(view, at, step.size) : 0n;
  const value = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
  return storeBigInt(view, at, step.size, before | value);
}

/** One step that knows itself where it ends. Returns the position behind it, or -1. */
export function runStep(matching: Matching, step: Step, from: number, line: Uint8Array, target: Target): number {
  const at = target.start + step.offset;
  let position = from;
  if (step.kind === STEPS.literal) {
    if ((step.unreadLow | step.unreadHigh) !== 0) markUnread(matching, step);
    return matches(line, from, step.literal) ? from + step.literal.length : -1;
  }
  if (step.kind === STEPS.character) return runCharacter(matching, step, from, line, target);
  if (step.padded) while (line[position] === BLANK) position++;
  if (step.kind === STEPS.decimal) position = scanDecimal(line, position, target.view, at, step.size);
  else if (step.kind === STEPS.hex) {
    if (step.prefixed && isPrefix(line, position)) position += 2;
    position = scanHex(line, position, target.view, at, step.size);
  } else if (step.kind === STEPS.pointer) position = runPointer(matching, step, position, line, target.view, at);
  else position = runPart(matching, step, position, line, target.view, at);
  if (position >= 0) while (position < from + step.columns && line[position] === BLANK) position++;
  return position;
}

function runCharacter(matching: Matching, step: Step, from: number, line: Uint8Array, target: Target): number {
  if (isEndOfLine(line, from)) return -1;
  if (step.sets.length > 0) return storeMeaning(matching, step, line, from, from + 1, target) ? from + 1 : -1;
  target.bytes[target.start + step.offset] = line[from] as number;
  return from + 1;
}

/** `(null)`, of user space `(nil)`, is 0; other texts in brackets (`(____ptrval____)`) are no number. */
const NULLS = [bytesOf("(null)"), bytesOf("(nil)")];

function runPointer(
  matching: Matching,
  step: Step,
  from: number,
  line: Uint8Array,
  view: DataView,
  at: number,
): number {
  let position = from;
  if (line[position] === OPEN) {
    if (!NULLS.some((text) => matches(line, from, text))) markUnread(matching, step);
    return findOnLine(line, position, CLOSE) + 1 || -1;
  }
  // Tools of user space print pointers with 0x.
  if (isPrefix(line, position)) position += 2;
  return scanHex(line, position, view, at, step.size);
}

const NUMERALS: Readonly<Record<number, RegExp>> = {
  8: /^()([0-7]+)$/,
  10: /^([-+]?)(\d+)$/,
  16: /^()(?:0[xX])?([\da-f]+)$/i,
};
const PREFIXES: Readonly<Record<number, string>> = { 8: "0o", 10: "", 16: "0x" };

/** The number that a text is in a base; undefined: it is none. */
function numeralOf(text: string, base: number): bigint | undefined {
  const [, sign, digits] = NUMERALS[base]?.exec(text) ?? [];
  if (digits === undefined || digits.length > 24) return undefined;
  const value = BigInt(PREFIXES[base] + digits);
  return sign === "-" ? -value : value;
}

/** A number whose digits the fixed text behind it goes on with: what stands before that. */
function storeNumeral(
  matching: Matching,
  step: Step,
  line: Uint8Array,
  from: number,
  to: number,
  target: Target,
): boolean {
  const value = numeralOf(textOf(line, from, to).trim(), step.base);
  return value !== undefined && storeSolved(matching, step, value, target.view, target.start + step.offset);
}

const scratch = new DataView(new ArrayBuffer(8));

/** A number that says something of a field, or is printed in an unusual base: its bits are added. */
function runPart(matching: Matching, step: Step, from: number, line: Uint8Array, view: DataView, at: number): number {
  if (step.digits > 0) {
    const text = textOf(line, from, from + step.digits);
    const value = text.length === step.digits ? numeralOf(text, step.base) : undefined;
    return value !== undefined && storeSolved(matching, step, value, view, at) ? from + step.digits : -1;
  }
  const isPrefixed = step.prefixed && isPrefix(line, from);
  const scan = step.base === 16 ? scanHex : step.base === 8 ? scanOctal : scanDecimal;
  const position = scan(line, isPrefixed ? from + 2 : from, scratch, 0, 8);
  if (position < 0) return -1;
  return storeSolved(matching, step, scratch.getBigUint64(0, true), view, at) ? position : -1;
}

/** Adds the bits that a printed number tells; false where they do not fit. */
function storeSolved(matching: Matching, step: Step, number: bigint, view: DataView, at: number): boolean {
  const bits = step.solve(BigInt.asUintN(64, number - besideIn(matching, step, view, at)), ALL);
  if (bits === undefined) {
    markUnread(matching, step);
    return true;
  }
  const value = step.size < 8 ? narrowed(bits.value, step.size) : bits.value;
  if (value === undefined) return false;
  const before = loadBigInt(view, at, step.size);
  return storeBigInt(
    view,
    at,
    step.size,
    step.isSummand ? BigInt.asUintN(step.size * 8, before + value) : before | value,
  );
}

/** What of a number is another field. */
function besideIn(matching: Matching, step: Step, view: DataView, at: number): bigint {
  const { beside } = step;
  if (beside === undefined) return 0n;
  const isTold = ((matching.unreadLow & beside.unreadLow) | (matching.unreadHigh & beside.unreadHigh)) === 0;
  if (!isTold) markUnread(matching, step);
  return beside.sign * loadBigInt(view, at - step.offset + beside.offset, 8);
}

/** A number of 64 bits in fewer, also a negative one; undefined where it does not fit. */
function narrowed(value: bigint, size: number): bigint | undefined {
  const bits = size * 8;
  if (value >> BigInt(bits) === 0n) return value;
  return BigInt.asIntN(64, value) === BigInt.asIntN(bits, value) ? BigInt.asUintN(bits, value) : undefined;
}
