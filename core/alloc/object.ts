/**
 * Objects of an allocator: allocated, freed, asked for their size. An object is its 8-byte header and what the caller sees.
 * The header's second word names the set of the object's class for as long as the allocator owns it, so freeing needs
 * neither size nor allocator.
 */

import { E2BIG, EINVAL } from "../base/errno";
import { superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { mayRunWork } from "../cpu/context";
import {
  clearIntent,
  endTransfer,
  firstIntent,
  intentsOf,
  nameObject,
  RCU,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { memoryErrno, renewBudget } from "../cpu/wait";
import { copyStride, HEADER_BYTES } from "../mem/slab";
import { allocate, release } from "./allocator";
import { Cache, cacheGiveRcu, cacheMissed } from "./cache";
import { interruptsOn } from "./deferred";
import { ObjectAllocator, setFor, TABLE_AT } from "./object-allocator";
import { HEADER_SET, takeOwned } from "./refill";
import { CacheSet, cacheOf, setAt } from "./set";

/** How an allocation looks for its object. */
export const CACHE_FIRST: u32 = 0;
export const SLAB_FIRST: u32 = 1;
export const SLAB_ONLY: u32 = 2;

/** Straight from the slab into an intent: where deferred work may run, so may the slab. */
function takeFromSlab(area: CpuArea, cache: Cache, intent: usize): usize {
  if (!mayRunWork(area) || takeOwned(area, cache, 1) == 0) return 0;
  const object = transferFirst(transferOf(area));
  nameObject(intent, object, changetype<usize>(cache), 0);
  endTransfer(area);
  return object;
}

/** A per-CPU object's copies are zeroed, as in Linux; a plain object is as its last owner left it. */
function zeroCopies(set: CacheSet, object: usize): void {
  const cpus = superblock().cpus;
  const stride = copyStride(set.unit);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    memory.fill(object + HEADER_BYTES + cpu * stride, 0, set.unit - HEADER_BYTES);
  }
}

/**
 * Allocates an object. Any context.
 *
 * The fast path, with no call and nothing crossing a threshold: V8 does not inline, and a call spills what is live.
 * @param flags CACHE_FIRST, SLAB_FIRST (the cache as fallback) or SLAB_ONLY
 * @returns its address (8-byte aligned), or EINVAL (size 0), E2BIG (larger than this allocator's objects), ENOMEM,
 * ETIMEDOUT (what would be there is behind a lock that is not let go): positive, below 65536
 */
export function objectAllocate(allocator: usize, size: u32, flags: u32): usize {
  const header = changetype<ObjectAllocator>(allocator);
  if (size - 1 >= header.fastLargest) return objectAllocateSlow(allocator, size, flags);
  if (flags != CACHE_FIRST) return objectAllocateSlow(allocator, size, flags);
  const area = thisCpu();
  const cache = cacheOf(load<u32>(allocator + TABLE_AT + (((size + 7) >> header.shift) << 2)), area.id);
  if (cache.active != 0) return objectAllocateSlow(allocator, size, flags);
  if (area.work != 0) return objectAllocateSlow(allocator, size, flags);
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  cache.active = 1;
  // Only now: before `active` said so an NMI could have emptied the list.
  if (cache.freeCount <= cache.low) {
    cache.active = 0;
    area.interruptsOff = saved;
    return objectAllocateSlow(allocator, size, flags);
  }
  const object: usize = cache.free;
  const intents = intentsOf(area);
  nameObject(intents, object, changetype<usize>(cache), 0);
  cache.free = load<u32>(object);
  cache.freeCount = cache.freeCount - 1;
  cache.active = 0;
  area.interruptsOff = saved;
  clearIntent(intents);
  return object + HEADER_BYTES;
}

function objectAllocateSlow(allocator: usize, size: u32, flags: u32): usize {
  const set = setFor(allocator, size);
  if (set == 0) return size == 0 ? EINVAL : E2BIG;
  if (flags > SLAB_ONLY) return EINVAL;
  const area = thisCpu();
  renewBudget(area);
  const cache = cacheOf(set, area.id);
  const intent = firstIntent(intentsOf(area));
  let object: usize = 0;
  if (flags != CACHE_FIRST) object = takeFromSlab(area, cache, intent);
  if (object == 0 && flags != SLAB_ONLY) object = allocate(area, cache, intent, 0);
  // The cache's refill was refused as a batch; one more object may still fit the limit.
  if (object == 0 && flags == CACHE_FIRST) object = takeFromSlab(area, cache, intent);
  if (object == 0) {
    if (flags == SLAB_ONLY) cacheMissed(area, cache);
    return memoryErrno(area);
  }
  if (setAt(set).perCpu != 0) zeroCopies(setAt(set), object);
  clearIntent(intent);
  return object + HEADER_BYTES;
}

/** This CPU's cache for an object, whichever CPU handed it out: the header's second word names the set. */
function cacheOfObject(area: CpuArea, object: usize): Cache {
  return cacheOf(load<u32>(object, HEADER_SET), area.id);
}

/** Frees an object; it may be handed out again at once. 0 is ignored. Any context, cannot fail. */
export function objectFree(address: usize): void {
  if (address == 0) return;
  const area = thisCpu();
  const object = address - HEADER_BYTES;
  const cache = cacheOfObject(area, object);
  if (cache.active != 0) {
    objectFreeSlow(area, cache, object);
    return;
  }
  if (cache.freeCount >= cache.high) {
    objectFreeSlow(area, cache, object);
    return;
  }
  if (area.work != 0) {
    objectFreeSlow(area, cache, object);
    return;
  }
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  const intents = intentsOf(area);
  nameObject(intents, object, changetype<usize>(cache), 0);
  cache.active = 1;
  store<u32>(object, cache.free);
  cache.free = <u32>object;
  cache.freeCount = cache.freeCount + 1;
  // Before the list is free for an NMI, which may take the object at once.
  clearIntent(intents);
  cache.active = 0;
  area.interruptsOff = saved;
}

function objectFreeSlow(area: CpuArea, cache: Cache, object: usize): void {
  renewBudget(area);
  release(area, cache, object, firstIntent(intentsOf(area)));
}

/** Frees an object that readers may still be in: it is not used again before a normal grace period. As objectFree. */
export function objectFreeRcu(address: usize): void {
  if (address == 0) return;
  const area = thisCpu();
  const object = address - HEADER_BYTES;
  const cache = cacheOfObject(area, object);
  const intent = firstIntent(intentsOf(area));
  nameObject(intent, object, changetype<usize>(cache), RCU);
  cacheGiveRcu(area, cache, object);
  clearIntent(intent);
  renewBudget(area);
  interruptsOn(area);
}

/** The set of an object, which its header names. */
function setOfObject(address: usize): CacheSet {
  return setAt(load<u32>(address - HEADER_BYTES, HEADER_SET));
}

/** Bytes that can be used at an allocated object's address. */
export function objectSize(address: usize): u32 {
  return setOfObject(address).unit - <u32>HEADER_BYTES;
}

/** Where CPU `cpu`'s copy of an object of a per-CPU allocator lies; of any other allocator, the object itself. */
export function objectCopy(address: usize, cpu: u32): usize {
  const set = setOfObject(address);
  return set.perCpu != 0 ? address + cpu * copyStride(set.unit) : address;
}
