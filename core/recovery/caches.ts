/**
 * A dead CPU's caches: whatever is on their lists or in the CPU's hands is gathered, each object once, and waits in the
 * cache for whoever holds the CPU next or trims it. An object may be on two lists, where the thread died while moving it;
 * gathered ones are told by bit 0 of their link.
 */
import { cacheOf } from "../alloc/allocator";
import { Cache, CONTAINS_ELEMENTS, CONTAINS_OBJECTS } from "../alloc/cache";
import { depotLock } from "../alloc/depot";
import { firstPrefilled } from "../alloc/prefill";
import { HEADER_HOME } from "../alloc/refill";
import { acquire, publish } from "../base/atomics";
import { chainContains, chainLength } from "../base/chain";
import { CpuArea } from "../cpu/area";
import {
  CHARGED,
  COUNTS,
  clearIntent,
  endTransfer,
  Intents,
  intentCache,
  intentObject,
  intentsAt,
  LEVELS,
  MAYBE,
  RCU,
  REMOVES,
  secondIntent,
  TAKES,
  transferCount,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { leavePlace, levelCount, setLive } from "../maps/count";
import { pushPool } from "../maps/element";
import { MAP_BYTES, MapHeader, mapAt, SUPPLY_POOL, SUPPLY_SLAB } from "../maps/map";
import { valueObject } from "../maps/percpu-value";
import { LOST, UNCLEAR, whoHas } from "./lost";

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
    if (cache.contains == CONTAINS_OBJECTS) store<u32>(object, cache.home, HEADER_HOME);
    count++;
  }
  return count;
}

/** What the CPU was moving to or from this cache. */
function gatherTransfer(dead: CpuArea, cache: Cache, gathered: usize): usize {
  const transfer = transferOf(dead);
  if (transfer.active == 0 || transfer.cache != changetype<usize>(cache)) return gathered;
  const first = transferFirst(transfer);
  const count = transferCount(transfer);
  const home = changetype<Cache>(<usize>cache.home);
  const inDepot = acquire(depotLock(home)) == dead.id + 1 && chainContains(home.depot, first);
  publish(changetype<usize>(cache) + offsetof<Cache>("owned"), <u32>(transfer.base + count));
  endTransfer(dead);
  return inDepot ? gathered : gather(gathered, first, count);
}

/** The surplus, if the CPU died with its lock held. */
function settleDepot(dead: CpuArea, caches: usize): void {
  const home = changetype<Cache>(caches);
  if (acquire(depotLock(home)) != dead.id + 1) return;
  home.depotCount = chainLength(home.depot);
  publish(depotLock(home), 0);
}

/** Counts an operation that took effect and was cut off before it was counted; gives a place back that was not used. */
function settleCount(map: MapHeader, cache: Cache, intents: Intents, level: u32, intent: u64, effective: bool): void {
  if ((intent & COUNTS) == 0) return;
  const removes = (intent & REMOVES) != 0;
  const count = levelCount(cache, level);
  if (effective && count.operation != intents.operation) {
    setLive(count, count.live + (removes ? -1 : 1), intents.operation);
  }
  if (map.exactCount != 0 && (removes ? effective : !effective && (intent & CHARGED) != 0)) leavePlace(map);
}

/** An element that was given back by a callback is on the CPU's own lists. */
function isQueued(dead: CpuArea, map: MapHeader, object: usize): bool {
  return (
    map.supply == SUPPLY_SLAB && (chainContains(dead.callbacks, object) || chainContains(dead.waitingCallbacks, object))
  );
}

/** The value goes with its element, unless the other hand has it. */
function gatherValue(dead: CpuArea, map: MapHeader, intents: Intents, element: usize): void {
  const value = valueObject(map, element);
  if (value == 0 || intentObject(intents.second) == value) return;
  const values = cacheOf(map.values, dead.id);
  // Settled before, with what the other hand had.
  if (chainContains(values.byGp, value)) return;
  store<u32>(value, values.byGp);
  values.byGp = <u32>value;
  values.byGpCount++;
}

/** Whether the operation that a hand belongs to put its element into the map, or took it out. */
function tookEffect(intent: u64, verdict: u32): bool {
  const isSure = (intent & MAYBE) == 0;
  if ((intent & REMOVES) == 0) return !isSure && verdict != LOST && (intent & TAKES) == 0;
  return intentObject(intent) != 0 && (isSure || verdict == LOST);
}

