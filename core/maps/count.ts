/**
 * How many elements a map has, and how many it may have. Each CPU, and each context level of it, counts for itself; the sum is
 * the number of elements.
 *
 * What bounds the map are places. Who inserts needs one, takes some of them from the map in advance, and gives some back when
 * it has too many: the more room, the more at once, so that no word that all share is read or written meanwhile. Only when
 * all places are given out does who needs one look for those that others have and do not use.
 *
 * A level's places are its own, but others may take what it does not use. Dekker's rule keeps the limit exact: who inserts
 * names its element, then claims the bucket, then looks whether it still has a place; who takes places away lowers them, then
 * looks whether somebody is in the middle of an insert. One of the two sees the other. The count is stored before the hand is
 * cleared; both plainly, so that on a processor that may turn stores around the limit may be one element off in such a race.
 *
 * A CPU's count and the operation that changed it last are stored together, so that whoever reaps the CPU knows whether an
 * operation that was cut off has been counted (maps/hash/reap.ts). A thread that dies between the map's places and its own may
 * leave some of the map's taken: then who inserts looks for unused ones a little earlier.
 */
import { acquire64, addAndFetch, claim, peek } from "../base/atomics";
import { superblock } from "../base/superblock";
import { CpuArea, cpuArea } from "../cpu/area";
import { COUNTS, intentCache, intentsAt, LEVELS, PARITY, REMOVES } from "../cpu/intent";
import { isElementCache, MapCpu, MapHeader, mapCpu } from "./map";

/** Places that a level takes at once, at most. */
export const BATCH: u32 = 64;
/** A level takes this part of the room that is left at most, divided by the CPUs. */
const SHARE: u32 = 4;
/** Operations of a level are so far apart: their lower bits are the level, so that no two have the same number. */
const OPERATION_STEP: u32 = 4;

/** One context level's count on one CPU. Only the CPU writes it, but for `places`. */
@unmanaged
export class LevelCount {
  /** Elements put in less elements taken out. */
  live: i32;
  /** The operation that changed `live` last: stored with it, in one store. */
  operation: u32;
  /** What `live` may become without asking. Atomic: others lower it. */
  places: i32;
  /** `live` at which there are too many places. */
  least: i32;
}
export const LEVEL_COUNT_BYTES: usize = 16;

/** The counts of one CPU for a map. */
export function levelCount(map: MapHeader, cpu: u32, level: u32): LevelCount {
  const counts = changetype<usize>(mapCpu(map, cpu)) + offsetof<MapCpu>("counts");
  return changetype<LevelCount>(counts + level * LEVEL_COUNT_BYTES);
}

/** No two levels' operations have the same number: the map is being made. */
export function formatCounts(map: MapHeader): void {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    for (let level: u32 = 0; level < LEVELS; level++) levelCount(map, cpu, level).operation = level;
  }
}

/** The number of the operation that begins: it counts when it is stored with `live`. */
export function nextOperation(count: LevelCount): u32 {
  return count.operation + OPERATION_STEP;
}

function placesWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("places");
}

function ownPlaces(count: LevelCount): usize {
  return changetype<usize>(count) + offsetof<LevelCount>("places");
}

