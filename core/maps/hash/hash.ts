/**
 * The hash map: update with Linux's flags and errno (`kernel/bpf/hashtab.c`), dynamic or preallocated,
 * plain or per-CPU. The element is taken before the bucket is locked, so that a refill can run; the lock is held for a
 * few stores. No reader sees half a value or misses the key.
 */
import { acquire64 } from "../../base/atomics";
import { E2BIG, EEXIST, EINVAL, ENOENT } from "../../base/errno";
import { bitsAt, isNumber } from "../../base/number";
import { CpuArea, thisCpu } from "../../cpu/area";
import { renewBudget } from "../../cpu/wait";
import { letWorkRun } from "../deferred";
import { EXIST, LOCK, MapHeader, mapAt, NOEXIST } from "../map";
import { AGAIN, findPlace, isHome, isLocked } from "../table/bucket";
import { isError } from "../table/element";
import { cacheForEntry, hashOf } from "../table/entry";
import { homeOf } from "../table/table";
import { KeyAddress, updateFast } from "./fast";
import { dropElement, newElement, publishElement } from "./insert";
import { overwriteUnderLock } from "./locked";
import { updateLruFast } from "./lru-fast";
import { updateLru } from "./lru-update";
import { updateOtherwise } from "./overwrite";

/** The load pairs with the publication of the control word. */
function updateKey(
  area: CpuArea,
  map: MapHeader,
  key: usize,
  value: usize,
  flags: u32,
  expected: usize,
  allCpus: bool,
): i32 {
  const hash = hashOf(map, key);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const place = findPlace(area, map, bucket, control, hash, key);
    if (place != 0 || flags == EXIST || isLocked(control)) {
      const result = updateOtherwise(area, map, bucket, control, place, key, value, flags, expected, allCpus);
      if (result != AGAIN) return result;
      continue;
    }
    const cache = cacheForEntry(area, map, key, value);
    if (changetype<usize>(cache) == 0) return -E2BIG;
    const element = newElement(area, map, cache, hash, key, value, allCpus);
    if (isError(element)) return <i32>element;
    if (publishElement(area, map, cache, bucket, control, hash, element)) return 0;
    dropElement(area, map, cache, element);
  }
}

function update(address: usize, key: usize, value: usize, flags: u32, expected: usize, allCpus: bool): i32 {
  if (flags > EXIST) return -EINVAL;
  const map = mapAt(address);
  const area = thisCpu();
  renewBudget(area);
  // Profile linux: off for the whole operation, so that a refill comes after it.
  area.interruptsOff += map.interruptsOff;
  area.ownInterruptsOff += map.interruptsOff;
  const result =
    map.ring != 0
      ? updateLru(area, map, key, value, flags, expected, allCpus)
      : updateKey(area, map, key, value, flags, expected, allCpus);
  area.ownInterruptsOff -= map.interruptsOff;
  area.interruptsOff -= map.interruptsOff;
  letWorkRun(area);
  return result;
}

/**
 * Creates or replaces a value; of a per-CPU hash the current CPU's, and a new key has zero on the others (what a
 * program does). Any context.
 * @param flags 0, NOEXIST or EXIST, with LOCK where values have one: then a value that is there is changed in place, under its lock
 * @returns 0, -EINVAL (flags, no lock), -EEXIST, -ENOENT, -E2BIG (full), -ENOMEM (nothing to allocate in this context),
 * -EBUSY (this context interrupted the bucket's owner), -ETIMEDOUT (the bucket's owner is dead and not yet reaped)
 */
export function hashUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  if (map.fastKey != 0 && updateByPointer(map, key, value, flags) == 0) return 0;
  if (map.lruBatch != 0 && updateLruFast(map, key, value, flags) == 0) return 0;
  return updateSlow(address, key, value, flags);
}

/** The fast path for arguments in memory. */
function updateByPointer(map: MapHeader, key: usize, value: usize, flags: u32): i32 {
  if (map.fastKey == 4) return updateTo<u32>(map, load<u32>(key), value, flags);
  if (map.fastKey == 8) return updateTo<u64>(map, load<u64>(key), value, flags);
  return updateTo<KeyAddress>(map, <KeyAddress>key, value, flags);
}

/** A number goes as a word: nothing needs to be copied, and one that is there is overwritten where it lies. */
function updateTo<K>(map: MapHeader, key: K, value: usize, flags: u32): i32 {
  const address = changetype<usize>(map);
  const size = map.valueSize;
  if (!isNumber(size) || map.copyStride != 0) return updateFast<K, usize>(address, key, value, flags);
  return updateFast<K, u64>(address, key, bitsAt(value, size), flags);
}

/** As hashUpdate, without a fast path. */
export function updateSlow(address: usize, key: usize, value: usize, flags: u32): i32 {
  if ((flags & LOCK) != 0) return updateUnderLock(address, key, value, flags & ~LOCK);
  return update(address, key, value, flags, 0, false);
}

/** A value that is there is changed where it lies, under its lock; a new one is inserted. */
function updateUnderLock(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  if (flags > EXIST || map.valueLock == 0) return -EINVAL;
  while (true) {
    const written = overwriteUnderLock(map, key, value, flags);
    if (written != -ENOENT || flags == EXIST) return written;
    const inserted = update(address, key, value, NOEXIST, 0, false);
    if (inserted != -EEXIST || flags == NOEXIST) return inserted;
  }
}

/**
 * Replaces a key's value if it is the expected one, byte by byte; of no per-CPU hash. Any context.
 * @param expected `valueSize` bytes
 * @returns as hashUpdate with EXIST, or -EAGAIN: the value is another one
 */
export function hashCompareUpdate(address: usize, key: usize, expected: usize, value: usize): i32 {
  return update(address, key, value, EXIST, expected, false);
}

/** As hashUpdate, for all CPUs' copies: `value` is one after the other, valueStride apart. What user space does. */
export function percpuHashUpdateAll(address: usize, key: usize, value: usize, flags: u32): i32 {
  return update(address, key, value, flags, 0, true);
}
