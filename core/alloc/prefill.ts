/**
 * Promised objects: reserved for allocations that find nothing else, in whatever context, also for an NMI that meets the
 * free list in use. They lie on a stack of their own, which only this CPU uses but contexts of it may interrupt each other
 * at: its head has a tag that makes a stale claim fail. A promise lasts until its objects have been used.
 */
import { acquire64, addAndFetch, claim64 } from "../base/atomics";
import { ENOMEM } from "../base/errno";
import { CpuArea } from "../cpu/area";
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
import { Cache, lastOf } from "./cache";
import { refillFromTrimmed, returnTransfer, takeFree, takeOwned } from "./refill";

function headWord(cache: Cache): usize {
  return changetype<usize>(cache) + offsetof<Cache>("pool");
}

function countPrefilled(cache: Cache, change: i32): void {
  addAndFetch(changetype<usize>(cache) + offsetof<Cache>("prefilled"), change);
}

/** The first promised object. */
export function firstPrefilled(cache: Cache): usize {
  return <usize>(acquire64(headWord(cache)) & 0xffffffff);
}

/**
 * The object is this context's. One that it has interrupted may have had the same one in its hand, about to claim it: its
 * claim will fail, but if the CPU died before that, the object would seem to be in two hands.
 */
function disarm(area: CpuArea, object: usize): void {
  for (let level: u32 = 0; level < area.level; level++) {
    const interrupted = intentsAt(area, level);
    if (intentObject(interrupted.first) == object) interrupted.first = 0;
    if (intentObject(interrupted.second) == object) interrupted.second = 0;
  }
}

/** Takes a promised object into a hand, 0 if there is none. Any context. */
export function takePrefilled(area: CpuArea, cache: Cache, intent: usize, bits: u64): usize {
  const word = headWord(cache);
  while (true) {
    const head = acquire64(word);
    const object = <usize>(head & 0xffffffff);
    if (object == 0) return 0;
    nameObject(intent, object, changetype<usize>(cache), bits);
    const rest = <u64>load<u32>(object) | (((head >> 32) + 1) << 32);
    if (claim64(word, head, rest)) {
      disarm(area, object);
      countPrefilled(cache, -1);
      return object;
    }
    nameObject(intent, 0, changetype<usize>(cache), bits);
  }
}

/** Promises what is in hand. */
function transferToPrefilled(area: CpuArea, cache: Cache): void {
  const transfer = transferOf(area);
  const first = transferFirst(transfer);
  const count = transferCount(transfer);
  const last = lastOf(first, count);
  const word = headWord(cache);
  let head: u64;
  do {
    head = acquire64(word);
    store<u32>(last, <u32>head);
  } while (!claim64(word, head, <u64>first | (((head >> 32) + 1) << 32)));
  countPrefilled(cache, count);
  endTransfer(area);
}

/** Promises up to `count` objects of `free`; how many that were. */
function prefillFromFree(area: CpuArea, cache: Cache, count: u32): u32 {
  let promised: u32 = 0;
  while (promised < count) {
    const moved = takeFree(area, cache, count - promised);
    if (moved == 0) break;
    transferToPrefilled(area, cache);
    promised += moved;
  }
  return promised;
}

/** As cacheGive, but no work is raised: a promise that is taken back changes nothing else. */
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

/** Takes promises back until `count` are left: the objects are free again. */
function releasePrefilled(area: CpuArea, cache: Cache, count: u32): void {
  const intent = firstIntent(intentsOf(area));
  while (cache.prefilled > count) {
    const object = takePrefilled(area, cache, intent, 0);
    if (object == 0) break;
    giveBack(area, cache, object, intent);
  }
}

/**
 * Reserves objects: the next `count` allocations on this CPU succeed in any context, whatever happens to the memory.
 * What is cached comes first, then what waits for a grace period, then the slab. A later promise replaces this one. Task
 * and softirq context, no other work on this CPU.
 * @returns 0, or -ENOMEM and nothing is reserved
 */
export function prefill(area: CpuArea, cache: Cache, count: u32): i32 {
  const before = cache.prefilled;
  releasePrefilled(area, cache, count);
  if (cache.prefilled >= count) return 0;
  let missing = count - cache.prefilled;
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
  return -ENOMEM;
}

/** Undoes a prefill that nothing has used yet: gives back what it took beyond `owned` objects. Task and softirq. */
export function withdraw(area: CpuArea, cache: Cache, owned: u32, promised: u32): void {
  releasePrefilled(area, cache, promised);
  while (<u32>cache.owned > owned && takeFree(area, cache, <u32>cache.owned - owned) != 0) returnTransfer(area, cache);
}

/** Gives all promised objects back to the slab: the allocator goes. */
export function returnPrefilled(area: CpuArea, cache: Cache): void {
  releasePrefilled(area, cache, 0);
  while (takeFree(area, cache, cache.freeCount) != 0) returnTransfer(area, cache);
}
