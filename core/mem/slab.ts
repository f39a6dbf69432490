/**
 * The slab: objects of eleven sizes cut from pages, the "kmalloc" behind the caches. Each class has one lock; a bulk
 * call takes it once. An empty slab goes back to the pages (one is kept), so memory moves between maps.
 *
 * A per-CPU class cuts the same objects, but each slab has one copy of its page for every CPU: CPU n's copy of an
 * object lies n * `copyStride` behind the first. CPUs thus never share a cache line of per-CPU values.
 *
 * Task and softirq context only. A fresh object is zeroed, a reused one is not. The first word of a free object is the
 * link; every object starts with an 8-byte header that belongs to whoever holds it.
 */

import { acquire, claim } from "../base/atomics";
import { chainContains } from "../base/chain";
import { expect } from "../base/check";
import { push } from "../base/stack";
import { CLASS_COUNT, SLAB_CLASSES, superblock } from "../base/superblock";
import { thisCpu } from "../cpu/area";
import { runPlaced, setTransfer, Transfer, transferCount, transferFirst, transferOf } from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";
import { addressOf, allocatePages, descriptor, freePages, PAGE_BYTES, PAGE_RUN, PAGE_SLAB, pageOf } from "./pages";

/** Objects larger than this are page runs of their own. */
export const LARGEST_CLASS: u32 = 4096;
/** Class number of an object that is a page run. */
export const CLASS_RUN: u32 = 255;
export const HEADER_BYTES: usize = 8;

@unmanaged
export class SlabClass {
  /** Owner CPU + 1, or 0; guards all below and the descriptors of the class's slabs. */
  lockWord: u32;
  size: u32;
  /** Pages of one slab: 1, or one for each CPU. */
  pages: u32;
  /** First slab that has a free object: page number. */
  partial: u32;
  slabs: u32;
  /** Slabs with no object in use; at most one is kept. */
  emptySlabs: u32;
  objectsInUse: u32;
  /** Objects given back while the lock could not be had; linked through their first word. Atomic. */
  returned: u32;
}

export const SLAB_CLASS_BYTES: usize = 64;

export function slabClass(index: u32): SlabClass {
  return changetype<SlabClass>(SLAB_CLASSES + index * SLAB_CLASS_BYTES);
}

/** Sizes 16 32 64 96 128 192 256 512 1024 2048 4096 (kmalloc's, without 8), by class number. */
export function sizeOfClass(index: u32): u32 {
  if (index == 3) return 96;
  if (index == 5) return 192;
  if (index < 3) return 16 << index;
  return index == 4 ? 128 : 256 << (index - 6);
}

/**
 * The smallest class for `bytes` (header included), CLASS_RUN above the largest.
 * @param perCpu 1 for the classes with a copy for each CPU
 */
export function classFor(bytes: u32, perCpu: u32): u32 {
  if (bytes > LARGEST_CLASS) return CLASS_RUN;
  let index: u32 = 0;
  while (sizeOfClass(index) < bytes) index++;
  return index + perCpu * CLASS_COUNT;
}

/** Sets every class up; at format, before anyone else is there. */
export function formatSlab(): void {
  for (let index: u32 = 0; index < 2 * CLASS_COUNT; index++) {
    const each = slabClass(index);
    each.size = sizeOfClass(index % CLASS_COUNT);
    each.pages = index < CLASS_COUNT ? 1 : superblock().cpus;
  }
}

export function lockOf(index: u32): usize {
  return changetype<usize>(slabClass(index)) + offsetof<SlabClass>("lockWord");
}

export function linkPartial(each: SlabClass, page: u32): void {
  const slab = descriptor(page);
  slab.previous = 0;
  slab.next = each.partial;
  if (each.partial != 0) descriptor(each.partial).previous = page;
  each.partial = page;
}

function unlinkPartial(each: SlabClass, page: u32): void {
  const slab = descriptor(page);
  if (slab.previous != 0) descriptor(slab.previous).next = slab.next;
  else each.partial = slab.next;
  if (slab.next != 0) descriptor(slab.next).previous = slab.previous;
}

/** Cuts a new slab; false when there is no memory. Caller has the class's lock. */
function addSlab(index: u32): bool {
  const each = slabClass(index);
  const address = allocatePages(each.pages);
  if (address == 0) return false;
  memory.fill(address, 0, each.pages * PAGE_BYTES);
  const page = pageOf(address);
  const slab = descriptor(page);
  slab.slabClass = <u8>index;
  slab.total = <u32>PAGE_BYTES / each.size;
  slab.freeCount = slab.total;
  let next: usize = 0;
  for (let object = address + (slab.total - 1) * each.size; object >= address; object -= each.size) {
    store<u32>(object, next);
    next = object;
  }
  slab.free = address;
  // Last: from now on it is found to be a slab of the class, whatever lists it is on.
  slab.state = PAGE_SLAB;
  runPlaced();
  each.slabs++;
  each.emptySlabs++;
  linkPartial(each, page);
  return true;
}

function removeSlab(each: SlabClass, page: u32): void {
  const slab = descriptor(page);
  unlinkPartial(each, page);
  each.slabs--;
  each.emptySlabs--;
  const address = addressOf(page);
  transferOf(thisCpu()).run = <u32>address;
  slab.length = each.pages;
  slab.state = PAGE_RUN;
  freePages(address);
}

/** The stack of objects that were given back while the class's lock could not be had. */
function returnedWord(index: u32): usize {
  return changetype<usize>(slabClass(index)) + offsetof<SlabClass>("returned");
}

