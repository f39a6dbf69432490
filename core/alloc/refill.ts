/**
 * The deferred half of a cache: refill from below, trim from above, and the trimmed objects' way back to the slab.
 * Runs in task or softirq context with interrupts on; an NMI may still use the cache at any point, so objects enter or
 * leave `free` under `active`.
 *
 * What is on its way is in the CPU's transfer (cpu/intent.ts) from before it leaves one list until after it is on the
 * next. An object may be in both for a moment, never in neither.
 */

import { acquire, addAndFetch, claim, publish } from "../base/atomics";
import { chainLength } from "../base/chain";
import { CpuArea } from "../cpu/area";
import { beginTransfer, endTransfer, transferCount, transferFirst, transferOf } from "../cpu/intent";
import { controlLock, lock, unlock } from "../cpu/lock";
import { returnFromTransfer, takeIntoTransfer, trimSlab } from "../mem/slab";
import { runCallbacks } from "../rcu/callback";
import { gracePeriodEnded, gracePeriodTarget, NORMAL, TASKS_TRACE } from "../rcu/epoch";
import { withinLimit } from "./account";
import { Cache, lastOf, spliceFree } from "./cache";
import { releaseCompanions, takeCompanions, trimCompanions } from "./companion";
import { giveToDepot, takeFromDepot } from "./depot";
import { firstSet } from "./register";
import { CONTAINS_OBJECTS, cacheOf, setAt, setOf } from "./set";

/** Objects that trim takes while `active` is busy: an NMI meets a busy list for so many loads. */
const TRIM_CHUNK: u32 = 16;

/** Takes up to `count` objects from `free` into the transfer, at most TRIM_CHUNK; 0 if an interrupting context emptied it. */
export function takeFree(area: CpuArea, cache: Cache, count: u32): u32 {
  area.interruptsOff++;
  cache.active++;
  const first: usize = cache.free;
  let last: usize = first;
  let moved: u32 = 0;
  if (first != 0) {
    for (moved = 1; moved < min(count, TRIM_CHUNK) && load<u32>(last) != 0; moved++) last = load<u32>(last);
    beginTransfer(area, changetype<usize>(cache), cache.owned - moved, first, moved);
    cache.free = load<u32>(last);
    cache.freeCount -= moved;
  }
  cache.active--;
  area.interruptsOff--;
  return moved;
}

/** Puts what the transfer has with those that wait for a grace period to begin. */
function transferToTrimmed(area: CpuArea, cache: Cache): void {
  const transfer = transferOf(area);
  const count = transferCount(transfer);
  if (count != 0) {
    store<u32>(lastOf(transferFirst(transfer), count), cache.byGp);
    cache.byGp = <u32>transferFirst(transfer);
    cache.byGpCount += count;
  }
  endTransfer(area);
}

/** Moves up to `count` objects of a chain that starts in the word `head` to `free`; how many that were. */
function refillFromChain(area: CpuArea, cache: Cache, head: usize, count: u32): u32 {
  const first: usize = load<u32>(head);
  if (first == 0 || count == 0) return 0;
  let last: usize = first;
  let moved: u32 = 1;
  for (; moved < count && load<u32>(last) != 0; moved++) last = load<u32>(last);
  beginTransfer(area, changetype<usize>(cache), cache.owned - moved, first, moved);
  store<u32>(head, load<u32>(last));
  cache.reused += moved;
  spliceFree(area, cache, first, last, moved);
  endTransfer(area);
  return moved;
}

/** Moves up to `count` trimmed objects back to `free`: type-stable reuse without a grace period, before asking the slab. */
export function refillFromTrimmed(area: CpuArea, cache: Cache, count: u32): u32 {
  const address = changetype<usize>(cache);
  const trimmed = refillFromChain(area, cache, address + offsetof<Cache>("byGp"), count);
  cache.byGpCount -= trimmed;
  const waiting = refillFromChain(area, cache, address + offsetof<Cache>("waiting"), count - trimmed);
  cache.waitingCount -= waiting;
  return count - trimmed - waiting;
}

/** Second word of a user's object's header: the set of its class (alloc/object.ts). */
export const HEADER_SET: usize = 4;

