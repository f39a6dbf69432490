/**
 * The fast path through lookup, update and delete of a hash with keys of 4 or 8 bytes, or of a few words: nothing unusual happens, so
 * nothing but loads, stores and the atomics of the bucket is done. At the first sign of anything else (a locked bucket, one that
 * has been split or whose chain has the key, a cache near its watermark, no place left) it hands over to the slow path in hash.ts,
 * which starts again from the arguments.
 *
 * No function is called while anything is held in a register: V8 would store every value that lives across a call,
 * even one that is never made, and each locked instruction waits for all stores before it. The stores are as few as can be:
 * what is in hand is named once before the element leaves the free list, once before it may be everybody's, and cleared.
 */
import { Cache, raiseWork } from "../../alloc/cache";
import { cacheOf } from "../../alloc/set";
import { acquire, acquire64, claim64, publish64 } from "../../base/atomics";
import { hashKey, hashWords, loadHalves } from "../../base/bytes";
import { expect } from "../../base/check";
import { ENOENT } from "../../base/errno";
import { superblock } from "../../base/superblock";
import { CpuArea, thisCpu } from "../../cpu/area";
import { COUNTS, clearIntent, intentsOf, MAYBE, nameObject, REMOVES } from "../../cpu/intent";
import { renewBudget } from "../../cpu/wait";
import { hasPlace, levelCount, nextOperation, parityOf, returnPlaces, setLive } from "../count";
import { letWorkRun } from "../deferred";
import { EXIST, MapHeader, mapAt, NOEXIST, SUPPLY_POOL } from "../map";
import {
  belongs,
  freeSlots,
  insertAndUnlock,
  isLocked,
  isUnchanged,
  matchingSlots,
  mayBeChained,
  OVERFLOW,
  ownerBits,
  removeAt,
  SEQUENCE,
  slotBit,
  slotPlace,
  writeSlot,
} from "../table/bucket";
import { ELEMENT_HASH, ELEMENT_KEY, ELEMENT_NEXT, freedHeader, nameElement, spillToPool } from "../table/element";
import { bucketAt, bucketIndex, rootWord } from "../table/table";
import { countCrossing, raiseTable } from "../table/work";

/**
 * How a key is given: u32 and u64 are keys of 4 and 8 bytes, this is the address of a key of several words (a type that no key
 * is of, so that each way is compiled for itself).
 */
export type KeyAddress = i32;

/** Result of the fast path: take the slow one. Not an errno, not 0. */
export const SLOW_PATH: i32 = 1;

/** Result of findFast: another key with the same tag. No address. */
export const COLLISION: usize = 1;

/** Whether this CPU has raised work of any kind. */
export function hasWork(area: CpuArea): bool {
  return load<u64>(changetype<usize>(area), offsetof<CpuArea>("work")) != 0;
}

/** The bytes of a key or value that has just been written, without a call. */
function copyValue(destination: usize, source: usize, size: u32): void {
  let offset: u32 = 0;
  for (; offset + 8 <= size; offset += 8) store<u64>(destination + offset, loadHalves(source + offset));
  for (; offset < size; offset++) store<u8>(destination + offset, load<u8>(source + offset));
}

/** The hash of a key. */
export function hashOfKey<K>(map: MapHeader, key: K): u32 {
  if (isSigned<K>()) return hashWords(<usize>key, map.keySize, map.multiplier);
  return hashKey<K>(key, map.multiplier);
}

/** Whether an element's key is this one; of several words each is compared. */
function hasKey<K>(map: MapHeader, element: usize, key: K): bool {
  if (!isSigned<K>()) return load<K>(element + ELEMENT_KEY) == key;
  const size = map.keySize;
  for (let offset: u32 = 0; offset < size; offset += 8) {
    if (load<u64>(element + ELEMENT_KEY + offset) != load<u64>(<usize>key + offset)) return false;
  }
  return true;
}

/** Writes the key of an element that nobody else can see yet. */
export function fillKey<K>(map: MapHeader, element: usize, key: K): void {
  if (isSigned<K>()) copyValue(element + ELEMENT_KEY, <usize>key, map.keySize);
  else store<K>(element, key, ELEMENT_KEY);
}

