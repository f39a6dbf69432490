/**
 * The deferred half of a cache: refill from below, trim from above, and the trimmed objects' way back to the slab.
 * Runs in task or softirq context with interrupts on; an NMI may still use the cache at any point, so each object
 * enters or leaves `free` on its own, under `active`.
 */
import { CpuArea } from "../cpu/area";
import { CLASS_RUN, returnObject, returnObjects, takeObject, takeObjects } from "../mem/slab";
import { gracePeriodEnded, gracePeriodTarget } from "../rcu/epoch";
import { Cache, takeExtra } from "./cache";

/** Puts one object on `free`. An NMI inside sees `active` busy and goes elsewhere. */
function addFree(area: CpuArea, cache: Cache, object: usize): void {
  area.interruptsOff++;
  cache.active++;
  store<u32>(object, cache.free);
  cache.free = <u32>object;
  cache.freeCount++;
  cache.active--;
  area.interruptsOff--;
}

/** Takes one object off `free`, 0 if an interrupting context emptied it since the count was read. */
function removeFree(area: CpuArea, cache: Cache): usize {
  area.interruptsOff++;
  cache.active++;
  const object: usize = cache.free;
  if (object != 0) {
    cache.free = load<u32>(object);
    cache.freeCount--;
  }
  cache.active--;
  area.interruptsOff--;
  return object;
}

/** Moves up to `count` trimmed objects back to `free`: type-stable reuse without a grace period, before asking the slab. */
function refillFromTrimmed(area: CpuArea, cache: Cache, count: u32): u32 {
  while (count > 0 && cache.byGp != 0) {
    const object: usize = cache.byGp;
    cache.byGp = load<u32>(object);
    cache.byGpCount--;
    cache.reused++;
    addFree(area, cache, object);
    count--;
  }
  while (count > 0 && cache.waiting != 0) {
    const object: usize = cache.waiting;
    cache.waiting = load<u32>(object);
    cache.waitingCount--;
    cache.reused++;
    addFree(area, cache, object);
    count--;
  }
  return count;
}

function refillFromSlab(area: CpuArea, cache: Cache, count: u32): void {
  if (cache.slabClass == CLASS_RUN) {
    for (; count > 0; count--) {
      const object = takeObject(cache.unit, CLASS_RUN, cache.perCpu);
      if (object == 0) return;
      cache.owned++;
      addFree(area, cache, object);
    }
    return;
  }
  let chain = takeObjects(cache.slabClass, count);
  while (chain != 0) {
    const object = chain;
    chain = load<u32>(object);
    cache.owned++;
    addFree(area, cache, object);
  }
}

/** Adds `count` objects: trimmed ones first, then from the slab as far as there is memory. */
export function refill(area: CpuArea, cache: Cache, count: u32): void {
  cache.refills++;
  const missing = refillFromTrimmed(area, cache, count);
  if (missing != 0) refillFromSlab(area, cache, missing);
}

function addTrimmed(cache: Cache, object: usize): void {
  store<u32>(object, cache.byGp);
  cache.byGp = <u32>object;
  cache.byGpCount++;
}

/** Brings `free` down to the middle of the watermarks and empties `extra`; both go the way through a grace period. */
function trim(area: CpuArea, cache: Cache, target: u32): void {
  cache.trims++;
  while (cache.freeCount > target) {
    const object = removeFree(area, cache);
    if (object == 0) break;
    addTrimmed(cache, object);
  }
  drainExtra(cache);
}

function drainExtra(cache: Cache): void {
  let object = takeExtra(cache);
  while (object != 0) {
    const next: usize = load<u32>(object);
    addTrimmed(cache, object);
    object = next;
  }
}

function returnChain(cache: Cache, chain: usize): void {
  if (cache.slabClass != CLASS_RUN) {
    returnObjects(cache.slabClass, chain);
    return;
  }
  while (chain != 0) {
    const object = chain;
    chain = load<u32>(object);
    returnObject(CLASS_RUN, object);
  }
}

/** Gives the waiting batch back when its grace period is over, then lets the next batch wait. One in flight. */
export function advanceTrimmed(cache: Cache): void {
  if (cache.waitingTarget != 0 && gracePeriodEnded(cache.waitingTarget)) {
    const chain: usize = cache.waiting;
    cache.owned -= cache.waitingCount;
    cache.waiting = 0;
    cache.waitingCount = 0;
    cache.waitingTarget = 0;
    cache.gracePeriods++;
    returnChain(cache, chain);
  }
  if (cache.waitingTarget == 0 && cache.byGp != 0) {
    cache.waiting = cache.byGp;
    cache.waitingCount = cache.byGpCount;
    cache.waitingTarget = gracePeriodTarget();
    cache.byGp = 0;
    cache.byGpCount = 0;
  }
}

/** The deferred work of one cache. The counts may change under it; a stale one costs a refill or trim too few or many. */
export function runCacheWork(area: CpuArea, cache: Cache): void {
  if (cache.freeCount < cache.low) refill(area, cache, cache.batch);
  else if (cache.freeCount > cache.high) trim(area, cache, (cache.low + cache.high) / 2);
  else drainExtra(cache);
  if ((cache.byGp | cache.waitingTarget) != 0) advanceTrimmed(cache);
}

/** Moves everything the cache holds to the waiting lists: for destroy and for trimming on demand. */
export function emptyCache(area: CpuArea, cache: Cache): void {
  trim(area, cache, 0);
  advanceTrimmed(cache);
}

/** Gives back all that waits, without a grace period of its own: the caller has waited for one. */
export function returnTrimmed(cache: Cache): void {
  cache.owned -= cache.waitingCount + cache.byGpCount;
  const waiting: usize = cache.waiting;
  const trimmed: usize = cache.byGp;
  cache.waiting = 0;
  cache.waitingCount = 0;
  cache.waitingTarget = 0;
  cache.byGp = 0;
  cache.byGpCount = 0;
  returnChain(cache, waiting);
  returnChain(cache, trimmed);
}
