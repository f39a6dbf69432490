/**
 * Elements of a hash and where they come from: the per-CPU cache (dynamic), a pool cut at creation (preallocated), or
 * the slab with one callback for each free (what dynamic meant before the cache; for comparison).
 *
 * ```
 *  0         4        8        12       16            16 + round8(key)
 *  +---------+--------+--------+--------+-------------+------------------------+
 *  | link /  | spare  | next   | hash   | key ....... | value (per-CPU: where) |
 *  | owner   |        |        |        |             |                        |
 *  +---------+--------+--------+--------+-------------+------------------------+
 * ```
 * Keys and values may also have lengths of their own (maps/table/entry.ts). `link` is the free list's, `next` the overflow chain's: a
 * reader that still walks a freed element never follows the free list. Behind the owner's address lies the number of the operation
 * that took it.
 *
 * A pool is one list for each CPU, from which others may take too. In front of it each CPU has a few elements in its cache, so
 * that preallocated maps go the same way as dynamic ones; a pool has so many more elements that nobody misses these.
 */
import { allocate } from "../../alloc/allocator";
import { Cache, cacheGive, cacheMissed, cacheTake } from "../../alloc/cache";
import { returnTransfer, takeOne } from "../../alloc/refill";
import { setOf } from "../../alloc/set";
import { acquire64, claim, claim64, peek, publish } from "../../base/atomics";
import { E2BIG } from "../../base/errno";
import { nextHead, pushTagged, topOf } from "../../base/stack";
import { superblock } from "../../base/superblock";
import { CpuArea, TASK } from "../../cpu/area";
import { mayRunWork } from "../../cpu/context";
import {
  beginTransfer,
  clearIntent,
  endTransfer,
  firstIntent,
  intentsAt,
  MAYBE,
  nameObject,
  objectPlaced,
  TAKES,
  transferFirst,
  transferOf,
} from "../../cpu/intent";
import { memoryErrno } from "../../cpu/wait";
import { returnAfterGracePeriod } from "../../rcu/callback";
import { MapCpu, MapHeader, mapCpu, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB } from "../map";

export const ELEMENT_NEXT: usize = 8;
export const ELEMENT_HASH: usize = 12;
export const ELEMENT_KEY: usize = 16;
const OPERATION_AT: usize = 4;
/** LRU: what lies before an element's value (maps/hash/lru-slots.ts), and the bits of its slot word that are the slot. */
export const LRU_BYTES: u32 = 16;
export const SLOT_BEFORE: usize = 16;
export const USED_BEFORE: usize = 12;
export const NEXT_BEFORE: usize = 8;
export const PREVIOUS_BEFORE: usize = 4;
export const SLOT_OF_ELEMENT: u32 = 0x0fffffff;
/**
 * Bit of an element's operation: since that operation it is on a CPU's own list. Whoever reaps a CPU that was about to take it
 * from the pool then knows that somebody else has had it since.
 */
export const FREED: u32 = 0x80000000;

/**
 * The hash of an element that may be another one's by now: what it says is thrown away if the bucket has changed. Pairs with
 * nothing.
 */
export function hashOfElement(element: usize): u32 {
  return peek(element + ELEMENT_HASH);
}

/** Functions that return an element return -errno in its place; no element lies in the last 4 KiB. */
export function isError(element: usize): bool {
  return element >= <usize>-4095;
}

export function poolWord(map: MapHeader, cpu: u32): usize {
  return changetype<usize>(mapCpu(map, cpu)) + offsetof<MapCpu>("pool");
}

/**
 * Pops from one CPU's pool list into an intent, 0 if it is empty. The tag in the upper half makes a reused head fail the
 * claim.
 * Load and claim pair with pushTagged.
 */
export function popPool(word: usize, intent: usize, cache: Cache, bits: u64): usize {
  while (true) {
    const head = acquire64(word);
    const element = topOf(head);
    if (element == 0) return 0;
    nameObject(intent, element, changetype<usize>(cache), bits | MAYBE | TAKES);
    if (claim64(word, head, nextHead(head, load<u32>(element)))) return element;
    nameObject(intent, 0, changetype<usize>(cache), bits);
  }
}

/**
 * Puts an element on a CPU's list.
 * The publication pairs with that of popCommon (maps/hash/lru-evict.ts); who dies before it has left that to his reaper.
 */