/** The place of a key's element among the slots in use, 0 if it is in none. The load pairs as that of findInSlots. */
export function findFast<K>(map: MapHeader, bucket: usize, control: u64, hash: u32, key: K): usize {
  const bits = matchingSlots(bucket, control, hash);
  if (bits == 0) return 0;
  const place = slotPlace(bucket, ctz(bits));
  // Of two keys with one tag the slow path finds the right one.
  return hasKey<K>(map, acquire(place), key) ? place : COLLISION;
}

/** After the operation: what crossed a threshold is dealt with. Interrupts are off, `saved` is what they were before. */
function settle(area: CpuArea, map: MapHeader, cache: Cache, saved: u32): i32 {
  if (cache.freeCount > cache.high) {
    if (map.supply == SUPPLY_POOL) spillToPool(area, map, cache, intentsOf(area));
    else raiseWork(area, cache);
  }
  const count = levelCount(map, area.id, area.level);
  if (count.live <= count.least) {
    returnPlaces(map, count);
    raiseTable(area, map);
  }
  area.interruptsOff = saved;
  renewBudget(area);
  letWorkRun(area);
  return 0;
}

/**
 * Copies the value of a key of type K: 0, -ENOENT, or SLOW_PATH.
 * The loads pair with the publications of control word and value, isUnchanged vouches for what was seen.
 * @param into `valueStride` bytes, 8-byte aligned
 */
export function getFast<K>(address: usize, key: K, into: usize): i32 {
  const map = mapAt(address);
  const hash = hashOfKey<K>(map, key);
  const index = bucketIndex(acquire64(rootWord(map)), hash);
  const bucket = bucketAt(map, index);
  const control = acquire64(bucket);
  if (!belongs(index, control, hash)) return SLOW_PATH;
  const bits = matchingSlots(bucket, control, hash);
  if (bits == 0) {
    if (mayBeChained(bucket, control, hash)) return SLOW_PATH;
    return isUnchanged(bucket, control) ? -ENOENT : SLOW_PATH;
  }
  const element: usize = acquire(slotPlace(bucket, ctz(bits)));
  if (!hasKey<K>(map, element, key)) return SLOW_PATH;
  const size = map.valueStride;
  const value = element + map.valueOffset;
  store<u64>(into, acquire64(value));
  for (let offset: u32 = 8; offset < size; offset += 8) store<u64>(into + offset, acquire64(value + offset));
  return isUnchanged(bucket, control) ? 0 : SLOW_PATH;
}

/**
 * Deletes a key of type K: 0, or SLOW_PATH and nothing is done.
 * The load pairs with the publication of the control word, the claim of removeAt vouches for it.
 */
export function deleteFast<K>(address: usize, key: K): i32 {
  const map = mapAt(address);
  const hash = hashOfKey<K>(map, key);
  const index = bucketIndex(acquire64(rootWord(map)), hash);
  const bucket = bucketAt(map, index);
  const control = acquire64(bucket);
  if (!belongs(index, control, hash)) return SLOW_PATH;
  const place = findFast<K>(map, bucket, control, hash, key);
  if (place <= COLLISION) return SLOW_PATH;
  if (isLocked(control)) return SLOW_PATH;
  const element: usize = acquire(place);
  const area = thisCpu();
  const cache = cacheOf(map.elements, area.id);
  if (cache.active != 0) return SLOW_PATH;
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  const intents = intentsOf(area);
  const counts = levelCount(map, area.id, area.level);
  const operation = nextOperation(counts);
  nameObject(intents, element, changetype<usize>(cache), MAYBE | REMOVES | COUNTS | parityOf(operation));
  if (!removeAt(area, bucket, control, place)) {
    clearIntent(intents);
    area.interruptsOff = saved;
    countCrossing(area, map);
    return SLOW_PATH;
  }
  // Counted first: from now on the element is surely this CPU's, and once given back it may be an NMI's at once.
  const live = counts.live - 1;
  setLive(counts, live, operation);
  cache.active = 1;
  store<u64>(element, freedHeader(cache.free, operation));
  const count = cache.freeCount + 1;
  setFree(cache, element, count);
  clearIntent(intents);
  cache.active = 0;
  if (count > cache.high) return settle(area, map, cache, saved);
  if (live <= counts.least) return settle(area, map, cache, saved);
  if (hasWork(area)) return settle(area, map, cache, saved);
  area.interruptsOff = saved;
  return 0;
}

