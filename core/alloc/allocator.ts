/**
 * An allocator of objects of one size: a set of caches (alloc/set.ts), one for each CPU. A hash map has one for its elements
 * and, when per-CPU, a second one for the values. The set's address is the handle.
 */

import { acquire } from "../base/atomics";
import { PROFILE_LINUX, superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { mayRunWork } from "../cpu/context";
import { clearIntent, nameObject } from "../cpu/intent";
import { classFor, HEADER_BYTES } from "../mem/slab";
import { Cache, cacheGive, cacheMissed, cacheTake, WORK_IDLE } from "./cache";
import { interruptsOn } from "./deferred";
import { returnPrefilled, takePrefilled } from "./prefill";
import { emptyCache, refill, returnTrimmed } from "./refill";
import { registerSet } from "./register";
import { fixedHigh, fixWatermarks } from "./reserve";
import { adoptInbox } from "./serve";
import { cacheOf, setAt } from "./set";
import { initialFill } from "./watermark";

/** Objects that may wait for a grace period on one CPU, in high watermarks: some 48 KiB. In Linux there is no bound. */
const WAITING_BATCHES: u32 = 2;

/**
 * Sets up an allocator for objects of `size` bytes (without header) at `set`: zeroed, `setBytes` long. Task context; the
 * caller names what it belongs to as `Transfer.building`.
 * @param perCpu 1: each object has a copy for every CPU
 * @param accountedUnit object size with header that the watermarks are computed from
 * @param owner the map or allocator that it is part of
 * @param contains what the objects are, a CONTAINS_ constant
 */
export function formatAllocator(
  set: usize,
  size: u32,
  accountedUnit: u32,
  perCpu: u32,
  owner: usize,
  contains: u32,
): void {
  const shared = setAt(set);
  const cpus = superblock().cpus;
  shared.owner = <u32>owner;
  shared.contains = contains;
  shared.unit = size + <u32>HEADER_BYTES;
  shared.perCpu = perCpu;
  shared.slabClass = classFor(shared.unit, perCpu);
  shared.adaptive = superblock().adaptive;
  shared.accountedUnit = accountedUnit;
  const isLinux = superblock().profile == PROFILE_LINUX;
  shared.waitingBound = isLinux ? 0x7fffffff : fixedHigh(shared) * WAITING_BATCHES;
  shared.firstFill = initialFill(accountedUnit, perCpu != 0);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const cache = cacheOf(set, cpu);
    cache.set = <u32>set;
    fixWatermarks(cache);
  }
  shared.formatted = 1;
}

/**
 * Objects of `set` may each have one of `companions`, named by the word at `at` in them, behind that object's header; it stays
 * theirs until they go back to the slab (alloc/companion.ts).
 */
export function formatCompanions(set: usize, companions: usize, at: u32): void {
  setAt(set).companions = <u32>companions;
  setAt(set).companionAt = at;
}

/**
 * Gives each CPU the few objects that it starts with, unless `fill` is false (falling short of them is no failure), and
 * puts the allocator on the list of all: from then on others trim and reap what is theirs of it. Task context.
 * @returns false if the control plane's lock cannot be had: it is on no list then
 */
export function startAllocator(area: CpuArea, set: usize, fill: bool): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; fill && cpu < cpus; cpu++) {
    const cache = cacheOf(set, cpu);
    refill(area, cache, setAt(set).firstFill);
    cache.refills = 0;
  }
  return registerSet(set);
}

/**
 * Whether no CPU has work for this allocator, raised or under way: only then may its memory go.
 * Pairs with endWork, which takes the mark off when the work has been done; the grace period before is what keeps new marks
 * away.
 */
export function allocatorIdle(set: usize): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    if (acquire(changetype<usize>(cacheOf(set, cpu)) + offsetof<Cache>("workRaised")) != WORK_IDLE) return false;
  }
  return true;
}

/**
 * Takes one object on this CPU. Any context; where deferred work may run, an empty cache is refilled first, so that
 * 0 means that memory is out.
 * @param cache this CPU's
 * @param intent which then names the object, with `bits` (cpu/intent.ts)
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
 * Frees one object to this CPU's cache, by way of an intent. Cannot fail, any context; the object may be handed out again at
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
export function drainAllocator(area: CpuArea, set: usize): i32 {
  let owned: i32 = 0;
  const cpus = superblock().cpus;
  // Whatever an interrupting context raises waits until the lists are whole.
  area.working++;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const cache = cacheOf(set, cpu);
    adoptInbox(area, cache);
    emptyCache(area, cache);
    if (cache.prefilledCount != 0) returnPrefilled(area, cache);
    returnTrimmed(area, cache);
    owned += cache.owned;
  }
  area.working--;
  return owned;
}

/** Objects that this allocator has from the slab now: in use, cached and waiting. */
export function ownedObjects(set: usize): u32 {
  let owned: i32 = 0;
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) owned += cacheOf(set, cpu).owned;
  return <u32>max(owned, 0);
}
