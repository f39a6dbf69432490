/**
 * Runs of pages of the one linear memory. Free runs are coalesced with their neighbours at once (boundary tags: the
 * first and the last descriptor of a free run carry its length) and kept in bins by the power of two of their length.
 * The memory has its size from the start (docs/decisions/0017-the-whole-memory-at-once.md): one free run, which is cut from its
 * beginning, so that pages of the end are never touched, and never become real, while there are others.
 *
 * Task and softirq context only: takes a lock. Out of memory is a clean 0. If the lock cannot be
 * had, its holder's thread is dead: until it is reaped nothing can be taken, and what is freed waits on a stack.
 *
 * A run that is on its way, from the free runs to its owner or back, is named by the CPU's `Transfer.run`
 * (cpu/intent.ts). Descriptors are written in an order that a walk over them, run by run, understands at any moment
 * (recovery/memory.ts).
 */
import { acquire, claim, peek } from "../base/atomics";
import { chainContains } from "../base/chain";
import { check } from "../base/check";
import { push } from "../base/stack";
import { BINS, RUN_BINS, Superblock, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { transferOf } from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";

export const PAGE_SHIFT: u32 = 14;
export const PAGE_BYTES: usize = 1 << PAGE_SHIFT;

/** What a page is used for. */
export const PAGE_FREE: u8 = 1;
export const PAGE_RUN: u8 = 2;
export const PAGE_SLAB: u8 = 3;

/** One per page of the arena; under `pagesLock` while free, under the slab class's lock while a slab. */
@unmanaged
export class PageDescriptor {
  state: u8;
  /** Slab: index of its class. */
  slabClass: u8;
  reserved: u16;
  /** First (and, of a free run, last) page: pages in the run. */
  length: u32;
  /** Neighbours in a bin, or in the class's list of slabs with free objects: page numbers, 0 none. */
  next: u32;
  previous: u32;
  /** Slab: first free object, linked through their first word. */
  free: u32;
  freeCount: u32;
  /** Slab: objects in all. */
  total: u32;
  /** Slab page behind the first of a per-CPU slab: back to the first page. */
  head: u32;
}

export const DESCRIPTOR_BYTES: usize = 32;

export function descriptor(page: u32): PageDescriptor {
  return changetype<PageDescriptor>(superblock().descriptors + page * DESCRIPTOR_BYTES);
}

export function pageOf(address: usize): u32 {
  return <u32>(address >> PAGE_SHIFT);
}

export function addressOf(page: u32): usize {
  return (<usize>page) << PAGE_SHIFT;
}

export function pagesLock(): usize {
  return changetype<usize>(superblock()) + offsetof<Superblock>("pagesLock");
}

function binOf(length: u32): u32 {
  return min(31 - clz(length), RUN_BINS - 1);
}

export function linkRun(page: u32, length: u32): void {
  const run = descriptor(page);
  const bin = BINS + binOf(length) * 4;
  const head = load<u32>(bin);
  run.state = PAGE_FREE;
  run.length = length;
  run.previous = 0;
  run.next = head;
  if (head != 0) descriptor(head).previous = page;
  store<u32>(bin, page);
  const last = descriptor(page + length - 1);
  last.state = PAGE_FREE;
  last.length = length;
}

function unlinkRun(page: u32): void {
  const run = descriptor(page);
  if (run.previous != 0) descriptor(run.previous).next = run.next;
  else store<u32>(BINS + binOf(run.length) * 4, run.next);
  if (run.next != 0) descriptor(run.next).previous = run.previous;
}

/** Frees a run into the bins, joined with free neighbours. Caller has the lock. */
function insertRun(page: u32, length: u32): void {
  const limit = superblock().pages;
  if (page + length < limit && descriptor(page + length).state == PAGE_FREE) {
    const after = page + length;
    unlinkRun(after);
    length += descriptor(after).length;
  }
  if (descriptor(page - 1).state == PAGE_FREE) {
    const before = page - descriptor(page - 1).length;
    unlinkRun(before);
    length += descriptor(before).length;
    page = before;
  }
  linkRun(page, length);
}

/** The first run of at least `length` pages, 0 if there is none. */
function findRun(length: u32): u32 {
  for (let bin = binOf(length); bin < RUN_BINS; bin++) {
    for (let page = load<u32>(BINS + bin * 4); page != 0; page = descriptor(page).next) {
      if (descriptor(page).length >= length) return page;
    }
  }
  return 0;
}

function returnedRuns(): usize {
  return changetype<usize>(superblock()) + offsetof<Superblock>("returnedRuns");
}

/**
 * Frees what was freed while nobody could have the lock. Caller has it, so that there is one taker.
 * Load and claim pair with the push of freePages; the lock makes this the only taker, so no tag is needed.
 */
function adoptReturned(area: CpuArea): void {
  const word = returnedRuns();
  for (let run: usize = acquire(word); run != 0; run = acquire(word)) {
    transferOf(area).run = <u32>run;
    if (claim(word, <u32>run, load<u32>(run))) insertFreed(area, pageOf(run));
  }
}

function insertFreed(area: CpuArea, page: u32): void {
  const length = descriptor(page).length;
  check(descriptor(page).state == PAGE_RUN && length != 0);
  // First of all: it tells whoever finds the run named by `Transfer.run` that it has been freed.
  descriptor(page).state = PAGE_FREE;
  superblock().usedPages -= length;
  insertRun(page, length);
  transferOf(area).run = 0;
}

/** Takes `length` pages off the free run that begins at `page`. Caller has the lock. */
function cutRun(area: CpuArea, page: u32, length: u32): void {
  const run = descriptor(page);
  const rest = run.length - length;
  unlinkRun(page);
  if (rest != 0) linkRun(page + length, rest);
  transferOf(area).run = <u32>addressOf(page);
  // Length before state: until it is in use, a walk finds two free runs side by side or one.
  run.length = length;
  // The last page's old boundary tag must not be taken for a free run's.
  descriptor(page + length - 1).state = PAGE_RUN;
  run.state = PAGE_RUN;
  superblock().usedPages += length;
}

/**
 * Takes a run of `length` pages, not zeroed. The CPU's `Transfer.run` names it until the caller has put it in its place
 * (`runPlaced`).
 * @returns its address, or 0 when no free run is as long, or the arena's limit is reached
 */
export function allocatePages(length: u32): usize {
  const block = superblock();
  if (length == 0) return 0;
  const area = thisCpu();
  if (!lock(pagesLock())) return 0;
  if (peek(returnedRuns()) != 0) adoptReturned(area);
  const allowed = length <= block.limitPages && block.usedPages <= block.limitPages - length;
  const page = allowed ? findRun(length) : 0;
  if (page != 0) cutRun(area, page, length);
  unlock(pagesLock());
  return addressOf(page);
}

/** Gives back a run that `allocatePages` handed out. Cannot fail: without the lock the run waits for the next holder. */
export function freePages(address: usize): void {
  const area = thisCpu();
  transferOf(area).run = <u32>address;
  if (lock(pagesLock())) {
    insertFreed(area, pageOf(address));
    if (peek(returnedRuns()) != 0) adoptReturned(area);
    unlock(pagesLock());
    return;
  }
  push(returnedRuns(), address, address);
  transferOf(area).run = 0;
}

/**
 * Whether a run waits for somebody to have the lock.
 * Pairs with the push of freePages.
 */
export function isReturned(run: usize): bool {
  return chainContains(acquire(returnedRuns()), run);
}

/** Pages that contain something now; the rest of the memory is free runs. */
export function usedPages(): u32 {
  return superblock().usedPages;
}

/** Pages that may still be taken, unless others do before. */
export function sparePages(): u32 {
  const block = superblock();
  return max(block.limitPages, block.usedPages) - block.usedPages;
}