/** Pairs with withinLimit, which sums what all CPUs have published. */
function setOwned(cache: Cache, count: i32): void {
  publish(changetype<usize>(cache) + offsetof<Cache>("owned"), <u32>count);
}

/** Counts objects that are to come from the slab. False: the account's limit is reached, and nothing is counted. */
function charge(area: CpuArea, cache: Cache, count: u32): bool {
  const owned = cache.owned;
  const account: usize = setOf(cache).account;
  if (account == 0) {
    cache.owned = owned + count;
    return true;
  }
  setOwned(cache, owned + count);
  if (withinLimit(area, account)) return true;
  setOwned(cache, owned);
  return false;
}

/**
 * Takes up to `count` objects from the slab into the transfer, counted. The caller puts them in their place and ends
 * the transfer. A count beyond the account's limit is refused as a whole.
 * @returns how many; 0: memory or the limit is out, and nothing has begun
 */
export function takeOwned(area: CpuArea, cache: Cache, count: u32): u32 {
  const owned = cache.owned;
  const set = setOf(cache);
  beginTransfer(area, changetype<usize>(cache), owned, 0, 0);
  const taken = charge(area, cache, count)
    ? takeIntoTransfer(set.unit, set.slabClass, set.perCpu, count, set.companionAt)
    : 0;
  if (taken != count && cache.owned != owned + taken) setOwned(cache, owned + taken);
  if (taken == 0) endTransfer(area);
  else if (set.contains == CONTAINS_OBJECTS) nameSet(cache, transferFirst(transferOf(area)), taken);
  return taken;
}

/** Writes into users' objects what freeing them goes by. */
function nameSet(cache: Cache, first: usize, count: u32): void {
  let object = first;
  for (let index: u32 = 0; index < count; index++) {
    store<u32>(object, cache.set, HEADER_SET);
    object = load<u32>(object);
  }
}

/** Gives what the transfer has back to the slab, counted. */
export function returnTransfer(area: CpuArea, cache: Cache): void {
  if (setOf(cache).companions != 0) releaseCompanions(area, cache);
  setOwned(cache, transferOf(area).base);
  returnFromTransfer(setOf(cache).slabClass);
  endTransfer(area);
}

function refillFromSlab(area: CpuArea, cache: Cache, count: u32): u32 {
  const companions: usize = setOf(cache).companions;
  if (companions != 0) refillCompanions(area, cacheOf(companions, area.id), count);
  const taken = takeOwned(area, cache, count);
  if (taken == 0) return 0;
  if (companions != 0) takeCompanions(area, cache);
  spliceTaken(area, cache, taken);
  return taken;
}

/** Adds what the transfer has from the slab to `free`. */
function spliceTaken(area: CpuArea, cache: Cache, taken: u32): void {
  const first = transferFirst(transferOf(area));
  spliceFree(area, cache, first, lastOf(first, taken), taken);
  endTransfer(area);
}

/** Makes sure of companions for `count` objects, as far as there is memory. */
function refillCompanions(area: CpuArea, companions: Cache, count: u32): void {
  if (companions.freeCount < count) refill(area, companions, count - companions.freeCount);
}

/** Adds `count` objects: trimmed ones first, this CPU's and the others', then from the slab as far as there is memory. */
export function refill(area: CpuArea, cache: Cache, count: u32): void {
  cache.refills++;
  let missing = refillFromTrimmed(area, cache, count);
  if (missing != 0) missing -= takeFromDepot(area, cache, missing);
  if (missing == 0) return;
  if (refillFromSlab(area, cache, missing) != 0) return;
  // A batch that the account refuses as a whole may fit in part.
  while (setOf(cache).account != 0 && missing != 0 && refillFromSlab(area, cache, 1) != 0) missing--;
  if (cache.freeCount == 0 && takeRelieved(area, cache)) spliceTaken(area, cache, 1);
}

/**
 * Memory is out: what this CPU has cached for others goes back, as far as no reader holds it up.
 * @returns whether there was something to try
 */
function relieve(area: CpuArea, cache: Cache): bool {
  if (!lock(controlLock())) return false;
  for (let set = firstSet(); set != 0; set = setAt(set).nextSet) {
    const other = cacheOf(set, area.id);
    if (other == cache) continue;
    // The first round begins the grace period of what is trimmed, the others see both flavours' end.
    for (let round = 0; round < RELIEF_ROUNDS; round++) emptyCache(area, other);
  }
  unlock(controlLock());
  trimSlab();
  return true;
}

