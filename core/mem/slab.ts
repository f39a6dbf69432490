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
import { CLASS_COUNT, SLAB_CLASSES, superblock } from "../base/superblock";
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
}

const SLAB_CLASS_BYTES: usize = 64;

export function slabClass(index: u32): SlabClass {
  return changetype<SlabClass>(SLAB_CLASSES + index * SLAB_CLASS_BYTES);
}

/** Sizes 16 32 64 96 128 192 256 512 1024 2048 4096 (kmalloc's, without 8), by class number. */
function sizeOfClass(index: u32): u32 {
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

function lockOf(index: u32): usize {
  return changetype<usize>(slabClass(index)) + offsetof<SlabClass>("lockWord");
}

function linkPartial(each: SlabClass, page: u32): void {
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

/** Cuts a new slab; false when there is no memory. Caller holds the class's lock. */
function addSlab(index: u32): bool {
  const each = slabClass(index);
  const address = allocatePages(each.pages);
  if (address == 0) return false;
  memory.fill(address, 0, each.pages * PAGE_BYTES);
  const page = pageOf(address);
  const slab = descriptor(page);
  slab.state = PAGE_SLAB;
  slab.slabClass = <u8>index;
  slab.total = <u32>PAGE_BYTES / each.size;
  slab.freeCount = slab.total;
  let next: usize = 0;
  for (let object = address + (slab.total - 1) * each.size; object >= address; object -= each.size) {
    store<u32>(object, next);
    next = object;
  }
  slab.free = address;
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
  slab.state = PAGE_RUN;
  slab.length = each.pages;
  freePages(addressOf(page));
}

/** Takes up to `count` objects of a class under one lock: a chain linked through their first words, 0 if none. */
export function takeObjects(index: u32, count: u32): usize {
  const each = slabClass(index);
  const word = lockOf(index);
  let chain: usize = 0;
  lock(word);
  for (; count > 0; count--) {
    if (each.partial == 0 && !addSlab(index)) break;
    const page = each.partial;
    const slab = descriptor(page);
    if (slab.freeCount == slab.total) each.emptySlabs--;
    const object = slab.free;
    slab.free = load<u32>(object);
    slab.freeCount--;
    each.objectsInUse++;
    if (slab.freeCount == 0) unlinkPartial(each, page);
    store<u32>(object, chain);
    chain = object;
  }
  unlock(word);
  return chain;
}

/** Gives a chain of objects of one class back under one lock. */
export function returnObjects(index: u32, chain: usize): void {
  if (chain == 0) return;
  const each = slabClass(index);
  const word = lockOf(index);
  lock(word);
  while (chain != 0) {
    const object = chain;
    chain = load<u32>(object);
    const page = pageOf(object);
    const slab = descriptor(page);
    store<u32>(object, slab.free);
    slab.free = object;
    slab.freeCount++;
    each.objectsInUse--;
    if (slab.freeCount == 1) linkPartial(each, page);
    if (slab.freeCount == slab.total) {
      each.emptySlabs++;
      if (each.emptySlabs > 1) removeSlab(each, page);
    }
  }
  unlock(word);
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

/** One object of `bytes` bytes, header included, whatever its size; a run is zeroed. 0 when memory is out. */
export function takeObject(bytes: u32, index: u32, perCpu: u32): usize {
  if (index != CLASS_RUN) return takeObjects(index, 1);
  const length = runLength(bytes, perCpu);
  const address = allocatePages(length);
  if (address != 0) memory.fill(address, 0, length * PAGE_BYTES);
  return address;
}

/** Gives one object back that `takeObject` handed out. */
export function returnObject(index: u32, object: usize): void {
  if (index == CLASS_RUN) freePages(object);
  else {
    store<u32>(object, 0);
    returnObjects(index, object);
  }
}

/** Gives the empty slabs that classes keep back to the pages. */
export function trimSlab(): void {
  for (let index: u32 = 0; index < 2 * CLASS_COUNT; index++) {
    const each = slabClass(index);
    const word = lockOf(index);
    lock(word);
    let page = each.partial;
    while (page != 0 && each.emptySlabs != 0) {
      const next = descriptor(page).next;
      if (descriptor(page).freeCount == descriptor(page).total) removeSlab(each, page);
      page = next;
    }
    unlock(word);
  }
}

/**
 * Plain memory for the control plane (program stacks, buffers, tables), zeroed.
 * @returns an 8-byte aligned address, or 0 when memory is out
 */
export function allocateBytes(bytes: u32): usize {
  const index = classFor(bytes + <u32>HEADER_BYTES, 0);
  const object = takeObject(bytes + <u32>HEADER_BYTES, index, 0);
  if (object == 0) return 0;
  store<u32>(object, index);
  memory.fill(object + HEADER_BYTES, 0, bytes);
  return object + HEADER_BYTES;
}

/** Gives memory back that `allocateBytes` handed out; 0 is ignored. */
export function freeBytes(address: usize): void {
  if (address == 0) return;
  const object = address - HEADER_BYTES;
  returnObject(load<u32>(object), object);
}
