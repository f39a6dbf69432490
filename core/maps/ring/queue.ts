/** The queue: a ring of values (maps/ring/ring.ts), first in first out. */
import { readRing } from "./ring";

/** Number of `enum bpf_map_type`. */
export const KIND_QUEUE: u32 = 22;

/** Copies the first value out and leaves it: 0, -ENOENT (empty), -EINVAL (key), -EBUSY or -ETIMEDOUT as ringPush. */
export function queuePeek(address: usize, key: usize, into: usize): i32 {
  return readRing(address, key, into, false, false);
}

/** As queuePeek, and takes the value off. */
export function queuePop(address: usize, key: usize, into: usize): i32 {
  return readRing(address, key, into, false, true);
}

/** As queuePeek, as programs call it. */
export function queuePeekValue(address: usize, into: usize): i32 {
  return readRing(address, 0, into, false, false);
}

/** As queuePop, as programs call it. */
export function queuePopValue(address: usize, into: usize): i32 {
  return readRing(address, 0, into, false, true);
}
