/** From the items of a `print fmt` to the steps that a line of it is read in. */
import { type EventField, fieldBit } from "../../event.ts";
import { ByteCache } from "../byte-cache.ts";
import { bytesOf } from "../bytes.ts";
import type { Inverse } from "../format/inverse.ts";
import type { PrintItem } from "../format/print-item.ts";
import type { WordSet } from "../format/words.ts";

/** All have all members, so that the engine sees one shape. */
export interface Step {
  readonly kind: StepKind;
  /** Fixed text to step over; for texts, what stands behind them. */
  readonly literal: Uint8Array;
  readonly offset: number;
  readonly size: number;
  /** Of a number: 8, 10 or 16. */
  readonly base: number;
  /** It has just so many digits; 0: as many as there are. */
  readonly digits: number;
  readonly padded: boolean;
  /** Blanks follow up to so many columns. */
  readonly columns: number;
  /** A text of so many bytes or more may be cut; 0: none is. */
  readonly most: number;
  /** Hexadecimal digits may have `0x` in front of them. */
  readonly prefixed: boolean;
  /** Words: add to the bits an earlier step stored. */
  readonly adds: boolean;
  /** Numbers: add to the sum that an earlier step stored. */
  readonly isSummand: boolean;
  /** Another field that is in the number: where it lies, which bit says that it was not told, and whether it is taken away. */
  readonly beside: (Pick<Step, "offset" | "unreadLow" | "unreadHigh"> & { readonly sign: bigint }) | undefined;
  /** Texts are relative to the end of this field, or to the struct (0). */
  readonly relative: number;
  /** The bit of the record's `unread` that says that the field was not told, as two halves. */
  readonly unreadLow: number;
  readonly unreadHigh: number;
  readonly cache: ByteCache;
  /** Texts whose number nobody knows. */
  readonly unknown: ByteCache;
  readonly sets: readonly WordSet[];
  readonly solve: Inverse["solve"];
  readonly read: (text: string) => Uint8Array | undefined;
}

export const STEPS = {
  literal: 0,
  decimal: 1,
  hex: 2,
  part: 3,
  pointer: 4,
  character: 5,
  symbol: 6,
  words: 7,
  chars: 8,
  string: 9,
  bytes: 10,
  ignored: 11,
  numeral: 12,
} as const;
type StepKind = (typeof STEPS)[keyof typeof STEPS];
/** Kinds from here on are texts: something has to say where they end. */
export const FIRST_TEXT: StepKind = STEPS.symbol;

const EMPTY = new Uint8Array(0);
/** The steps for items. Texts with nothing fixed behind them, but more values, end what can be read of the line. */
export function stepsOf(items: readonly PrintItem[], fields: readonly EventField[]): Step[] {
  const steps: Step[] = [];
  const stored = new Set<EventField>();
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as PrintItem;
    const next = items[index + 1];
    const side = sideBySide(items, index);
    if (side > 1) {
      for (const each of items.slice(index, index + side)) steps.push(digitsStep(each, fields));
      index += side - 1;
      continue;
    }
    const step = stepOf(item, stored, fields);
    if (step.kind < FIRST_TEXT && !goesOn(item, next)) {
      steps.push(step);
      continue;
    }
    if (next === undefined || next.kind === "literal") {
      steps.push(
        makeStep(step.kind < FIRST_TEXT ? STEPS.numeral : step.kind, {
          ...step,
          literal: next === undefined ? EMPTY : bytesOf(next.text),
        }),
      );
      index++;
      continue;
    }
    // Two values without anything between: where one ends cannot be told. The next fixed text is the next hold.
    const hold = items.findIndex((each, at) => at > index && each.kind === "literal");
    const literal = items[hold];
    for (const lost of items.slice(index, hold < 0 ? undefined : hold)) steps.push(...lostStep(lost, fields));
    steps.push(makeStep(STEPS.ignored, { literal: literal?.kind === "literal" ? bytesOf(literal.text) : EMPTY }));
    if (hold < 0) break;
    index = hold;
  }
  return steps;
}

type NumberItem = Extract<PrintItem, { kind: "number" }>;

const DIGITS: Readonly<Record<NumberItem["base"], RegExp>> = { 8: /^[0-7]/, 10: /^\d/, 16: /^[\da-f]/i };

/** Whether what follows a number may begin with a digit, so that its own do not say where it ends. */
function goesOn(item: PrintItem, next: PrintItem | undefined): boolean {
  if (item.kind !== "number" || next === undefined || next.kind === "character") return false;
  const isDigit = (text: string): boolean => DIGITS[item.base].test(text);
  if (next.kind === "literal") return isDigit(next.text);
  if (next.kind === "words") return [...(next.sets[0]?.words.keys() ?? [])].some(isDigit);
  return next.kind !== "ignored" || (next.texts?.some(isDigit) ?? true);
}

