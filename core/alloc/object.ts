/**
 * An allocator as an object of its own: for programs' and TypeScript's own objects, of one size or of any. One block of
 * pages holds the account and the caches: one set of per-CPU caches for a fixed size, eleven (a class each) for any.
 *
 * An object is its 8-byte header and what the caller sees. The header's second word names the caches of the object's
 * class for as long as the allocator owns it, so freeing needs neither size nor allocator.
 */
import { E2BIG, EINVAL, ENOMEM } from "../base/errno";
import { CLASS_COUNT, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { mayPrefill, mayRunWork } from "../cpu/context";
import {
  BUILDING_ALLOCATOR,
  clearIntent,
  endTransfer,
  firstIntent,
  intentsOf,
  nameObject,
  RCU,
  runPlaced,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";
import { controlLock } from "../mem/managed";
import { allocatePages, freePages, PAGE_BYTES, pageOf } from "../mem/pages";
import { classFor, copyStride, HEADER_BYTES, LARGEST_CLASS, slabClass } from "../mem/slab";
import { accountBytes, joinAccount, mapSets } from "./account";
import {
  allocate,
  allocatorIdle,
  cacheOf,
  drainAllocator,
  formatAllocator,
  release,
  startAllocator,
} from "./allocator";
import { CACHE_BYTES, Cache, CONTAINS_OBJECTS, cacheGiveRcu, cacheMissed } from "./cache";
import { interruptsOn } from "./deferred";
import { prefill, withdraw } from "./prefill";
import { emptyCache, HEADER_HOME, takeOwned } from "./refill";
import { registerSet, unlinkSet } from "./register";

/** How an allocation looks for its object. */
export const CACHE_FIRST: u32 = 0;
export const SLAB_FIRST: u32 = 1;
export const SLAB_ONLY: u32 = 2;

/** Largest object of an any-size allocator of per-CPU objects, as in Linux. */
const LARGEST_ANY_PERCPU: u32 = 512;
/** No object is larger: sizes stay far from 32 bits. */
const LARGEST_FIXED: u32 = 1 << 28;

/** Tells an allocator from other memory: for whoever opens one by its address. */
const ALLOCATOR_MAGIC: u32 = 0x43434c41; // "ALCC"

/** A cache line that all CPUs write to, one that they only read, the name, the table of classes, the caches. */
@unmanaged
export class ObjectAllocator {
  /** The Account. */
  sets: u32;
  reserved0: u32;
  limit: u32;
  refused: i32;
  reserved1: u64;
  reserved2: u64;
  reserved3: u64;
  reserved4: u64;
  reserved5: u64;
  reserved6: u64;
  /** ALLOCATOR_MAGIC while it lives. */
  magic: u32;
  /** Payload bytes of a fixed-size allocator, 0 for any size. */
  size: u32;
  perCpu: u32;
  /** Largest request. */
  largest: u32;
  /** Largest request that the fast path serves: 0 for per-CPU objects, which have to be zeroed. */
  fastLargest: u32;
  /** (size + 7) >> shift is the index into the table: 8-byte steps for any size, always 0 for a fixed size. */
  shift: u32;
}

export const NAME_AT: usize = 128;
const TABLE_AT: usize = 192;
/** Of payloads up to 4088 bytes in 8-byte steps: the address of their class's caches. */
const TABLE_ENTRIES: u32 = 512;
export const CACHES_AT: usize = TABLE_AT + 4 * <usize>TABLE_ENTRIES;

export function cachesOfClass(allocator: usize, index: u32): usize {
  return allocator + CACHES_AT + <usize>index * superblock().cpus * CACHE_BYTES;
}

export function classCount(allocator: usize): u32 {
  return changetype<ObjectAllocator>(allocator).size == 0 ? CLASS_COUNT : 1;
}

function fillTable(allocator: usize): void {
  const header = changetype<ObjectAllocator>(allocator);
  const anySize = header.size == 0;
  header.shift = anySize ? 3 : 31;
  for (let step: u32 = 0; step < TABLE_ENTRIES; step++) {
    const index = anySize ? classFor(step * 8 + <u32>HEADER_BYTES, 0) : 0;
    store<u32>(allocator + TABLE_AT + step * 4, <u32>cachesOfClass(allocator, index));
  }
}

/**
 * Creates an allocator. Task context.
 * @param size payload bytes of every object; 0: any size up to 4088 (per-CPU: 512)
 * @param perCpu 1: each object has a copy for every CPU, zeroed when it is allocated
 * @param limit bytes that it may own, in use or cached
 * @returns its address, or EINVAL, E2BIG, ENOMEM (positive, below 65536)
 */
export function createObjectAllocator(size: u32, perCpu: u32, limit: u32): usize {
  const cpus = superblock().cpus;
  if (perCpu > 1) return EINVAL;
  if (size > LARGEST_FIXED / (perCpu != 0 ? cpus : 1)) return E2BIG;
  const classes = size == 0 ? CLASS_COUNT : 1;
  const bytes = CACHES_AT + <usize>(classes * cpus) * CACHE_BYTES;
  const area = thisCpu();
  const transfer = transferOf(area);
  // What could not be finished for a lock of a dead thread is in the way of the next.
  if (transfer.building != 0) return ENOMEM;
  const allocator = allocatePages(<u32>((bytes + PAGE_BYTES - 1) / PAGE_BYTES));
  if (allocator == 0) return ENOMEM;
  memory.fill(allocator, 0, bytes);
  const header = changetype<ObjectAllocator>(allocator);
  header.limit = min(limit, 0x7fffffff);
  header.size = size;
  header.perCpu = perCpu;
  header.largest = size != 0 ? size : perCpu != 0 ? LARGEST_ANY_PERCPU : LARGEST_CLASS - <u32>HEADER_BYTES;
  header.fastLargest = perCpu != 0 ? 0 : header.largest;
  fillTable(allocator);
  // Whoever reaps this CPU goes by the size.
  transfer.building = <u32>allocator | BUILDING_ALLOCATOR;
  runPlaced();
  for (let index: u32 = 0; index < classes; index++) {
    const payload = size == 0 ? slabClass(index).size - <u32>HEADER_BYTES : size;
    const caches = cachesOfClass(allocator, index);
    formatAllocator(area, caches, payload, payload + 8, perCpu, CONTAINS_OBJECTS);
  }
  if (!startAll(area, allocator, size != 0)) {
    freeObjectAllocator(area, allocator);
    return ENOMEM;
  }
  header.magic = ALLOCATOR_MAGIC;
  transfer.building = 0;
  return allocator;
}

/** Has the account pay for all classes, and puts them on the list of all. False: the control plane's lock cannot be had. */
function startAll(area: CpuArea, allocator: usize, fill: bool): bool {
  const classes = classCount(allocator);
  if (!lock(controlLock())) return false;
  for (let index: u32 = 0; index < classes; index++) joinAccount(allocator, cachesOfClass(allocator, index));
  unlock(controlLock());
  for (let index: u32 = 0; index < classes; index++) {
    if (!startAllocator(area, cachesOfClass(allocator, index), fill)) return false;
  }
  return true;
}

/** Whether an allocator lives at `address`, which may be any number. */
export function isObjectAllocator(address: usize): bool {
  if ((address & (PAGE_BYTES - 1)) != 0 || pageOf(address) >= superblock().pages) return false;
  return address != 0 && changetype<ObjectAllocator>(address).magic == ALLOCATOR_MAGIC;
}

/** The caches for a request, 0 if it is empty or larger than this allocator's objects. */
function cachesFor(allocator: usize, size: u32): usize {
  const header = changetype<ObjectAllocator>(allocator);
  if (size - 1 >= header.largest) return 0;
  return load<u32>(allocator + TABLE_AT + (((size + 7) >> header.shift) << 2));
}

/** Straight from the slab into a hand: where deferred work may run, so may the slab. */
function takeFromSlab(area: CpuArea, cache: Cache, intent: usize): usize {
  if (!mayRunWork(area) || takeOwned(area, cache, 1) == 0) return 0;
  const object = transferFirst(transferOf(area));
  nameObject(intent, object, changetype<usize>(cache), 0);
  endTransfer(area);
  return object;
}

/** A per-CPU object's copies are zeroed, as in Linux; a plain object is as its last owner left it. */
function zeroCopies(cache: Cache, object: usize): void {
  const cpus = superblock().cpus;
  const stride = copyStride(cache.unit);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    memory.fill(object + HEADER_BYTES + cpu * stride, 0, cache.unit - HEADER_BYTES);
  }
}

/**
 * Allocates an object. Any context.
 *
 * The fast path, with no call and nothing crossing a threshold: V8 does not inline, and a call spills what is live.
 * @param flags CACHE_FIRST, SLAB_FIRST (the cache as fallback) or SLAB_ONLY
 * @returns its address (8-byte aligned), or EINVAL (size 0), E2BIG (larger than this allocator's objects), ENOMEM:
 * positive, below 65536
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
  const caches = cachesFor(allocator, size);
  if (caches == 0) return size == 0 ? EINVAL : E2BIG;
  if (flags > SLAB_ONLY) return EINVAL;
  const area = thisCpu();
  const cache = cacheOf(caches, area.id);
  const intent = firstIntent(intentsOf(area));
  let object: usize = 0;
  if (flags != CACHE_FIRST) object = takeFromSlab(area, cache, intent);
  if (object == 0 && flags != SLAB_ONLY) object = allocate(area, cache, intent, 0);
  // The cache's refill was refused as a batch; one more object may still fit the limit.
  if (object == 0 && flags == CACHE_FIRST) object = takeFromSlab(area, cache, intent);
  if (object == 0) {
    if (flags == SLAB_ONLY) cacheMissed(area, cache);
    return ENOMEM;
  }
  if (cache.perCpu != 0) zeroCopies(cache, object);
  clearIntent(intent);
  return object + HEADER_BYTES;
}

/** This CPU's cache for an object, whichever CPU handed it out: the header's second word names the first one. */
function cacheOfObject(area: CpuArea, object: usize): Cache {
  return cacheOf(load<u32>(object, HEADER_HOME), area.id);
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
  interruptsOn(area);
}

/** Bytes that can be used at an allocated object's address. */
export function objectSize(address: usize): u32 {
  return changetype<Cache>(<usize>load<u32>(address - HEADER_BYTES, HEADER_HOME)).unit - <u32>HEADER_BYTES;
}

/** Where CPU `cpu`'s copy of an object of a per-CPU allocator lies; of any other allocator, the object itself. */
export function objectCopy(address: usize, cpu: u32): usize {
  const cache = changetype<Cache>(<usize>load<u32>(address - HEADER_BYTES, HEADER_HOME));
  return cache.perCpu != 0 ? address + cpu * copyStride(cache.unit) : address;
}

/**
 * Promises that the next `count` allocations of `size` bytes on this CPU succeed, in any context. Task and softirq.
 * @returns 0, -EINVAL, -E2BIG, or -ENOMEM and nothing is reserved
 */
export function objectPrefill(allocator: usize, size: u32, count: u32): i32 {
  const caches = cachesFor(allocator, size);
  if (caches == 0) return size == 0 ? -EINVAL : -E2BIG;
  const area = thisCpu();
  if (!mayPrefill(area)) return -ENOMEM;
  area.working++;
  const result = prefill(area, cacheOf(caches, area.id), count);
  area.working--;
  interruptsOn(area);
  return result;
}

/**
 * Takes back a promise that `objectPrefill` made on this CPU, with what it took from the slab: for a promise on several
 * CPUs of which one was refused.
 * @param owned what the caches owned before
 * @param promised what was promised before
 */
export function objectWithdraw(allocator: usize, size: u32, owned: u32, promised: u32): void {
  const caches = cachesFor(allocator, size);
  if (caches == 0) return;
  const area = thisCpu();
  area.working++;
  withdraw(area, cacheOf(caches, area.id), owned, promised);
  area.working--;
}

/** Moves what this CPU's caches hold towards the slab; what was promised stays. Task and softirq. */
export function objectTrim(allocator: usize): void {
  const area = thisCpu();
  const classes = classCount(allocator);
  if (!mayRunWork(area)) return;
  area.working++;
  for (let index: u32 = 0; index < classes; index++) {
    emptyCache(area, cacheOf(cachesOfClass(allocator, index), area.id));
  }
  area.working--;
  interruptsOn(area);
}

/** Address of the caches for objects of `size` bytes (0: none), for whoever reads their counts. */
export function objectCaches(allocator: usize, size: u32): usize {
  return cachesFor(allocator, size);
}

/** Whether no CPU has raised work for this allocator: then, after a grace period, it may be destroyed. */
export function objectAllocatorIdle(allocator: usize): bool {
  const classes = classCount(allocator);
  for (let index: u32 = 0; index < classes; index++) {
    if (!allocatorIdle(cachesOfClass(allocator, index))) return false;
  }
  return true;
}

/** Gives the objects in all caches back; how many are still allocated. */
function drainAll(area: CpuArea, allocator: usize): i32 {
  const classes = classCount(allocator);
  let live: i32 = 0;
  for (let index: u32 = 0; index < classes; index++) live += drainAllocator(area, cachesOfClass(allocator, index));
  return live;
}

/**
 * Gives an allocator back that this CPU holds as `Transfer.building`, from wherever a former attempt was cut off.
 * @returns objects that are still allocated and maps that share its account: then the allocator lives on for them
 */
export function freeObjectAllocator(area: CpuArea, allocator: usize): u32 {
  const transfer = transferOf(area);
  // Without the lock it stays with this CPU, out of use.
  if (!lock(controlLock())) return 0;
  const shared = mapSets(allocator);
  const classes = classCount(allocator);
  for (let index: u32 = 0; shared == 0 && index < classes; index++) unlinkSet(cachesOfClass(allocator, index));
  unlock(controlLock());
  // Only now: nobody trims or reaps what is his of it any more.
  const live = shared != 0 ? shared : drainAll(area, allocator);
  if (live != 0) {
    for (let index: u32 = 0; shared == 0 && index < classes; index++) registerSet(cachesOfClass(allocator, index));
    transfer.building = 0;
    return live;
  }
  changetype<ObjectAllocator>(allocator).magic = 0;
  transfer.run = <u32>allocator;
  transfer.building = 0;
  freePages(allocator);
  return 0;
}

/**
 * Destroys an allocator. The caller has waited for grace periods of both flavours, no CPU uses it any more.
 * @returns 0; or the number of objects still allocated, and the allocator lives on for them
 */
export function destroyObjectAllocator(allocator: usize): u32 {
  const area = thisCpu();
  transferOf(area).building = <u32>allocator | BUILDING_ALLOCATOR;
  return freeObjectAllocator(area, allocator);
}

/** Bytes owned now, by maps that share the allocator's account as well. */
export function allocatorBytes(allocator: usize): u32 {
  return <u32>accountBytes(thisCpu(), allocator);
}
