/**
 * What is known of single bits: a number whose known bits are in `value` and whose unknown ones are ones in `mask` (and zeroes in
 * `value`). Addition and subtraction are those of Vishwanathan, Shachnai, Narayana and Nagarakatte, "Sound, Precise, and Fast
 * Abstract Interpretation with Tristate Numbers" (CGO 2022). Results may have bits above the width that is meant: the caller cuts.
 */

/** Bits of one number. Both are unsigned. */
export interface Bits {
  readonly value: bigint;
  readonly mask: bigint;
}

const LOW = 0xffffffffn;

/** How many bits a number has up to its highest one. */
export function bitLength(number: bigint): number {
  let rest = number;
  let length = 0;
  for (; rest > LOW; rest >>= 32n) length += 32;
  return length + 32 - Math.clz32(Number(rest));
}

/** A number of as many ones as `number` has bits. */
export function onesOf(number: bigint): bigint {
  return (1n << BigInt(bitLength(number))) - 1n;
}

export function addBits(a: Bits, b: Bits): Bits {
  const value = a.value + b.value;
  const mask = a.mask + b.mask;
  const unknown = ((value + mask) ^ value) | a.mask | b.mask;
  return { value: value & ~unknown, mask: unknown };
}

/** @param all ones of the width, which a difference below zero wraps into */
export function subtractBits(a: Bits, b: Bits, all: bigint): Bits {
  const value = (a.value - b.value) & all;
  const unknown = (((value + a.mask) & all) ^ ((value - b.mask) & all)) | a.mask | b.mask;
  return { value: value & ~unknown & all, mask: unknown & all };
}

export function andBits(a: Bits, b: Bits): Bits {
  const value = a.value & b.value;
  return { value, mask: (a.value | a.mask) & (b.value | b.mask) & ~value };
}

export function orBits(a: Bits, b: Bits): Bits {
  const value = a.value | b.value;
  return { value, mask: (a.mask | b.mask) & ~value };
}

export function xorBits(a: Bits, b: Bits): Bits {
  const mask = a.mask | b.mask;
  return { value: (a.value ^ b.value) & ~mask, mask };
}

/** How many of the lowest bits are known, and how many of those are zeroes. */
function lowest({ value, mask }: Bits, bits: number): readonly [known: number, zeroes: number] {
  const known = mask === 0n ? bits : bitLength(mask & -mask) - 1;
  const whole = value | mask;
  const zeroes = whole === 0n ? bits : bitLength(whole & -whole) - 1;
  return [known, Math.min(zeroes, known)];
}

/** The lowest bits of a product follow from the lowest bits of its factors; nothing is said of the others. */
export function multiplyBits(a: Bits, b: Bits, bits: number): Bits {
  const [knownA, zeroesA] = lowest(a, bits);
  const [knownB, zeroesB] = lowest(b, bits);
  const known = (1n << BigInt(Math.min(bits, knownA + zeroesB, knownB + zeroesA))) - 1n;
  const all = (1n << BigInt(bits)) - 1n;
  return { value: (a.value * b.value) & known, mask: all & ~known };
}

/** What holds for each of two. */
export function joinBits(a: Bits, b: Bits): Bits {
  const mask = a.mask | b.mask | (a.value ^ b.value);
  return { value: a.value & ~mask, mask };
}

/** Whether every number that `inner` may be is one that `outer` may be. */
export function includesBits(outer: Bits, inner: Bits): boolean {
  return (inner.mask & ~outer.mask) === 0n && ((inner.value ^ outer.value) & ~outer.mask) === 0n;
}