/** `%02x%02x`: how many numbers stand side by side from here on, of which each has its least digits if they have no more together. */
function sideBySide(items: readonly PrintItem[], from: number): number {
  let to = from;
  for (let item = items[to]; item?.kind === "number" && item.digits > 0; item = items[to]) to++;
  const last = items[to - 1];
  return to > from + 1 && last !== undefined && !goesOn(last, items[to]) ? to - from : 0;
}

/** A number with so many digits. */
function digitsStep(item: PrintItem, fields: readonly EventField[]): Step {
  const { field, index, base, digits, inverse } = item as NumberItem;
  const size = field.size / field.count;
  const place = { offset: field.offset + index * size, size, ...unreadOf(fields, field) };
  return makeStep(STEPS.part, { ...place, base, digits, solve: inverse.solve });
}

/** A step that reads nothing and marks its field as not told. */
function lostStep(item: PrintItem, fields: readonly EventField[]): Step[] {
  if (!("field" in item)) return [];
  return [makeStep(STEPS.literal, unreadOf(fields, item.field))];
}

const NOTHING = (): undefined => undefined;
const NO_CACHE = new ByteCache();
const BASE: Omit<Step, "kind"> = {
  literal: EMPTY,
  offset: 0,
  size: 0,
  base: 10,
  digits: 0,
  padded: false,
  columns: 0,
  most: 0,
  prefixed: false,
  adds: false,
  isSummand: false,
  beside: undefined,
  relative: 0,
  unreadLow: 0,
  unreadHigh: 0,
  cache: NO_CACHE,
  unknown: NO_CACHE,
  sets: [],
  solve: NOTHING,
  read: NOTHING,
};

/** Builds every step the same way: objects of one shape are what the engine reads fast. */
function makeStep(kind: StepKind, members: Partial<Omit<Step, "kind">>): Step {
  const { literal, offset, size, base, digits, padded, columns, most, prefixed, ...more } = { ...BASE, ...members };
  const { adds, isSummand, beside, relative, unreadLow, unreadHigh, cache, unknown, sets, solve, read } = more;
  return {
    ...{ kind, literal, offset, size, base, digits, padded, columns, most, prefixed, adds, relative },
    ...{ isSummand, beside, unreadLow, unreadHigh, cache, unknown, sets, solve, read },
  };
}

function unreadOf(fields: readonly EventField[], field: EventField): Pick<Step, "unreadLow" | "unreadHigh"> {
  const bit = fieldBit(fields, field);
  return { unreadLow: bit < 32 ? 1 << bit : 0, unreadHigh: bit < 32 ? 0 : 1 << (bit - 32) };
}

function stepOf(item: PrintItem, stored: Set<EventField>, fields: readonly EventField[]): Step {
  if (item.kind === "literal") return makeStep(STEPS.literal, { literal: bytesOf(item.text) });
  if (item.kind === "ignored") return makeStep(STEPS.ignored, {});
  const { field } = item;
  const relative = field.kind === "relLoc" ? field.offset + field.size : 0;
  const place = { offset: field.offset, size: field.size, relative, ...unreadOf(fields, field) };
  const adds = stored.has(field);
  stored.add(field);
  const caches = { cache: new ByteCache(), unknown: new ByteCache() };
  if (item.kind === "words")
    return makeStep(STEPS.words, { ...place, ...caches, ...item.padding, sets: item.sets, adds });
  if (item.kind === "character")
    return makeStep(STEPS.character, { ...place, ...caches, sets: item.set === undefined ? [] : [item.set], adds });
  if (item.kind === "string")
    return makeStep(field.kind === "chars" ? STEPS.chars : STEPS.string, {
      ...place,
      ...item.padding,
      most: item.most,
    });
  if (item.kind === "bytes")
    // Bytes behind the struct have no place of their own in it.
    return makeStep(STEPS.bytes, {
      ...place,
      ...item.padding,
      read: item.read,
      adds: field.kind === "dataLoc" || field.kind === "relLoc",
    });
  const size = field.size / field.count;
  const element = { ...place, offset: field.offset + item.index * size, size };
  if (item.kind === "symbol") return makeStep(STEPS.symbol, { ...element, ...item.padding, ...caches });
  // `%p` of 0 was printed in a column by older kernels.
  if (item.kind === "pointer") return makeStep(STEPS.pointer, { ...element, padded: true });
  const { padded, columns, prefixed, base, inverse, isSummand = false } = item;
  const beside = item.beside && {
    ...{ offset: item.beside.field.offset, sign: item.beside.sign },
    ...unreadOf(fields, item.beside.field),
  };
  const whole = inverse.plain && base !== 8 && beside === undefined;
  const kind = whole ? (base === 16 ? STEPS.hex : STEPS.decimal) : STEPS.part;
  return makeStep(kind, { ...element, padded, columns, prefixed, base, isSummand, beside, solve: inverse.solve });
}
