/**
 * Atomics by role. WebAssembly has one memory order (sequentially consistent), so the name carries the order that the
 * caller needs; on x86-64 a load costs 0.7 ns, a store or read-modify-write 2.3 ns, which is why there are so few. Whoever calls
 * one of these says in a comment what it pairs with, or why it need not; `peek` pairs with nothing.
 */

/** Reads a word that another CPU publishes: what was written before the publication is visible afterwards. */
export function acquire(address: usize): u32 {
  return atomic.load<u32>(address);
}

/**
 * As acquire, of a word that is only looked at: nothing is read through it, or a claim decides afterwards whether what was
 * seen still holds. It pairs with nothing.
 */
export function peek(address: usize): u32 {
  return atomic.load<u32>(address);
}

/** Makes everything written before visible to whoever acquires this word. */
export function publish(address: usize, value: u32): void {
  atomic.store<u32>(address, value);
}

/** Takes `address` from `expected` to `replacement` if nobody else changed it. */
export function claim(address: usize, expected: u32, replacement: u32): bool {
  return atomic.cmpxchg<u32>(address, expected, replacement) == expected;
}

/** Puts `value` in place and returns what was there. */
export function exchange(address: usize, value: u32): u32 {
  return atomic.xchg<u32>(address, value);
}

/** Adds and returns the sum. */
export function addAndFetch(address: usize, value: i32): i32 {
  return atomic.add<i32>(address, value) + value;
}

/** Sets bits of a word; others that are set at the same time stay. */
export function setBits(address: usize, bits: u32): void {
  atomic.or<u32>(address, bits);
}

export function acquire64(address: usize): u64 {
  return atomic.load<u64>(address);
}

export function peek64(address: usize): u64 {
  return atomic.load<u64>(address);
}

export function publish64(address: usize, value: u64): void {
  atomic.store<u64>(address, value);
}

export function claim64(address: usize, expected: u64, replacement: u64): bool {
  return atomic.cmpxchg<u64>(address, expected, replacement) == expected;
}
