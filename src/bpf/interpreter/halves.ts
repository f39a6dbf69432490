/**
 * Arithmetic and comparisons on registers of two words each, the low one first: without a bigint, which costs more than all the rest of an
 * instruction. Of those that are not here, divisions in 64 bits are in arithmetic.ts, and signed ones and swaps of bytes go by their meaning
 * (`isa/semantics.ts`), to which a property test holds those that are.
 */

import type { Comparison } from "../isa/semantics.ts";

/** Changes the register whose low word is at `at` by the operand. All words are signed. */
export type WideStep = (halves: Int32Array, at: number, low: number, high: number) => void;
/** Cut to 32 bits by the caller. */
type Narrow = (a: number, b: number) => number;
type WideComparison = (aLow: number, aHigh: number, bLow: number, bHigh: number) => boolean;
type NarrowComparison = (a: number, b: number) => boolean;

const TWO_32 = 2 ** 32;
const SHIFTS = 63;

/** The upper word of the product of two unsigned words. */
function upperProduct(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const rest = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(rest / 0x10000)) | 0;
}

/** Arithmetic in 64 bits by the names of its operations. */
export const WIDE_STEPS: Readonly<Partial<Record<string, WideStep>>> = {
  mov: (halves, at, low, high) => {
    halves[at] = low;
    halves[at + 1] = high;
  },
  movsx8_: (halves, at, low) => {
    halves[at] = (low << 24) >> 24;
    halves[at + 1] = (low << 24) >> 31;
  },
  movsx16_: (halves, at, low) => {
    halves[at] = (low << 16) >> 16;
    halves[at + 1] = (low << 16) >> 31;
  },
  movsx32_: (halves, at, low) => {
    halves[at] = low;
    halves[at + 1] = low >> 31;
  },
  add: (halves, at, low, high) => {
    const sum = ((halves[at] as number) >>> 0) + (low >>> 0);
    halves[at] = sum;
    halves[at + 1] = (halves[at + 1] as number) + high + (sum >= TWO_32 ? 1 : 0);
  },
  sub: (halves, at, low, high) => {
    const difference = ((halves[at] as number) >>> 0) - (low >>> 0);
    halves[at] = difference;
    halves[at + 1] = (halves[at + 1] as number) - high - (difference < 0 ? 1 : 0);
  },
  neg: (halves, at) => {
    const low = halves[at] as number;
    halves[at] = -low;
    halves[at + 1] = low === 0 ? -(halves[at + 1] as number) : ~(halves[at + 1] as number);
  },
  mul: (halves, at, low, high) => {
    const [ownLow, ownHigh] = [halves[at] as number, halves[at + 1] as number];
    halves[at] = Math.imul(ownLow, low);
    halves[at + 1] = upperProduct(ownLow, low) + Math.imul(ownHigh, low) + Math.imul(ownLow, high);
  },
  or: (halves, at, low, high) => {
    halves[at] = (halves[at] as number) | low;
    halves[at + 1] = (halves[at + 1] as number) | high;
  },
  and: (halves, at, low, high) => {
    halves[at] = (halves[at] as number) & low;
    halves[at + 1] = (halves[at + 1] as number) & high;
  },
  xor: (halves, at, low, high) => {
    halves[at] = (halves[at] as number) ^ low;
    halves[at + 1] = (halves[at + 1] as number) ^ high;
  },
  lsh: (halves, at, low) => {
    const count = low & SHIFTS;
    const own = halves[at] as number;
    if (count === 0) return;
    halves[at + 1] = count < 32 ? ((halves[at + 1] as number) << count) | (own >>> (32 - count)) : own << (count - 32);
    halves[at] = count < 32 ? own << count : 0;
  },
  rsh: (halves, at, low) => {
    const count = low & SHIFTS;
    const own = halves[at + 1] as number;
    if (count === 0) return;
    halves[at] = count < 32 ? ((halves[at] as number) >>> count) | (own << (32 - count)) : own >>> (count - 32);
    halves[at + 1] = count < 32 ? own >>> count : 0;
  },
  arsh: (halves, at, low) => {
    const count = low & SHIFTS;
    const own = halves[at + 1] as number;
    if (count === 0) return;
    halves[at] = count < 32 ? ((halves[at] as number) >>> count) | (own << (32 - count)) : own >> (count - 32);
    halves[at + 1] = count < 32 ? own >> count : own >> 31;
  },
};

/** Arithmetic in 32 bits. */
export const NARROW: Readonly<Partial<Record<string, Narrow>>> = {
  mov: (_, b) => b,
  movsx8_: (_, b) => (b << 24) >> 24,
  movsx16_: (_, b) => (b << 16) >> 16,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  neg: (a) => -a,
  mul: (a, b) => Math.imul(a, b),
  div: (a, b) => (b === 0 ? 0 : (a >>> 0) / (b >>> 0)),
  mod: (a, b) => (b === 0 ? a : (a >>> 0) % (b >>> 0)),
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  xor: (a, b) => a ^ b,
  lsh: (a, b) => a << b,
  rsh: (a, b) => a >>> b,
  arsh: (a, b) => a >> b,
};

const isBelow: WideComparison = (aLow, aHigh, bLow, bHigh) =>
  aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh >>> 0 < bHigh >>> 0;
const isLess: WideComparison = (aLow, aHigh, bLow, bHigh) =>
  aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh < bHigh;

/** Comparisons in 64 bits; there are no others than these. */
export const WIDE_COMPARISONS: Readonly<Record<Comparison["name"], WideComparison>> = {
  jeq: (aLow, aHigh, bLow, bHigh) => aLow === bLow && aHigh === bHigh,
  jne: (aLow, aHigh, bLow, bHigh) => aLow !== bLow || aHigh !== bHigh,
  jset: (aLow, aHigh, bLow, bHigh) => ((aLow & bLow) | (aHigh & bHigh)) !== 0,
  jgt: (aLow, aHigh, bLow, bHigh) => isBelow(bLow, bHigh, aLow, aHigh),
  jge: (aLow, aHigh, bLow, bHigh) => !isBelow(aLow, aHigh, bLow, bHigh),
  jlt: isBelow,
  jle: (aLow, aHigh, bLow, bHigh) => !isBelow(bLow, bHigh, aLow, aHigh),
  jsgt: (aLow, aHigh, bLow, bHigh) => isLess(bLow, bHigh, aLow, aHigh),
  jsge: (aLow, aHigh, bLow, bHigh) => !isLess(aLow, aHigh, bLow, bHigh),
  jslt: isLess,
  jsle: (aLow, aHigh, bLow, bHigh) => !isLess(bLow, bHigh, aLow, aHigh),
};

export const NARROW_COMPARISONS: Readonly<Record<Comparison["name"], NarrowComparison>> = {
  jeq: (a, b) => a === b,
  jne: (a, b) => a !== b,
  jset: (a, b) => (a & b) !== 0,
  jgt: (a, b) => a >>> 0 > b >>> 0,
  jge: (a, b) => a >>> 0 >= b >>> 0,
  jlt: (a, b) => a >>> 0 < b >>> 0,
  jle: (a, b) => a >>> 0 <= b >>> 0,
  jsgt: (a, b) => a > b,
  jsge: (a, b) => a >= b,
  jslt: (a, b) => a < b,
  jsle: (a, b) => a <= b,
};
