/** The stack: a ring of values (maps/ring/ring.ts), last in first out. */
import { readRing } from "./ring";

/** Number of `enum bpf_map_type`. */
export const KIND_STACK: u32 = 23;

/** Copies the newest value out and leaves it: 0, -ENOENT (empty), -EINVAL (key), -EBUSY or -ETIMEDOUT as ringPush. */
export function stackPeek(address: usize, key: usize, into: usize): i32 {
  return readRing(address, key, into, true, false);
}

/** As stackPeek, and takes the value off. */
export function stackPop(address: usize, key: usize, into: usize): i32 {
  return readRing(address, key, into, true, true);
}

/** As stackPeek, as programs call it. */
export function stackPeekValue(address: usize, into: usize): i32 {
  return readRing(address, 0, into, true, false);
}

/** As stackPop, as programs call it. */
export function stackPopValue(address: usize, into: usize): i32 {
  return readRing(address, 0, into, true, true);
}
