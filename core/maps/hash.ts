/**
 * The hash map: update with Linux's flags and errno (`kernel/bpf/hashtab.c`), dynamic or preallocated,
 * plain or per-CPU. The element is taken before the bucket is locked, so that a refill can run; the lock is held for a
 * few stores.
 *
 * Overwriting: a value of up to 8 bytes is replaced in place by one atomic store; a larger one gets a new element that
 * takes the old one's place by one store. No reader sees half a value or misses the key. Per-CPU values are written in
 * place (maps/percpu-value.ts).
 */
import { Cache } from "../alloc/cache";
import { acquire, acquire64, publish, publish64 } from "../base/atomics";
import { E2BIG, EAGAIN, EEXIST, EINVAL, ENOENT } from "../base/errno";
import { CpuArea, thisCpu } from "../cpu/area";
import { COUNTS, clearIntent, firstIntent, intentsOf, MAYBE, nameObject, REMOVES, secondIntent } from "../cpu/intent";
import { memoryErrno, renewBudget } from "../cpu/wait";
import {
  AGAIN,
  awaitBucket,
  findPlace,
  insertAndUnlock,
  isHome,
  isLocked,
  tryLockBucket,
  unlockBucket,
  unlockChanged,
} from "./bucket";
import { countElement, hasPlace, LevelCount, levelCount, nextOperation, parityOf, setLive, takePlaces } from "./count";
import { letWorkRun } from "./deferred";
import { ELEMENT_NEXT, giveReplaced, giveUnused, isError, supplyError, takeElement, takeReplacement } from "./element";
import { cacheForEntry, cacheOfElement, fillElement, hashOf, hasValue } from "./entry";
import { KeyAddress, updateFast } from "./hash-fast";
import { EXIST, MapHeader, mapAt, NOEXIST } from "./map";
import { attachValue, giveValue, nameValue, valueObject, writeValue } from "./percpu-value";
import { raiseTable } from "./split";
import { homeOf } from "./table";

function isPerCpu(map: MapHeader): bool {
  return map.copyStride != 0;
}

/** A value of up to 8 bytes as one word, upper bytes zero. */
function valueWord(value: usize, size: u32): u64 {
  if (size == 8) return load<u64>(value);
  if (size == 4) return load<u32>(value);
  let word: u64 = 0;
  for (let index: u32 = 0; index < size; index++) word |= (<u64>load<u8>(value + index)) << (<u64>index * 8);
  return word;
}

/** Whether this level may insert; a table that is too small for the places given out is noticed here. */
function hasRoom(area: CpuArea, map: MapHeader, count: LevelCount): bool {
  if (hasPlace(count)) return true;
  area.interruptsOff++;
  const taken = takePlaces(map, count);
  raiseTable(area, map);
  area.interruptsOff--;
  return taken;
}

/** Takes and fills an element for a new key into the first intent (its value into the second); -errno in its place. */
function newElement(
  area: CpuArea,
  map: MapHeader,
  cache: Cache,
  hash: u32,
  key: usize,
  value: usize,
  allCpus: bool,
): usize {
  const intents = intentsOf(area);
  const count = levelCount(map, area.id, area.level);
  const operation = nextOperation(count);
  const bits = COUNTS | parityOf(operation);
  if (!hasRoom(area, map, count)) return <usize>-E2BIG;
  const element = takeElement(area, map, cache, firstIntent(intents), bits, operation);
  if (element == 0) {
    clearIntent(firstIntent(intents));
    return <usize>supplyError(area, map);
  }
  fillElement(map, element, hash, key, value);
  if (isPerCpu(map) && !attachValue(area, map, element, value, allCpus, secondIntent(intents))) {
    giveUnused(area, map, cache, element, firstIntent(intents), bits);
    clearIntent(firstIntent(intents));
    return <usize>-memoryErrno(area);
  }
  return element;
}

/** Undoes newElement: somebody else changed the bucket first, or took the place. */
function dropElement(area: CpuArea, map: MapHeader, cache: Cache, element: usize, bits: u64): void {
  const intents = intentsOf(area);
  const object = valueObject(map, element);
  if (object != 0) nameValue(area, map, object, secondIntent(intents));
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits);
  if (object != 0) giveValue(area, map, object, secondIntent(intents));
  giveUnused(area, map, cache, element, firstIntent(intents), bits);
  clearIntent(firstIntent(intents));
}

/** Publishes the new element in a bucket that is still as `control` says: 0, or AGAIN and the element is gone. */
function insertElement(
  area: CpuArea,
  map: MapHeader,
  cache: Cache,
  bucket: usize,
  control: u64,
  hash: u32,
  element: usize,
): i32 {
  const intents = intentsOf(area);
  const count = levelCount(map, area.id, area.level);
  const operation = nextOperation(count);
  const bits = COUNTS | parityOf(operation);
  // From here on the element may be everybody's, and its value with it.
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits | MAYBE);
  clearIntent(secondIntent(intents));
  if (!tryLockBucket(area, bucket, control)) {
    dropElement(area, map, cache, element, bits);
    return AGAIN;
  }
  // Only now: whoever has taken the place meanwhile did not see this one's intent (maps/count.ts).
  if (!hasPlace(count)) {
    unlockBucket(area, bucket, control);
    dropElement(area, map, cache, element, bits);
    return AGAIN;
  }
  insertAndUnlock(area, bucket, control, hash, element);
  countElement(area, map, 1, operation);
  clearIntent(firstIntent(intents));
  return 0;
}

