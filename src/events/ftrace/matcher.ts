/**
 * Reads the fields of one printed event back into its struct: the items of the `print fmt` as a list of small steps over
 * the bytes of the line. Fixed text must be there to the letter; numbers end where their digits end; a text goes up to
 * where the fixed text behind it stands, and further, to the next such place, if the rest of the line does not fit.
 */

import type { SymbolTable } from "../symbols.ts";
import { ByteCache } from "./byte-cache.ts";
import {
  bytesOf,
  endOfLine,
  findOnLine,
  isEndOfLine,
  loadBigInt,
  matches,
  scanDecimal,
  scanHex,
  storeBigInt,
  textOf,
} from "./bytes.ts";
import type { EventField, EventFormat } from "./format.ts";
import { type PrintItem, printItems, resolveWords, type WordSet } from "./print.ts";

/** Where a line's struct is written. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the struct begins; it is zero up to `limit`. */
  start: number;
  /** The struct and its strings must end here. */
  limit: number;
  /** Behind the last appended string. */
  end: number;
}

export interface Matcher {
  /** Fields that the text does not hold: they are 0. */
  readonly unprinted: readonly string[];
  /**
   * Reads the fields that begin at `position`. Sets `target.end`; what is behind it is zero again.
   * @returns false where the line does not fit the format or the target
   */
  match(line: Uint8Array, position: number, target: Target): boolean;
}

const BLANK = 32;
const OPEN = 40;
/** How often a line may be tried with another end of a text before it counts as unreadable. */
const MAX_ATTEMPTS = 64;
const EMPTY = new Uint8Array(0);

/** One step. All have all members, so that the engine sees one shape. */
interface Step {
  readonly kind: StepKind;
  /** Fixed text to step over; for texts, what stands behind them. */
  readonly literal: Uint8Array;
  readonly offset: number;
  readonly size: number;
  readonly shift: number;
  readonly padded: boolean;
  /** Words: add to the bits an earlier step stored. */
  readonly adds: boolean;
  /** Texts are relative to the end of this field, or to the struct (0). */
  readonly relative: number;
  readonly cache: ByteCache;
  readonly sets: readonly WordSet[];
}

const STEPS = {
  literal: 0,
  decimal: 1,
  hex: 2,
  part: 3,
  pointer: 4,
  symbol: 5,
  words: 6,
  chars: 7,
  string: 8,
  ignored: 9,
} as const;
type StepKind = (typeof STEPS)[keyof typeof STEPS];
/** Kinds from here on are texts: something has to say where they end. */
const FIRST_TEXT = STEPS.symbol;

/** @param symbols takes the symbols that `%pS` and its like print */
export function createMatcher(format: EventFormat, symbols: SymbolTable): Matcher {
  const items = printItems(format);
  const steps = stepsOf(items);
  const lastStep = steps.length;
  let attempts = 0;
  let farthest = 0;

  /** What the printed bytes mean, as an entry of the step's cache; -1: nothing. */
  const lookUp = (step: Step, line: Uint8Array, from: number, to: number): number => {
    const known = step.cache.find(line, from, to);
    if (known >= 0) return known;
    const text = textOf(line, from, to);
    const value = step.kind === STEPS.symbol ? symbols.addressOf(text) : resolveWords(text, step.sets);
    return value === undefined ? -1 : step.cache.add(line, from, to, value);
  };

  const storeText = (step: Step, line: Uint8Array, from: number, to: number, target: Target): boolean => {
    const at = target.start + step.offset;
    if (step.kind === STEPS.ignored) return true;
    if (step.kind === STEPS.chars) {
      if (to - from >= step.size) return false;
      for (let index = 0; index < step.size; index++)
        target.bytes[at + index] = from + index < to ? (line[from + index] as number) : 0;
      return true;
    }
    if (step.kind === STEPS.string) return appendString(step, line, from, to, target);
    const entry = lookUp(step, line, from, to);
    if (entry < 0) return false;
    const low = step.cache.low(entry);
    const high = step.cache.high(entry);
    if (step.size === 8) {
      target.view.setInt32(at, step.adds ? target.view.getInt32(at, true) | low : low, true);
      target.view.setInt32(at + 4, step.adds ? target.view.getInt32(at + 4, true) | high : high, true);
      return true;
    }
    const before = step.adds ? loadBigInt(target.view, at, step.size) : 0n;
    return high === 0 && storeBigInt(target.view, at, step.size, before | BigInt(low >>> 0));
  };

  const appendString = (step: Step, line: Uint8Array, from: number, to: number, target: Target): boolean => {
    const length = to - from;
    const end = target.end;
    if (end + length + 1 > target.limit) return false;
    for (let index = 0; index < length; index++) target.bytes[end + index] = line[from + index] as number;
    target.bytes[end + length] = 0;
    const offset = end - target.start - step.relative;
    target.view.setUint32(target.start + step.offset, ((length + 1) << 16) | offset, true);
    target.end = end + length + 1;
    if (target.end > farthest) farthest = target.end;
    return true;
  };

  /** Runs the steps from `index` on. True when they fit the rest of the line. */
  const run = (index: number, from: number, line: Uint8Array, target: Target): boolean => {
    let position = from;
    for (let at = index; at < lastStep; at++) {
      const step = steps[at] as Step;
      if (step.kind >= FIRST_TEXT) return runText(at, step, position, line, target);
      position = runStep(step, position, line, target);
      if (position < 0) return false;
    }
    return isEndOfLine(line, position);
  };

  const runText = (index: number, step: Step, from: number, line: Uint8Array, target: Target): boolean => {
    if (step.literal.length === 0) return storeText(step, line, from, endOfLine(line, from), target);
    const tail = target.end;
    let to = findOnLine(line, from, step.literal);
    while (to >= 0) {
      if (++attempts > MAX_ATTEMPTS) return false;
      target.end = tail;
      const stored = storeText(step, line, from, to, target);
      if (stored && run(index + 1, to + step.literal.length, line, target)) return true;
      to = findOnLine(line, to + 1, step.literal);
    }
    return false;
  };

  return {
    unprinted: unprintedFields(format, items),
    match(line, position, target) {
      attempts = 0;
      target.end = target.start + format.size;
      farthest = target.end;
      const matched = lastStep > 0 && run(0, position, line, target);
      const from = matched ? target.end : target.start;
      if (from < farthest) target.bytes.fill(0, from, farthest);
      return matched;
    },
  };
}

