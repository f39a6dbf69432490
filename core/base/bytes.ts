/** Bytes and words: rounding, and copies whose concurrent readers never see half a word. */

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
 */
export function copyOutWords(destination: usize, source: usize, size: u32): void {
  for (let offset: u32 = 0; offset < size; offset += 8) {
    store<u64>(destination + offset, atomic.load<u64>(source + offset));
  }
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

/** Two rounds of multiply and fold: every input bit reaches every output bit. */
function mix(value: u64): u64 {
  value = (value ^ (value >> 32)) * 0x9e3779b97f4a7c15;
  return (value ^ (value >> 29)) * 0xbf58476d1ce4e5b9;
}

/** A seeded 32-bit hash of a key; keys of 4 and 8 bytes take one round. */
export function hashBytes(key: usize, size: u32, seed: u32): u32 {
  if (size == 4) return <u32>(mix(load<u32>(key) ^ ((<u64>seed) << 32)) >> 32);
  if (size == 8) return <u32>(mix(load<u64>(key) ^ <u64>seed) >> 32);
  let state: u64 = mix(((<u64>size) << 32) | <u64>seed);
  let offset: u32 = 0;
  for (; offset + 8 <= size; offset += 8) state = mix(state ^ load<u64>(key + offset));
  for (; offset < size; offset++) state = mix(state ^ <u64>load<u8>(key + offset));
  return <u32>(state >> 32);
}
