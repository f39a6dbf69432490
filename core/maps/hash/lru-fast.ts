/**
 * The fast path of an update of an LRU map, in the manner of maps/hash/fast.ts. A key that is there has its value overwritten. For a new
 * one in a full map an entry that this CPU has set aside goes, and its element becomes the new one. At the first sign of anything unusual
 * the slow path (maps/hash/lru-update.ts) begins again; an element that is in hand by then is a free one, which that finds first.
 *
 * What is in hand is named as the slow path names it, step by step: whoever reaps a thread that died here need not know which of both
 * it was on.
 */
import { Cache } from "../../alloc/cache";
import { cacheOf } from "../../alloc/set";
import { acquire, acquire64, claim64, peek, publish64 } from "../../base/atomics";
import { bitsAt, isNumber } from "../../base/number";
import { CpuArea, thisCpu } from "../../cpu/area";
import { COUNTS, clearIntent, intentsOf, MAYBE, nameObject, REMOVES } from "../../cpu/intent";
import { renewBudget } from "../../cpu/wait";
import { LevelCount, levelCount, nextOperation, parityOf, setLive } from "../count";
import { letWorkRun } from "../deferred";
import { EXIST, fastKeyFor, MapHeader, NOEXIST, SUPPLY_LRU } from "../map";
import {
  belongs,
  freeSlots,
  isLocked,
  matchingSlots,
  mayBeChained,
  ownerBits,
  removeAt,
  SEQUENCE,
  slotBit,
  slotPlace,
  writeSlot,
} from "../table/bucket";
import { ELEMENT_HASH, hashOfElement, nameElement, pooledWord, USED_BEFORE } from "../table/element";
import { bucketAt, bucketIndex, rootWord } from "../table/table";
import {
  COLLISION,
  fillKey,
  fillValue,
  findFast,
  hashOfKey,
  hasWork,
  KeyAddress,
  overwriteFast,
  SLOW_PATH,
} from "./fast";
import { dropElement } from "./insert";
import { enterBatch, leaveBatch, nextSetAside, passEntry } from "./lru-batch";
import { markUsed, orderAt, slotsOf, takenSlots } from "./lru-slots";

/** Whether there is nothing but other entries' elements to be had. The load pairs with pushPool. */
function isFull(map: MapHeader): bool {
  if (peek(pooledWord(map)) != 0) return false;
  return map.supply != SUPPLY_LRU || takenSlots(orderAt(map, 0)) >= slotsOf(map);
}

/**
 * Takes the next entry that was set aside out of its bucket, as removeEntry (maps/hash/lru-evict.ts) does. Interrupts are off.
 * The loads pair with the publication of control word and element; the claim of removeAt vouches for what was found.
 * @param not the bucket that the new entry goes to: it stays as it was seen
 * @returns the entry's element, in the intent and counted off; 0: it was used, or is not where it can be had at once
 */
function evictNext(area: CpuArea, map: MapHeader, cache: Cache, counts: LevelCount, batch: usize, not: usize): usize {
  const element = nextSetAside(batch);
  if (element == 0 || peek(element + map.valueOffset - USED_BEFORE) != 0) return 0;
  const hash = hashOfElement(element);
  const index = bucketIndex(acquire64(rootWord(map)), hash);
  const bucket = bucketAt(map, index);
  const control = acquire64(bucket);
  if (bucket == not || !belongs(index, control, hash) || isLocked(control)) return 0;
  const bits = matchingSlots(bucket, control, hash);
  if (bits == 0) return 0;
  const place = slotPlace(bucket, ctz(bits));
  if (acquire(place) != element) return 0;
  const intents = intentsOf(area);
  const operation = nextOperation(counts);
  const removal = COUNTS | REMOVES | parityOf(operation);
  nameObject(intents, element, changetype<usize>(cache), removal | MAYBE);
  if (!removeAt(area, bucket, control, place)) {
    clearIntent(intents);
    return 0;
  }
  nameObject(intents, element, changetype<usize>(cache), removal);
  setLive(counts, counts.live - 1, operation);
  passEntry(batch, element, false);
  return element;
}

/**
 * Overwrites a value where it lies. It counts as used before it can be seen, as under the lock on the slow path: whoever makes room spares
 * it. The load pairs with insertion and replacement; the claim of overwriteFast vouches that the element is the key's.
 */