/**
 * Finds out what became of an element in a hand, and finishes or undoes the operation. If it cannot be said yet the hand
 * stays as it is.
 * @returns the new head of what is gathered
 */
function settleElement(dead: CpuArea, map: MapHeader, cache: Cache, level: u32, word: usize, gathered: usize): usize {
  const intent = load<u64>(word);
  const intents = intentsAt(dead, level);
  const object = intentObject(intent);
  const isPool = map.supply == SUPPLY_POOL;
  const inDoubt = object != 0 && (isPool || (intent & MAYBE) != 0);
  const verdict = inDoubt ? whoHas(dead, level, map, cache, object) : LOST;
  if (verdict == UNCLEAR) return gathered;
  let head = gathered;
  if (verdict == LOST && object != 0) {
    if (inDoubt && (intent & TAKES) == 0) gatherValue(dead, map, intents, object);
    if (isPool) pushPool(map, dead.id, object);
    else if (!isGathered(object) && !isQueued(dead, map, object)) head = gather(gathered, object, 1);
  }
  settleCount(map, cache, intents, level, intent, tookEffect(intent, verdict));
  clearIntent(word);
  return head;
}

/** The map whose elements a cache holds. */
function mapOf(cache: Cache): MapHeader {
  return mapAt(<usize>cache.home - MAP_BYTES);
}

/** A cache of objects that are no elements: a hand has them for sure. */
function gatherIntent(word: usize, gathered: usize): usize {
  const object = intentObject(load<u64>(word));
  clearIntent(word);
  return object == 0 || isGathered(object) ? gathered : gather(gathered, object, 1);
}

function isOfElements(cache: Cache): bool {
  return cache.contains == CONTAINS_ELEMENTS;
}

/**
 * Gathers what hands hold of this cache's. `rcu`: those on their way to `byRcu`. Stops at the first that it cannot settle
 * yet: a hand is about its element only as far as no context above has it.
 */
function gatherIntents(dead: CpuArea, cache: Cache, gathered: usize, rcu: bool): usize {
  let head = gathered;
  for (let level: u32 = 0; level < LEVELS; level++) {
    const first = changetype<usize>(intentsAt(dead, level));
    for (let word = first; word <= secondIntent(first); word += 8) {
      const intent = load<u64>(word);
      if (intent == 0 || intentCache(intent) != changetype<usize>(cache) || ((intent & RCU) != 0) != rcu) continue;
      head = isOfElements(cache)
        ? settleElement(dead, mapOf(cache), cache, level, word, head)
        : gatherIntent(word, head);
      if (load<u64>(word) != 0) return head;
    }
  }
  return head;
}

/** Whether hands of this cache's objects could not be settled. */
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
  cache.workRaised = 0;
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
  if (cache.home == 0) return true;
  let gathered = gather(0, cache.free, all);
  gathered = gather(gathered, cache.byGp, all);
  gathered = gather(gathered, cache.waiting, all);
  gathered = gather(gathered, cache.extra, all);
  gathered = gather(gathered, <usize>(<u32>cache.inbox), all);
  // A preallocated hash has its pool in the same place, which is everybody's.
  if (!isOfElements(cache) || mapOf(cache).supply != SUPPLY_POOL) {
    gathered = gather(gathered, firstPrefilled(cache), all);
    cache.pool = 0;
    cache.prefilled = 0;
  }
  gathered = gatherTransfer(dead, cache, gathered);
  let rcu = gather(0, cache.byRcu, all);
  rcu = gather(rcu, cache.waitingRcu, all);
  rcu = gatherIntents(dead, cache, rcu, true);
  resetCache(cache, gatherIntents(dead, cache, gathered, false), rcu);
  return !hasUnsettled(dead, cache);
}

/** Settles the dead CPU's cache of an allocator, or, of one that it was building or freeing, everybody's. */
export function settleSet(dead: CpuArea, caches: usize, cpus: u32): bool {
  let complete = cpus != 0 || settleCache(dead, cacheOf(caches, dead.id));
  for (let cpu: u32 = 0; cpu < cpus; cpu++) complete = settleCache(dead, cacheOf(caches, cpu)) && complete;
  // Its lock last: as long as it is held it tells where the CPU was.
  settleDepot(dead, caches);
  return complete;
}
