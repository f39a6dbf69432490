/**
 * Reads the fields of one printed event back into its struct: the items of the `print fmt` as a list of small steps over
 * the bytes of the line. Fixed text must be there to the letter; numbers end where their digits end; a text goes up to
 * where the fixed text behind it stands, and further, to the next such place, if the rest of the line does not fit.
 */
import type { Target } from "../batch.ts";
import { loadBigInt, storeBigInt } from "../integer.ts";
import { bytesOf, endOfLine, findOnLine, isEndOfLine, matches, scanDecimal, scanHex, textOf } from "./bytes.ts";
import type { FtraceFormat } from "./format.ts";
import { type PrintItem, printItems, resolveWords } from "./print.ts";
import { FIRST_TEXT, HEX_PART, STEPS, type Step, stepsOf } from "./steps.ts";
import type { SymbolTable } from "./symbols.ts";

export interface Matcher {
  /** Fields that the text does not hold, or not always: they are 0. */
  readonly unprinted: readonly string[];
  /**
   * Reads the fields that begin at `position`. Sets `target.end`; what is behind it is zero again.
   * @returns false where the line does not fit the format or the target
   */
  match(line: Uint8Array, position: number, target: Target): boolean;
}

const BLANK = 32;
const [ZERO, SMALL_X] = [48, 120];
const OPEN = 40;
const CLOSE = bytesOf(")");
/** How often a line may be tried with another end of a text before it counts as unreadable. */
const MAX_ATTEMPTS = 64;

/** What is needed to match a line. */
interface Matching {
  readonly steps: readonly Step[];
  readonly symbols: SymbolTable;
  /** Ends of texts tried on this line. */
  attempts: number;
  /** The last byte that a try on this line wrote lies before here. */
  farthest: number;
}

/**
 * @param symbols takes the symbols that `%pS` and its like print
 * @param behind what stands behind the fields
 */
export function createMatcher(format: FtraceFormat, symbols: SymbolTable, behind: string = ""): Matcher {
  const items = printItems(format);
  if (behind !== "") items.push({ kind: "literal", text: behind });
  const matching: Matching = { steps: stepsOf(items), symbols, attempts: 0, farthest: 0 };
  return {
    unprinted: unprintedFields(format, items),
    match(line, position, target) {
      matching.attempts = 0;
      target.end = target.start + format.size;
      matching.farthest = target.end;
      const matched = matching.steps.length > 0 && runSteps(matching, 0, position, line, target);
      const from = matched ? target.end : target.start;
      if (from < matching.farthest) target.bytes.fill(0, from, matching.farthest);
      return matched;
    },
  };
}

/** Runs the steps from `index` on. True when they fit the rest of the line. */
function runSteps(matching: Matching, index: number, from: number, line: Uint8Array, target: Target): boolean {
  const { steps } = matching;
  let position = from;
  for (let at = index; at < steps.length; at++) {
    const step = steps[at] as Step;
    if (step.kind >= FIRST_TEXT) return runText(matching, at, position, line, target);
    position = runStep(step, position, line, target);
    if (position < 0) return false;
  }
  return isEndOfLine(line, position);
}

/** Runs the text step at `index`, and those behind it once for each place where the text may end. */
function runText(matching: Matching, index: number, from: number, line: Uint8Array, target: Target): boolean {
  const step = matching.steps[index] as Step;
  if (step.literal.length === 0) return storeText(matching, step, line, from, endOfLine(line, from), target);
  const tail = target.end;
  let to = findOnLine(line, from, step.literal);
  while (to >= 0) {
    if (++matching.attempts > MAX_ATTEMPTS) return false;
    target.end = tail;
    const stored = storeText(matching, step, line, from, to, target);
    if (stored && runSteps(matching, index + 1, to + step.literal.length, line, target)) return true;
    to = findOnLine(line, to + 1, step.literal);
  }
  return false;
}

