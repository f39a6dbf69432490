/**
 * A dead CPU's caches: whatever is on their lists or in the CPU's intents is gathered, each object once, and waits in the
 * cache for whoever holds the CPU next or trims it. An object may be on two lists, where the thread died while moving it;
 * gathered ones are told by bit 0 of their link.
 *
 * Whoever reaps may die of it as well. So a list is gathered by linking its last object to what has been gathered: all that was
 * found from its head is found from there as before, until `byGp` has everything. The next one takes the marks off and
 * begins anew.
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
import { KEPT, LOST, UNCLEAR } from "../maps/hash/lost";
import { mapAt } from "../maps/map";
import { isKeptValue } from "../maps/percpu-value";
import { freedHeader } from "../maps/table/element";

const GATHERED: u32 = 1;
const ALL: u32 = 0xffffffff;

function isGathered(object: usize): bool {
  return (load<u32>(object) & GATHERED) != 0;
}

/** Puts up to `most` objects of a list, up to one that is gathered already, before what is gathered; the new head. */
function gather(gathered: usize, first: usize, most: u32): usize {
  if (first == 0 || most == 0 || isGathered(first)) return gathered;
  let last = first;
  let next: usize = load<u32>(last);
  store<u32>(last, <u32>next | GATHERED);
  for (let count: u32 = 1; count < most && next != 0 && !isGathered(next); count++) {
    last = next;
    next = load<u32>(last);
    store<u32>(last, <u32>next | GATHERED);
  }
  store<u32>(last, <u32>gathered | GATHERED);
  return first;
}

/** Takes the marks off up to `most` objects of a list; how many they are. */
function unmark(first: usize, most: u32): u32 {
  let count: u32 = 0;
  for (let object = first; object != 0 && count < most; count++) {
    const link = load<u32>(object);
    if ((link & GATHERED) != 0) store<u32>(object, link & ~GATHERED);
    object = link & ~GATHERED;
  }
  return count;
}

/** Takes off the marks that one who died while reaping this CPU has left in a cache. */
export function unmarkCache(dead: CpuArea, cache: Cache): void {
  const transfer = transferOf(dead);
  const isMoving = transfer.active != 0 && transfer.cache == changetype<usize>(cache);
  if (isMoving) unmark(transferFirst(transfer), transferCount(transfer));
  unmark(cache.free, ALL);
  unmark(cache.byGp, ALL);
  unmark(cache.waiting, ALL);
  unmark(cache.extra, ALL);
  unmark(<usize>(<u32>cache.inbox), ALL);
  unmark(firstPrefilled(cache), ALL);
  unmark(cache.byRcu, ALL);
  unmark(cache.waitingRcu, ALL);
}

/**
 * What the CPU was moving to or from this cache; the transfer goes on naming it.
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

/** Puts an object that only an intent names on a list of the cache. */
function putAway(cache: Cache, object: usize, list: usize): void {
  const next = load<u32>(list);
  // An element's header says that it is on a CPU's own list: whoever was about to take it from the pool does not have it.
  if (setOf(cache).contains == CONTAINS_ELEMENTS) store<u64>(object, freedHeader(next, 0));
  else store<u32>(object, next);
  store<u32>(list, <u32>object);
  store<u32>(object, next | GATHERED);
}

/** Puts the object that an intent names away, unless somebody has it; the intent stays if that cannot be said yet. */
function gatherIntent(dead: CpuArea, cache: Cache, level: u32, word: usize, list: usize): void {
  const set = setOf(cache);
  const object = intentObject(load<u64>(word));
  let verdict = LOST;
  if (set.contains == CONTAINS_ELEMENTS) verdict = settleElement(dead, mapAt(set.owner), cache, level, word);
  else if (set.contains == CONTAINS_VALUES && isKeptValue(dead, mapAt(set.owner), object)) verdict = KEPT;
  if (verdict == UNCLEAR) return;
  if (verdict == LOST && object != 0 && !isGathered(object)) putAway(cache, object, list);
  clearIntent(word);
}