/** Puts an object, named by `Transfer.between`, back into its slab. Caller has the class's lock. */
export function insertObject(each: SlabClass, object: usize): void {
  const page = pageOf(object);
  const slab = descriptor(page);
  expect(slab.state == PAGE_SLAB && slab.freeCount < slab.total);
  store<u32>(object, slab.free);
  slab.free = <u32>object;
  slab.freeCount++;
  each.objectsInUse--;
  if (slab.freeCount == 1) linkPartial(each, page);
  if (slab.freeCount == slab.total) {
    each.emptySlabs++;
    if (each.emptySlabs > 1) removeSlab(each, page);
  }
}

/**
 * The class's lock, and under it what waited for it.
 * Load and claim pair with the push of returnObjects; the lock makes this the only taker, so no tag is needed.
 */
function lockClass(transfer: Transfer, index: u32): bool {
  if (!lock(lockOf(index))) return false;
  const word = returnedWord(index);
  for (let object: usize = acquire(word); object != 0; object = acquire(word)) {
    transfer.between = <u32>object;
    if (claim(word, <u32>object, load<u32>(object))) insertObject(slabClass(index), object);
  }
  transfer.between = 0;
  return true;
}

/** Takes one object off a slab that has one. Caller has the class's lock, and names the object before it leaves. */
function takeFromSlab(each: SlabClass, transfer: Transfer): usize {
  const page = each.partial;
  const slab = descriptor(page);
  if (slab.freeCount == slab.total) each.emptySlabs--;
  const object = slab.free;
  transfer.between = object;
  slab.free = load<u32>(object);
  slab.freeCount--;
  each.objectsInUse++;
  if (slab.freeCount == 0) unlinkPartial(each, page);
  return object;
}

/**
 * Takes up to `count` objects of a class under one lock into the transfer that the caller has begun: a chain
 * linked through their first words.
 * @param clearAt offset of a word that has to be 0 before the transfer has the object; 0: none
 * @returns how many that are
 */
export function takeObjects(index: u32, count: u32, clearAt: u32): u32 {
  const each = slabClass(index);
  const transfer = transferOf(thisCpu());
  if (!lockClass(transfer, index)) return 0;
  let taken: u32 = 0;
  let chain: usize = 0;
  for (; taken < count; taken++) {
    if (each.partial == 0 && !addSlab(index)) break;
    const object = takeFromSlab(each, transfer);
    store<u32>(object, chain);
    if (clearAt != 0) store<u32>(object + clearAt, 0);
    setTransfer(transfer, object, taken + 1);
    transfer.between = 0;
    chain = object;
  }
  unlock(lockOf(index));
  return taken;
}

/** Gives what the transfer has back to its class, under one lock. Cannot fail: see `returnedWord`. */
export function returnObjects(index: u32): void {
  const transfer = transferOf(thisCpu());
  const locked = lockClass(transfer, index);
  let object = transferFirst(transfer);
  for (let count = transferCount(transfer); count > 0; count--) {
    const rest: usize = load<u32>(object);
    transfer.between = <u32>object;
    setTransfer(transfer, rest, count - 1);
    if (locked) insertObject(slabClass(index), object);
    else push(returnedWord(index), object, object);
    object = rest;
  }
  transfer.between = 0;
  if (locked) unlock(lockOf(index));
}

/**
 * Whether an object waits for somebody to have its class's lock.
 * Pairs with the push of returnObjects.
 */
export function isLeftForHolder(index: u32, object: usize): bool {
  return chainContains(acquire(returnedWord(index)), object);
}

/** Distance between two CPUs' copies of a per-CPU object of `bytes` bytes (header included). */
export function copyStride(bytes: u32): usize {
  return bytes <= LARGEST_CLASS ? PAGE_BYTES : (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

/** Pages of an object that is larger than every class. */
function runLength(bytes: u32, perCpu: u32): u32 {
  const copy = <u32>((bytes + PAGE_BYTES - 1) >> 14);
  return perCpu != 0 ? copy * superblock().cpus : copy;
}

/**
 * Takes up to `count` objects of `bytes` bytes, header included, whatever their size, into the transfer. A run is
 * zeroed.
 * @param clearAt as of takeObjects
 * @returns how many that are
 */
export function takeIntoTransfer(bytes: u32, index: u32, perCpu: u32, count: u32, clearAt: u32): u32 {
  if (index != CLASS_RUN) return takeObjects(index, count, clearAt);
  const transfer = transferOf(thisCpu());
  const length = runLength(bytes, perCpu);
  let taken: u32 = 0;
  for (; taken < count; taken++) {
    const object = allocatePages(length);
    if (object == 0) break;
    memory.fill(object, 0, length * PAGE_BYTES);
    store<u32>(object, <u32>transferFirst(transfer));
    setTransfer(transfer, object, taken + 1);
    transfer.run = 0;
  }
  return taken;
}

/** Gives back what the transfer has, objects of class `index`. */
export function returnFromTransfer(index: u32): void {
  if (index != CLASS_RUN) {
    returnObjects(index);
    return;
  }
  const transfer = transferOf(thisCpu());
  let object = transferFirst(transfer);
  for (let count = transferCount(transfer); count > 0; count--) {
    const rest: usize = load<u32>(object);
    transfer.run = <u32>object;
    setTransfer(transfer, rest, count - 1);
    freePages(object);
    object = rest;
  }
}

/** Gives the empty slabs that classes keep back to the pages. */
export function trimSlab(): void {
  const transfer = transferOf(thisCpu());
  for (let index: u32 = 0; index < 2 * CLASS_COUNT; index++) {
    const each = slabClass(index);
    if (!lockClass(transfer, index)) continue;
    let page = each.partial;
    while (page != 0 && each.emptySlabs != 0) {
      const next = descriptor(page).next;
      if (descriptor(page).freeCount == descriptor(page).total) removeSlab(each, page);
      page = next;
    }
    unlock(lockOf(index));
  }
}
