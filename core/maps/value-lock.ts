/**
 * The lock that the values of a map have, a `struct bpf_spin_lock` at one place in each. It is the lock's alone: what is copied in leaves
 * it out, what is copied out has zeroes there, and what is compared does not see it, as in Linux (`copy_map_value`).
 */
import { copyOutWords, equalBytes } from "../base/bytes";
import { CpuArea } from "../cpu/area";
import { clearSpinLock, dropSpinLock, takeSpinLock } from "../cpu/spin-lock";
import { MapHeader } from "./map";

/** Bytes of a lock. */
export const LOCK_BYTES: u32 = 4;

/** Where the lock lies in a value. The map has one. */
function lockAt(map: MapHeader): u32 {
  return map.valueLock - 1;
}

export function lockOf(map: MapHeader, value: usize): usize {
  return value + lockAt(map);
}

/** Copies a value in, all but its lock. */
export function copyAround(map: MapHeader, value: usize, from: usize): void {
  const at = lockAt(map);
  const behind = at + LOCK_BYTES;
  memory.copy(value, from, at);
  memory.copy(value + behind, from + behind, map.valueSize - behind);
}

/** As copyAround, of an element that becomes another entry's: its lock is free, unless somebody who found it before has it. */
export function fillAround(map: MapHeader, value: usize, from: usize): void {
  copyAround(map, value, from);
  clearSpinLock(lockOf(map, value));
}

/** A value that was copied out does not say who had its lock. */
export function hideLock(map: MapHeader, copy: usize): void {
  if (map.valueLock != 0) store<u32>(lockOf(map, copy), 0);
}

/** Whether a value is the expected one, but for its lock. */
export function equalAround(map: MapHeader, value: usize, expected: usize): bool {
  const at = lockAt(map);
  const behind = at + LOCK_BYTES;
  return equalBytes(value, expected, at) && equalBytes(value + behind, expected + behind, map.valueSize - behind);
}

/** Copies a value in under its lock: 0, -EBUSY, -ETIMEDOUT or -EDEADLK. In a read section. */
export function writeUnderLock(area: CpuArea, map: MapHeader, value: usize, from: usize): i32 {
  const locked = takeSpinLock(area, lockOf(map, value));
  if (locked != 0) return locked;
  copyAround(map, value, from);
  dropSpinLock(area, lockOf(map, value));
  return 0;
}

/** Copies a value out under its lock. As writeUnderLock. */
export function readUnderLock(area: CpuArea, map: MapHeader, value: usize, into: usize): i32 {
  const locked = takeSpinLock(area, lockOf(map, value));
  if (locked != 0) return locked;
  copyOutWords(into, value, map.valueStride);
  dropSpinLock(area, lockOf(map, value));
  hideLock(map, into);
  return 0;
}
