/**
 * An allocator: one cache for each CPU, objects of one size. A hash map has one for its elements and, when per-CPU,
 * a second one for the values. The caches lie one behind the other; the first one's address is the handle.
 */
import { acquire } from "../base/atomics";
import { PROFILE_LINUX, superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { mayRunWork } from "../cpu/context";
import { clearIntent, nameObject } from "../cpu/intent";
import { classFor, HEADER_BYTES } from "../mem/slab";
import { CACHE_BYTES, Cache, cacheGive, cacheMissed, cacheTake } from "./cache";
import { interruptsOn } from "./deferred";
import { returnPrefilled, takePrefilled } from "./prefill";
import { emptyCache, refill, returnTrimmed } from "./refill";
import { registerSet } from "./register";
import { adoptInbox } from "./serve";
import { highWatermark, initialFill, lowWatermark, refillBatch } from "./watermark";

export function cacheOf(caches: usize, cpu: u32): Cache {
  return changetype<Cache>(caches + cpu * CACHE_BYTES);
}

/** Objects that may wait for a grace period on one CPU, in high watermarks: some 48 KiB. In Linux there is no bound. */
const WAITING_BATCHES: u32 = 2;

/**
 * Sets up an allocator for objects of `size` bytes (without header) at `caches`: zeroed, CACHE_BYTES for each CPU.
 * Task context; the caller holds what it belongs to as `Transfer.building`.
 * @param perCpu 1: each object has a copy for every CPU
 * @param accountedUnit object size with header that the watermarks are computed from
 * @param contains what the objects are, a HOLDS_ constant
 */
export function formatAllocator(
  area: CpuArea,
  caches: usize,
  size: u32,
  accountedUnit: u32,
  perCpu: u32,
  contains: u32,
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
    cache.waitingBound = superblock().profile == PROFILE_LINUX ? 0x7fffffff : cache.high * WAITING_BATCHES;
    cache.adaptive = superblock().adaptive;
    cache.home = <u32>caches;
    cache.contains = contains;
    cache.firstFill = initialFill(accountedUnit, perCpu != 0);
  }
}

/** Whether the caches of an allocator have all been set up: before that they hold nothing. */
export function isFormatted(caches: usize): bool {
  return cacheOf(caches, superblock().cpus - 1).home != 0;
}

/**
 * Gives each CPU the few objects that it starts with, unless `fill` is false (falling short of them is no failure), and
 * puts the allocator on the list of all: from then on others trim and reap what is theirs of it. Task context.
 * @returns false if the control plane's lock cannot be had: it is on no list then
 */
export function startAllocator(area: CpuArea, caches: usize, fill: bool): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; fill && cpu < cpus; cpu++) {
    const cache = cacheOf(caches, cpu);
    refill(area, cache, cache.firstFill);
    cache.refills = 0;
  }
  return registerSet(caches);
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
 * @param hand which then holds the object, with `bits` (cpu/intent.ts)
 * @returns the object's header; 0: -ENOMEM, counted by context
 */
export function allocate(area: CpuArea, cache: Cache, intent: usize, bits: u64): usize {
  const object = cacheTake(area, cache, intent, bits);
  return area.work != 0 || object == 0 ? allocateSlow(area, cache, object, intent, bits) : object;
}

/** Lets raised work run, then tries once more where it could. */
function allocateSlow(area: CpuArea, cache: Cache, first: usize, intent: usize, bits: u64): usize {
  interruptsOn(area);
  if (first != 0) return first;
  let object = mayRunWork(area) || adoptInbox(area, cache) ? cacheTake(area, cache, intent, bits) : 0;
  if (object == 0) object = takePrefilled(area, cache, intent, bits);
  if (object == 0) cacheMissed(area, cache);
  return object;
}

/**
 * Frees one object to this CPU's cache, by way of a hand. Cannot fail, any context; the object may be handed out again at
 * once.
 */
export function release(area: CpuArea, cache: Cache, object: usize, intent: usize): void {
  nameObject(intent, object, changetype<usize>(cache), 0);
  cacheGive(area, cache, object, intent);
  clearIntent(intent);
  interruptsOn(area);
}

/**
 * Gives everything back. The caller has waited for a grace period after the last use, and `allocatorIdle` holds.
 * @returns objects that were never given back (a leak: 0 is right)
 */
export function drainAllocator(area: CpuArea, caches: usize): i32 {
  let owned: i32 = 0;
  const cpus = superblock().cpus;
  // Whatever an interrupting context raises waits until the lists are whole.
  area.working++;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const cache = cacheOf(caches, cpu);
    adoptInbox(area, cache);
    emptyCache(area, cache);
    if (cache.prefilled != 0) returnPrefilled(area, cache);
    returnTrimmed(area, cache);
    owned += cache.owned;
  }
  area.working--;
  return owned;
}

/** Objects that this allocator holds from the slab now: in use, cached and waiting. */
export function ownedObjects(caches: usize): u32 {
  let owned: i32 = 0;
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) owned += cacheOf(caches, cpu).owned;
  return <u32>max(owned, 0);
}
