/**
 * The deferred half of a cache: refill from below, trim from above, and the trimmed objects' way back to the slab.
 * Runs in task or softirq context with interrupts on; an NMI may still use the cache at any point, so each object
 * enters or leaves `free` on its own, under `active`.
 */
import { exchange } from "../base/atomics";
import { ENOMEM } from "../base/errno";
import { superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { CLASS_RUN, returnObject, returnObjects, takeObject, takeObjects } from "../mem/slab";
import { gracePeriodEnded, gracePeriodTarget, NORMAL, TASKS_TRACE } from "../rcu/epoch";
import { charge, uncharge } from "./account";
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

/** Puts a chain of `count` objects on `free` in one go: `active` is busy for three stores, however long the chain. */
function spliceFree(area: CpuArea, cache: Cache, first: usize, last: usize, count: u32): void {
  area.interruptsOff++;
  cache.active++;
  store<u32>(last, cache.free);
  cache.free = <u32>first;
  cache.freeCount += count;
  cache.active--;
  area.interruptsOff--;
}

/** Objects that trim takes while `active` is busy: an NMI meets a busy list for so many loads. */
const TRIM_CHUNK: u32 = 16;

/** Moves up to `count` objects from `free` to `byGp`, at most TRIM_CHUNK; 0 if an interrupting context emptied it. */
function trimChunk(area: CpuArea, cache: Cache, count: u32): u32 {
  area.interruptsOff++;
  cache.active++;
  const first: usize = cache.free;
  let last: usize = first;
  let moved: u32 = 0;
  if (first != 0) {
    for (moved = 1; moved < min(count, TRIM_CHUNK) && load<u32>(last) != 0; moved++) last = load<u32>(last);
    cache.free = load<u32>(last);
    cache.freeCount -= moved;
  }
  cache.active--;
  area.interruptsOff--;
  if (moved == 0) return 0;
  store<u32>(last, cache.byGp);
  cache.byGp = <u32>first;
  cache.byGpCount += moved;
  return moved;
}

/** Moves up to `count` objects of a chain that starts in the word `head` to `free`; how many that were. */
function refillFromChain(area: CpuArea, cache: Cache, head: usize, count: u32): u32 {
  const first: usize = load<u32>(head);
  if (first == 0 || count == 0) return 0;
  let last: usize = first;
  let moved: u32 = 1;
  for (; moved < count && load<u32>(last) != 0; moved++) last = load<u32>(last);
  store<u32>(head, load<u32>(last));
  cache.reused += moved;
  spliceFree(area, cache, first, last, moved);
  return moved;
}

/** Moves up to `count` trimmed objects back to `free`: type-stable reuse without a grace period, before asking the slab. */
function refillFromTrimmed(area: CpuArea, cache: Cache, count: u32): u32 {
  const address = changetype<usize>(cache);
  const trimmed = refillFromChain(area, cache, address + offsetof<Cache>("byGp"), count);
  cache.byGpCount -= trimmed;
  const waiting = refillFromChain(area, cache, address + offsetof<Cache>("waiting"), count - trimmed);
  cache.waitingCount -= waiting;
  return count - trimmed - waiting;
}

/** Header's second word, where there is an account: the first CPU's cache of the class (alloc/object.ts). */
export const HEADER_HOME: usize = 4;

/** Bytes that `count` objects take, all CPUs' copies included. */
function bytesOf(cache: Cache, count: u32): u32 {
  return count * cache.unit * (cache.perCpu != 0 ? superblock().cpus : 1);
}

/** Counts objects that came from the slab. False: the account's limit is reached, and nothing is counted. */
function own(cache: Cache, count: u32): bool {
  if (cache.account != 0 && !charge(cache.account, bytesOf(cache, count))) return false;
  cache.owned += count;
  return true;
}

/** Counts objects that go back to the slab. */
function disown(cache: Cache, count: u32): void {
  cache.owned -= count;
  if (cache.account != 0) uncharge(cache.account, bytesOf(cache, count));
}

/** One object from the slab, counted; 0 when memory or the account's limit is out. */
export function takeAccounted(cache: Cache): usize {
  if (!own(cache, 1)) return 0;
  const object = takeObject(cache.unit, cache.slabClass, cache.perCpu);
  if (object == 0) disown(cache, 1);
  else if (cache.account != 0) store<u32>(object, cache.home, HEADER_HOME);
  return object;
}

/** Objects from the slab one by one: as many as the account allows, and runs of pages. */
function refillSingly(area: CpuArea, cache: Cache, count: u32): void {
  for (; count > 0; count--) {
    const object = takeAccounted(cache);
    if (object == 0) return;
    addFree(area, cache, object);
  }
}

function refillFromSlab(area: CpuArea, cache: Cache, count: u32): void {
  // A batch that the account refuses as a whole may fit in part.
  if (cache.slabClass == CLASS_RUN || !own(cache, count)) {
    refillSingly(area, cache, count);
    return;
  }
  const first = takeObjects(cache.slabClass, count);
  let last = first;
  let taken: u32 = 0;
  for (let object = first; object != 0; object = load<u32>(object)) {
    if (cache.account != 0) store<u32>(object, cache.home, HEADER_HOME);
    last = object;
    taken++;
  }
  if (taken != 0) spliceFree(area, cache, first, last, taken);
  if (taken != count) disown(cache, count - taken);
}

/** Adds `count` objects: trimmed ones first, then from the slab as far as there is memory. */
export function refill(area: CpuArea, cache: Cache, count: u32): void {
  cache.refills++;
  const missing = refillFromTrimmed(area, cache, count);
  if (missing != 0) refillFromSlab(area, cache, missing);
}

/** Puts a chain of objects with those that wait for a grace period to begin. */
function addTrimmed(cache: Cache, object: usize): void {
  while (object != 0) {
    const next: usize = load<u32>(object);
    store<u32>(object, cache.byGp);
    cache.byGp = <u32>object;
    cache.byGpCount++;
    object = next;
  }
}

/** Brings `free` down to the middle of the watermarks and empties `extra`; both go the way through a grace period. */
function trim(area: CpuArea, cache: Cache, target: u32): void {
  cache.trims++;
  while (cache.freeCount > target) {
    if (trimChunk(area, cache, cache.freeCount - target) == 0) break;
  }
  addTrimmed(cache, takeExtra(cache));
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

/**
 * Gives the waiting batch back when both its grace periods are over, tasks-trace and then normal, and lets the next
 * batch wait. One in flight.
 */
export function advanceTrimmed(cache: Cache): void {
  if (cache.waitingTarget != 0 && gracePeriodEnded(cache.waitingFlavour, cache.waitingTarget)) {
    if (cache.waitingFlavour == TASKS_TRACE) {
      cache.waitingFlavour = NORMAL;
      cache.waitingTarget = gracePeriodTarget(NORMAL);
    }
    if (gracePeriodEnded(NORMAL, cache.waitingTarget)) returnWaiting(cache);
  }
  if (cache.waitingTarget == 0 && cache.byGp != 0) {
    cache.waiting = cache.byGp;
    cache.waitingCount = cache.byGpCount;
    cache.waitingFlavour = TASKS_TRACE;
    cache.waitingTarget = gracePeriodTarget(TASKS_TRACE);
    cache.byGp = 0;
    cache.byGpCount = 0;
  }
}

function returnWaiting(cache: Cache): void {
  const chain: usize = cache.waiting;
  disown(cache, cache.waitingCount);
  cache.waiting = 0;
  cache.waitingCount = 0;
  cache.waitingTarget = 0;
  cache.gracePeriods++;
  returnChain(cache, chain);
}

/** Moves what freeRcu freed on: after a normal grace period it is like trimmed objects, and reused before the slab. */
export function advanceRcu(cache: Cache): void {
  if (cache.rcuTarget != 0 && gracePeriodEnded(NORMAL, cache.rcuTarget)) {
    addTrimmed(cache, cache.waitingRcu);
    cache.waitingRcu = 0;
    cache.waitingRcuCount = 0;
    cache.rcuTarget = 0;
  }
  if (cache.rcuTarget == 0 && cache.byRcu != 0) {
    cache.waitingRcu = exchange(changetype<usize>(cache) + offsetof<Cache>("byRcu"), 0);
    cache.waitingRcuCount = cache.byRcuCount;
    cache.byRcuCount = 0;
    cache.rcuTarget = gracePeriodTarget(NORMAL);
  }
}

/** The deferred work of one cache. The counts may change under it; a stale one costs a refill or trim too few or many. */
export function runCacheWork(area: CpuArea, cache: Cache): void {
  if ((cache.byRcu | cache.rcuTarget) != 0) advanceRcu(cache);
  if (cache.freeCount < cache.low) {
    // Below the low watermark whatever was promised has been used.
    keepPromise(cache, 0);
    refill(area, cache, cache.batch);
  } else if (cache.freeCount > cache.high) trim(area, cache, max((cache.low + cache.high) / 2, cache.promised));
  else addTrimmed(cache, takeExtra(cache));
  if ((cache.byGp | cache.waitingTarget) != 0) advanceTrimmed(cache);
}

/** Sets how many objects the next allocations are sure to find: the high watermark moves up so that none is trimmed. */
function keepPromise(cache: Cache, count: u32): void {
  cache.promised = count;
  cache.high = max(cache.plainHigh, count + cache.batch);
}

/**
 * Reserves objects: the next `count` allocations on this CPU succeed in any context, whatever happens to the memory.
 * Task and softirq context.
 * @returns 0, or -ENOMEM and nothing is reserved
 */
export function prefill(area: CpuArea, cache: Cache, count: u32): i32 {
  const missing = count > cache.freeCount ? count - cache.freeCount : 0;
  const trimmed = min(missing, cache.byGpCount + cache.waitingCount);
  let chain: usize = 0;
  for (let taken: u32 = 0; taken < missing - trimmed; taken++) {
    const object = takeAccounted(cache);
    if (object == 0) {
      disown(cache, taken);
      returnChain(cache, chain);
      return -ENOMEM;
    }
    store<u32>(object, chain);
    chain = object;
  }
  while (chain != 0) {
    const object = chain;
    chain = load<u32>(object);
    addFree(area, cache, object);
  }
  refillFromTrimmed(area, cache, trimmed);
  keepPromise(cache, count);
  return 0;
}

/** Undoes a prefill that nothing has used yet: gives back what it took beyond `owned` objects. Task and softirq. */
export function withdraw(area: CpuArea, cache: Cache, owned: u32, promised: u32): void {
  let chain: usize = 0;
  let count: u32 = 0;
  for (; <u32>cache.owned > owned + count; count++) {
    const object = removeFree(area, cache);
    if (object == 0) break;
    store<u32>(object, chain);
    chain = object;
  }
  disown(cache, count);
  returnChain(cache, chain);
  keepPromise(cache, promised);
}

/** Moves what the cache holds beyond its promise to the waiting lists, and on what waits already. */
export function trimToPromise(area: CpuArea, cache: Cache): void {
  trim(area, cache, cache.promised);
  if ((cache.byRcu | cache.rcuTarget) != 0) advanceRcu(cache);
  advanceTrimmed(cache);
}

/** Moves everything the cache holds to the waiting lists: for destroy and for trimming on demand. */
export function emptyCache(area: CpuArea, cache: Cache): void {
  keepPromise(cache, 0);
  trim(area, cache, 0);
  advanceTrimmed(cache);
}

/** Gives back all that waits, without a grace period of its own: the caller has waited for one. */
export function returnTrimmed(cache: Cache): void {
  const rcu: usize = exchange(changetype<usize>(cache) + offsetof<Cache>("byRcu"), 0);
  disown(cache, cache.waitingCount + cache.byGpCount + cache.byRcuCount + cache.waitingRcuCount);
  const waiting: usize = cache.waiting;
  const trimmed: usize = cache.byGp;
  const waitingRcu: usize = cache.waitingRcu;
  cache.waiting = 0;
  cache.waitingCount = 0;
  cache.waitingTarget = 0;
  cache.byRcuCount = 0;
  cache.waitingRcu = 0;
  cache.waitingRcuCount = 0;
  cache.rcuTarget = 0;
  cache.byGp = 0;
  cache.byGpCount = 0;
  returnChain(cache, waiting);
  returnChain(cache, trimmed);
  returnChain(cache, rcu);
  returnChain(cache, waitingRcu);
}
