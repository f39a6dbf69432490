/**
 * What is known of a register that holds a number: the whole of it as one word, and its lower half as another, as half of the
 * instructions look at nothing else. Each narrows the other.
 */
import type { AluEffect } from "../../isa/semantics.ts";
import { ALU_OPERATIONS, SWAPS } from "../../isa/semantics.ts";
import { extendWord, LOW_FROM_LOW, WORD_OPERATIONS } from "./arithmetic.ts";
import { i64, u64 } from "./bits.ts";
import {
  between,
  constantWord,
  includesWord,
  isConstant,
  joinWords,
  meetWords,
  type Width,
  type Word,
  widthOf,
  wordOf,
} from "./word.ts";

export interface Scalar {
  readonly wide: Word;
  readonly low: Word;
  /** The lower half says nothing that the whole does not, so that it need not be calculated with. */
  readonly follows: boolean;
}

/** The widths of a scalar and of its lower half. */
export interface Widths {
  readonly wide: Width;
  readonly low: Width;
  /** The scalar of which nothing is known. */
  readonly unknown: Scalar;
}

export function widthsOf(bits: number): Widths {
  const [wide, low] = [widthOf(bits), widthOf(bits / 2)];
  return { wide, low, unknown: { wide: wide.unknown, low: low.unknown, follows: true } };
}

/** Those of the instruction set. */
export const WIDTHS: Widths = widthsOf(64);

export function constantIn(widths: Widths, value: bigint): Scalar {
  return { wide: constantWord(widths.wide, value), low: constantWord(widths.low, value), follows: true };
}

/** The lower half, narrowed by what the whole says. */
function lowOf({ low }: Widths, wide: Word, half: Word): Word | undefined {
  const { all } = low;
  const above = u64(~all);
  let { umin, umax, smin, smax } = low.unknown;
  if (u64(u64(wide.umin ^ wide.umax) & above) === 0n) [umin, umax] = [u64(wide.umin & all), u64(wide.umax & all)];
  else if (u64(u64(wide.smin ^ wide.smax) & above) === 0n) [umin, umax] = [u64(wide.smin & all), u64(wide.smax & all)];
  if (wide.smin >= low.least && wide.smax <= low.most) [smin, smax] = [wide.smin, wide.smax];
  const seen = { value: u64(wide.value & all), mask: u64(wide.mask & all), umin, umax, smin, smax };
  return includesWord(seen, half) ? half : meetWords(low, half, seen);
}

/** The whole, narrowed by what its lower half says. */
function wideOf({ wide, low }: Widths, whole: Word, half: Word): Word | undefined {
  const above = u64(~low.all);
  const isSmall = whole.smin >= low.least && whole.smax <= low.most;
  const seen: Word = {
    value: half.value,
    mask: u64(u64(wide.all & above) | half.mask),
    umin: u64(u64(whole.umin & above) + half.umin),
    umax: u64(u64(whole.umax & above) + half.umax),
    smin: isSmall ? half.smin : i64(i64(whole.smin & above) + half.umin),
    smax: isSmall ? half.smax : i64(i64(whole.smax & above) + half.umax),
  };
  return includesWord(seen, whole) ? whole : meetWords(wide, whole, seen);
}

/** The scalar of the numbers that fit both words; undefined where it is seen that there is none. */
export function scalarOf(widths: Widths, wide: Word, low: Word): Scalar | undefined {
  const half = lowOf(widths, wide, low);
  if (half === undefined) return undefined;
  const whole = wideOf(widths, wide, half);
  if (whole === undefined) return undefined;
  if (whole === wide) return { wide: whole, low: half, follows: false };
  const again = lowOf(widths, whole, half);
  return again === undefined ? undefined : { wide: whole, low: again, follows: false };
}

/** The scalar of which the whole says all; undefined where it is seen that there is no such number. */
export function scalarOfWhole(widths: Widths, wide: Word): Scalar | undefined {
  if (wide === widths.wide.unknown) return widths.unknown;
  const low = lowOf(widths, wide, widths.low.unknown);
  return low && { wide, low, follows: true };
}

export function scalarIn(widths: Widths, wide: Word): Scalar {
  return scalarOfWhole(widths, wide) ?? widths.unknown;
}

/** A number of the lower half alone: the upper half is zero, as every instruction on 32 bits leaves it. */
export function zeroExtended(widths: Widths, low: Word): Scalar {
  const { value, mask, umin, umax } = low;
  const wide = wordOf(widths.wide, { value, mask, umin, umax, smin: umin, smax: umax });
  return { wide: wide ?? widths.wide.unknown, low, follows: low.smin >= 0n };
}

export function includesScalar(outer: Scalar, inner: Scalar): boolean {
  return outer === inner || (includesWord(outer.wide, inner.wide) && includesWord(outer.low, inner.low));
}

export function joinScalars(a: Scalar, b: Scalar): Scalar {
  return a === b ? a : { wide: joinWords(a.wide, b.wide), low: joinWords(a.low, b.low), follows: false };
}

/** What an instruction makes of the numbers of two scalars; of an operation on 32 bits the upper half is zero. */
export type ScalarOperation = (widths: Widths, a: Scalar, b: Scalar, half: boolean) => Scalar;

/** Operations of which nothing is known where nothing is known of one operand. */
const LOSES_ALL: ReadonlySet<string> = new Set(["add", "sub", "xor"]);

