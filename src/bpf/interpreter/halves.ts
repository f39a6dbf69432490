/**
 * Arithmetic and comparisons on registers of two words each, the low one first: without a bigint, which costs more than all the rest of an
 * instruction, and without a number above 32 bits, which would be a float. A row is the whole step, so that an instruction is one call by
 * its address. Signed divisions and swaps of bytes go by their meaning (`isa/semantics.ts`), to which a property test holds those that are here.
 */

import type { Comparison } from "../isa/semantics.ts";
import type { Decoded, Step } from "./state.ts";

const SHIFTS = 63;

function word(halves: Int32Array, at: number): number {
  return halves[at] as number;
}

/** Sets the register of the destination. */
function put(halves: Int32Array, i: Decoded, low: number, high: number): Decoded {
  halves[i.to] = low;
  halves[i.to + 1] = high;
  return i.next;
}

function go(i: Decoded, holds: boolean): Decoded {
  return holds ? i.target : i.next;
}

function isZero(halves: Int32Array, at: number): boolean {
  return (word(halves, at) | word(halves, at + 1)) === 0;
}

/** The upper word of the product of two unsigned words; no sum in it is above 32 bits. */
function upperProduct(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const rest = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (rest >>> 16)) | 0;
}

/** Arithmetic in 64 bits by the names of its operations. */
export const WIDE_STEPS: Readonly<Partial<Record<string, Step>>> = {
  mov: (_, { halves }, i) => put(halves, i, word(halves, i.by), word(halves, i.by + 1)),
  movsx8_: (_, { halves }, i) => put(halves, i, (word(halves, i.by) << 24) >> 24, (word(halves, i.by) << 24) >> 31),
  movsx16_: (_, { halves }, i) => put(halves, i, (word(halves, i.by) << 16) >> 16, (word(halves, i.by) << 16) >> 31),
  movsx32_: (_, { halves }, i) => put(halves, i, word(halves, i.by), word(halves, i.by) >> 31),
  add: (_, { halves }, i) => {
    const own = word(halves, i.to);
    const low = (own + word(halves, i.by)) | 0;
    const carry = low >>> 0 < own >>> 0 ? 1 : 0;
    return put(halves, i, low, (word(halves, i.to + 1) + word(halves, i.by + 1) + carry) | 0);
  },
  sub: (_, { halves }, i) => {
    const [own, low] = [word(halves, i.to), word(halves, i.by)];
    const borrow = own >>> 0 < low >>> 0 ? 1 : 0;
    return put(halves, i, (own - low) | 0, (word(halves, i.to + 1) - word(halves, i.by + 1) - borrow) | 0);
  },
  neg: (_, { halves }, i) => {
    const [low, high] = [word(halves, i.to), word(halves, i.to + 1)];
    return put(halves, i, -low | 0, low === 0 ? -high | 0 : ~high);
  },
  mul: (_, { halves }, i) => {
    const [own, low] = [word(halves, i.to), word(halves, i.by)];
    const crossed = (Math.imul(word(halves, i.to + 1), low) + Math.imul(own, word(halves, i.by + 1))) | 0;
    return put(halves, i, Math.imul(own, low), (upperProduct(own, low) + crossed) | 0);
  },
  or: (_, { halves }, i) =>
    put(halves, i, word(halves, i.to) | word(halves, i.by), word(halves, i.to + 1) | word(halves, i.by + 1)),
  and: (_, { halves }, i) =>
    put(halves, i, word(halves, i.to) & word(halves, i.by), word(halves, i.to + 1) & word(halves, i.by + 1)),
  xor: (_, { halves }, i) =>
    put(halves, i, word(halves, i.to) ^ word(halves, i.by), word(halves, i.to + 1) ^ word(halves, i.by + 1)),
  lsh: (_, { halves }, i) => {
    const count = word(halves, i.by) & SHIFTS;
    const [low, high] = [word(halves, i.to), word(halves, i.to + 1)];
    if (count === 0) return i.next;
    if (count >= 32) return put(halves, i, 0, low << (count - 32));
    return put(halves, i, low << count, (high << count) | (low >>> (32 - count)));
  },
  rsh: (_, { halves }, i) => {
    const count = word(halves, i.by) & SHIFTS;
    const [low, high] = [word(halves, i.to), word(halves, i.to + 1)];
    if (count === 0) return i.next;
    if (count >= 32) return put(halves, i, high >>> (count - 32), 0);
    return put(halves, i, (low >>> count) | (high << (32 - count)), high >>> count);
  },
  arsh: (_, { halves }, i) => {
    const count = word(halves, i.by) & SHIFTS;
    const [low, high] = [word(halves, i.to), word(halves, i.to + 1)];
    if (count === 0) return i.next;
    if (count >= 32) return put(halves, i, high >> (count - 32), high >> 31);
    return put(halves, i, (low >>> count) | (high << (32 - count)), high >> count);
  },
  // As bigints, but from array to array: accesses.ts says why.
  div: (_, { registers, halves }, i) => {
    if (isZero(halves, i.by)) registers[i.dst] = 0n;
    else registers[i.dst] = BigInt.asUintN(64, (registers[i.dst] as bigint) / (registers[i.src] as bigint));
    return i.next;
  },
  mod: (_, { registers, halves }, i) => {
    if (isZero(halves, i.by)) return i.next;
    registers[i.dst] = BigInt.asUintN(64, (registers[i.dst] as bigint) % (registers[i.src] as bigint));
    return i.next;
  },
};

