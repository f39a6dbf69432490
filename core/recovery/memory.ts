/**
 * What a dead CPU has left half-done in the memory itself: the free runs of pages and the slabs. If it died with a lock
 * held, the lists behind the lock are made anew from what says the truth: the descriptors' states, and each slab's chain of
 * free objects, which is whole at every instruction.
 */
import { peek, publish } from "../base/atomics";
import { chainContains, chainLength } from "../base/chain";
import { BINS, CLASS_COUNT, RUN_BINS, superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { Transfer, transferCount, transferFirst, transferOf } from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";
import {
  descriptor,
  freePages,
  isReturned,
  linkRun,
  PAGE_FREE,
  PAGE_RUN,
  PAGE_SLAB,
  pageOf,
  pagesLock,
} from "../mem/pages";
import { insertObject, isLeftForHolder, linkPartial, lockOf, SlabClass, slabClass } from "../mem/slab";

/** Joins the free runs from `page` on and links them; the first page behind them. */
function relinkFree(page: u32, end: u32): u32 {
  let next = page;
  while (next < end && descriptor(next).state == PAGE_FREE) next += descriptor(next).length;
  linkRun(page, next - page);
  return next;
}

/** Makes the bins anew. The dead CPU holds `pagesLock`, so nobody else is here. */
function rebuildPages(): void {
  const block = superblock();
  for (let bin: u32 = 0; bin < RUN_BINS; bin++) store<u32>(BINS + bin * 4, 0);
  let used: u32 = 0;
  let page = block.firstPage;
  while (page < block.pages) {
    const run = descriptor(page);
    if (run.state == PAGE_FREE) {
      page = relinkFree(page, block.pages);
    } else {
      used += run.length;
      page += run.length;
    }
  }
  block.usedPages = used;
}

/** Counts a slab's free objects and puts it where the class finds it. */
function relinkSlab(each: SlabClass, page: u32): void {
  const slab = descriptor(page);
  const free = chainLength(slab.free);
  slab.freeCount = free;
  each.slabs++;
  each.objectsInUse += slab.total - free;
  if (free == slab.total) each.emptySlabs++;
  if (free != 0) linkPartial(each, page);
}

/** Makes a class's lists anew. The dead CPU holds its lock. Its pages are found by a walk over all runs. */
function rebuildClass(index: u32): void {
  const each = slabClass(index);
  each.partial = 0;
  each.slabs = 0;
  each.emptySlabs = 0;
  each.objectsInUse = 0;
  const block = superblock();
  for (let page = block.firstPage; page < block.pages; page += max(descriptor(page).length, 1)) {
    if (descriptor(page).state == PAGE_SLAB && descriptor(page).slabClass == index) relinkSlab(each, page);
  }
}

/** The object that was between the transfer and its slab, if it is in neither, goes into its slab. */
function settleBetween(transfer: Transfer, index: u32): void {
  const object: usize = transfer.between;
  const slab = descriptor(pageOf(object));
  // A slab that is none any more was emptied by the very object.
  if (object == 0 || slab.state != PAGE_SLAB || slab.slabClass != index) return;
  if (transferFirst(transfer) == object || chainContains(slab.free, object) || isLeftForHolder(index, object)) return;
  insertObject(slabClass(index), object);
}

/**
 * A class whose lock the dead CPU holds; false if the pages' lock, which the walk needs, cannot be had.
 * Pairs with `lock` of whoever waits.
 */
function settleClass(transfer: Transfer, index: u32): bool {
  if (!lock(pagesLock())) return false;
  rebuildClass(index);
  unlock(pagesLock());
  settleBetween(transfer, index);
  publish(lockOf(index), 0);
  return true;
}

/**
 * Makes good what the CPU died over with the pages' or a class's lock held. False: another dead CPU has to be first.
 * Pairs with `lock` of whoever waits.
 */
export function settleLocks(area: CpuArea): bool {
  const mine = area.id + 1;
  const transfer = transferOf(area);
  // What the transfer has is not on its way as a run as well.
  if (transferCount(transfer) != 0 && transferFirst(transfer) == transfer.run) transfer.run = 0;
  if (peek(pagesLock()) == mine) {
    rebuildPages();
    // While nobody else can take it: a run that is free has arrived.
    if (transfer.run != 0 && descriptor(pageOf(transfer.run)).state == PAGE_FREE) transfer.run = 0;
    publish(pagesLock(), 0);
  }
  for (let index: u32 = 0; index < 2 * CLASS_COUNT; index++) {
    if (peek(lockOf(index)) == mine && !settleClass(transfer, index)) return false;
  }
  transfer.between = 0;
  return true;
}

/** Frees the run of pages that was on its way, unless it has arrived; the caller knows where else it may be. */
export function settleRun(area: CpuArea, hasArrived: bool): void {
  const transfer = transferOf(area);
  const run: usize = transfer.run;
  if (run == 0) return;
  const isFree = descriptor(pageOf(run)).state != PAGE_RUN || isReturned(run);
  if (!hasArrived && !isFree && run != transferFirst(transfer)) freePages(run);
  transfer.run = 0;
}
