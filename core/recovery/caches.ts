/**
 * A dead CPU's caches: whatever is on their lists or in the CPU's intents is gathered, each object once, and waits in the
 * cache for whoever holds the CPU next or trims it. An object may be on two lists, where the thread died while moving it;
 * gathered ones are told by bit 0 of their link.
 */
import { Cache, WORK_IDLE } from "../alloc/cache";
import { depotLock } from "../alloc/depot";
import { firstPrefilled } from "../alloc/prefill";
import { HEADER_SET } from "../alloc/refill";
import { CONTAINS_ELEMENTS, CONTAINS_OBJECTS, CONTAINS_VALUES, cacheOf, setAt, setOf } from "../alloc/set";
import { peek, publish } from "../base/atomics";
import { chainContains, chainLength } from "../base/chain";
import { CpuArea } from "../cpu/area";
import {
  clearIntent,
  endTransfer,
  intentCache,
  intentObject,
  intentsAt,
  LEVELS,
  RCU,
  secondIntent,
  transferCount,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { settleElement } from "../maps/dispatch";
import { gatheredToPool } from "../maps/element";
import { LOST } from "../maps/hash-lost";
import { mapAt } from "../maps/map";
import { isKeptValue } from "../maps/percpu-value";

const GATHERED: u32 = 1;

function isGathered(object: usize): bool {
  return (load<u32>(object) & GATHERED) != 0;
}

/** Adds up to `most` objects of a list to what is gathered, up to one that is there already; the new head. */
function gather(gathered: usize, first: usize, most: u32): usize {
  let head = gathered;
  let object = first;
  for (let index: u32 = 0; object != 0 && index < most && !isGathered(object); index++) {
    const next: usize = load<u32>(object);
    store<u32>(object, <u32>head | GATHERED);
    head = object;
    object = next;
  }
  return head;
}

/** Takes the marks off, and has users' objects name their cache: those fresh from the slab may not yet; how many they are. */
function unmark(cache: Cache, gathered: usize): u32 {
  let count: u32 = 0;
  for (let object = gathered; object != 0; object = load<u32>(object)) {
    store<u32>(object, load<u32>(object) & ~GATHERED);
    if (setOf(cache).contains == CONTAINS_OBJECTS) store<u32>(object, cache.set, HEADER_SET);
    count++;
  }
  return count;
}

/**
 * What the CPU was moving to or from this cache.
 * The publication pairs with withinLimit, as that of setOwned.
 */
function gatherTransfer(dead: CpuArea, cache: Cache, gathered: usize): usize {
  const transfer = transferOf(dead);
  if (transfer.active == 0 || transfer.cache != changetype<usize>(cache)) return gathered;
  const first = transferFirst(transfer);
  const count = transferCount(transfer);
  const set = setOf(cache);
  const inDepot = peek(depotLock(set)) == dead.id + 1 && chainContains(set.depot, first);
  publish(changetype<usize>(cache) + offsetof<Cache>("owned"), <u32>(transfer.base + count));
  endTransfer(dead);
  return inDepot ? gathered : gather(gathered, first, count);
}

/**
 * The depot, if the CPU died with its lock held.
 * Pairs with `lock` of whoever waits, as the dead CPU's `unlock` would have.
 */
function settleDepot(dead: CpuArea, address: usize): void {
  const set = setAt(address);
  if (peek(depotLock(set)) != dead.id + 1) return;
  set.depotCount = chainLength(set.depot);
  publish(depotLock(set), 0);
}

/** Gathers the object that an intent names, unless somebody has it; the intent stays if that cannot be said yet. */
function gatherIntent(dead: CpuArea, cache: Cache, level: u32, word: usize, gathered: usize): usize {
  const set = setOf(cache);
  const object = intentObject(load<u64>(word));
  if (set.contains == CONTAINS_VALUES && isKeptValue(dead, mapAt(set.owner), object)) {
    clearIntent(word);
    return gathered;
  }
  if (set.contains != CONTAINS_ELEMENTS) clearIntent(word);
  else if (settleElement(dead, mapAt(set.owner), cache, level, word) != LOST) return gathered;
  return object == 0 || isGathered(object) ? gathered : gather(gathered, object, 1);
}

/**
 * Gathers what intents name of this cache's. `rcu`: those on their way to `byRcu`. Stops at the first that it cannot settle
 * yet: an intent is about its element only as far as no context above names it.
 */
function gatherIntents(dead: CpuArea, cache: Cache, gathered: usize, rcu: bool): usize {
  let head = gathered;
  for (let level: u32 = 0; level < LEVELS; level++) {
    const first = changetype<usize>(intentsAt(dead, level));
    for (let word = first; word <= secondIntent(first); word += 8) {
      const intent = load<u64>(word);
      if (intent == 0 || intentCache(intent) != changetype<usize>(cache) || ((intent & RCU) != 0) != rcu) continue;
      head = gatherIntent(dead, cache, level, word, head);
      if (load<u64>(word) != 0) return head;
    }
  }
  return head;
}

/** Whether intents of this cache's objects could not be settled. */
function hasUnsettled(dead: CpuArea, cache: Cache): bool {
  for (let level: u32 = 0; level < LEVELS; level++) {
    const intents = intentsAt(dead, level);
    if (intentCache(intents.first) == changetype<usize>(cache) && intents.first != 0) return true;
    if (intentCache(intents.second) == changetype<usize>(cache) && intents.second != 0) return true;
  }
  return false;
}

/** Puts what was gathered where it waits for reuse or for the slab; everything else of the cache begins anew. */
function resetCache(cache: Cache, gathered: usize, rcu: usize): void {
  cache.freeCount = 0;
  cache.free = 0;
  cache.active = 0;
  cache.workRaised = WORK_IDLE;
  cache.workNext = 0;
  cache.extra = 0;
  cache.extraCount = 0;
  cache.waiting = 0;
  cache.waitingCount = 0;
  cache.waitingTarget = 0;
  cache.inbox &= ~(<u64>0xffffffff);
  cache.byGp = <u32>gathered;
  cache.byGpCount = unmark(cache, gathered);
  cache.byRcu = <u32>rcu;
  cache.byRcuCount = unmark(cache, rcu);
  cache.waitingRcu = 0;
  cache.waitingRcuCount = 0;
  cache.rcuTarget = 0;
}

/** Settles one cache that the dead CPU used alone. False: it has to be tried again. */
export function settleCache(dead: CpuArea, cache: Cache): bool {
  const all: u32 = 0xffffffff;
  // Its allocator was still being set up.
  if (cache.set == 0) return true;
  let gathered = gather(0, cache.free, all);
  gathered = gather(gathered, cache.byGp, all);
  gathered = gather(gathered, cache.waiting, all);
  gathered = gather(gathered, cache.extra, all);
  gathered = gather(gathered, <usize>(<u32>cache.inbox), all);
  gathered = gather(gathered, firstPrefilled(cache), all);
  cache.prefilled = 0;
  cache.prefilledCount = 0;
  gathered = gatherTransfer(dead, cache, gathered);
  let rcu = gather(0, cache.byRcu, all);
  rcu = gather(rcu, cache.waitingRcu, all);
  rcu = gatherIntents(dead, cache, rcu, true);
  resetCache(cache, gatherIntents(dead, cache, gathered, false), rcu);
  return !hasUnsettled(dead, cache);
}

/** Settles the dead CPU's cache of an allocator, or, of one that it was building or freeing, everybody's. */
export function settleSet(dead: CpuArea, set: usize, cpus: u32): bool {
  let complete = cpus != 0 || settleCache(dead, cacheOf(set, dead.id));
  for (let cpu: u32 = 0; cpu < cpus; cpu++) complete = settleCache(dead, cacheOf(set, cpu)) && complete;
  if (setAt(set).pooled != 0 && complete) gatheredToPool(mapAt(setAt(set).owner), dead.id, cacheOf(set, dead.id));
  // Its lock last: as long as it is held it tells where the CPU was.
  settleDepot(dead, set);
  return complete;
}