function arithmetic(name: string, effect: AluEffect): ScalarOperation {
  const operation = WORD_OPERATIONS[name];
  if (operation === undefined) throw new RangeError(`there is no abstract ${name}`);
  const { evaluate } = effect;
  const isLow = LOW_FROM_LOW.has(name);
  const losesAll = LOSES_ALL.has(name);
  return (widths, a, b, half) => {
    const at = half ? "low" : "wide";
    if (isConstant(a[at]) && isConstant(b[at])) {
      const value = evaluate(a[at].value, b[at].value, widths[at].bits as 32 | 64);
      return constantIn(widths, BigInt.asUintN(widths[at].bits, value));
    }
    const isLost = a[at] === widths[at].unknown || b[at] === widths[at].unknown;
    if (losesAll && isLost && !half && (a.low === widths.low.unknown || b.low === widths.low.unknown))
      return widths.unknown;
    if (half) return zeroExtended(widths, operation(widths.low, a.low, b.low));
    const wide = operation(widths.wide, a.wide, b.wide);
    if (a.follows && b.follows) return scalarIn(widths, wide);
    const low = isLow ? operation(widths.low, a.low, b.low) : widths.low.unknown;
    return scalarOf(widths, wide, low) ?? widths.unknown;
  };
}

function extension(bits: number, signed: boolean): ScalarOperation {
  return (widths, _, b, half) =>
    half
      ? zeroExtended(widths, extendWord(widths.low, b.low, bits, signed))
      : scalarIn(widths, bits === widths.wide.bits ? b.wide : extendWord(widths.wide, b.wide, bits, signed));
}

/** Bytes in another order: bits go with them, bounds are lost. Never on 32 bits alone: it clears what is above its bits. */
function swap({ evaluate }: AluEffect, bits: number): ScalarOperation {
  const umax = (1n << BigInt(bits)) - 1n;
  return (widths, a) => {
    const [value, mask] = [evaluate(a.wide.value, 0n, 64), evaluate(a.wide.mask, 0n, 64)];
    return scalarIn(widths, wordOf(widths.wide, { ...widths.wide.unknown, umax, value, mask }) ?? widths.wide.unknown);
  };
}

/** By the effect that an operation of the table has. */
export const SCALAR_OPERATIONS: ReadonlyMap<AluEffect, ScalarOperation> = new Map<AluEffect, ScalarOperation>([
  ...ALU_OPERATIONS.map((effect): [AluEffect, ScalarOperation] => {
    const bits = /^movsx(\d+)_$/.exec(effect.name)?.[1];
    return [effect, bits === undefined ? arithmetic(effect.name, effect) : extension(Number(bits), true)];
  }),
  ...SWAPS.map(({ alu, bits, order }): [AluEffect, ScalarOperation] => [
    alu,
    order === "le" ? (widths, a) => extension(bits, false)(widths, a, a, false) : swap(alu, bits),
  ]),
]);

/** A number plus a constant, which may wrap around. */
export function plus(scalar: Scalar, by: bigint): Scalar {
  const added = SCALAR_OPERATIONS.get(ADD)?.(WIDTHS, scalar, constant(BigInt.asIntN(64, by)), false);
  return added ?? UNKNOWN;
}

const ADD = ALU_OPERATIONS.find(({ name }) => name === "add") as AluEffect;

const SMALLEST_KEPT = -256;
const LARGEST_KEPT = 4096;
/** Constants that come again and again. */
const KEPT: readonly Scalar[] = Array.from({ length: LARGEST_KEPT - SMALLEST_KEPT + 1 }, (_, index) =>
  constantIn(WIDTHS, BigInt(index + SMALLEST_KEPT)),
);

export const UNKNOWN: Scalar = WIDTHS.unknown;

export function constant(value: bigint | number): Scalar {
  const number = Number(value);
  const kept = number >= SMALLEST_KEPT && number <= LARGEST_KEPT ? KEPT[number - SMALLEST_KEPT] : undefined;
  return kept ?? constantIn(WIDTHS, BigInt(value));
}

/** The number that it is, unsigned, where it is one only. */
export function constantOf({ wide }: Scalar): bigint | undefined {
  return wide.mask === 0n ? wide.value : undefined;
}

/** An unsigned number of so many bytes. */
export function bytesLoaded(bytes: number, signed = false): Scalar {
  return LOADED[`${bytes}${signed}`] ?? UNKNOWN;
}

const LOADED: Readonly<Record<string, Scalar>> = Object.fromEntries(
  [1, 2, 4, 8].flatMap((bytes) => {
    const most = (1n << BigInt(bytes * 8)) - 1n;
    const unsigned = scalarIn(WIDTHS, between(WIDTHS.wide, 0n, most));
    return [
      [`${bytes}false`, unsigned],
      [`${bytes}true`, scalarIn(WIDTHS, extendWord(WIDTHS.wide, WIDTHS.wide.unknown, bytes * 8, true))],
    ];
  }),
);

/** The lowest bytes of a number, as a narrower store and load leave them. */
export function truncated(scalar: Scalar, bytes: number): Scalar {
  if (bytes === 8) return scalar;
  if (bytes === 4) return zeroExtended(WIDTHS, scalar.low);
  return scalarIn(WIDTHS, extendWord(WIDTHS.wide, scalar.wide, bytes * 8, false));
}
