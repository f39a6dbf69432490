/**
 * The hash map: lookup, update, delete with Linux's flags and errno (`kernel/bpf/hashtab.c`), dynamic or preallocated,
 * plain or per-CPU. The element is taken before the bucket is locked, so that a refill can run; the lock is held for a
 * few stores.
 *
 * Overwriting: a value of up to 8 bytes is replaced in place by one atomic store; a larger one gets a new element that
 * takes the old one's place by one store. No reader sees half a value or misses the key. Per-CPU values are written in
 * place (maps/percpu-value.ts).
 */

import { cacheOf } from "../alloc/allocator";
import { Cache } from "../alloc/cache";
import { interruptsOn } from "../alloc/deferred";
import { acquire, acquire64, publish, publish64 } from "../base/atomics";
import { copyBytes, hashBytes } from "../base/bytes";
import { E2BIG, EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM } from "../base/errno";
import { CpuArea, thisCpu } from "../cpu/area";
import { enterRead, leaveRead } from "../rcu/epoch";
import {
  awaitBucket,
  bucketOf,
  copyFromElement,
  findElement,
  findPlace,
  insertAndUnlock,
  isLocked,
  removeAt,
  tryLockBucket,
  unlockBucket,
  unlockChanged,
} from "./bucket";
import { chargeElement, unchargeElement } from "./count";
import {
  ELEMENT_HASH,
  ELEMENT_KEY,
  ELEMENT_NEXT,
  giveElement,
  giveReplaced,
  giveUnused,
  supplyError,
  takeElement,
  takeReplacement,
} from "./element";
import { deleteShortly, updateShortly } from "./hash-fast";
import { EXIST, MapHeader, mapAt, NOEXIST } from "./map";
import { attachValue, copyAllOut, giveValue, writeValue } from "./percpu-value";

/** Internal result: the bucket changed under the operation, look again. */
const AGAIN: i32 = 1;

function hashOf(map: MapHeader, key: usize): u32 {
  return hashBytes(key, map.keySize, map.multiplier);
}

function isPerCpu(map: MapHeader): bool {
  return map.copyStride != 0;
}

/** Functions that return an element return -errno in its place; no element lies in the last 4 KiB. */
function isError(element: usize): bool {
  return element >= <usize>-4095;
}

/**
 * Finds a value. Call inside a read section; the address stays that of a value of this map until the section ends,
 * though its element may be deleted and reused meanwhile (type-stable, as in Linux). Lock-free, any context.
 * @returns the value's address, 0 if the key is not there
 */
export function hashLookup(address: usize, key: usize): usize {
  const map = mapAt(address);
  const hash = hashOf(map, key);
  const element = findElement(map, bucketOf(map, hash), hash, key);
  return element == 0 ? 0 : element + map.valueOffset;
}

/** As hashLookup, for the current CPU's copy. */
export function percpuHashLookup(address: usize, key: usize): usize {
  const value = hashLookup(address, key);
  return value == 0 ? 0 : load<u32>(value) + thisCpu().id * mapAt(address).copyStride;
}

/** A value of up to 8 bytes as one word, upper bytes zero. */
function valueWord(value: usize, size: u32): u64 {
  if (size == 8) return load<u64>(value);
  if (size == 4) return load<u32>(value);
  let word: u64 = 0;
  for (let index: u32 = 0; index < size; index++) word |= (<u64>load<u8>(value + index)) << (<u64>index * 8);
  return word;
}

/** Writes hash, key and value of an element that nobody else can see yet. */
function fillElement(map: MapHeader, element: usize, hash: u32, key: usize, value: usize): void {
  store<u32>(element, hash, ELEMENT_HASH);
  copyBytes(element + ELEMENT_KEY, key, map.keySize);
  if (!isPerCpu(map)) copyBytes(element + map.valueOffset, value, map.valueSize);
}

/** Takes and fills an element for a new key; -errno in its place. */
function newElement(
  area: CpuArea,
  map: MapHeader,
  cache: Cache,
  hash: u32,
  key: usize,
  value: usize,
  allCpus: bool,
): usize {
  if (!chargeElement(map, cache)) return <usize>-E2BIG;
  const element = takeElement(area, map, cache);
  if (element == 0) {
    unchargeElement(map, cache);
    return <usize>supplyError(map);
  }
  fillElement(map, element, hash, key, value);
  if (isPerCpu(map) && !attachValue(area, map, element, value, allCpus)) {
    unchargeElement(map, cache);
    giveUnused(area, map, cache, element);
    return <usize>-ENOMEM;
  }
  return element;
}

/** Undoes newElement: somebody else changed the bucket first. */
function dropElement(area: CpuArea, map: MapHeader, cache: Cache, element: usize): void {
  unchargeElement(map, cache);
  if (isPerCpu(map)) giveValue(area, map, element);
  giveUnused(area, map, cache, element);
}

/** Replaces a large value by a new element at the same place. */
function replaceElement(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  place: usize,
  key: usize,
  value: usize,
): i32 {
  const cache = cacheOf(map.elements, area.id);
  const replacement = takeReplacement(area, map, cache);
  if (replacement == 0) return supplyError(map);
  fillElement(map, replacement, hashOf(map, key), key, value);
  if (!tryLockBucket(area, bucket, control)) {
    giveReplaced(area, map, cache, replacement);
    return AGAIN;
  }
  const old: usize = acquire(place);
  store<u32>(replacement, load<u32>(old, ELEMENT_NEXT), ELEMENT_NEXT);
  publish(place, <u32>replacement);
  unlockChanged(area, bucket, control);
  giveReplaced(area, map, cache, old);
  return 0;
}

