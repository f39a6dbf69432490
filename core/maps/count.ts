/**
 * How many elements a map has. Each CPU, and each context level of it, counts for itself; the sum is the number of
 * elements. What bounds the map is one shared word. Where there is room for the slack, CPUs bring it up to date in
 * batches of 32 (Linux's percpu_counter); small maps pay one atomic per insert and delete and are exact.
 *
 * A CPU's count and the operation that changed it last are stored together, so that whoever reaps the CPU knows whether an
 * operation that was cut off has been counted (maps/hash-reap.ts).
 */
import { addAndFetch } from "../base/atomics";
import { superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { LEVELS } from "../cpu/intent";
import { MapCpu, MapHeader, mapCpu, SUPPLY_POOL } from "./map";
import { raiseTable } from "./split";

/** What a CPU counts for itself before it brings the shared word up to date. */
export const FOLD: i32 = 32;

/** One context level's count on one CPU. */
@unmanaged
export class LevelCount {
  /** Elements put in less elements taken out. */
  live: i32;
  /** The operation that changed `live` last: stored with it, in one store. */
  operation: u32;
  /** What of `live` is in the shared word. */
  folded: i32;
  reserved: u32;
}
export const LEVEL_COUNT_BYTES: usize = 16;

/** The counts of one CPU for a map. */
export function levelCount(map: MapHeader, cpu: u32, level: u32): LevelCount {
  const counts = changetype<usize>(mapCpu(map, cpu)) + offsetof<MapCpu>("counts");
  return changetype<LevelCount>(counts + level * LEVEL_COUNT_BYTES);
}

export function countWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("count");
}

/** Whether a map of this size counts exactly. */
export function countsExactly(maxEntries: u32): bool {
  return maxEntries / 2 <= superblock().cpus * <u32>FOLD;
}

/** The number of elements now; a sum over CPUs that may be a few off while others write. */
export function elementCount(map: MapHeader): u32 {
  let sum: i32 = 0;
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    for (let level: u32 = 0; level < LEVELS; level++) sum += levelCount(map, cpu, level).live;
  }
  return <u32>max(sum, 0);
}

/** The cheap test first: only near the limit are the CPUs' own counts added up. */
function isFull(map: MapHeader): bool {
  const slack = superblock().cpus * LEVELS * <u32>FOLD;
  return <u32>map.count + slack >= map.maxEntries && elementCount(map) >= map.maxEntries;
}

/**
 * Takes a place in a map that counts exactly; false if there is none.
 * The additions pair with each other only: the sum decides, nothing is read by it.
 */
export function takePlace(map: MapHeader): bool {
  if (<u32>addAndFetch(countWord(map), 1) <= map.maxEntries) return true;
  addAndFetch(countWord(map), -1);
  return false;
}

/** Pairs with takePlace only, as there. */
export function leavePlace(map: MapHeader): void {
  addAndFetch(countWord(map), -1);
}

/**
 * Whether a map that does not count exactly has room. Every context that is about to insert may be one element behind what
 * it sees of the others: max_entries plus one for each CPU and level is the bound.
 */
export function hasRoom(map: MapHeader): bool {
  // A pool is its own bound.
  return map.supply == SUPPLY_POOL || !isFull(map);
}

/**
 * Brings the shared word up to date with a CPU's count.
 * The addition pairs with nothing: isFull looks at a sum that may be late.
 */
export function foldCount(map: MapHeader, count: LevelCount): void {
  const live = count.live;
  const due = live - count.folded;
  count.folded = live;
  addAndFetch(countWord(map), due);
}

/** Sets a CPU's count as of `operation`. */
export function setLive(count: LevelCount, live: i32, operation: u32): void {
  store<u64>(changetype<usize>(count), <u64>(<u32>live) | ((<u64>operation) << 32));
}

/** Counts one element in (1) or out (-1): this context's operation has taken effect. */
export function countElement(area: CpuArea, map: MapHeader, change: i32, operation: u32): void {
  const count = levelCount(map, area.id, area.level);
  // Another task of this CPU could come in between the load and the store.
  area.interruptsOff++;
  setLive(count, count.live + change, operation);
  const due = count.live - count.folded;
  if (map.exactCount == 0 && (due >= FOLD || due <= -FOLD)) {
    foldCount(map, count);
    raiseTable(area, map);
  }
  area.interruptsOff--;
}
