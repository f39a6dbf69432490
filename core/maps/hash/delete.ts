/**
 * Deleting a key of a hash, whatever its value or only if it is the expected one. In a slot the first is one claim, without a lock;
 * the second needs it, as values change in place.
 */
import { acquire, acquire64 } from "../../base/atomics";
import { copyOutWords } from "../../base/bytes";
import { EAGAIN, ENOENT } from "../../base/errno";
import { CpuArea, thisCpu } from "../../cpu/area";
import {
  COUNTS,
  clearIntent,
  firstIntent,
  intentsOf,
  MAYBE,
  nameObject,
  REMOVES,
  secondIntent,
} from "../../cpu/intent";
import { renewBudget } from "../../cpu/wait";
import { countElement, levelCount, nextOperation, parityOf } from "../count";
import { letWorkRun } from "../deferred";
import { KEY_OF_WORDS, MapHeader, mapAt } from "../map";
import { copyAllOut, giveValue, nameValue, valueObject } from "../percpu-value";
import {
  AGAIN,
  awaitBucket,
  findPlace,
  isHome,
  isLocked,
  removeAndUnlock,
  removeAt,
  tryLockBucket,
  unlockBucket,
} from "../table/bucket";
import { giveElement, isError } from "../table/element";
import { cacheOfElement, hashOf, hasValue } from "../table/entry";
import { homeOf } from "../table/table";
import { countCrossing, raiseTable } from "../table/work";
import { hideLock } from "../value-lock";
import { deleteFast, KeyAddress } from "./fast";

/**
 * Takes the element at `place` out of a bucket that is still as `control` says, if it has the expected value: only under the lock that
 * stays so.
 * @returns 0, AGAIN, or -EAGAIN: it has another value
 */
function removeExpected(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  place: usize,
  element: usize,
  expected: usize,
): i32 {
  if (expected == 0) return removeAt(area, bucket, control, place) ? 0 : AGAIN;
  if (!tryLockBucket(area, bucket, control)) return AGAIN;
  const isExpected = hasValue(map, element, expected);
  if (isExpected) removeAndUnlock(area, bucket, control, place);
  else unlockBucket(area, bucket, control);
  return isExpected ? 0 : -EAGAIN;
}

/**
 * Unlinks a key's element into the first intent and returns it, or -errno: -EAGAIN if it is not the one that it is to be.
 * The loads of the control word pair with its publication, that of the place as in findInSlots; the claim in removeAt
 * decides.
 */
function removeKey(area: CpuArea, map: MapHeader, key: usize, expected: usize, only: usize, bits: u64): usize {
  const hash = hashOf(map, key);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const place = findPlace(area, map, bucket, control, hash, key);
    if (isLocked(control)) {
      const waited = awaitBucket(area, bucket);
      if (waited != AGAIN) return <usize>waited;
      continue;
    }
    if (place == 0) {
      if (acquire64(bucket) == control) return <usize>-ENOENT;
      continue;
    }
    const element: usize = acquire(place);
    if (only != 0 && element != only) return <usize>-EAGAIN;
    const intent = firstIntent(intentsOf(area));
    nameObject(intent, element, changetype<usize>(cacheOfElement(area, map, element)), bits | MAYBE);
    const result = removeExpected(area, map, bucket, control, place, element, expected);
    if (result == 0) return element;
    clearIntent(intent);
    if (result != AGAIN) return <usize>result;
    countCrossing(area, map);
  }
}

/**
 * Deletes a key. Its element may be handed out again at once. Any context.
 * @returns 0, -ENOENT, -EBUSY (this context interrupted the bucket's owner) or -ETIMEDOUT (its owner is dead)
 */
export function hashDelete(address: usize, key: usize): i32 {
  const size = mapAt(address).fastKey;
  if (size == 4 && deleteFast<u32>(address, load<u32>(key)) == 0) return 0;
  if (size == 8 && deleteFast<u64>(address, load<u64>(key)) == 0) return 0;
  if (size == KEY_OF_WORDS && deleteFast<KeyAddress>(address, <KeyAddress>key) == 0) return 0;
  return deleteKey(address, key);
}

/** As hashDelete, without a fast path. */
export function deleteKey(address: usize, key: usize): i32 {
  return deleteExpected(address, key, 0, 0, 0);
}

/**
 * Deletes a key and copies its value out, all CPUs' values of a per-CPU hash. Any context. Nobody else gets that value.
 * @param into `valueStride` bytes, as often as there are values; 8-byte aligned
 * @returns as hashDelete
 */
export function hashTake(address: usize, key: usize, into: usize): i32 {
  return deleteExpected(address, key, 0, 0, into);
}

/** The value of an element that has left its bucket: only programs that found it before may still write it. */
function copyValue(map: MapHeader, element: usize, into: usize): void {
  const value = element + map.valueOffset;
  if (map.copyStride != 0) copyAllOut(map, load<u32>(value), into);
  else copyOutWords(into, value, map.valueStride);
  hideLock(map, into);
}

/**
 * Deletes a key if it has the expected value, byte by byte; of no per-CPU hash. Any context.
 * @param expected `valueSize` bytes
 * @returns as hashDelete, or -EAGAIN: the value is another one
 */
export function hashCompareDelete(address: usize, key: usize, expected: usize): i32 {
  return deleteExpected(address, key, expected, 0, 0);
}

/** As hashTake, if the key has this very element; otherwise -EAGAIN. */
export function deleteElement(address: usize, key: usize, element: usize, into: usize): i32 {
  return deleteExpected(address, key, 0, element, into);
}

/**
 * @param expected 0: whatever value it has
 * @param only 0: whatever element it has
 * @param into 0: nobody wants the value
 */
function deleteExpected(address: usize, key: usize, expected: usize, only: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const intents = intentsOf(area);
  renewBudget(area);
  const operation = nextOperation(levelCount(map, area.id, area.level));
  const bits = COUNTS | REMOVES | parityOf(operation);
  const element = removeKey(area, map, key, expected, only, bits);
  if (isError(element)) return <i32>element;
  const cache = cacheOfElement(area, map, element);
  if (into != 0) copyValue(map, element, into);
  const object = valueObject(map, element);
  if (object != 0) nameValue(area, map, object, secondIntent(intents));
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits);
  // Counted first: once given back the element may be another operation's at once.
  if (countElement(area, map, -1, operation)) raiseTable(area, map);
  if (object != 0) giveValue(area, map, object, secondIntent(intents));
  giveElement(area, map, cache, element, firstIntent(intents));
  clearIntent(firstIntent(intents));
  letWorkRun(area);
  return 0;
}
