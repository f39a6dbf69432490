/**
 * Numbers in memory, of 1, 2, 4 or 8 bytes, that lie in one aligned word of 8: read and written so that others, who copy whole words,
 * see the old number or the new one.
 */
import { acquire64 } from "./atomics";
import { ERANGE } from "./errno";

/** What a number is: the logarithm of its bytes, and these bits. */
const NUMBER_SIZE: u32 = 3;
export const NUMBER_SIGNED: u32 = 4;
export const NUMBER_FLOAT: u32 = 8;

/** Bits of a number of a kind. */
function bitsOfKind(kind: u32): u64 {
  return (<u64>8) << (<u64>(kind & NUMBER_SIZE));
}

/** Whether so many bytes are a number's. */
export function isNumber(bytes: u32): bool {
  return bytes <= 8 && popcnt(bytes) == 1;
}

/** The bits of what lies by itself in 1, 2, 4 or 8 bytes, upper bytes zero. */
export function bitsAt(address: usize, bytes: u32): u64 {
  if (bytes == 8) return load<u64>(address);
  if (bytes == 4) return load<u32>(address);
  if (bytes == 2) return load<u16>(address);
  return load<u8>(address);
}

/** Leaves the lower bits as bitsAt reads them. */
export function putBits(address: usize, bits: u64, bytes: u32): void {
  if (bytes == 8) store<u64>(address, bits);
  else if (bytes == 4) store<u32>(address, <u32>bits);
  else if (bytes == 2) store<u16>(address, <u16>bits);
  else store<u8>(address, <u8>bits);
}

/**
 * Writes what is to be added as addToNumber takes it, of a number of the same kind given as bits.
 * @returns whether it is to be taken away
 */
export function writeAmount(amount: usize, kind: u32, bits: u64): bool {
  if ((kind & NUMBER_FLOAT) != 0) {
    store<f64>(amount, bitsOfKind(kind) == 64 ? reinterpret<f64>(bits) : <f64>reinterpret<f32>(<u32>bits));
    return false;
  }
  const sign = (maskOf(kind) >> 1) + 1;
  const isNegative = (kind & NUMBER_SIGNED) != 0 && (bits & sign) != 0;
  store<u64>(amount, isNegative ? (0 - bits) & maskOf(kind) : bits);
  return isNegative;
}

/** The aligned word that a number at `address` lies in. */
export function wordAround(address: usize): usize {
  return address & ~7;
}

/** How far a number lies from its word's lowest bit. */
function shiftOf(address: usize): u64 {
  return (<u64>(address & 7)) << 3;
}

function maskOf(kind: u32): u64 {
  return <u64>-1 >> (64 - bitsOfKind(kind));
}

/** The bits of a number in the word around it. */
export function numberIn(word: u64, address: usize, kind: u32): u64 {
  return (word >> shiftOf(address)) & maskOf(kind);
}

/** A word with other bits in a number's place. */
export function withNumber(word: u64, address: usize, kind: u32, bits: u64): u64 {
  const mask = maskOf(kind) << shiftOf(address);
  return (word & ~mask) | ((bits << shiftOf(address)) & mask);
}

/** The word around a number. Pairs with whoever writes it by one store. */
export function readAround(address: usize): u64 {
  return acquire64(wordAround(address));
}

/**
 * Adds to a number given as bits, without wrapping.
 * @param amount what to add, 8 bytes: of an integer its magnitude, of a float an f64. Gets the new number, its upper bytes zero
 * @param subtracts the magnitude is taken away (integers)
 * @returns 0, or -ERANGE: an integer of this kind cannot be that large or small, and `amount` stays as it is
 */
export function addToNumber(bits: u64, kind: u32, amount: usize, subtracts: bool): i32 {
  if ((kind & NUMBER_FLOAT) != 0) {
    const added = load<f64>(amount);
    if (bitsOfKind(kind) == 64) store<f64>(amount, reinterpret<f64>(bits) + added);
    else store<u64>(amount, reinterpret<u32>(<f32>(<f64>reinterpret<f32>(<u32>bits) + added)));
    return 0;
  }
  // Signed numbers are moved up so that the least is 0: then one rule does for both.
  const mask = maskOf(kind);
  const offset = (kind & NUMBER_SIGNED) != 0 ? (mask >> 1) + 1 : 0;
  const from = (bits + offset) & mask;
  const magnitude = load<u64>(amount);
  if (magnitude > (subtracts ? from : mask - from)) return -ERANGE;
  const sum = subtracts ? from - magnitude : from + magnitude;
  store<u64>(amount, (sum - offset) & mask);
  return 0;
}
