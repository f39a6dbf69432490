/**
 * An update of a hash that makes room by itself. The element is taken before the bucket is looked at, as the entry that goes for it may
 * have been in the same one; it stays in hand until it is in, however often the bucket changes meanwhile.
 */

import { cacheOf } from "../../alloc/set";
import { acquire64 } from "../../base/atomics";
import { CpuArea } from "../../cpu/area";
import { COUNTS, firstIntent, intentsOf, nameObject } from "../../cpu/intent";
import { levelCount, nextOperation, parityOf } from "../count";
import { EXIST, MapHeader } from "../map";
import { attachValue, isPerCpu } from "../percpu-value";
import { AGAIN, awaitBucket, findPlace, isHome, isLocked } from "../table/bucket";
import { isError } from "../table/element";
import { fillElement, hashOf } from "../table/entry";
import { homeOf } from "../table/table";
import { dropElement, publishElement } from "./insert";
import { takeOrEvict } from "./lru-evict";
import { updateOtherwise } from "./overwrite";

/** Takes and fills an element for a new entry into the first intent; -errno in its place. Values come with the elements. */
function newEntry(area: CpuArea, map: MapHeader, hash: u32, key: usize, value: usize, allCpus: bool): usize {
  const element = takeOrEvict(area, map, cacheOf(map.elements, area.id), COUNTS, 0);
  if (isError(element)) return element;
  fillElement(map, element, hash, key, value);
  if (isPerCpu(map)) attachValue(area, map, element, value, allCpus, 0);
  return element;
}

/** As updateKey of hash.ts. The load pairs with the publication of the control word. */
export function updateLru(
  area: CpuArea,
  map: MapHeader,
  key: usize,
  value: usize,
  flags: u32,
  expected: usize,
  allCpus: bool,
): i32 {
  const hash = hashOf(map, key);
  const cache = cacheOf(map.elements, area.id);
  let element: usize = 0;
  let result: i32 = AGAIN;
  while (result == AGAIN) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const place = findPlace(area, map, bucket, control, hash, key);
    if (isLocked(control)) {
      result = awaitBucket(area, bucket);
    } else if (place != 0 || flags == EXIST) {
      if (element != 0) dropElement(area, map, cache, element);
      element = 0;
      result = updateOtherwise(area, map, bucket, control, place, key, value, flags, expected, allCpus);
    } else if (element == 0) {
      element = newEntry(area, map, hash, key, value, allCpus);
      if (isError(element)) return <i32>element;
    } else if (publishElement(area, map, cache, bucket, control, hash, element)) {
      return 0;
    } else {
      const operation = nextOperation(levelCount(map, area.id, area.level));
      nameObject(firstIntent(intentsOf(area)), element, changetype<usize>(cache), COUNTS | parityOf(operation));
    }
  }
  if (element != 0) dropElement(area, map, cache, element);
  return result;
}