/** Writes the value of an existing key where it lies. */
function overwriteInPlace(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  place: usize,
  value: usize,
  allCpus: bool,
): i32 {
  if (!tryLockBucket(area, bucket, control)) return AGAIN;
  const element: usize = acquire(place);
  if (isPerCpu(map)) writeValue(area, map, element, value, allCpus);
  else publish64(element + map.valueOffset, valueWord(value, map.valueSize));
  unlockBucket(area, bucket, control);
  return 0;
}

/** What an update does when it cannot simply insert: the bucket is locked, the key is there, or it must be. */
function updateOtherwise(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  place: usize,
  key: usize,
  value: usize,
  flags: u32,
  allCpus: bool,
): i32 {
  if (isLocked(control)) return awaitBucket(area, bucket, control) ? AGAIN : -EBUSY;
  if (place == 0) return acquire64(bucket) == control ? -ENOENT : AGAIN;
  if (flags == NOEXIST) return acquire64(bucket) == control ? -EEXIST : AGAIN;
  if (map.inPlace != 0 || isPerCpu(map)) return overwriteInPlace(area, map, bucket, control, place, value, allCpus);
  return replaceElement(area, map, bucket, control, place, key, value);
}

function updateKey(area: CpuArea, map: MapHeader, key: usize, value: usize, flags: u32, allCpus: bool): i32 {
  const hash = hashOf(map, key);
  const bucket = bucketOf(map, hash);
  while (true) {
    const control = acquire64(bucket);
    const place = findPlace(area, map, bucket, control, hash, key);
    if (place != 0 || flags == EXIST || isLocked(control)) {
      const result = updateOtherwise(area, map, bucket, control, place, key, value, flags, allCpus);
      if (result != AGAIN) return result;
      continue;
    }
    const cache = cacheOf(map.elements, area.id);
    const element = newElement(area, map, cache, hash, key, value, allCpus);
    if (isError(element)) return <i32>element;
    if (tryLockBucket(area, bucket, control)) {
      insertAndUnlock(area, bucket, control, hash, element);
      return 0;
    }
    dropElement(area, map, cache, element);
  }
}

function update(address: usize, key: usize, value: usize, flags: u32, allCpus: bool): i32 {
  if (flags > EXIST) return -EINVAL;
  const map = mapAt(address);
  const area = thisCpu();
  // Profile linux: off for the whole operation, so that a refill comes after it.
  area.interruptsOff += map.interruptsOff;
  area.ownHolds += map.interruptsOff;
  const result = updateKey(area, map, key, value, flags, allCpus);
  area.ownHolds -= map.interruptsOff;
  area.interruptsOff -= map.interruptsOff;
  interruptsOn(area);
  return result;
}

/**
 * Creates or replaces a value; of a per-CPU hash the current CPU's, and a new key has zero on the others (what a
 * program does). Any context.
 * @param flags 0, NOEXIST or EXIST
 * @returns 0, -EINVAL (flags), -EEXIST, -ENOENT, -E2BIG (full), -ENOMEM (nothing to allocate in this context),
 * -EBUSY (this context interrupted the bucket's owner)
 */
export function hashUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const size = mapAt(address).shortKey;
  if (size == 4 && updateShortly<u32>(address, key, value, flags) == 0) return 0;
  if (size == 8 && updateShortly<u64>(address, key, value, flags) == 0) return 0;
  return update(address, key, value, flags, false);
}

/** As hashUpdate, for all CPUs' copies: `value` is one after the other, valueStride apart. What user space does. */
export function percpuHashUpdateAll(address: usize, key: usize, value: usize, flags: u32): i32 {
  return update(address, key, value, flags, true);
}

/** Unlinks a key's element and returns it, or -errno. */
function removeKey(area: CpuArea, map: MapHeader, key: usize): usize {
  const hash = hashOf(map, key);
  const bucket = bucketOf(map, hash);
  while (true) {
    const control = acquire64(bucket);
    const place = findPlace(area, map, bucket, control, hash, key);
    if (isLocked(control)) {
      if (!awaitBucket(area, bucket, control)) return <usize>-EBUSY;
      continue;
    }
    if (place == 0) {
      if (acquire64(bucket) == control) return <usize>-ENOENT;
      continue;
    }
    const element: usize = acquire(place);
    if (removeAt(area, bucket, control, place)) return element;
  }
}

/**
 * Deletes a key. Its element may be handed out again at once. Any context.
 * @returns 0, -ENOENT, or -EBUSY (this context interrupted the bucket's owner)
 */
export function hashDelete(address: usize, key: usize): i32 {
  const size = mapAt(address).shortKey;
  if (size == 4 && deleteShortly<u32>(address, key) == 0) return 0;
  if (size == 8 && deleteShortly<u64>(address, key) == 0) return 0;
  return deleteKey(address, key);
}

function deleteKey(address: usize, key: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const element = removeKey(area, map, key);
  if (isError(element)) return <i32>element;
  const cache = cacheOf(map.elements, area.id);
  unchargeElement(map, cache);
  if (isPerCpu(map)) giveValue(area, map, element);
  giveElement(area, map, cache, element);
  interruptsOn(area);
  return 0;
}

/**
 * Copies a value out, consistently. Any context.
 * @param into `valueStride` bytes, 8-byte aligned
 * @returns 0 or -ENOENT
 */
export function hashGet(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const found = copyFromElement(thisCpu(), map, hashOf(map, key), key, into, map.valueOffset, map.valueStride);
  return found ? 0 : -ENOENT;
}

/** Copies all CPUs' values out, valueStride apart; each CPU's as of some moment. Any context. */
export function percpuHashGet(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  enterRead(area);
  const value = hashLookup(address, key);
  if (value != 0) copyAllOut(map, load<u32>(value), into);
  leaveRead(area);
  return value != 0 ? 0 : -ENOENT;
}