export function pushPool(map: MapHeader, cpu: u32, element: usize): void {
  store<u32>(element, 0, OPERATION_AT);
  pushTagged(poolWord(map, cpu), element, element);
  if (map.ring != 0 && peek(pooledWord(map)) == 0) publish(pooledWord(map), 1);
}

export function pooledWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("pooled");
}

/** From this CPU's list, then from the others' in turn. */
function takeFromPool(area: CpuArea, map: MapHeader, cache: Cache, intent: usize, bits: u64): usize {
  const cpus = superblock().cpus;
  for (let turn: u32 = 0; turn < cpus; turn++) {
    let cpu = area.id + turn;
    if (cpu >= cpus) cpu -= cpus;
    const element = popPool(poolWord(map, cpu), intent, cache, bits);
    if (element != 0) return element;
  }
  return 0;
}

function takeFromSlab(area: CpuArea, cache: Cache, intent: usize, bits: u64): usize {
  if (!mayRunWork(area) || !takeOne(area, cache)) {
    cacheMissed(area, cache);
    return 0;
  }
  const element = transferFirst(transferOf(area));
  nameObject(intent, element, changetype<usize>(cache), bits);
  endTransfer(area);
  return element;
}

/** From this CPU's cache, unless a context below is at it, then from the pool. */
function takePooled(area: CpuArea, map: MapHeader, cache: Cache, intent: usize, bits: u64): usize {
  const element = cache.freeCount != 0 ? cacheTake(area, cache, intent, bits) : 0;
  return element != 0 ? element : takeFromPool(area, map, cache, intent, bits);
}

/** The errno when takeElement returns 0: full for a pool, otherwise why there is no memory. */
export function supplyError(area: CpuArea, map: MapHeader): i32 {
  return map.supply == SUPPLY_POOL ? -E2BIG : -memoryErrno(area);
}

/**
 * Takes an element for a new key into `intent` and names its cache and `operation` in its header: together they tell this
 * element from the same memory used again. `cache` is this CPU's. 0: see supplyError.
 */
export function takeElement(
  area: CpuArea,
  map: MapHeader,
  cache: Cache,
  intent: usize,
  bits: u64,
  operation: u32,
): usize {
  let element: usize;
  if (map.supply == SUPPLY_CACHE) element = allocate(area, cache, intent, bits);
  else if (map.supply == SUPPLY_POOL) element = takePooled(area, map, cache, intent, bits);
  else element = takeFromSlab(area, cache, intent, bits);
  if (element == 0) return 0;
  nameElement(element, cache, operation);
  // Out of the pool for sure, and nobody else can have it.
  if (map.supply == SUPPLY_POOL) nameObject(intent, element, changetype<usize>(cache), bits);
  return element;
}

/** Writes an element's header: in use, since this operation of this CPU. */
export function nameElement(element: usize, cache: Cache, operation: u32): void {
  store<u64>(element, <u64>changetype<usize>(cache) | ((<u64>(operation & ~FREED)) << 32));
}

/** The header of an element that goes onto a CPU's own list before the one that `next` is, freed by an operation. */
export function freedHeader(next: usize, operation: u32): u64 {
  return <u64>next | ((<u64>(operation | FREED)) << 32);
}

/** Gives an element back that is in an intent and that no new reader can find. Its memory may serve another key at once. */
export function giveElement(area: CpuArea, map: MapHeader, cache: Cache, element: usize, intent: usize): void {
  if (map.supply == SUPPLY_CACHE) cacheGive(area, cache, element, intent);
  else giveToOther(area, map, cache, element, intent);
}

/** The CPU whose list an element goes to: this one, or the one that has it to itself. Pairs with nothing: the slot stays. */
function listFor(area: CpuArea, map: MapHeader, element: usize): u32 {
  if (map.lruShare == 0) return area.id;
  const cpu = (peek(element + map.valueOffset - SLOT_BEFORE) & SLOT_OF_ELEMENT) / map.lruShare;
  return cpu < superblock().cpus ? cpu : area.id;
}

/**
 * Gives an element that an intent has to the pool. From now on another may have it, as when it is taken from there: it is on no
 * CPU's own list, and its header says so before.
 */
