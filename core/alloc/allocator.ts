/**
 * An allocator: one cache for each CPU, objects of one size. A hash map has one for its elements and, when per-CPU,
 * a second one for the values. The caches lie one behind the other; the first one's address is the handle.
 */
import { acquire } from "../base/atomics";
import { superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { mayRunWork } from "../cpu/context";
import { classFor, HEADER_BYTES } from "../mem/slab";
import { CACHE_BYTES, Cache, cacheGive, cacheMissed, cacheTake } from "./cache";
import { interruptsOn } from "./deferred";
import { emptyCache, refill, returnTrimmed } from "./refill";
import { adoptInbox } from "./serve";
import { highWatermark, initialFill, lowWatermark, refillBatch } from "./watermark";

export function cacheOf(caches: usize, cpu: u32): Cache {
  return changetype<Cache>(caches + cpu * CACHE_BYTES);
}

/**
 * Sets up an allocator for objects of `size` bytes (without header) at `caches`: zeroed, CACHE_BYTES for each CPU.
 * Task context.
 * @param perCpu 1: each object has a copy for every CPU
 * @param accountedUnit object size with header that the watermarks are computed from
 * @param fill whether each CPU starts with a few objects; falling short of them is no failure
 * @param account who pays for what is taken from the slab (alloc/account.ts), 0: nobody
 */
export function formatAllocator(
  area: CpuArea,
  caches: usize,
  size: u32,
  accountedUnit: u32,
  perCpu: u32,
  fill: bool,
  account: u32,
): void {
  const unit = size + <u32>HEADER_BYTES;
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const cache = cacheOf(caches, cpu);
    cache.unit = unit;
    cache.perCpu = perCpu;
    cache.slabClass = classFor(unit, perCpu);
    cache.low = lowWatermark(accountedUnit, perCpu != 0);
    cache.high = highWatermark(accountedUnit, perCpu != 0);
    cache.batch = refillBatch(cache.low, cache.high);
    cache.plainHigh = cache.high;
    cache.adaptive = superblock().adaptive;
    cache.home = <u32>caches;
    cache.account = account;
    if (!fill) continue;
    refill(area, cache, initialFill(accountedUnit, perCpu != 0));
    cache.refills = 0;
  }
}

/** Whether no CPU has raised work for this allocator: only then may its memory go. */
export function allocatorIdle(caches: usize): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    if (acquire(changetype<usize>(cacheOf(caches, cpu)) + offsetof<Cache>("workRaised")) != 0) return false;
  }
  return true;
}

/**
 * Takes one object on this CPU. Any context; where deferred work may run, an empty cache is refilled first, so that
 * 0 means that memory is out.
 * @param cache this CPU's
 * @returns the object's header, which now names the cache; 0: -ENOMEM, counted by context
 */
export function allocate(area: CpuArea, cache: Cache): usize {
  let object = cacheTake(area, cache);
  if (area.work != 0 || object == 0) object = allocateSlowly(area, cache, object);
  if (object != 0) store<u32>(object, changetype<usize>(cache));
  return object;
}

/** Lets raised work run, then tries once more where it could. */
function allocateSlowly(area: CpuArea, cache: Cache, first: usize): usize {
  interruptsOn(area);
  if (first != 0) return first;
  const object = mayRunWork(area) || adoptInbox(area, cache) ? cacheTake(area, cache) : 0;
  if (object == 0) cacheMissed(area, cache);
  return object;
}

/** Frees one object to this CPU's cache. Cannot fail, any context; the object may be handed out again at once. */
export function release(area: CpuArea, cache: Cache, object: usize): void {
  cacheGive(area, cache, object);
  interruptsOn(area);
}

/**
 * Gives everything back. The caller has waited for a grace period after the last use, and `allocatorIdle` holds.
 * @returns objects that were never given back (a leak: 0 is right)
 */
export function drainAllocator(area: CpuArea, caches: usize): i32 {
  let owned: i32 = 0;
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const cache = cacheOf(caches, cpu);
    adoptInbox(area, cache);
    emptyCache(area, cache);
    returnTrimmed(cache);
    owned += cache.owned;
  }
  return owned;
}

/** Objects that this allocator holds from the slab now: in use, cached and waiting. */
export function ownedObjects(caches: usize): u32 {
  let owned: i32 = 0;
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) owned += cacheOf(caches, cpu).owned;
  return <u32>max(owned, 0);
}
