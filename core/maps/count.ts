/**
 * How many elements a map has. Where there is room for the slack, each CPU counts for itself and folds into the shared
 * word in batches of 32 (Linux's percpu_counter); small maps pay one atomic per insert and delete and are exact.
 */

import { cacheOf } from "../alloc/allocator";
import { Cache } from "../alloc/cache";
import { acquire, addAndFetch } from "../base/atomics";
import { superblock } from "../base/superblock";
import { MapHeader, SUPPLY_POOL } from "./map";

/** What a CPU counts for itself before it folds into the shared word. */
export const FOLD: i32 = 32;

function countWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("count");
}

/** Whether a map of this size counts exactly. */
export function countsExactly(maxEntries: u32): bool {
  return maxEntries / 2 <= superblock().cpus * <u32>FOLD;
}

/** The number of elements now; a sum over CPUs that may be a few off while others write. */
export function elementCount(map: MapHeader): u32 {
  let sum = <i32>acquire(countWord(map));
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) sum += cacheOf(map.elements, cpu).live;
  return <u32>max(sum, 0);
}

/** The cheap test first: only near the limit are the CPUs' own counts added up. */
function isFull(map: MapHeader): bool {
  const slack = superblock().cpus * <u32>FOLD;
  return <u32>map.count + slack >= map.maxEntries && elementCount(map) >= map.maxEntries;
}

function chargeExactly(map: MapHeader): bool {
  if (<u32>addAndFetch(countWord(map), 1) <= map.maxEntries) return true;
  addAndFetch(countWord(map), -1);
  return false;
}

/** Folds a CPU's own count into the shared word if it is due. */
export function foldCount(map: MapHeader, cache: Cache): void {
  const live = cache.live;
  if (live < FOLD && live > -FOLD) return;
  addAndFetch(countWord(map), live);
  cache.live = 0;
}

/**
 * Counts one element in, before it is taken. `cache` is this CPU's.
 * @returns false when the map is full. With per-CPU counts every CPU may be one element behind what it sees of the
 * others: max_entries plus the number of CPUs is the bound.
 */
export function chargeElement(map: MapHeader, cache: Cache): bool {
  if (map.exactCount != 0) return chargeExactly(map);
  // A pool is its own bound.
  if (map.supply != SUPPLY_POOL && isFull(map)) return false;
  cache.live++;
  foldCount(map, cache);
  return true;
}

/** Counts one element out. */
export function unchargeElement(map: MapHeader, cache: Cache): void {
  if (map.exactCount != 0) {
    addAndFetch(countWord(map), -1);
    return;
  }
  cache.live--;
  foldCount(map, cache);
}