export function giveToPool(area: CpuArea, map: MapHeader, element: usize, intent: usize): void {
  store<u32>(element, 0, OPERATION_AT);
  store<u64>(intent, load<u64>(intent) | MAYBE | TAKES);
  pushPool(map, listFor(area, map, element), element);
  objectPlaced(intent);
}

function giveToOther(area: CpuArea, map: MapHeader, cache: Cache, element: usize, intent: usize): void {
  if (map.supply != SUPPLY_SLAB) {
    if (map.ring == 0 && cache.active == 0 && cache.freeCount < cache.high) {
      store<u32>(element, FREED, OPERATION_AT);
      cacheGive(area, cache, element, intent);
      return;
    }
    giveToPool(area, map, element, intent);
    return;
  }
  cache.owned--;
  returnAfterGracePeriod(area, element, setOf(cache).slabClass);
}

/**
 * As giveElement, for one that was never published: no grace period is needed. It is named by `intent`, with `bits`, which
 * may go on naming it except where it goes back to the slab.
 */
export function giveUnused(
  area: CpuArea,
  map: MapHeader,
  cache: Cache,
  element: usize,
  intent: usize,
  bits: u64,
): void {
  if (map.supply != SUPPLY_SLAB) {
    giveElement(area, map, cache, element, intent);
    return;
  }
  beginTransfer(area, changetype<usize>(cache), cache.owned - 1, element, 1);
  nameObject(intent, 0, changetype<usize>(cache), bits);
  returnTransfer(area, cache);
}

/**
 * A CPU's cache of a preallocated map has too many: half of them go to the pool, where others find them.
 * @param intent which names each on its way
 */
export function spillToPool(area: CpuArea, map: MapHeader, cache: Cache, intent: usize): void {
  while (cache.freeCount > cache.high / 2) {
    const element = cacheTake(area, cache, intent, 0);
    if (element == 0) return;
    giveToPool(area, map, element, intent);
  }
}

/**
 * What was gathered of a dead CPU's cache of a preallocated map goes to the pool, as the CPU itself would have put it there: by
 * way of an intent of its, which none of its caches needs any more. So whoever reaps it may die as well.
 */
export function gatheredToPool(dead: CpuArea, map: MapHeader, cache: Cache): void {
  const intent = firstIntent(changetype<usize>(intentsAt(dead, TASK)));
  for (let element: usize = cache.byGp; element != 0; element = cache.byGp) {
    nameObject(intent, element, changetype<usize>(cache), 0);
    cache.byGp = load<u32>(element);
    giveToPool(dead, map, element, intent);
  }
  clearIntent(intent);
  cache.byGpCount = 0;
}

function spareWord(map: MapHeader, area: CpuArea): usize {
  return changetype<usize>(mapCpu(map, area.id)) + offsetof<MapCpu>("spare");
}

/**
 * Takes an element that replaces another one: a preallocated map uses this CPU's spare and cannot fail, a dynamic one
 * allocates even when the map is full.
 * The claim pairs with that of giveReplaced; contexts of one CPU compete.
 */
export function takeReplacement(area: CpuArea, map: MapHeader, cache: Cache, intent: usize, operation: u32): usize {
  if (map.supply == SUPPLY_POOL) {
    // An interrupting context that finds the spare in use below it takes one from the pool.
    const word = spareWord(map, area);
    const element: usize = peek(word);
    if (element != 0) {
      nameObject(intent, element, changetype<usize>(cache), MAYBE | TAKES);
      if (claim(word, <u32>element, 0)) {
        nameElement(element, cache, operation);
        nameObject(intent, element, changetype<usize>(cache), 0);
        return element;
      }
      clearIntent(intent);
    }
  }
  return takeElement(area, map, cache, intent, 0, operation);
}

/**
 * Gives the replaced element back; a preallocated map keeps it as the next spare.
 * The claim pairs with that of takeReplacement.
 */
export function giveReplaced(area: CpuArea, map: MapHeader, cache: Cache, element: usize, intent: usize): void {
  if (map.supply == SUPPLY_POOL && map.ring == 0 && peek(spareWord(map, area)) == 0) {
    store<u32>(element, 0, OPERATION_AT);
    const bits = load<u64>(intent);
    // Once it is the spare a context above may have it.
    store<u64>(intent, bits | MAYBE | TAKES);
    if (claim(spareWord(map, area), 0, <u32>element)) return;
    store<u64>(intent, bits);
  }
  giveElement(area, map, cache, element, intent);
}
