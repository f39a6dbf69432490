/**
 * An allocator as an object of its own: for programs' and TypeScript's own objects, of one size or of any. One block of
 * pages holds the account and the sets of caches: one for a fixed size, eleven (a class each) for any.
 *
 * Here is its life: created, prefilled, trimmed, destroyed. What allocates from it is alloc/object.ts.
 */

import { E2BIG, EBUSY, EINVAL, ENOMEM, ETIMEDOUT } from "../base/errno";
import { CLASS_COUNT, nextSerial, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { mayPrefill, mayRunWork } from "../cpu/context";
import { BUILDING_ALLOCATOR, runPlaced, transferOf } from "../cpu/intent";
import { controlLock, lock, unlock } from "../cpu/lock";
import { memoryErrno, renewBudget } from "../cpu/wait";
import { allocatePages, freePages, PAGE_BYTES, pageOf } from "../mem/pages";
import { classFor, HEADER_BYTES, LARGEST_CLASS, slabClass } from "../mem/slab";
import { gracePeriodEnded, gracePeriodTarget, NORMAL } from "../rcu/epoch";
import { accountBytes, joinAccount, mapSets } from "./account";
import { allocatorIdle, drainAllocator, formatAllocator, startAllocator } from "./allocator";
import { interruptsOn } from "./deferred";
import { prefill } from "./prefill";
import { emptyCache } from "./refill";
import { firstSet, registerSet, unlinkSet } from "./register";
import { CONTAINS_OBJECTS, cacheOf, setAt, setBytes } from "./set";

/** Largest object of an any-size allocator of per-CPU objects, as in Linux. */
const LARGEST_ANY_PERCPU: u32 = 512;
/** No object is larger: sizes stay far from 32 bits. */
const LARGEST_FIXED: u32 = 1 << 28;

/** Tells an allocator from other memory: for whoever opens one by its address. */
const ALLOCATOR_MAGIC: u32 = 0x43434c41; // "ALCC"
/** Instead of it, from when it is being destroyed: nobody opens it or begins to read it. */
const RETIRED_MAGIC: u32 = 0x52434c41; // "ALCR"

/** A cache line that all CPUs write to, one that they only read, the name, the table of classes, the sets. */
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
  /** ALLOCATOR_MAGIC while it lives, 0 before; written under `controlLock` once it lives. */
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
  /** Tells the allocator from one that lies here before or after it: 0 while it is none. */
  serial: u32;
  /** Bytes behind each object that tell how it is used (alloc/object-debug.ts), 0: none. */
  debugBytes: u32;
}

export const NAME_AT: usize = 128;
export const TABLE_AT: usize = 192;
/** Of payloads up to 4088 bytes in 8-byte steps: the address of their class's set. */
const TABLE_ENTRIES: u32 = 512;
export const SETS_AT: usize = TABLE_AT + 4 * <usize>TABLE_ENTRIES;

export function setOfClass(allocator: usize, index: u32): usize {
  return allocator + SETS_AT + <usize>index * setBytes();
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
    store<u32>(allocator + TABLE_AT + step * 4, <u32>setOfClass(allocator, index));
  }
}

/** The set for a request, 0 if it is empty or larger than this allocator's objects. */
export function setFor(allocator: usize, size: u32): usize {
  const header = changetype<ObjectAllocator>(allocator);
  if (size - 1 >= header.largest) return 0;
  return load<u32>(allocator + TABLE_AT + (((size + 7) >> header.shift) << 2));
}

/**
 * Creates an allocator. Task context.
 * @param size payload bytes of every object; 0: any size up to 4088 (per-CPU: 512)
 * @param perCpu 1: each object has a copy for every CPU, zeroed when it is allocated
 * @param limit bytes that it may own, in use or cached
 * @returns its address, or EINVAL, E2BIG, ENOMEM, ETIMEDOUT (positive, below 65536)
 */
export function createObjectAllocator(size: u32, perCpu: u32, limit: u32): usize {
  const cpus = superblock().cpus;
  if (perCpu > 1) return EINVAL;
  if (size > LARGEST_FIXED / (perCpu != 0 ? cpus : 1)) return E2BIG;
  const classes = size == 0 ? CLASS_COUNT : 1;
  const bytes = SETS_AT + <usize>classes * setBytes();
  const area = thisCpu();
  const transfer = transferOf(area);
  // What could not be finished for a lock of a dead thread is in the way of the next.
  if (transfer.building != 0) return ETIMEDOUT;
  const allocator = allocatePages(<u32>((bytes + PAGE_BYTES - 1) / PAGE_BYTES));
  if (allocator == 0) return memoryErrno(area);
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
    const set = setOfClass(allocator, index);
    formatAllocator(set, payload, payload + 8, perCpu, allocator, CONTAINS_OBJECTS);
  }
  if (!startAll(area, allocator, size != 0)) {
    freeObjectAllocator(area, allocator);
    return ETIMEDOUT;
  }
  header.serial = nextSerial();
  header.magic = ALLOCATOR_MAGIC;
  transfer.building = 0;
  return allocator;
}

/** Has the account pay for all classes, and puts them on the list of all. False: the control plane's lock cannot be had. */
function startAll(area: CpuArea, allocator: usize, fill: bool): bool {
  const classes = classCount(allocator);
  if (!lock(controlLock())) return false;
  for (let index: u32 = 0; index < classes; index++) joinAccount(allocator, setOfClass(allocator, index));
  unlock(controlLock());
  for (let index: u32 = 0; index < classes; index++) {
    if (!startAllocator(area, setOfClass(allocator, index), fill)) return false;
  }
  return true;
}