function overwriteLruFast<V>(map: MapHeader, bucket: usize, control: u64, place: usize, value: V): i32 {
  if (sizeof<V>() != 8 && map.copyStride == 0) return SLOW_PATH;
  markUsed(<usize>acquire(place) + map.valueOffset);
  return overwriteFast<V>(map, bucket, control, place, value);
}

/**
 * Puts a new key into a bucket that is as it was seen: 0, or SLOW_PATH, and the entry is not there.
 * Claim and publication of the control word pair with those of bucket.ts.
 */
function insertFast<K, V>(map: MapHeader, bucket: usize, control: u64, hash: u32, key: K, value: V): i32 {
  const area = thisCpu();
  const batch = isFull(map) ? enterBatch(area, map) : 0;
  if (batch == 0) return SLOW_PATH;
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  const cache = cacheOf(map.elements, area.id);
  const counts = levelCount(map, area.id, area.level);
  const element = evictNext(area, map, cache, counts, batch, bucket);
  leaveBatch(batch);
  if (element == 0) {
    area.interruptsOff = saved;
    return SLOW_PATH;
  }
  const intents = intentsOf(area);
  const operation = nextOperation(counts);
  const insertion = COUNTS | parityOf(operation);
  nameElement(element, cache, operation);
  nameObject(intents, element, changetype<usize>(cache), insertion);
  store<u32>(element, hash, ELEMENT_HASH);
  fillKey<K>(map, element, key);
  fillValue<V>(map, area, element, value);
  nameObject(intents, element, changetype<usize>(cache), insertion | MAYBE);
  if (!claim64(bucket, control, control | ownerBits(area))) {
    dropElement(area, map, cache, element);
    area.interruptsOff--;
    return SLOW_PATH;
  }
  const slot = ctz(freeSlots(control));
  writeSlot(bucket, slot, hash, element);
  publish64(bucket, (control | slotBit(slot)) + SEQUENCE);
  setLive(counts, counts.live + 1, operation);
  clearIntent(intents);
  area.interruptsOff = saved;
  if (hasWork(area)) {
    renewBudget(area);
    letWorkRun(area);
  }
  return 0;
}

/**
 * Updates by the fast path: 0, or SLOW_PATH. The load pairs with the publication of the control word.
 * @param value as of updateFast (maps/hash/fast.ts)
 */
function updateLruWith<K, V>(map: MapHeader, key: K, value: V, flags: u32): i32 {
  const hash = hashOfKey<K>(map, key);
  const index = bucketIndex(acquire64(rootWord(map)), hash);
  const bucket = bucketAt(map, index);
  const control = acquire64(bucket);
  if (!belongs(index, control, hash) || isLocked(control)) return SLOW_PATH;
  const place = findFast<K>(map, bucket, control, hash, key);
  if (place == COLLISION) return SLOW_PATH;
  if (place != 0) return flags == NOEXIST ? SLOW_PATH : overwriteLruFast<V>(map, bucket, control, place, value);
  if (flags == EXIST || freeSlots(control) == 0 || mayBeChained(bucket, control, hash)) return SLOW_PATH;
  return insertFast<K, V>(map, bucket, control, hash, key, value);
}

/** A number goes as a word: nothing needs to be copied, and one that is there is overwritten where it lies. */
function updateLruTo<K>(map: MapHeader, key: K, value: usize, flags: u32): i32 {
  const size = map.valueSize;
  if (!isNumber(size) || map.copyStride != 0) return updateLruWith<K, usize>(map, key, value, flags);
  return updateLruWith<K, u64>(map, key, bitsAt(value, size), flags);
}

/** Updates a map that has batches, by the fast path: 0, or SLOW_PATH. Any context. */
export function updateLruFast(map: MapHeader, key: usize, value: usize, flags: u32): i32 {
  const fastKey = fastKeyFor(map.keySize);
  if (fastKey == 0 || map.valueLock != 0 || flags > EXIST) return SLOW_PATH;
  if (fastKey == 4) return updateLruTo<u32>(map, load<u32>(key), value, flags);
  if (fastKey == 8) return updateLruTo<u64>(map, load<u64>(key), value, flags);
  return updateLruTo<KeyAddress>(map, <KeyAddress>key, value, flags);
}