const RELIEF_ROUNDS: i32 = 3;

/** Callbacks that run before the slab is asked again: an operation does no more of others' work than it needs. */
const RELIEF_CALLBACKS: u32 = 256;

/**
 * As takeOwned of one object, where memory is out: what waits for a callback of this CPU's goes back, then what it has cached.
 * No other work on this CPU. False: memory is out, and nothing has begun.
 */
function takeRelieved(area: CpuArea, cache: Cache): bool {
  let ran: u32 = 1;
  while (ran != 0) {
    ran = 0;
    // As in relieve: the first round may only begin the grace period.
    for (let round = 0; round < RELIEF_ROUNDS; round++) ran += runCallbacks(area, RELIEF_CALLBACKS);
    if (ran != 0) trimSlab();
    if (ran != 0 && takeOwned(area, cache, 1) != 0) return true;
  }
  return relieve(area, cache) && takeOwned(area, cache, 1) != 0;
}

/** Takes one object from the slab into the transfer, for objects without a cache. False: memory is out. */
export function takeOne(area: CpuArea, cache: Cache): bool {
  if (takeOwned(area, cache, 1) != 0) return true;
  area.working++;
  const taken = takeRelieved(area, cache);
  area.working--;
  return taken;
}

/**
 * Takes the whole extra list to those that wait for a grace period. An NMI may add to it meanwhile.
 * Load and claim pair with the push of pushExtra: the chain is linked. The count pairs with nothing.
 */
function takeExtra(area: CpuArea, cache: Cache): void {
  const word = changetype<usize>(cache) + offsetof<Cache>("extra");
  for (let first = acquire(word); first != 0; first = acquire(word)) {
    const count = chainLength(first);
    beginTransfer(area, changetype<usize>(cache), cache.owned - count, first, count);
    if (claim(word, first, 0)) {
      addAndFetch(changetype<usize>(cache) + offsetof<Cache>("extraCount"), -(<i32>count));
      transferToTrimmed(area, cache);
    } else {
      endTransfer(area);
    }
  }
}

/**
 * Brings `free` down to `target` and empties `extra`; all go the way through a grace period. When as many wait as may, the
 * grace period is helped along; what is still too much goes where every CPU's refill looks before it asks the slab.
 */
function trim(area: CpuArea, cache: Cache, target: u32): void {
  cache.trims++;
  while (cache.freeCount > target) {
    if (cache.byGpCount + cache.waitingCount >= setOf(cache).waitingBound) advanceTrimmed(area, cache);
    if (takeFree(area, cache, cache.freeCount - target) == 0) break;
    const mayWait = cache.byGpCount + cache.waitingCount < setOf(cache).waitingBound;
    if (mayWait || !giveToDepot(area, cache)) transferToTrimmed(area, cache);
  }
  takeExtra(area, cache);
}

/**
 * Gives the waiting batch back when both its grace periods are over, tasks-trace and then normal, and lets the next
 * batch wait. One in flight.
 */
function advanceTrimmed(area: CpuArea, cache: Cache): void {
  if (cache.waitingTarget != 0 && gracePeriodEnded(cache.waitingFlavour, cache.waitingTarget)) {
    if (cache.waitingFlavour == TASKS_TRACE) {
      cache.waitingTarget = gracePeriodTarget(NORMAL);
      cache.waitingFlavour = NORMAL;
    }
    if (gracePeriodEnded(NORMAL, cache.waitingTarget)) returnWaiting(area, cache);
  }
  if (cache.waitingTarget != 0) cache.waitingAge++;
  else if (cache.byGp != 0) startWaiting(cache);
}

/** The next batch: what was trimmed so far. */
function startWaiting(cache: Cache): void {
  cache.waiting = cache.byGp;
  cache.waitingCount = cache.byGpCount;
  cache.waitingAge = 0;
  cache.waitingFlavour = TASKS_TRACE;
  cache.waitingTarget = gracePeriodTarget(TASKS_TRACE);
  cache.byGp = 0;
  cache.byGpCount = 0;
}

/**
 * Gives a whole list, which starts in the word `head`, back to the slab; the word `counter` has its length.
 * The publication pairs with nothing but a reaper: the list is empty only when the transfer has it.
 */
