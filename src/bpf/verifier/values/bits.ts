/**
 * What is known of single bits: a number whose known bits are in `value` and whose unknown ones are ones in `mask` (and zeroes in
 * `value`). Addition and subtraction are those of Vishwanathan, Shachnai, Narayana and Nagarakatte, "Sound, Precise, and Fast
 * Abstract Interpretation with Tristate Numbers" (CGO 2022). Results may have bits above the width that is meant: the caller cuts.
 *
 * Each step is cut to 64 bits, which no width exceeds: an engine then calculates in machine words, and makes a bigint of the last one only.
 */

/** Bits of one number. Both are unsigned. */
export interface Bits {
  readonly value: bigint;
  readonly mask: bigint;
}

/** The lowest 64 bits. */
export function u64(number: bigint): bigint {
  return BigInt.asUintN(64, number);
}

/** The lowest 64 bits, signed. */
export function i64(number: bigint): bigint {
  return BigInt.asIntN(64, number);
}

/** A number and its halves. */
const HALVES = new DataView(new ArrayBuffer(8));

/** How many bits a number of at most 64 has up to its highest one. */
export function bitLength(number: bigint): number {
  HALVES.setBigUint64(0, number);
  const high = HALVES.getUint32(0);
  return high === 0 ? 32 - Math.clz32(HALVES.getUint32(4)) : 64 - Math.clz32(high);
}

/** Numbers of so many ones. */
const ONES: readonly bigint[] = Array.from({ length: 65 }, (_, bits) => (1n << BigInt(bits)) - 1n);

/** A number of as many ones as `number` has bits. */
export function onesOf(number: bigint): bigint {
  return ONES[bitLength(number)] ?? 0n;
}

export function addBits(a: Bits, b: Bits): Bits {
  const value = u64(a.value + b.value);
  const mask = u64(a.mask + b.mask);
  const unknown = u64(u64(u64(value + mask) ^ value) | u64(a.mask | b.mask));
  return { value: u64(value & u64(~unknown)), mask: unknown };
}

/** @param all ones of the width, which a difference below zero wraps into */
export function subtractBits(a: Bits, b: Bits, all: bigint): Bits {
  const value = u64(a.value - b.value);
  const moved = u64(u64(value + a.mask) ^ u64(value - b.mask));
  const unknown = u64(u64(moved | u64(a.mask | b.mask)) & all);
  return { value: u64(u64(value & u64(~unknown)) & all), mask: unknown };
}

export function andBits(a: Bits, b: Bits): Bits {
  const value = u64(a.value & b.value);
  const most = u64(u64(a.value | a.mask) & u64(b.value | b.mask));
  return { value, mask: u64(most & u64(~value)) };
}

export function orBits(a: Bits, b: Bits): Bits {
  const value = u64(a.value | b.value);
  return { value, mask: u64(u64(a.mask | b.mask) & u64(~value)) };
}

export function xorBits(a: Bits, b: Bits): Bits {
  const mask = u64(a.mask | b.mask);
  return { value: u64(u64(a.value ^ b.value) & u64(~mask)), mask };
}

/** How many of the lowest bits are known, and how many of those are zeroes. */
function lowest({ value, mask }: Bits, bits: number): readonly [known: number, zeroes: number] {
  const known = mask === 0n ? bits : lowestBit(mask);
  const whole = u64(value | mask);
  const zeroes = whole === 0n ? bits : lowestBit(whole);
  return [known, Math.min(zeroes, known)];
}

function lowestBit(number: bigint): number {
  return bitLength(u64(number & u64(-number))) - 1;
}

/** The lowest bits of a product follow from the lowest bits of its factors; nothing is said of the others. */
export function multiplyBits(a: Bits, b: Bits, bits: number): Bits {
  const [knownA, zeroesA] = lowest(a, bits);
  const [knownB, zeroesB] = lowest(b, bits);
  const known = ONES[Math.min(bits, knownA + zeroesB, knownB + zeroesA)] ?? 0n;
  const all = ONES[bits] ?? 0n;
  return { value: u64(u64(a.value * b.value) & known), mask: u64(all & u64(~known)) };
}

/** What holds for each of two. */
export function joinBits(a: Bits, b: Bits): Bits {
  const mask = u64(u64(a.mask | b.mask) | u64(a.value ^ b.value));
  return { value: u64(a.value & u64(~mask)), mask };
}

/** Whether every number that `inner` may be is one that `outer` may be. */
export function includesBits(outer: Bits, inner: Bits): boolean {
  const fixed = u64(~outer.mask);
  return u64(inner.mask & fixed) === 0n && u64(u64(inner.value ^ outer.value) & fixed) === 0n;
}
