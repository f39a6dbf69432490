/**
 * Watermarks that follow what was observed. What makes an allocation fail is a burst in a context that cannot refill:
 * when the deferred work at last runs, the free count lies as far below the low watermark as the burst went (in task
 * context, where the work runs at once, by one). The low watermark is a multiple of the bursts' moving average.
 *
 * That is paid for: where bursts are small the cache keeps fewer objects than the fixed watermarks would, and what it
 * saves, run of the work by run, is what it may keep more where bursts are large. When the savings are spent it keeps two
 * thirds of the fixed ones until it has saved again. docs/thresholds.md has what this is worth, and where it is not.
 *
 * Runs in the deferred work only: alloc and free compare with the watermarks as ever.
 */
import { Cache } from "./cache";
import { fixedHigh, missesOf } from "./reserve";
import { setOf } from "./set";
import { lowWatermark } from "./watermark";

/** The average moves by a 16th of the difference with each run of the work. */
const AVERAGE_SHIFT: u32 = 4;
/** The average is kept in sixteenths of an object. */
const UNITS: u32 = 16;
/** The low watermark as a multiple of the average burst; more by 1 for each 32 runs' worth of savings. */
const FACTOR: u32 = 4;
const RUNS_PER_FACTOR: u32 = 32;
/** The low watermark is never below this: what a program's first run needs, and a little. */
const LEAST_LOW: u32 = 8;
/** Bytes that a cache may contain at its high watermark, however much was saved. */
const MOST_BYTES: u32 = 131072;
/** Runs of the work whose whole saving may be kept for later. */
const MOST_SAVED_RUNS: i32 = 64;

/** How many objects were asked for below the low watermark since the last work, got or not. */
function observedBurst(cache: Cache): u32 {
  const misses = missesOf(cache);
  const missed = misses - cache.missesSeen;
  cache.missesSeen = misses;
  return cache.freeCount < cache.low ? cache.low - cache.freeCount + missed : missed;
}

/** Sets low, high and batch so that the level after a refill is `low + batch / 2` or more. */
function setWatermarks(cache: Cache, low: u32, most: u32): void {
  cache.low = low;
  cache.batch = max(low / 2, 2);
  cache.high = max(min(low + cache.batch + cache.batch / 2, most), low + 2);
}

/** Sets the watermarks from what the burst that just ended asked for. */
export function adaptWatermarks(cache: Cache): void {
  const unit = setOf(cache).unit;
  const perCpu = setOf(cache).perCpu != 0;
  const fixed = (lowWatermark(unit, perCpu) + fixedHigh(setOf(cache))) / 2;
  // What lay cached since the last run lies between two levels, where a refill ends and where trimming begins: the
  // middle of a refill's way, or what is there now if that is more.
  const level = <i32>max(cache.freeCount, cache.low + (cache.batch * 3) / 4);
  const savings = max(min(cache.savings + <i32>fixed - level, <i32>fixed * MOST_SAVED_RUNS), 0);
  cache.savings = savings;

  const burst = observedBurst(cache) * UNITS;
  cache.burst = <u32>(<i32>cache.burst + ((<i32>burst - <i32>cache.burst) >> AVERAGE_SHIFT));
  const largest = (cache.burst * (FACTOR + <u32>savings / (fixed * RUNS_PER_FACTOR))) / UNITS;
  const most = max(MOST_BYTES / unit, 3);
  const allowed = savings > 0 ? most / 2 : (fixed * 2) / 3;
  setWatermarks(cache, max(min(largest, allowed), min(LEAST_LOW, fixed)), most);
}
