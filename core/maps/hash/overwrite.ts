/**
 * A new value for a key that is there: a value of up to 8 bytes is replaced in place by one atomic store; a larger one gets a new
 * element that takes the old one's place by one store. Per-CPU values are written in place (maps/percpu-value.ts).
 */
import { Cache } from "../../alloc/cache";
import { acquire, acquire64, peek, publish, publish64 } from "../../base/atomics";
import { E2BIG, EAGAIN, EEXIST, ENOENT } from "../../base/errno";
import { CpuArea } from "../../cpu/area";
import { clearIntent, firstIntent, intentsOf, MAYBE, nameObject, REMOVES, secondIntent } from "../../cpu/intent";
import { levelCount, nextOperation, setLive } from "../count";
import { MapHeader, NOEXIST } from "../map";
import { isPerCpu, writeValue } from "../percpu-value";
import { AGAIN, awaitBucket, isLocked, isUnchanged, tryLockBucket, unlockBucket, unlockChanged } from "../table/bucket";
import { ELEMENT_NEXT, giveReplaced, isError, supplyError, takeReplacement } from "../table/element";
import { cacheForEntry, cacheOfElement, fillElement, hashOf, hasValue } from "../table/entry";
import { takeOrEvict } from "./lru-evict";
import { markUsed } from "./lru-slots";

/** A value of up to 8 bytes as one word, upper bytes zero. */
function valueWord(value: usize, size: u32): u64 {
  if (size == 8) return load<u64>(value);
  if (size == 4) return load<u32>(value);
  let word: u64 = 0;
  for (let index: u32 = 0; index < size; index++) word |= (<u64>load<u8>(value + index)) << (<u64>index * 8);
  return word;
}

/**
 * An element for a new value into the first intent; -errno in its place.
 * @param kept of a map that makes room: an element whose entry goes only where there is no other
 */
function takeForValue(area: CpuArea, map: MapHeader, cache: Cache, kept: usize): usize {
  if (map.ring == 0) {
    const operation = nextOperation(levelCount(map, area.id, area.level));
    const element = takeReplacement(area, map, cache, firstIntent(intentsOf(area)), operation);
    return element != 0 ? element : <usize>supplyError(area, map);
  }
  const element = takeOrEvict(area, map, cache, 0, kept);
  if (!isError(element)) markUsed(element + map.valueOffset);
  return element;
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
  // An entry does not go for a value of its own, as it may in Linux. A guess at which that is: the place is read again under the lock.
  const mayGo = map.interruptsOff != 0 && expected == 0;
  const replacement = takeForValue(area, map, cache, mayGo ? 0 : peek(place));
  if (isError(replacement)) return <i32>replacement;
  const operation = nextOperation(count);
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
  if (map.ring != 0) markUsed(element + map.valueOffset);
  if (isPerCpu(map)) writeValue(area, map, element, value, allCpus);
  else if (isExpected) publish64(element + map.valueOffset, valueWord(value, map.valueSize));
  unlockBucket(area, bucket, control);
  return isExpected ? 0 : -EAGAIN;
}

/**
 * What an update does when it cannot simply insert: the bucket is locked, the key is there, or it must be.
 * The loads pair as that of isUnchanged: what was found still holds.
 */
export function updateOtherwise(
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
  // Nobody's entry goes for a value that is not to be written. What was read holds if nothing has changed, as in lruGet.
  if (map.ring != 0 && !hasValue(map, acquire(place), expected)) return isUnchanged(bucket, control) ? -EAGAIN : AGAIN;
  return replaceElement(area, map, bucket, control, place, key, value, expected);
}