/**
 * Replaces a large value by a new element at the same place; -EAGAIN if it is not the expected one.
 * The publication of the place pairs with findInSlots and findInOverflow: the element is whole. The place is read under
 * the lock, which needs no pair.
 */
function replaceElement(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  place: usize,
  key: usize,
  value: usize,
  expected: usize,
): i32 {
  const intents = intentsOf(area);
  const cache = cacheForEntry(area, map, key, value);
  const address = changetype<usize>(cache);
  if (address == 0) return -E2BIG;
  const count = levelCount(map, area.id, area.level);
  const operation = nextOperation(count);
  const replacement = takeReplacement(area, map, cache, firstIntent(intents), operation);
  if (replacement == 0) return supplyError(area, map);
  fillElement(map, replacement, hashOf(map, key), key, value);
  nameObject(firstIntent(intents), replacement, address, MAYBE);
  const locked = tryLockBucket(area, bucket, control);
  const old: usize = locked ? acquire(place) : 0;
  if (!locked || !hasValue(map, old, expected)) {
    if (locked) unlockBucket(area, bucket, control);
    nameObject(firstIntent(intents), replacement, address, 0);
    giveReplaced(area, map, cache, replacement, firstIntent(intents));
    clearIntent(firstIntent(intents));
    return locked ? -EAGAIN : AGAIN;
  }
  const oldCache = cacheOfElement(area, map, old);
  nameObject(secondIntent(intents), old, changetype<usize>(oldCache), MAYBE | REMOVES);
  store<u32>(replacement, load<u32>(old, ELEMENT_NEXT), ELEMENT_NEXT);
  publish(place, <u32>replacement);
  unlockChanged(area, bucket, control);
  // No other operation of this level has the number that the replacement names.
  setLive(count, count.live, operation);
  clearIntent(firstIntent(intents));
  nameObject(secondIntent(intents), old, changetype<usize>(oldCache), REMOVES);
  giveReplaced(area, map, oldCache, old, secondIntent(intents));
  clearIntent(secondIntent(intents));
  return 0;
}

/**
 * Writes the value of an existing key where it lies; -EAGAIN if it is not the expected one.
 * The publication of the value pairs with copyOutWords. The place is read under the lock, which needs no pair.
 */
function overwriteInPlace(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  place: usize,
  value: usize,
  expected: usize,
  allCpus: bool,
): i32 {
  if (!tryLockBucket(area, bucket, control)) return AGAIN;
  const element: usize = acquire(place);
  const isExpected = hasValue(map, element, expected);
  if (isPerCpu(map)) writeValue(area, map, element, value, allCpus);
  else if (isExpected) publish64(element + map.valueOffset, valueWord(value, map.valueSize));
  unlockBucket(area, bucket, control);
  return isExpected ? 0 : -EAGAIN;
}

/**
 * What an update does when it cannot simply insert: the bucket is locked, the key is there, or it must be.
 * The loads pair as that of isUnchanged: what was found still holds.
 */
function updateOtherwise(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  place: usize,
  key: usize,
  value: usize,
  flags: u32,
  expected: usize,
  allCpus: bool,
): i32 {
  if (isLocked(control)) return awaitBucket(area, bucket);
  if (place == 0) return acquire64(bucket) == control ? -ENOENT : AGAIN;
  if (flags == NOEXIST) return acquire64(bucket) == control ? -EEXIST : AGAIN;
  if (map.inPlace != 0 || isPerCpu(map))
    return overwriteInPlace(area, map, bucket, control, place, value, expected, allCpus);
  return replaceElement(area, map, bucket, control, place, key, value, expected);
}

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
    if (insertElement(area, map, cache, bucket, control, hash, element) == 0) return 0;
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
  const result = updateKey(area, map, key, value, flags, expected, allCpus);
  area.ownInterruptsOff -= map.interruptsOff;
  area.interruptsOff -= map.interruptsOff;
  letWorkRun(area);
  return result;
}

/**
 * Creates or replaces a value; of a per-CPU hash the current CPU's, and a new key has zero on the others (what a
 * program does). Any context.
 * @param flags 0, NOEXIST or EXIST
 * @returns 0, -EINVAL (flags), -EEXIST, -ENOENT, -E2BIG (full), -ENOMEM (nothing to allocate in this context),
 * -EBUSY (this context interrupted the bucket's owner), -ETIMEDOUT (the bucket's owner is dead and not yet reaped)
 */
export function hashUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  if (map.fastKey != 0 && updateByPointer(map, key, value, flags) == 0) return 0;
  return updateSlow(address, key, value, flags);
}

/** The fast path for arguments in memory. */
function updateByPointer(map: MapHeader, key: usize, value: usize, flags: u32): i32 {
  const address = changetype<usize>(map);
  const isWord = map.valueSize == 8 && map.copyStride == 0;
  if (map.fastKey == 4) {
    if (isWord) return updateFast<u32, u64>(address, load<u32>(key), load<u64>(value), flags);
    return updateFast<u32, usize>(address, load<u32>(key), value, flags);
  }
  if (map.fastKey == 8) {
    if (isWord) return updateFast<u64, u64>(address, load<u64>(key), load<u64>(value), flags);
    return updateFast<u64, usize>(address, load<u64>(key), value, flags);
  }
  if (isWord) return updateFast<KeyAddress, u64>(address, <KeyAddress>key, load<u64>(value), flags);
  return updateFast<KeyAddress, usize>(address, <KeyAddress>key, value, flags);
}

/** As hashUpdate, without a fast path. */
export function updateSlow(address: usize, key: usize, value: usize, flags: u32): i32 {
  return update(address, key, value, flags, 0, false);
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
