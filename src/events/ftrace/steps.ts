/** From the items of a `print fmt` to the steps that a line of it is read in. */
import type { EventField } from "../event.ts";
import { ByteCache } from "./byte-cache.ts";
import { bytesOf } from "./bytes.ts";
import type { PrintItem, WordSet } from "./print.ts";

/** All have all members, so that the engine sees one shape. */
export interface Step {
  readonly kind: StepKind;
  /** Fixed text to step over; for texts, what stands behind them. */
  readonly literal: Uint8Array;
  readonly offset: number;
  readonly size: number;
  readonly shift: number;
  readonly padded: boolean;
  /** Hexadecimal digits may have `0x` in front of them. */
  readonly prefixed: boolean;
  /** Words: add to the bits an earlier step stored. */
  readonly adds: boolean;
  /** Texts are relative to the end of this field, or to the struct (0). */
  readonly relative: number;
  readonly cache: ByteCache;
  readonly sets: readonly WordSet[];
}

export const STEPS = {
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
export const FIRST_TEXT: StepKind = STEPS.symbol;

const EMPTY = new Uint8Array(0);
/** Marks a part of a field that is printed in hexadecimal. */
export const HEX_PART: Uint8Array = bytesOf("x");

/** The steps for items. Texts with nothing fixed behind them, but more values, end what can be read of the line. */
export function stepsOf(items: readonly PrintItem[]): Step[] {
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
  prefixed: false,
  adds: false,
  relative: 0,
  cache: NO_CACHE,
  sets: [],
};

/** Builds every step the same way: objects of one shape are what the engine reads fast. */
function makeStep(kind: StepKind, members: Partial<Omit<Step, "kind">>): Step {
  const { literal, offset, size, shift, padded, prefixed, adds, relative, cache, sets } = { ...BASE, ...members };
  return { kind, literal, offset, size, shift, padded, prefixed, adds, relative, cache, sets };
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
  const { shift, padded, prefixed } = item;
  if (!item.part) return makeStep(item.base === 16 ? STEPS.hex : STEPS.decimal, { ...element, padded, prefixed });
  return makeStep(STEPS.part, { ...element, padded, shift, literal: item.base === 16 ? HEX_PART : EMPTY });
}
