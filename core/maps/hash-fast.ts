/**
 * The fast path through update and delete of a dynamic hash with keys of 4 or 8 bytes: nothing unusual happens, so
 * nothing but loads, stores and the atomics of the bucket is done. At the first sign of anything else (a locked or
 * overflowing bucket, a cache near its watermark, a count near the limit) it hands over to the slow path in hash.ts,
 * which starts again from the arguments.
 *
 * No function is called while anything is held in a register: V8 would store every value that lives across a call,
 * even one that is never made, and each locked instruction waits for all stores before it.
 */
import { Cache, raiseWork } from "../alloc/cache";
import { interruptsOn } from "../alloc/deferred";
import { cacheOf } from "../alloc/set";
import { acquire64, claim64, publish64 } from "../base/atomics";
import { hashKey } from "../base/bytes";
import { expect } from "../base/check";
import { CpuArea, thisCpu } from "../cpu/area";
import { COUNTS, clearIntent, intentsOf, MAYBE, nameObject, nextOperation, REMOVES } from "../cpu/intent";
import { renewBudget } from "../cpu/wait";
import {
  bucketOf,
  matchingSlots,
  OVERFLOW,
  OWNER_MASK,
  OWNER_SHIFT,
  removeAt,
  SEQUENCE,
  SLOT_MASK,
  slotPlace,
  writeSlot,
} from "./bucket";
import { FOLD, foldCount, levelCount, setLive } from "./count";
import { ELEMENT_HASH, ELEMENT_KEY, nameElement } from "./element";
import { EXIST, MapHeader, mapAt, NOEXIST } from "./map";

/** Result of the fast path: take the slow one. Not an errno, not 0. */
const SLOW_PATH: i32 = 1;

/** Result of findFast: another key with the same hash. No address. */
const COLLISION: usize = 1;

/** A value's bytes, without a call. */
function copyValue(destination: usize, source: usize, size: u32): void {
  let offset: u32 = 0;
  for (; offset + 8 <= size; offset += 8) store<u64>(destination + offset, load<u64>(source + offset));
  for (; offset < size; offset++) store<u8>(destination + offset, load<u8>(source + offset));
}

/** The place of a key's element among the slots in use, 0 if it is in none. */
function findFast<K>(bucket: usize, control: u64, hash: u32, key: K): usize {
  const bits = matchingSlots(bucket, control, hash);
  if (bits == 0) return 0;
  const place = slotPlace(bucket, ctz(bits));
  // The hash of a 4-byte key is the key's alone; of two 8-byte keys with one hash the slow path finds the right one.
  if (sizeof<K>() == 4) return place;
  return load<K>(<usize>load<u32>(place) + ELEMENT_KEY) == key ? place : COLLISION;
}

/** After the operation: what crossed a threshold is dealt with. Interrupts are off, `held` is what they were before. */
function settle(area: CpuArea, map: MapHeader, cache: Cache, saved: u32): i32 {
  if (cache.freeCount > cache.high) raiseWork(area, cache);
  foldCount(map, levelCount(map, area.id, area.level));
  area.interruptsOff = saved;
  renewBudget(area);
  interruptsOn(area);
  return 0;
}

/**
 * Deletes a key of type K: 0, or SLOW_PATH and nothing is done.
 * The load pairs with the publication of the control word, the claim of removeAt vouches for it.
 */
export function deleteFast<K>(address: usize, keyAddress: usize): i32 {
  const map = mapAt(address);
  const key = load<K>(keyAddress);
  const hash = hashKey<K>(key, map.multiplier);
  const bucket = bucketOf(map, hash);
  const control = acquire64(bucket);
  const place = findFast<K>(bucket, control, hash, key);
  if (place <= COLLISION) return SLOW_PATH;
  if ((control & OWNER_MASK) != 0) return SLOW_PATH;
  const element: usize = load<u32>(place);
  const area = thisCpu();
  const cache = cacheOf(map.elements, area.id);
  const nested = cache.active;
  if (nested != 0) return SLOW_PATH;
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  const intents = intentsOf(area);
  const operation = nextOperation(intents);
  nameObject(intents, element, changetype<usize>(cache), MAYBE | REMOVES | COUNTS);
  if (!removeAt(area, bucket, control, place)) {
    clearIntent(intents);
    area.interruptsOff = saved;
    return SLOW_PATH;
  }
  nameObject(intents, element, changetype<usize>(cache), REMOVES | COUNTS);
  // Counted first: once given back the element may be an NMI's at once.
  const counts = levelCount(map, area.id, area.level);
  const live = counts.live - 1;
  setLive(counts, live, operation);
  cache.active = 1;
  store<u32>(element, cache.free);
  cache.free = <u32>element;
  const count = cache.freeCount + 1;
  cache.freeCount = count;
  clearIntent(intents);
  cache.active = 0;
  if (count > cache.high) return settle(area, map, cache, saved);
  if (live - counts.folded <= -FOLD) return settle(area, map, cache, saved);
  if (area.work != 0) return settle(area, map, cache, saved);
  area.interruptsOff = saved;
  return 0;
}

