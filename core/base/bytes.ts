/** Bytes and words: rounding, and copies whose concurrent readers never see half a word. */
import { acquire64 } from "./atomics";

/** Rounds up to a power of two `unit`. */
export function roundUp(value: usize, unit: usize): usize {
  return (value + unit - 1) & ~(unit - 1);
}

/** The smallest power of two that is at least `value` (1 to 2^31). */
export function powerOfTwoAtLeast(value: u32): u32 {
  return value <= 1 ? 1 : 1 << (32 - clz(value - 1));
}

/** Copies `size` bytes; the two sizes that nearly every key and value has are one load and one store. */
export function copyBytes(destination: usize, source: usize, size: u32): void {
  if (size == 8) store<u64>(destination, load<u64>(source));
  else if (size == 4) store<u32>(destination, load<u32>(source));
  else memory.copy(destination, source, size);
}

/**
 * Copies a value out of an element that another CPU may be overwriting: whole words by atomic loads, so that the
 * caller's check of the bucket's sequence afterwards is ordered behind them (a plain load may pass a later atomic one
 * on ARM). Both addresses are 8-byte aligned, `size` is a multiple of 8.
 * The loads pair with publish64 of a value in place; of plain stores they may see a part, which the check of the bucket
 * finds out.
 */
export function copyOutWords(destination: usize, source: usize, size: u32): void {
  for (let offset: u32 = 0; offset < size; offset += 8) {
    store<u64>(destination + offset, acquire64(source + offset));
  }
}

/** A word with its bits in the opposite order. */
export function reverseBits(word: u32): u32 {
  word = ((word >>> 1) & 0x55555555) | ((word & 0x55555555) << 1);
  word = ((word >>> 2) & 0x33333333) | ((word & 0x33333333) << 2);
  word = ((word >>> 4) & 0x0f0f0f0f) | ((word & 0x0f0f0f0f) << 4);
  return bswap(word);
}

/** Whether `size` bytes are the same at both addresses. */
export function equalBytes(a: usize, b: usize, size: u32): bool {
  if (size == 4) return load<u32>(a) == load<u32>(b);
  if (size == 8) return load<u64>(a) == load<u64>(b);
  let offset: u32 = 0;
  for (; offset + 8 <= size; offset += 8) {
    if (load<u64>(a + offset) != load<u64>(b + offset)) return false;
  }
  for (; offset < size; offset++) {
    if (load<u8>(a + offset) != load<u8>(b + offset)) return false;
  }
  return true;
}

/** Whether `size` bytes at `a` come before those at `b`, byte by byte. */
export function isBefore(a: usize, b: usize, size: u32): bool {
  let offset: u32 = 0;
  while (offset < size && load<u8>(a + offset) == load<u8>(b + offset)) offset++;
  return offset < size && load<u8>(a + offset) < load<u8>(b + offset);
}

/** Odd, for the second round: a mixer's usual constants (Wellons 2018, "Prospecting for Hash Functions"). */
const SECOND_32: u32 = 0x2c1b3c6d;
const SECOND_64: u64 = 0xbf58476d1ce4e5b9;

/**
 * A hash of a 4-byte key: multiply by the map's own random odd number, fold, multiply. The first round alone would be
 * universal, but consecutive keys, which are common, then fall into a lattice that some multipliers make very uneven. The
 * upper bits of a product are the good ones: they come to where the table goes by them.
 */
function hash32(key: u32, multiplier: u64): u32 {
  const first = key * <u32>multiplier;
  return rotl<u32>((first ^ (first >> 15)) * SECOND_32, 16);
}

/** As hash32 for 8 bytes: the middle of the product, whose lower bits depend on all of the key. */
function hash64(key: u64, multiplier: u64): u32 {
  const first = key * multiplier;
  return <u32>(((first ^ (first >> 32)) * SECOND_64) >> 32);
}

/** A 32-bit hash of a key, all of whose bits are good. */
export function hashBytes(key: usize, size: u32, multiplier: u64): u32 {
  if (size == 4) return hash32(load<u32>(key), multiplier);
  if (size == 8) return hash64(load<u64>(key), multiplier);
  let state: u64 = multiplier ^ <u64>size;
  let offset: u32 = 0;
  for (; offset + 8 <= size; offset += 8) state = mix(state ^ load<u64>(key + offset), multiplier);
  for (; offset < size; offset++) state = mix(state ^ <u64>load<u8>(key + offset), multiplier);
  return hash64(state, multiplier);
}

/**
 * 8 bytes, read by halves: what has just been written in pieces of 4 is still on its way to memory, and a load of both at once
 * would have to wait until it is there.
 */
export function loadHalves(address: usize): u64 {
  return <u64>load<u32>(address) | ((<u64>load<u32>(address, 4)) << 32);
}

/** As hashBytes, of a key of whole words of 8 bytes that has just been written. */
export function hashWords(key: usize, size: u32, multiplier: u64): u32 {
  let state: u64 = multiplier ^ <u64>size;
  for (let offset: u32 = 0; offset < size; offset += 8) state = mix(state ^ loadHalves(key + offset), multiplier);
  return hash64(state, multiplier);
}

/** One round of multiply and fold. */
function mix(value: u64, multiplier: u64): u64 {
  value *= multiplier;
  return value ^ (value >> 32);
}

/** As hashBytes, for a key in a register. */
export function hashKey<K>(key: K, multiplier: u64): u32 {
  return sizeof<K>() == 4 ? hash32(<u32>key, multiplier) : hash64(<u64>key, multiplier);
}