/** The free list and how long it is, in one store. */
function setFree(cache: Cache, first: usize, count: u32): void {
  store<u64>(changetype<usize>(cache), <u64>first | ((<u64>count) << 32));
}

/**
 * Overwrites the value of an element that `place` refers to where it lies: 0, or SLOW_PATH and nothing is done. A value of up
 * to 8 bytes by one store; of a per-CPU hash this CPU's copy.
 * Claim and publication of the control word pair with those of bucket.ts, the publication of the value with copyOutWords.
 */
export function overwriteFast<V>(map: MapHeader, bucket: usize, control: u64, place: usize, value: V): i32 {
  const area = thisCpu();
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  const locked = claim64(bucket, control, control | ownerBits(area));
  if (locked) {
    const at = <usize>acquire(place) + map.valueOffset;
    if (sizeof<V>() == 8) publish64(at, <u64>value);
    else copyValue(<usize>load<u32>(at) + area.id * map.copyStride, <usize>value, map.valueSize);
    publish64(bucket, control);
  }
  area.interruptsOff = saved;
  return locked ? 0 : SLOW_PATH;
}

/** Fills in the value of a new element: a word, bytes, or of a per-CPU hash this CPU's copy and zeroes. */
export function fillValue<V>(map: MapHeader, area: CpuArea, element: usize, value: V): void {
  const at = element + map.valueOffset;
  if (sizeof<V>() == 8) {
    store<u64>(at, <u64>value);
    return;
  }
  if (map.copyStride == 0) {
    copyValue(at, <usize>value, map.valueSize);
    return;
  }
  const cpus = superblock().cpus;
  const stride = map.valueStride;
  let copy: usize = load<u32>(at);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    for (let offset: u32 = 0; offset < stride; offset += 8) store<u64>(copy + offset, 0);
    copy += map.copyStride;
  }
  copyValue(<usize>load<u32>(at) + area.id * map.copyStride, <usize>value, map.valueSize);
}

/**
 * Inserts a new key or overwrites a small value: 0, or SLOW_PATH and nothing is done.
 * Load, claims and publications of the control word pair with those of bucket.ts: tryLockBucket, unlockBucket,
 * unlockChanged.
 * @param value the value itself as one word (V is u64: values of up to 8 bytes), or where it lies (V is usize)
 */