/** Whether an allocator lives at `address`, which may be any number. */
export function isObjectAllocator(address: usize): bool {
  if ((address & (PAGE_BYTES - 1)) != 0 || pageOf(address) >= superblock().pages) return false;
  return address != 0 && changetype<ObjectAllocator>(address).magic == ALLOCATOR_MAGIC;
}

/**
 * Prefills: the next `count` allocations of `size` bytes on this CPU succeed, in any context. Task and softirq.
 * @returns 0, -EINVAL, -E2BIG, or -ENOMEM and nothing is prefilled
 */
export function objectPrefill(allocator: usize, size: u32, count: u32): i32 {
  const set = setFor(allocator, size);
  if (set == 0) return size == 0 ? -EINVAL : -E2BIG;
  const area = thisCpu();
  if (!mayPrefill(area)) return -ENOMEM;
  renewBudget(area);
  area.working++;
  const result = prefill(area, cacheOf(set, area.id), count);
  area.working--;
  interruptsOn(area);
  return result;
}

/** Moves what this CPU's caches contain towards the slab; what was prefilled stays. Task and softirq. */
export function objectTrim(allocator: usize): void {
  const area = thisCpu();
  const classes = classCount(allocator);
  if (!mayRunWork(area)) return;
  renewBudget(area);
  area.working++;
  for (let index: u32 = 0; index < classes; index++) {
    emptyCache(area, cacheOf(setOfClass(allocator, index), area.id));
  }
  area.working--;
  interruptsOn(area);
}

/** Whether no CPU has raised work for this allocator: then, after a grace period, it may be destroyed. */
export function objectAllocatorIdle(allocator: usize): bool {
  const classes = classCount(allocator);
  for (let index: u32 = 0; index < classes; index++) {
    if (!allocatorIdle(setOfClass(allocator, index))) return false;
  }
  return true;
}

/** Gives the objects in all caches back; how many are still allocated. */
function drainAll(area: CpuArea, allocator: usize): i32 {
  const classes = classCount(allocator);
  let live: i32 = 0;
  for (let index: u32 = 0; index < classes; index++) live += drainAllocator(area, setOfClass(allocator, index));
  return live;
}

/** An allocator is whole and alive again: for what is in the way of destroying it. */
function revive(allocator: usize, isUnlinked: bool): void {
  const classes = classCount(allocator);
  for (let index: u32 = 0; isUnlinked && index < classes; index++) registerSet(setOfClass(allocator, index));
  changetype<ObjectAllocator>(allocator).magic = ALLOCATOR_MAGIC;
  transferOf(thisCpu()).building = 0;
}

/**
 * Gives an allocator back that this CPU names as `Transfer.building`, from wherever a former attempt was cut off.
 *
 * Who reads an allocator without owning it does so in a read section, after a look at the magic: so the magic goes first, and
 * the memory only if nobody is inside any more. One that was never published has no magic and no reader.
 * @returns 0; more: objects that are still allocated and maps that share its account; -EBUSY: a reader is inside; then the
 * allocator lives on. -ETIMEDOUT: the lock cannot be had, nothing is done and this CPU goes on naming it
 */
export function freeObjectAllocator(area: CpuArea, allocator: usize): i32 {
  const transfer = transferOf(area);
  const header = changetype<ObjectAllocator>(allocator);
  if (!lock(controlLock())) return -ETIMEDOUT;
  const shared = <i32>mapSets(allocator);
  const classes = classCount(allocator);
  const hasReaders = header.magic != 0;
  if (hasReaders) header.magic = RETIRED_MAGIC;
  for (let index: u32 = 0; shared == 0 && index < classes; index++) unlinkSet(setOfClass(allocator, index));
  unlock(controlLock());
  if (hasReaders && !gracePeriodEnded(NORMAL, gracePeriodTarget(NORMAL))) {
    revive(allocator, shared == 0);
    return -EBUSY;
  }
  // Only now: nobody trims or reaps what is his of it any more.
  const live = shared != 0 ? shared : drainAll(area, allocator);
  if (live != 0) {
    revive(allocator, shared == 0);
    return live;
  }
  header.magic = 0;
  header.serial = 0;
  transfer.run = <u32>allocator;
  transfer.building = 0;
  freePages(allocator);
  return 0;
}

/**
 * Destroys an allocator. The caller has waited for grace periods of both flavours, no CPU uses it any more.
 * @returns 0; or what freeObjectAllocator says is in the way, and the allocator lives on
 */
export function destroyObjectAllocator(allocator: usize): i32 {
  const area = thisCpu();
  transferOf(area).building = <u32>allocator | BUILDING_ALLOCATOR;
  const result = freeObjectAllocator(area, allocator);
  if (result == -ETIMEDOUT) transferOf(area).building = 0;
  return result;
}

/**
 * Copies the addresses of living allocators, newest first, as many as `most`.
 * @returns how many there are, or -ETIMEDOUT
 */
export function listAllocators(into: usize, most: u32): i32 {
  renewBudget(thisCpu());
  if (!lock(controlLock())) return -ETIMEDOUT;
  let count: u32 = 0;
  for (let set = firstSet(); set != 0; set = setAt(set).nextSet) {
    const owner: usize = setAt(set).owner;
    if (setAt(set).contains != CONTAINS_OBJECTS || set != setOfClass(owner, 0)) continue;
    if (changetype<ObjectAllocator>(owner).magic != ALLOCATOR_MAGIC) continue;
    if (count < most) store<u32>(into + count * 4, <u32>owner);
    count++;
  }
  unlock(controlLock());
  return <i32>count;
}

/** Bytes owned now, by maps that share the allocator's account as well. */
export function allocatorBytes(allocator: usize): u32 {
  return <u32>accountBytes(thisCpu(), allocator);
}
