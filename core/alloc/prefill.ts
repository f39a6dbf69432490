/**
 * Prefilled objects: kept for allocations that find nothing else, in whatever context, also for an NMI that meets the free
 * list in use. They lie on a stack of their own, which only this CPU uses but contexts of it may interrupt each other at:
 * its head has a tag that makes a stale claim fail. They stay there until they have been used.
 */

import { acquire64, addAndFetch, claim64 } from "../base/atomics";
import { nextHead, pushTagged, topOf } from "../base/stack";
import { CpuArea, thisCpu } from "../cpu/area";
import {
  clearIntent,
  endTransfer,
  firstIntent,
  intentObject,
  intentsAt,
  intentsOf,
  nameObject,
  transferCount,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { memoryErrno, renewBudget } from "../cpu/wait";
import { Cache, lastOf } from "./cache";
import { refillFromTrimmed, returnTransfer, takeFree, takeOwned } from "./refill";
import { cacheOf } from "./set";

function headWord(cache: Cache): usize {
  return changetype<usize>(cache) + offsetof<Cache>("prefilled");
}

/** Pairs with nothing: contexts of one CPU count, others only report. */
function countPrefilled(cache: Cache, change: i32): void {
  addAndFetch(changetype<usize>(cache) + offsetof<Cache>("prefilledCount"), change);
}

/**
 * The first prefilled object.
 * Pairs with pushTagged: what is linked from here is whole.
 */
export function firstPrefilled(cache: Cache): usize {
  return topOf(acquire64(headWord(cache)));
}

/**
 * The object is this context's. One that it has interrupted may have had the same one in its intent, about to claim it: its
 * claim will fail, but if the CPU died before that, the object would seem to be in two intents.
 */
function disarm(area: CpuArea, object: usize): void {
  for (let level: u32 = 0; level < area.level; level++) {
    const interrupted = intentsAt(area, level);
    if (intentObject(interrupted.first) == object) interrupted.first = 0;
    if (intentObject(interrupted.second) == object) interrupted.second = 0;
  }
}

/**
 * Takes a prefilled object into an intent, 0 if there is none. Any context.
 * Load and claim pair with pushTagged; the tag makes the claim of a stale head fail.
 */
export function takePrefilled(area: CpuArea, cache: Cache, intent: usize, bits: u64): usize {
  const word = headWord(cache);
  while (true) {
    const head = acquire64(word);
    const object = topOf(head);
    if (object == 0) return 0;
    nameObject(intent, object, changetype<usize>(cache), bits);
    if (claim64(word, head, nextHead(head, load<u32>(object)))) {
      disarm(area, object);
      countPrefilled(cache, -1);
      return object;
    }
    nameObject(intent, 0, changetype<usize>(cache), bits);
  }
}

/** Prefills with what the transfer has. */
function transferToPrefilled(area: CpuArea, cache: Cache): void {
  const transfer = transferOf(area);
  const first = transferFirst(transfer);
  const count = transferCount(transfer);
  pushTagged(headWord(cache), first, lastOf(first, count));
  countPrefilled(cache, count);
  endTransfer(area);
}

/** Prefills with up to `count` objects of `free`; how many that were. */
function prefillFromFree(area: CpuArea, cache: Cache, count: u32): u32 {
  let prefilled: u32 = 0;
  while (prefilled < count) {
    const moved = takeFree(area, cache, count - prefilled);
    if (moved == 0) break;
    transferToPrefilled(area, cache);
    prefilled += moved;
  }
  return prefilled;
}

/** As cacheGive, but no work is raised: a prefill that is taken back changes nothing else. */
function giveBack(area: CpuArea, cache: Cache, object: usize, intent: usize): void {
  area.interruptsOff++;
  cache.active++;
  store<u32>(object, cache.free);
  cache.free = <u32>object;
  cache.freeCount++;
  clearIntent(intent);
  cache.active--;
  area.interruptsOff--;
}

/** Takes prefilled objects back until `count` are left: they are free again. */
function releasePrefilled(area: CpuArea, cache: Cache, count: u32): void {
  const intent = firstIntent(intentsOf(area));
  while (cache.prefilledCount > count) {
    const object = takePrefilled(area, cache, intent, 0);
    if (object == 0) break;
    giveBack(area, cache, object, intent);
  }
}

/**
 * Prefills: the next `count` allocations on this CPU succeed in any context, whatever happens to the memory.
 * What is cached comes first, then what waits for a grace period, then the slab. A later prefill replaces this one. Task
 * and softirq context, no other work on this CPU.
 * @returns 0; or -ENOMEM, -ETIMEDOUT (cpu/wait.ts), and nothing is prefilled
 */
export function prefill(area: CpuArea, cache: Cache, count: u32): i32 {
  const before = cache.prefilledCount;
  releasePrefilled(area, cache, count);
  if (cache.prefilledCount >= count) return 0;
  let missing = count - cache.prefilledCount;
  missing -= prefillFromFree(area, cache, missing);
  if (missing != 0) {
    refillFromTrimmed(area, cache, missing);
    missing -= prefillFromFree(area, cache, missing);
  }
  if (missing == 0) return 0;
  const taken = takeOwned(area, cache, missing);
  if (taken == missing) {
    transferToPrefilled(area, cache);
    return 0;
  }
  if (taken != 0) returnTransfer(area, cache);
  releasePrefilled(area, cache, before);
  return -memoryErrno(area);
}

/** Undoes a prefill that nothing has used yet: gives back what it took beyond `owned` objects. Task and softirq. */
export function withdraw(area: CpuArea, cache: Cache, owned: u32, prefilled: u32): void {
  releasePrefilled(area, cache, prefilled);
  while (<u32>cache.owned > owned && takeFree(area, cache, <u32>cache.owned - owned) != 0) returnTransfer(area, cache);
}

/**
 * `withdraw` for this CPU's cache of a set: for a prefill on several CPUs of which one was refused.
 * @param owned what the cache owned before
 * @param prefilled what was prefilled before
 */
export function withdrawPrefill(set: usize, owned: u32, prefilled: u32): void {
  const area = thisCpu();
  renewBudget(area);
  area.working++;
  withdraw(area, cacheOf(set, area.id), owned, prefilled);
  area.working--;
}

/** Gives all prefilled objects back to the slab: the allocator goes. */
export function returnPrefilled(area: CpuArea, cache: Cache): void {
  releasePrefilled(area, cache, 0);
  while (takeFree(area, cache, cache.freeCount) != 0) returnTransfer(area, cache);
}