export function updateFast<K, V>(address: usize, key: K, value: V, flags: u32): i32 {
  const map = mapAt(address);
  const hash = hashOfKey<K>(map, key);
  const index = bucketIndex(acquire64(rootWord(map)), hash);
  const bucket = bucketAt(map, index);
  const control = acquire64(bucket);
  if (!belongs(index, control, hash)) return SLOW_PATH;
  const free = freeSlots(control);
  if (isLocked(control)) return SLOW_PATH;
  const isSimple = free != 0 && !mayBeChained(bucket, control, hash);
  const place = findFast<K>(map, bucket, control, hash, key);
  if (place != 0) {
    if (place == COLLISION) return SLOW_PATH;
    if (sizeof<V>() != 8 && map.copyStride == 0) return SLOW_PATH;
    if (flags == NOEXIST) return SLOW_PATH;
    if (flags > EXIST) return SLOW_PATH;
    return overwriteFast<V>(map, bucket, control, place, value);
  }
  if (flags >= EXIST) return SLOW_PATH;
  const area = thisCpu();
  const counts = levelCount(map, area.id, area.level);
  if (!hasPlace(counts)) return SLOW_PATH;
  const cache = cacheOf(map.elements, area.id);
  if (cache.active != 0) return SLOW_PATH;
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  cache.active = 1;
  // Only now: before `active` said so an NMI could have taken the same element.
  const element: usize = cache.free;
  const count = cache.freeCount;
  if (count <= cache.low || lacksValue<V>(map, element)) {
    cache.active = 0;
    area.interruptsOff = saved;
    return SLOW_PATH;
  }
  expect(element != 0);
  const intents = intentsOf(area);
  const operation = nextOperation(counts);
  const bits = COUNTS | parityOf(operation);
  nameObject(intents, element, changetype<usize>(cache), bits);
  setFree(cache, load<u32>(element), count - 1);
  cache.active = 0;
  nameElement(element, cache, operation);
  store<u32>(element, hash, ELEMENT_HASH);
  fillKey<K>(map, element, key);
  fillValue<V>(map, area, element, value);
  nameObject(intents, element, changetype<usize>(cache), bits | MAYBE);
  if (!claim64(bucket, control, control | ownerBits(area))) return crossFast(area, map, cache, element, bits, saved);
  // Only now: whoever has taken the place meanwhile did not see this one's intent (maps/count.ts).
  if (!hasPlace(counts)) {
    publish64(bucket, control);
    return dropFast(area, cache, element, bits, saved);
  }
  if (!isSimple) return insertBehind<K>(map, bucket, control, element, bits, saved);
  const slot = ctz(free);
  writeSlot(bucket, slot, hash, element);
  publish64(bucket, (control | slotBit(slot)) + SEQUENCE);
  setLive(counts, counts.live + 1, operation);
  clearIntent(intents);
  if (hasWork(area)) return settle(area, map, cache, saved);
  area.interruptsOff = saved;
  return 0;
}

/**
 * Inserts the element in hand into a bucket that is full, or whose chain may have the key, and that this CPU has locked: the chain
 * stays as it is, so it needs no read section. If the key is on it the slow path overwrites it.
 * The publications pair with those of bucket.ts; under the lock the loads need no pair.
 */
function insertBehind<K>(map: MapHeader, bucket: usize, control: u64, element: usize, bits: u64, saved: u32): i32 {
  const area = thisCpu();
  const cache = cacheOf(map.elements, area.id);
  const hash = load<u32>(element, ELEMENT_HASH);
  const key = isSigned<K>() ? <K>(element + ELEMENT_KEY) : load<K>(element + ELEMENT_KEY);
  let each: usize = mayBeChained(bucket, control, hash) ? acquire(bucket + OVERFLOW) : 0;
  while (each != 0 && !hasKey<K>(map, each, key)) each = acquire(each + ELEMENT_NEXT);
  if (each != 0) {
    publish64(bucket, control);
    return dropFast(area, cache, element, bits, saved);
  }
  // The bucket's unlock takes one off the depth: interrupts stay off until `settle`.
  area.interruptsOff++;
  insertAndUnlock(area, bucket, control, hash, element);
  const counts = levelCount(map, area.id, area.level);
  setLive(counts, counts.live + 1, nextOperation(counts));
  clearIntent(intentsOf(area));
  return settle(area, map, cache, saved);
}

/** Whether an element of a per-CPU hash has no value yet, so that it has to be allocated. */
function lacksValue<V>(map: MapHeader, element: usize): bool {
  return sizeof<V>() != 8 && map.copyStride != 0 && load<u32>(element + map.valueOffset) == 0;
}

/** Another CPU has changed the bucket meanwhile. As dropFast. */
function crossFast(area: CpuArea, map: MapHeader, cache: Cache, element: usize, bits: u64, saved: u32): i32 {
  countCrossing(area, map);
  return dropFast(area, cache, element, bits, saved);
}

/**
 * Somebody was faster: the element goes back to where it came from. Below the count it had before, nothing is due. The
 * bucket is not this CPU's.
 */
function dropFast(area: CpuArea, cache: Cache, element: usize, bits: u64, saved: u32): i32 {
  const intents = intentsOf(area);
  nameObject(intents, element, changetype<usize>(cache), bits);
  cache.active = 1;
  store<u64>(element, freedHeader(cache.free, 0));
  setFree(cache, element, cache.freeCount + 1);
  clearIntent(intents);
  cache.active = 0;
  area.interruptsOff = saved;
  return SLOW_PATH;
}
