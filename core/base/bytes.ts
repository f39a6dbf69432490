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

/** One round of multiply and fold. */
function mix(value: u64, multiplier: u64): u64 {
  value *= multiplier;
  return value ^ (value >> 32);
}

/**
 * A 32-bit hash of a key whose upper bits are the good ones. Keys of 4 and 8 bytes take one multiplication by the map's
 * own random odd number: multiply-shift is universal, so no set of keys is bad for most multipliers (Dietzfelbinger and
 * others, "A reliable randomized algorithm for the closest-pair problem", 1997).
 */
export function hashBytes(key: usize, size: u32, multiplier: u64): u32 {
  if (size == 4) return <u32>((<u64>load<u32>(key) * multiplier) >> 32);
  if (size == 8) return <u32>((load<u64>(key) * multiplier) >> 32);
  let state: u64 = multiplier ^ <u64>size;
  let offset: u32 = 0;
  for (; offset + 8 <= size; offset += 8) state = mix(state ^ load<u64>(key + offset), multiplier);
  for (; offset < size; offset++) state = mix(state ^ <u64>load<u8>(key + offset), multiplier);
  return <u32>((state * multiplier) >> 32);
}