function storeText(
  matching: Matching,
  step: Step,
  line: Uint8Array,
  from: number,
  to: number,
  target: Target,
): boolean {
  if (step.kind === STEPS.ignored) return true;
  if (step.kind === STEPS.chars) return storeChars(step, line, from, to, target);
  if (step.kind === STEPS.string) return appendString(matching, step, line, from, to, target);
  const entry = lookUp(step, matching.symbols, line, from, to);
  return entry >= 0 && storeEntry(step, entry, target);
}

function storeChars(step: Step, line: Uint8Array, from: number, to: number, target: Target): boolean {
  if (to - from >= step.size) return false;
  const at = target.start + step.offset;
  for (let index = 0; index < step.size; index++)
    target.bytes[at + index] = from + index < to ? (line[from + index] as number) : 0;
  return true;
}

function appendString(
  matching: Matching,
  step: Step,
  line: Uint8Array,
  from: number,
  to: number,
  target: Target,
): boolean {
  const length = to - from;
  const end = target.end;
  if (end + length + 1 > target.limit) return false;
  for (let index = 0; index < length; index++) target.bytes[end + index] = line[from + index] as number;
  target.bytes[end + length] = 0;
  const offset = end - target.start - step.relative;
  target.view.setUint32(target.start + step.offset, ((length + 1) << 16) | offset, true);
  target.end = end + length + 1;
  if (target.end > matching.farthest) matching.farthest = target.end;
  return true;
}

/** What the printed bytes mean, as an entry of the step's cache; -1: nothing. */
function lookUp(step: Step, symbols: SymbolTable, line: Uint8Array, from: number, to: number): number {
  const known = step.cache.find(line, from, to);
  if (known >= 0) return known;
  const text = textOf(line, from, to);
  const value = step.kind === STEPS.symbol ? symbols.addressOf(text) : resolveWords(text, step.sets);
  return value === undefined ? -1 : step.cache.add(line, from, to, value);
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
  return high === 0 && storeBigInt(view, at, step.size, before | BigInt(low >>> 0));
}

/** One step that knows itself where it ends. Returns the position behind it, or -1. */
function runStep(step: Step, from: number, line: Uint8Array, target: Target): number {
  const at = target.start + step.offset;
  let position = from;
  if (step.kind === STEPS.literal) return matches(line, from, step.literal) ? from + step.literal.length : -1;
  if (step.padded) while (line[position] === BLANK) position++;
  if (step.kind === STEPS.decimal) position = scanDecimal(line, position, target.view, at, step.size);
  else if (step.kind === STEPS.hex) {
    if (step.prefixed && line[position] === ZERO && line[position + 1] === SMALL_X) position += 2;
    position = scanHex(line, position, target.view, at, step.size);
  } else if (step.kind === STEPS.pointer) {
    // "(null)", "(____ptrval____)": no number, no pointer.
    if (line[position] === OPEN) position = findOnLine(line, position, CLOSE) + 1 || -1;
    else position = scanHex(line, position, target.view, at, step.size);
  } else position = scanPart(step, position, line, target.view, at);
  if (step.padded && position >= 0 && step.literal.length === 0) while (line[position] === BLANK) position++;
  return position;
}

const scratch = new DataView(new ArrayBuffer(8));

/** Adds a number that is some bits of a field. `step.literal` is not empty for hexadecimal ones. */
function scanPart(step: Step, from: number, line: Uint8Array, view: DataView, at: number): number {
  const scan = step.literal === HEX_PART ? scanHex : scanDecimal;
  const position = scan(line, from, scratch, 0, 8);
  if (position < 0) return -1;
  const value = scratch.getBigUint64(0, true) << BigInt(step.shift);
  return storeBigInt(view, at, step.size, loadBigInt(view, at, step.size) | value) ? position : -1;
}

function unprintedFields(format: FtraceFormat, items: readonly PrintItem[]): string[] {
  const isSure = (item: PrintItem): boolean => item.kind !== "words" || !item.uncertain;
  const printed = new Set(items.map((item) => ("field" in item && isSure(item) ? item.field : undefined)));
  return format.fields
    .filter((field) => !field.name.startsWith("common_") && !printed.has(field))
    .map((field) => field.name);
}
