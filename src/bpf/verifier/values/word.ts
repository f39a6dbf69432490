/**
 * What is known of a number of some width: its bits, and its bounds read as unsigned and as signed. A word stands for all numbers
 * that fit all three. Everything here takes the width, so that the same code that works on 64 bits is tried on every pair of
 * words of 4.
 */
import { type Bits, i64, includesBits, joinBits, onesOf, u64 } from "./bits.ts";

export interface Width {
  readonly bits: number;
  /** All ones, which is also the largest unsigned number. */
  readonly all: bigint;
  /** The highest bit. */
  readonly sign: bigint;
  /** The smallest and the largest signed number. */
  readonly least: bigint;
  readonly most: bigint;
  /** The word of which nothing is known. */
  readonly unknown: Word;
}

export interface Word extends Bits {
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
}

export function widthOf(bits: number): Width {
  const all = (1n << BigInt(bits)) - 1n;
  const sign = 1n << BigInt(bits - 1);
  const bounds = { umin: 0n, umax: all, smin: -sign, smax: sign - 1n };
  return { bits, all, sign, least: -sign, most: sign - 1n, unknown: { value: 0n, mask: all, ...bounds } };
}

/** A number of the width, read as signed. */
export function signedOf({ all, sign }: Width, number: bigint): bigint {
  return number < sign ? number : i64(i64(number - all) - 1n);
}

/** A signed number of the width, read as unsigned. */
export function unsignedOf({ all }: Width, number: bigint): bigint {
  return number < 0n ? u64(u64(number + all) + 1n) : number;
}

export function constantWord(width: Width, value: bigint): Word {
  const unsigned = BigInt.asUintN(width.bits, value);
  const signed = signedOf(width, unsigned);
  return { value: unsigned, mask: 0n, umin: unsigned, umax: unsigned, smin: signed, smax: signed };
}

export function isConstant({ mask }: Bits): boolean {
  return mask === 0n;
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Both readings of the bounds say more together: those below the sign bit and those above it are each cut by both. */
function reconcile(
  width: Width,
  { umin, umax, smin, smax }: Omit<Word, keyof Bits>,
): Omit<Word, keyof Bits> | undefined {
  const { sign, most } = width;
  const lowFrom = larger(umin, larger(smin, 0n));
  const lowTo = smaller(umax, smaller(smax, most));
  if (smin >= 0n) return lowFrom <= lowTo ? { umin: lowFrom, umax: lowTo, smin: lowFrom, smax: lowTo } : undefined;
  const highFrom = larger(larger(umin, sign), unsignedOf(width, smin));
  const highTo = smax < 0n ? smaller(umax, unsignedOf(width, smax)) : umax;
  const isLow = lowFrom <= lowTo;
  const isHigh = highFrom <= highTo;
  if (!isLow && !isHigh) return undefined;
  return {
    umin: isLow ? lowFrom : highFrom,
    umax: isHigh ? highTo : lowTo,
    smin: isHigh ? signedOf(width, highFrom) : lowFrom,
    smax: isLow ? lowTo : signedOf(width, highTo),
  };
}

/** Bits and bounds, each narrowed by what the others say. */
function narrowed(width: Width, word: Word): Word | undefined {
  const { all, sign } = width;
  const { value, mask } = word;
  const most = u64(value | mask);
  const isOpen = u64(mask & sign) !== 0n;
  const bounds = reconcile(width, {
    umin: larger(word.umin, value),
    umax: smaller(word.umax, most),
    smin: larger(word.smin, signedOf(width, isOpen ? u64(value | sign) : value)),
    smax: smaller(word.smax, signedOf(width, isOpen ? u64(most ^ sign) : most)),
  });
  if (bounds === undefined) return undefined;
  // Above the highest bit in which the bounds differ all numbers between them are alike.
  const { umin, umax, smin, smax } = bounds;
  const open = umin === umax ? 0n : onesOf(u64(umin ^ umax));
  const fixed = u64(all & u64(~open));
  if (u64(u64(u64(value ^ umin) & fixed) & u64(~mask)) !== 0n) return undefined;
  return { value: u64(value | u64(u64(umin & fixed) & mask)), mask: u64(mask & open), umin, umax, smin, smax };
}

/** Whether the bounds leave no number out. */
function isWhole(width: Width, { umin, umax, smin, smax }: Word): boolean {
  return umin === 0n && umax === width.all && smin === width.least && smax === width.most;
}

/** The word of the numbers that fit bits and bounds; undefined where it is seen that there is none. */
export function wordOf(width: Width, word: Word): Word | undefined {
  if (word.mask === 0n) return hasNumber(width, word, word.value) ? constantWord(width, word.value) : undefined;
  if (word.mask === width.all && isWhole(width, word)) return width.unknown;
  const once = narrowed(width, word);
  if (once !== undefined && once.mask === width.all && isWhole(width, once)) return width.unknown;
  if (once === undefined || once.mask === word.mask) return once;
  // Bits that the bounds have fixed may narrow the bounds again, where not all bits below them are open.
  return once.mask === onesOf(once.mask) ? once : narrowed(width, once);
}

/** The numbers that are in both; undefined where it is seen that there is none. */
export function meetWords(width: Width, a: Word, b: Word): Word | undefined {
  if (u64(u64(a.value ^ b.value) & u64(~u64(a.mask | b.mask))) !== 0n) return undefined;
  const mask = u64(a.mask & b.mask);
  return wordOf(width, {
    value: u64(u64(a.value | b.value) & u64(~mask)),
    mask,
    umin: larger(a.umin, b.umin),
    umax: smaller(a.umax, b.umax),
    smin: larger(a.smin, b.smin),
    smax: smaller(a.smax, b.smax),
  });
}

/** A word that has the numbers of both. */
export function joinWords(a: Word, b: Word): Word {
  return {
    ...joinBits(a, b),
    umin: smaller(a.umin, b.umin),
    umax: larger(a.umax, b.umax),
    smin: smaller(a.smin, b.smin),
    smax: larger(a.smax, b.smax),
  };
}

/** Whether every number of `inner` is one of `outer`. */
export function includesWord(outer: Word, inner: Word): boolean {
  if (outer === inner) return true;
  if (outer.umin > inner.umin || outer.umax < inner.umax || outer.smin > inner.smin || outer.smax < inner.smax)
    return false;
  return includesBits(outer, inner);
}

/** Whether the number, unsigned, is one of the word's. */
export function hasNumber(width: Width, word: Word, number: bigint): boolean {
  if (number < word.umin || number > word.umax) return false;
  if (u64(u64(number ^ word.value) & u64(~word.mask)) !== 0n) return false;
  const signed = signedOf(width, number);
  return signed >= word.smin && signed <= word.smax;
}

/** The word of an unsigned range. */
export function between(width: Width, umin: bigint, umax: bigint): Word {
  return wordOf(width, { ...width.unknown, umin, umax }) ?? width.unknown;
}

/** The word of a signed range. */
export function signedBetween(width: Width, smin: bigint, smax: bigint): Word {
  return wordOf(width, { ...width.unknown, smin, smax }) ?? width.unknown;
}