/** One step that knows itself where it ends. Returns the position behind it, or -1. */
function runStep(step: Step, from: number, line: Uint8Array, target: Target): number {
  const at = target.start + step.offset;
  let position = from;
  if (step.kind === STEPS.literal) return matches(line, from, step.literal) ? from + step.literal.length : -1;
  if (step.padded) while (line[position] === BLANK) position++;
  if (step.kind === STEPS.decimal) position = scanDecimal(line, position, target.view, at, step.size);
  else if (step.kind === STEPS.hex) position = scanHex(line, position, target.view, at, step.size);
  else if (step.kind === STEPS.pointer) {
    // "(null)", "(____ptrval____)": no number, no pointer.
    if (line[position] === OPEN) position = findOnLine(line, position, CLOSE) + 1 || -1;
    else position = scanHex(line, position, target.view, at, step.size);
  } else position = scanPart(step, position, line, target.view, at);
  if (step.padded && position >= 0 && step.literal.length === 0) while (line[position] === BLANK) position++;
  return position;
}

const CLOSE = bytesOf(")");
const scratch = new DataView(new ArrayBuffer(8));

/** Adds a number that is some bits of a field. `step.literal` is not empty for hexadecimal ones. */
function scanPart(step: Step, from: number, line: Uint8Array, view: DataView, at: number): number {
  const scan = step.literal === HEX_PART ? scanHex : scanDecimal;
  const position = scan(line, from, scratch, 0, 8);
  if (position < 0) return -1;
  const value = scratch.getBigUint64(0, true) << BigInt(step.shift);
  return storeBigInt(view, at, step.size, loadBigInt(view, at, step.size) | value) ? position : -1;
}

const HEX_PART = bytesOf("x");

/** The steps for items. Texts with nothing fixed behind them, but more values, end what can be read of the line. */
function stepsOf(items: readonly PrintItem[]): Step[] {
  const steps: Step[] = [];
  const stored = new Set<EventField>();
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as PrintItem;
    const next = items[index + 1];
    const step = stepOf(item, stored);
    if (step.kind < FIRST_TEXT) {
      steps.push(step);
      continue;
    }
    if (next === undefined || next.kind === "literal") {
      steps.push(makeStep(step.kind, { ...step, literal: next === undefined ? EMPTY : bytesOf(next.text) }));
      index++;
      continue;
    }
    // Two values without anything between: where one ends cannot be told. The next fixed text is the next hold.
    const hold = items.findIndex((each, at) => at > index && each.kind === "literal");
    const literal = items[hold];
    steps.push(makeStep(STEPS.ignored, { literal: literal?.kind === "literal" ? bytesOf(literal.text) : EMPTY }));
    if (hold < 0) break;
    index = hold;
  }
  return steps;
}

const NO_CACHE = new ByteCache();
const BASE: Omit<Step, "kind"> = {
  literal: EMPTY,
  offset: 0,
  size: 0,
  shift: 0,
  padded: false,
  adds: false,
  relative: 0,
  cache: NO_CACHE,
  sets: [],
};

/** Builds every step the same way: objects of one shape are what the engine reads fast. */
function makeStep(kind: StepKind, members: Partial<Omit<Step, "kind">>): Step {
  const { literal, offset, size, shift, padded, adds, relative, cache, sets } = { ...BASE, ...members };
  return { kind, literal, offset, size, shift, padded, adds, relative, cache, sets };
}

function stepOf(item: PrintItem, stored: Set<EventField>): Step {
  if (item.kind === "literal") return makeStep(STEPS.literal, { literal: bytesOf(item.text) });
  if (item.kind === "ignored") return makeStep(STEPS.ignored, {});
  const { field } = item;
  const place = { offset: field.offset, size: field.size };
  const adds = stored.has(field);
  stored.add(field);
  if (item.kind === "symbol") return makeStep(STEPS.symbol, { ...place, cache: new ByteCache() });
  if (item.kind === "words") return makeStep(STEPS.words, { ...place, cache: new ByteCache(), sets: item.sets, adds });
  if (item.kind === "string") {
    if (field.kind === "chars") return makeStep(STEPS.chars, place);
    return makeStep(STEPS.string, { ...place, relative: field.kind === "relLoc" ? field.offset + field.size : 0 });
  }
  const size = field.size / field.count;
  const element = { ...place, offset: field.offset + item.index * size, size };
  if (item.kind === "pointer") return makeStep(STEPS.pointer, element);
  const { shift, padded } = item;
  if (!item.part) return makeStep(item.base === 16 ? STEPS.hex : STEPS.decimal, { ...element, padded });
  return makeStep(STEPS.part, { ...element, padded, shift, literal: item.base === 16 ? HEX_PART : EMPTY });
}

function unprintedFields(format: EventFormat, items: readonly PrintItem[]): string[] {
  const printed = new Set(items.map((item) => ("field" in item ? item.field : undefined)));
  return format.fields
    .filter((field) => !field.name.startsWith("common_") && !printed.has(field))
    .map((field) => field.name);
}