/**
 * Inserts a new key or overwrites a small value: 0, or SLOW_PATH and nothing is done.
 * Load, claims and publications of the control word pair with those of bucket.ts: tryLockBucket, unlockBucket,
 * unlockChanged. The publication of the value pairs with copyOutWords.
 */
export function updateFast<K>(address: usize, keyAddress: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  const key = load<K>(keyAddress);
  const hash = hashKey<K>(key, map.multiplier);
  const bucket = bucketOf(map, hash);
  const control = acquire64(bucket);
  const free = ~control & SLOT_MASK;
  if (free == 0) return SLOW_PATH;
  if ((control & OWNER_MASK) != 0) return SLOW_PATH;
  if (load<u32>(bucket, OVERFLOW) != 0) return SLOW_PATH;
  const area = thisCpu();
  const owner = (<u64>area.id + 1) << OWNER_SHIFT;
  const place = findFast<K>(bucket, control, hash, key);
  if (place != 0) {
    if (place == COLLISION) return SLOW_PATH;
    if (map.valueSize != 8) return SLOW_PATH;
    if (flags == NOEXIST) return SLOW_PATH;
    if (flags > EXIST) return SLOW_PATH;
    const saved = area.interruptsOff;
    area.interruptsOff = saved + 1;
    const locked = claim64(bucket, control, control | owner);
    if (locked) {
      publish64(<usize>load<u32>(place) + map.valueOffset, load<u64>(value));
      publish64(bucket, control);
    }
    area.interruptsOff = saved;
    return locked ? 0 : SLOW_PATH;
  }
  if (flags >= EXIST) return SLOW_PATH;
  if (map.count >= map.fastLimit) return SLOW_PATH;
  const cache = cacheOf(map.elements, area.id);
  if (cache.active != 0) return SLOW_PATH;
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  cache.active = 1;
  // Only now: before `active` said so an NMI could have taken the same element.
  const element: usize = cache.free;
  const count = cache.freeCount;
  if (count <= cache.low) {
    cache.active = 0;
    area.interruptsOff = saved;
    return SLOW_PATH;
  }
  expect(element != 0);
  const intents = intentsOf(area);
  const operation = nextOperation(intents);
  nameObject(intents, element, changetype<usize>(cache), COUNTS);
  cache.free = load<u32>(element);
  cache.freeCount = count - 1;
  cache.active = 0;
  nameElement(element, cache, operation);
  store<u32>(element, hash, ELEMENT_HASH);
  store<K>(element, key, ELEMENT_KEY);
  copyValue(element + map.valueOffset, value, map.valueSize);
  nameObject(intents, element, changetype<usize>(cache), COUNTS | MAYBE);
  if (!claim64(bucket, control, control | owner)) {
    nameObject(intents, element, changetype<usize>(cache), COUNTS);
    // Somebody was faster: the element goes back to where it came from. Below the count it had before, nothing is due.
    cache.active = 1;
    store<u32>(element, cache.free);
    cache.free = <u32>element;
    cache.freeCount = cache.freeCount + 1;
    clearIntent(intents);
    cache.active = 0;
    area.interruptsOff = saved;
    return SLOW_PATH;
  }
  const slot = <u32>ctz(free);
  writeSlot(bucket, slot, hash, element);
  publish64(bucket, (control | ((<u64>1) << slot)) + SEQUENCE);
  const counts = levelCount(map, area.id, area.level);
  const live = counts.live + 1;
  setLive(counts, live, operation);
  clearIntent(intents);
  if (live - counts.folded >= FOLD) return settle(area, map, cache, saved);
  if (area.work != 0) return settle(area, map, cache, saved);
  area.interruptsOff = saved;
  return 0;
}