/** Arithmetic in 32 bits: the upper word becomes 0. */
export const NARROW_STEPS: Readonly<Partial<Record<string, Step>>> = {
  mov: (_, { halves }, i) => put(halves, i, word(halves, i.by), 0),
  movsx8_: (_, { halves }, i) => put(halves, i, (word(halves, i.by) << 24) >> 24, 0),
  movsx16_: (_, { halves }, i) => put(halves, i, (word(halves, i.by) << 16) >> 16, 0),
  add: (_, { halves }, i) => put(halves, i, (word(halves, i.to) + word(halves, i.by)) | 0, 0),
  sub: (_, { halves }, i) => put(halves, i, (word(halves, i.to) - word(halves, i.by)) | 0, 0),
  neg: (_, { halves }, i) => put(halves, i, -word(halves, i.to) | 0, 0),
  mul: (_, { halves }, i) => put(halves, i, Math.imul(word(halves, i.to), word(halves, i.by)), 0),
  div: (_, { halves }, i) => {
    const [own, by] = [word(halves, i.to) >>> 0, word(halves, i.by) >>> 0];
    return put(halves, i, by === 0 ? 0 : (own / by) | 0, 0);
  },
  mod: (_, { halves }, i) => {
    const [own, by] = [word(halves, i.to) >>> 0, word(halves, i.by) >>> 0];
    return put(halves, i, by === 0 ? own : own % by, 0);
  },
  or: (_, { halves }, i) => put(halves, i, word(halves, i.to) | word(halves, i.by), 0),
  and: (_, { halves }, i) => put(halves, i, word(halves, i.to) & word(halves, i.by), 0),
  xor: (_, { halves }, i) => put(halves, i, word(halves, i.to) ^ word(halves, i.by), 0),
  lsh: (_, { halves }, i) => put(halves, i, word(halves, i.to) << word(halves, i.by), 0),
  rsh: (_, { halves }, i) => put(halves, i, word(halves, i.to) >>> word(halves, i.by), 0),
  arsh: (_, { halves }, i) => put(halves, i, word(halves, i.to) >> word(halves, i.by), 0),
};

/** Whether the unsigned number that begins at one word is below another. */
function isBelow(halves: Int32Array, a: number, b: number): boolean {
  const [aHigh, bHigh] = [word(halves, a + 1), word(halves, b + 1)];
  return aHigh === bHigh ? word(halves, a) >>> 0 < word(halves, b) >>> 0 : aHigh >>> 0 < bHigh >>> 0;
}

/** The same of signed ones. */
function isLess(halves: Int32Array, a: number, b: number): boolean {
  const [aHigh, bHigh] = [word(halves, a + 1), word(halves, b + 1)];
  return aHigh === bHigh ? word(halves, a) >>> 0 < word(halves, b) >>> 0 : aHigh < bHigh;
}

function isEqual(halves: Int32Array, a: number, b: number): boolean {
  return word(halves, a) === word(halves, b) && word(halves, a + 1) === word(halves, b + 1);
}

function haveCommon(halves: Int32Array, a: number, b: number): boolean {
  return ((word(halves, a) & word(halves, b)) | (word(halves, a + 1) & word(halves, b + 1))) !== 0;
}

/** Branches by comparisons in 64 bits; there are no others than these. */
export const WIDE_BRANCHES: Readonly<Record<Comparison["name"], Step>> = {
  jeq: (_, { halves }, i) => go(i, isEqual(halves, i.to, i.by)),
  jne: (_, { halves }, i) => go(i, !isEqual(halves, i.to, i.by)),
  jset: (_, { halves }, i) => go(i, haveCommon(halves, i.to, i.by)),
  jgt: (_, { halves }, i) => go(i, isBelow(halves, i.by, i.to)),
  jge: (_, { halves }, i) => go(i, !isBelow(halves, i.to, i.by)),
  jlt: (_, { halves }, i) => go(i, isBelow(halves, i.to, i.by)),
  jle: (_, { halves }, i) => go(i, !isBelow(halves, i.by, i.to)),
  jsgt: (_, { halves }, i) => go(i, isLess(halves, i.by, i.to)),
  jsge: (_, { halves }, i) => go(i, !isLess(halves, i.to, i.by)),
  jslt: (_, { halves }, i) => go(i, isLess(halves, i.to, i.by)),
  jsle: (_, { halves }, i) => go(i, !isLess(halves, i.by, i.to)),
};

export const NARROW_BRANCHES: Readonly<Record<Comparison["name"], Step>> = {
  jeq: (_, { halves }, i) => go(i, word(halves, i.to) === word(halves, i.by)),
  jne: (_, { halves }, i) => go(i, word(halves, i.to) !== word(halves, i.by)),
  jset: (_, { halves }, i) => go(i, (word(halves, i.to) & word(halves, i.by)) !== 0),
  jgt: (_, { halves }, i) => go(i, word(halves, i.to) >>> 0 > word(halves, i.by) >>> 0),
  jge: (_, { halves }, i) => go(i, word(halves, i.to) >>> 0 >= word(halves, i.by) >>> 0),
  jlt: (_, { halves }, i) => go(i, word(halves, i.to) >>> 0 < word(halves, i.by) >>> 0),
  jle: (_, { halves }, i) => go(i, word(halves, i.to) >>> 0 <= word(halves, i.by) >>> 0),
  jsgt: (_, { halves }, i) => go(i, word(halves, i.to) > word(halves, i.by)),
  jsge: (_, { halves }, i) => go(i, word(halves, i.to) >= word(halves, i.by)),
  jslt: (_, { halves }, i) => go(i, word(halves, i.to) < word(halves, i.by)),
  jsle: (_, { halves }, i) => go(i, word(halves, i.to) <= word(halves, i.by)),
};
