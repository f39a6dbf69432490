/**
 * How much a helper brings at once to a CPU that never refills itself (alloc/serve.ts). Such a CPU has nothing but that until
 * the helper comes again, and the helper comes when its timer and the machine let it: so what was used meanwhile is what
 * decides. The cache asks as soon as it has begun a new batch: one is in use, one waits in the inbox.
 */
import { PROFILE_LINUX, superblock } from "../base/superblock";
import { Cache } from "./cache";
import { CacheSet, setOf } from "./set";
import { highForBursts, highWatermark, lowWatermark, refillBatch } from "./watermark";

/** Bytes of the first batch, and of the largest. */
const FIRST_BYTES: u32 = 16384;
const MOST_BYTES: u32 = 131072;
/** A batch is this many times what was used of the last one: the helper may be so many times later than it was. */
const FACTOR: u32 = 4;
/** What is not needed any more goes by a 64th with each batch. */
const DECAY_SHIFT: u32 = 6;

/** The high watermark by how large the objects are. */
export function fixedHigh(set: CacheSet): u32 {
  const isPerCpu = set.perCpu != 0;
  return superblock().profile == PROFILE_LINUX
    ? highWatermark(set.accountedUnit, isPerCpu)
    : highForBursts(set.accountedUnit, isPerCpu);
}

/** The watermarks that do not follow what was used. */
export function fixWatermarks(cache: Cache): void {
  const set = setOf(cache);
  cache.low = lowWatermark(set.accountedUnit, set.perCpu != 0);
  cache.high = fixedHigh(set);
  cache.batch = refillBatch(set.accountedUnit, set.perCpu != 0);
  cache.reserve = 0;
}

/** Allocations that found nothing, in all contexts. */
export function missesOf(cache: Cache): u32 {
  return cache.missTask + cache.missSoftirq + cache.missInterruptsOff + cache.missHardirq + cache.missNmi;
}

/** Objects that were asked for since the last batch, got or not. The count is the other thread's and may be stale. */
function usedSince(cache: Cache): u32 {
  const misses = missesOf(cache);
  const missed = misses - cache.missesSeen;
  cache.missesSeen = misses;
  const left = cache.freeCount;
  return left < cache.reserve ? cache.reserve - left + missed : missed;
}

/**
 * Sets how much the helper brings from now on, and the watermarks so that it is asked for in time.
 * @param bytes of one object, all its copies
 */
export function adaptReserve(cache: Cache, bytes: u32): void {
  const set = setOf(cache);
  const high = fixedHigh(set);
  const first = max(FIRST_BYTES / bytes, refillBatch(set.accountedUnit, set.perCpu != 0));
  const most = max(MOST_BYTES / bytes, first);
  const wanted = usedSince(cache) * FACTOR;
  const kept = cache.reserve - (cache.reserve >> DECAY_SHIFT);
  const reserve = min(max(max(wanted, kept), first), most);
  cache.reserve = reserve;
  cache.high = max(high, 2 * reserve);
  cache.batch = reserve;
  cache.low = reserve;
}