/**
 * Puts away what intents name of this cache's. `rcu`: those on their way to `byRcu`. Stops at the first that it cannot settle
 * yet: an intent is about its element only as far as no context above names it.
 */
function gatherIntents(dead: CpuArea, cache: Cache, rcu: bool): void {
  const list = changetype<usize>(cache) + (rcu ? offsetof<Cache>("byRcu") : offsetof<Cache>("byGp"));
  for (let level: u32 = 0; level < LEVELS; level++) {
    const first = changetype<usize>(intentsAt(dead, level));
    for (let word = first; word <= secondIntent(first); word += 8) {
      const intent = load<u64>(word);
      if (intent == 0 || intentCache(intent) != changetype<usize>(cache) || ((intent & RCU) != 0) != rcu) continue;
      gatherIntent(dead, cache, level, word, list);
      if (load<u64>(word) != 0) return;
    }
  }
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

/** Puts what was gathered where it waits for reuse or for the slab, and only then begins everything else of the cache anew. */
function resetCache(cache: Cache, gathered: usize, rcu: usize): void {
  cache.byGp = <u32>gathered;
  cache.byRcu = <u32>rcu;
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
  cache.prefilled = 0;
  cache.prefilledCount = 0;
  cache.waitingRcu = 0;
  cache.waitingRcuCount = 0;
  cache.rcuTarget = 0;
}

/** All that is on the cache's lists or on its way between them. */
function gatherLists(dead: CpuArea, cache: Cache): void {
  let gathered = gather(0, cache.free, ALL);
  gathered = gather(gathered, cache.byGp, ALL);
  gathered = gather(gathered, cache.waiting, ALL);
  gathered = gather(gathered, cache.extra, ALL);
  gathered = gather(gathered, <usize>(<u32>cache.inbox), ALL);
  gathered = gather(gathered, firstPrefilled(cache), ALL);
  gathered = gatherTransfer(dead, cache, gathered);
  let rcu = gather(0, cache.byRcu, ALL);
  rcu = gather(rcu, cache.waitingRcu, ALL);
  resetCache(cache, gathered, rcu);
  const transfer = transferOf(dead);
  if (transfer.active != 0 && transfer.cache == changetype<usize>(cache)) endTransfer(dead);
}

/** Users' objects name their set: those fresh from the slab may not yet. */
function nameSets(cache: Cache, first: usize): void {
  for (let object = first; object != 0; object = load<u32>(object)) store<u32>(object, cache.set, HEADER_SET);
}

/** Settles one cache that the dead CPU used alone, without marks (`unmarkCache`). False: it has to be tried again. */
export function settleCache(dead: CpuArea, cache: Cache): bool {
  // Its allocator was still being set up.
  if (cache.set == 0) return true;
  gatherLists(dead, cache);
  gatherIntents(dead, cache, true);
  gatherIntents(dead, cache, false);
  cache.byGpCount = unmark(cache.byGp, ALL);
  cache.byRcuCount = unmark(cache.byRcu, ALL);
  if (setOf(cache).contains == CONTAINS_OBJECTS) {
    nameSets(cache, cache.byGp);
    nameSets(cache, cache.byRcu);
  }
  return !hasUnsettled(dead, cache);
}

/** Settles the dead CPU's cache of an allocator, or, of one that it was building or freeing, everybody's. */
export function settleSet(dead: CpuArea, set: usize, cpus: u32): bool {
  let complete = cpus != 0 || settleCache(dead, cacheOf(set, dead.id));
  for (let cpu: u32 = 0; cpu < cpus; cpu++) complete = settleCache(dead, cacheOf(set, cpu)) && complete;
  // Its lock last: as long as it is held it tells where the CPU was.
  settleDepot(dead, set);
  return complete;
}