function returnList(area: CpuArea, cache: Cache, head: usize, counter: usize): void {
  const first: usize = load<u32>(head);
  if (first == 0) return;
  const count = load<u32>(counter);
  beginTransfer(area, changetype<usize>(cache), cache.owned - count, first, count);
  publish(head, 0);
  store<u32>(counter, 0);
  returnTransfer(area, cache);
}

function returnWaiting(area: CpuArea, cache: Cache): void {
  const address = changetype<usize>(cache);
  returnList(area, cache, address + offsetof<Cache>("waiting"), address + offsetof<Cache>("waitingCount"));
  cache.waitingTarget = 0;
  cache.gracePeriods++;
}

/** Moves what freeRcu freed on: after a normal grace period it is like trimmed objects, and reused before the slab. */
export function advanceRcu(area: CpuArea, cache: Cache): void {
  if (cache.rcuTarget != 0 && gracePeriodEnded(NORMAL, cache.rcuTarget)) {
    const count = cache.waitingRcuCount;
    beginTransfer(area, changetype<usize>(cache), cache.owned - count, cache.waitingRcu, count);
    cache.waitingRcu = 0;
    cache.waitingRcuCount = 0;
    cache.rcuTarget = 0;
    transferToTrimmed(area, cache);
  }
  if (cache.rcuTarget == 0 && cache.byRcu != 0) startRcu(cache);
}

/**
 * The next batch of freeRcu: the whole list. An NMI that adds to it meanwhile makes us look again.
 * Load and claim pair with the push of cacheGiveRcu: the chain is linked. The count pairs with nothing.
 */
function startRcu(cache: Cache): void {
  const word = changetype<usize>(cache) + offsetof<Cache>("byRcu");
  let first: u32;
  do {
    first = acquire(word);
    cache.waitingRcu = first;
  } while (!claim(word, first, 0));
  const count = chainLength(first);
  cache.waitingRcuCount = count;
  addAndFetch(changetype<usize>(cache) + offsetof<Cache>("byRcuCount"), -(<i32>count));
  cache.rcuTarget = gracePeriodTarget(NORMAL);
}

/** The deferred work of one cache. The counts may change under it; a stale one costs a refill or trim too few or many. */
export function runCacheWork(area: CpuArea, cache: Cache): void {
  if ((cache.byRcu | cache.rcuTarget) != 0) advanceRcu(area, cache);
  if (cache.freeCount < cache.low) {
    refill(area, cache, cache.batch);
  } else if (cache.freeCount > cache.high) trim(area, cache, (cache.low + cache.high) / 2);
  else takeExtra(area, cache);
  if ((cache.byGp | cache.waitingTarget) != 0) advanceTrimmed(area, cache);
  if (setOf(cache).companions != 0) trimCompanions(area, cache);
}

/** Moves everything that is cached and not prefilled to the waiting lists, and on what waits already. */
export function emptyCache(area: CpuArea, cache: Cache): void {
  if (setOf(cache).pooled != 0) return;
  trim(area, cache, 0);
  while (takeFromDepot(area, cache, TRIM_CHUNK) != 0) {
    if (takeFree(area, cache, TRIM_CHUNK) != 0) transferToTrimmed(area, cache);
  }
  if ((cache.byRcu | cache.rcuTarget) != 0) advanceRcu(area, cache);
  advanceTrimmed(area, cache);
}

/** Gives all that waits back, without a grace period of its own: the caller has waited for one, and the cache goes. */
export function returnTrimmed(area: CpuArea, cache: Cache): void {
  const address = changetype<usize>(cache);
  const byRcu = address + offsetof<Cache>("byRcu");
  cache.byRcuCount = chainLength(load<u32>(byRcu));
  returnList(area, cache, address + offsetof<Cache>("waiting"), address + offsetof<Cache>("waitingCount"));
  returnList(area, cache, address + offsetof<Cache>("byGp"), address + offsetof<Cache>("byGpCount"));
  returnList(area, cache, address + offsetof<Cache>("waitingRcu"), address + offsetof<Cache>("waitingRcuCount"));
  returnList(area, cache, byRcu, address + offsetof<Cache>("byRcuCount"));
}