/** Places that are taken: at least as many as there are elements. Pairs with nothing: it may be a few off. */
export function placesTaken(map: MapHeader): u32 {
  return peek(placesWord(map));
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

/** Whether a level has a place for one more element. Pairs with takeUnused, which lowers the places. */
export function hasPlace(count: LevelCount): bool {
  return count.live < <i32>peek(ownPlaces(count));
}

/** How many places a level takes at once. */
function batchOf(map: MapHeader): u32 {
  const taken = placesTaken(map);
  const room = map.maxEntries - min(taken, map.maxEntries);
  return max(min(BATCH, room / (superblock().cpus * SHARE)), 1);
}

/** Takes places of the map's, if there are so many. Pairs with nothing: the sum decides, nothing is read by it. */
function claimPlaces(map: MapHeader, count: u32): bool {
  while (true) {
    const taken = placesTaken(map);
    if (taken + count > map.maxEntries) return false;
    if (claim(placesWord(map), taken, taken + count)) return true;
  }
}

/** Adds to a level's places what was taken of the map's before. Pairs with the claim of takeUnused: what that took stays so. */
function addPlaces(count: LevelCount, places: u32, batch: u32): void {
  const all = addAndFetch(ownPlaces(count), places);
  count.least = all - <i32>(2 * batch);
}

/**
 * Takes places, so that this level may insert; false if there is none. Any context, interrupts are off.
 */
export function takePlaces(map: MapHeader, count: LevelCount): bool {
  const batch = batchOf(map);
  let taken = batch;
  if (!claimPlaces(map, taken)) {
    taken = 1;
    if (!claimPlaces(map, taken)) {
      takeAllUnused(map);
      if (!claimPlaces(map, taken)) return false;
    }
  }
  // The map's first: who dies in between leaves too many taken, never too few.
  addPlaces(count, taken, batch);
  return true;
}

/**
 * Whether a level of a CPU is in the middle of an insert into this map: it may just have found its place. The load pairs with the
 * claim of the bucket (this file's comment).
 */
function isInserting(map: MapHeader, cpu: u32, level: u32): bool {
  const intent = acquire64(changetype<usize>(intentsAt(cpuArea(cpu), level)));
  return (intent & (COUNTS | REMOVES)) == COUNTS && isElementCache(map, <u32>intentCache(intent));
}

/**
 * Takes from a level the places that it does not use.
 * Claim and loads pair with the claim of the bucket and hasPlace of whoever inserts (this file's comment). First its hand,
 * then its count: what has left the hand is counted.
 */
function takeUnused(map: MapHeader, cpu: u32, level: u32): void {
  const count = levelCount(map, cpu, level);
  const places = <i32>peek(ownPlaces(count));
  const live = <i32>peek(changetype<usize>(count));
  if (places <= live || !claim(ownPlaces(count), <u32>places, <u32>live)) return;
  const inHand = isInserting(map, cpu, level) ? 1 : 0;
  const kept = max(min(<i32>peek(changetype<usize>(count)) + inHand, places) - live, 0);
  if (kept != 0) addAndFetch(ownPlaces(count), kept);
  addAndFetch(placesWord(map), live + kept - places);
}

/** Places that levels have and do not use are the map's again. */
function takeAllUnused(map: MapHeader): void {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    for (let level: u32 = 0; level < LEVELS; level++) takeUnused(map, cpu, level);
  }
}

/**
 * Gives places back that a level has too many of. Interrupts are off.
 * The claim pairs with takeUnused: of two that take the same places one succeeds.
 */
export function returnPlaces(map: MapHeader, count: LevelCount): void {
  const batch = batchOf(map);
  const places = <i32>peek(ownPlaces(count));
  const kept = count.live + <i32>batch;
  count.least = kept - <i32>(2 * batch);
  if (places > kept && claim(ownPlaces(count), <u32>places, <u32>kept)) addAndFetch(placesWord(map), kept - places);
}

/** Sets a CPU's count as of `operation`, in one store. */
export function setLive(count: LevelCount, live: i32, operation: u32): void {
  store<u64>(changetype<usize>(count), <u64>(<u32>live) | ((<u64>operation) << 32));
}

/** What an intent says of an operation's number: enough to tell it from the one before. */
export function parityOf(operation: u32): u64 {
  return <u64>(operation & OPERATION_STEP) * (PARITY / OPERATION_STEP);
}

/** Whether the operation that an intent belongs to has been counted. */
export function isCounted(count: LevelCount, intent: u64): bool {
  return parityOf(count.operation) == (intent & PARITY);
}

/**
 * Counts one element in (1) or out (-1): this context's operation has taken effect.
 * @returns whether places were given back, so that the table may be too large
 */
export function countElement(area: CpuArea, map: MapHeader, change: i32, operation: u32): bool {
  const count = levelCount(map, area.id, area.level);
  // Another task of this CPU could come in between the load and the store.
  area.interruptsOff++;
  setLive(count, count.live + change, operation);
  const hasTooMany = count.live <= count.least;
  if (hasTooMany) returnPlaces(map, count);
  area.interruptsOff--;
  return hasTooMany;
}
