/** A new key's element: taken and filled before its bucket is locked, then published, or given back where somebody was faster. */
import { Cache } from "../../alloc/cache";
import { E2BIG } from "../../base/errno";
import { CpuArea } from "../../cpu/area";
import { COUNTS, clearIntent, firstIntent, intentsOf, MAYBE, nameObject, secondIntent } from "../../cpu/intent";
import { memoryErrno } from "../../cpu/wait";
import { countElement, hasPlace, LevelCount, levelCount, nextOperation, parityOf, takePlaces } from "../count";
import { MapHeader } from "../map";
import { attachValue, giveValue, isPerCpu, nameValue, valueObject } from "../percpu-value";
import { insertAndUnlock, tryLockBucket, unlockBucket } from "../table/bucket";
import { giveUnused, supplyError, takeElement } from "../table/element";
import { fillElement } from "../table/entry";
import { countCrossing, raiseTable } from "../table/work";

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
export function newElement(
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
export function dropElement(area: CpuArea, map: MapHeader, cache: Cache, element: usize): void {
  const intents = intentsOf(area);
  const bits = COUNTS | parityOf(nextOperation(levelCount(map, area.id, area.level)));
  const object = valueObject(map, element);
  if (object != 0) nameValue(area, map, object, secondIntent(intents));
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits);
  if (object != 0) giveValue(area, map, object, secondIntent(intents));
  giveUnused(area, map, cache, element, firstIntent(intents), bits);
  clearIntent(firstIntent(intents));
}

/** Publishes the new element in a bucket that is still as `control` says. False: it is not, or the place is taken; it is still in hand. */
export function publishElement(
  area: CpuArea,
  map: MapHeader,
  cache: Cache,
  bucket: usize,
  control: u64,
  hash: u32,
  element: usize,
): bool {
  const intents = intentsOf(area);
  const count = levelCount(map, area.id, area.level);
  const operation = nextOperation(count);
  const bits = COUNTS | parityOf(operation);
  // From here on the element may be everybody's, and its value with it.
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits | MAYBE);
  clearIntent(secondIntent(intents));
  const locked = tryLockBucket(area, bucket, control);
  // Only now: whoever has taken the place meanwhile did not see this one's intent (maps/count.ts).
  if (!locked || !hasPlace(count)) {
    if (locked) unlockBucket(area, bucket, control);
    else countCrossing(area, map);
    return false;
  }
  insertAndUnlock(area, bucket, control, hash, element);
  countElement(area, map, 1, operation);
  clearIntent(firstIntent(intents));
  return true;
}
