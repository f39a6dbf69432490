/**
 * The arena map (Linux's `kernel/bpf/arena.c`): memory that programs lay out themselves, in pages that they ask for. A program's pointer
 * is 64 bits wide; its lower 32 say which byte of the map, counted from `pointerLow` on, and the upper ones are the same in all of them. A
 * page that nobody has asked for reads as zeroes, and what is written there is lost.
 *
 * Pages of 4096 bytes lie four to a run of the shared memory's, which is taken when the first of the four is asked for. One word a run
 * says where it lies, which of its pages are there, and which are given out. Whoever changes a word does so by one claim, so that
 * nobody waits for anybody.
 *
 * **Concurrency.** Any number of threads allocate, free and access in any context. Where runs may not be taken (in hardirq, in an NMI,
 * with interrupts off) pages come from runs that are there. An access to a page that is being freed finds what was in it, or zeroes.
 * A run whose pages are all free goes back when a grace period is over since that was seen (maps/arena/sweep.ts). What a program had
 * when its thread died goes with the map.
 */
import { acquire, claim, peek, publish } from "../../base/atomics";
import { E2BIG, EBUSY, EINVAL, ERANGE } from "../../base/errno";
import { CpuArea, thisCpu } from "../../cpu/area";
import { mayPrefill } from "../../cpu/context";
import { runPlaced, transferOf } from "../../cpu/intent";
import { renewBudget } from "../../cpu/wait";
import { allocatePages, freePages } from "../../mem/pages";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MMAPABLE } from "../array";
import { MapHeader, mapAt } from "../map";
import { allocateStorage, storageField } from "../storage";

/** Number of `enum bpf_map_type`. */
export const KIND_ARENA: u32 = 33;

/** Create flags besides MMAPABLE, which has to be there: BPF_F_SEGV_ON_FAULT, BPF_F_NO_USER_CONV. */
export const SEGV_ON_FAULT: u32 = 1 << 17;
export const NO_USER_CONV: u32 = 1 << 18;

export const ARENA_PAGE_SHIFT: u32 = 12;
export const ARENA_PAGE_BYTES: u32 = 1 << ARENA_PAGE_SHIFT;
/** Pages of a run, and what is in its word: its address, which of its pages are there, which are given out, and a mark. */
export const ARENA_RUN_PAGES: u32 = 4;
export const ARENA_RUN_SHIFT: u32 = 14;
export const ARENA_ADDRESS: u32 = 0xffffc000;
export const ARENA_PAGES: u32 = 15;
const GIVEN_SHIFT: u32 = 4;
/** The run was empty when a sweep began; nobody has had a page of it since. */
export const ARENA_SWEPT: u32 = 256;

/** MapHeader.sweep: nothing is to be done, runs may be empty, or those that are marked wait for a grace period. */
export const SWEEP_IDLE: u32 = 0;
export const SWEEP_DUE: u32 = 1;
export const SWEEP_WAITING: u32 = 2;

/** Where a map lies whose creator does not say: no page of it has a pointer whose lower half is 0, if it is no larger than that. */
const DEFAULT_HIGH: u32 = 0x1000;
const DEFAULT_LOW: u32 = 0x10000;
const ALL_BYTES: u64 = 1 << 32;

/** Times that others may come between a search and its claim before it is given up. */
const CONFLICTS: u32 = 64;
/** No page. */
export const ARENA_NOWHERE: u32 = 0xffffffff;

/** What `bpf(BPF_MAP_CREATE)` refuses: 0, EINVAL, E2BIG or ERANGE. @param extra the lower half of the first page's pointer */
export function checkArenaMap(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, extra: u32): u32 {
  if (keySize != 0 || valueSize != 0 || maxEntries == 0) return EINVAL;
  if ((flags & MMAPABLE) == 0 || (flags & ~(MMAPABLE | SEGV_ON_FAULT | NO_USER_CONV)) != 0) return EINVAL;
  if ((extra & (ARENA_PAGE_BYTES - 1)) != 0) return EINVAL;
  const bytes = (<u64>maxEntries) << ARENA_PAGE_SHIFT;
  if (bytes > ALL_BYTES) return E2BIG;
  return <u64>extra + bytes > ALL_BYTES ? ERANGE : 0;
}

export function arenaRuns(map: MapHeader): u32 {
  return (map.maxEntries + ARENA_RUN_PAGES - 1) / ARENA_RUN_PAGES;
}

/** Allocates the words. False: memory is out. */
export function buildArenaMap(map: MapHeader): bool {
  const isSmall = <u64>DEFAULT_LOW + ((<u64>map.maxEntries) << ARENA_PAGE_SHIFT) <= ALL_BYTES;
  map.pointerLow = isSmall ? DEFAULT_LOW : 0;
  map.pointerHigh = DEFAULT_HIGH;
  return allocateStorage(storageField(map), <u64>arenaRuns(map) * 4);
}

/** Says where a map lies that nobody can find yet: the upper and the lower half of the first page's pointer. */
export function placeArenaMap(address: usize, high: u32, low: u32): void {
  mapAt(address).extraHigh = high;
  mapAt(address).pointerHigh = high;
  mapAt(address).pointerLow = low;
}

/** A hint, which pairs with nothing: who finds it wrong looks at all runs. */
function fromWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("pagesFrom");
}

/** The word of a run. */
export function arenaRunWord(map: MapHeader, run: u32): usize {
  return <usize>map.storage + <usize>run * 4;
}

/** The bits of those of `count` pages from `page` on that are in run `run`. */
function pagesIn(run: u32, page: u32, count: u32): u32 {
  const first = run * ARENA_RUN_PAGES;
  const from = page > first ? page - first : 0;
  const to = min(page + count - first, ARENA_RUN_PAGES);
  return ((1 << to) - 1) & ~((1 << from) - 1);
}

/** The run that has a page's last one behind `count`. */
function lastRun(page: u32, count: u32): u32 {
  return (page + count - 1) / ARENA_RUN_PAGES;
}

/** The pages of a run that cannot be had: given out, or all where the run is not there and may not be taken. */
function givenOf(map: MapHeader, run: u32, mayGrow: bool): u32 {
  const word = peek(arenaRunWord(map, run));
  return !mayGrow && (word & ARENA_ADDRESS) == 0 ? ARENA_PAGES : (word >> GIVEN_SHIFT) & ARENA_PAGES;
}

/**
 * The first of `count` pages side by side, from run `from` on, that are not given out; ARENA_NOWHERE. Pairs with nothing: the claim decides.
 */
function findPages(map: MapHeader, from: u32, count: u32, mayGrow: bool): u32 {
  let first = from * ARENA_RUN_PAGES;
  for (let run = from; run < arenaRuns(map); run++) {
    const given = givenOf(map, run, mayGrow);
    const begin = run * ARENA_RUN_PAGES;
    if (given == ARENA_PAGES) {
      first = begin + ARENA_RUN_PAGES;
      continue;
    }
    const end = min(begin + ARENA_RUN_PAGES, map.maxEntries);
    for (let page = begin; page < end; page++) {
      if ((given & (1 << (page - begin))) != 0) first = page + 1;
      else if (page - first + 1 == count) return first;
    }
  }
  return ARENA_NOWHERE;
}

/** Gives pages out that are not. False: another thread was first, and nothing is given out. Pairs with whoever claims the same word. */
function givePages(map: MapHeader, page: u32, count: u32): bool {
  const last = lastRun(page, count);
  for (let run = page / ARENA_RUN_PAGES; run <= last; run++) {
    const bits = pagesIn(run, page, count) << GIVEN_SHIFT;
    const at = arenaRunWord(map, run);
    let word = peek(at);
    while ((word & bits) == 0 && !claim(at, word, word | bits)) word = peek(at);
    if ((word & bits) == 0) continue;
    const begun = max(run * ARENA_RUN_PAGES, page) - page;
    if (begun != 0) takePages(map, page, begun);
    return false;
  }
  return true;
}

/**
 * Takes pages back: they are neither there nor given out. The claims pair with whoever claims the same word, and with a sweep: one that
 * is due looks again.
 */
function takePages(map: MapHeader, page: u32, count: u32): void {
  const last = lastRun(page, count);
  for (let run = page / ARENA_RUN_PAGES; run <= last; run++) {
    const bits = pagesIn(run, page, count);
    const at = arenaRunWord(map, run);
    let word = peek(at);
    while (!claim(at, word, word & ~(bits | (bits << GIVEN_SHIFT)))) word = peek(at);
    if ((word & ARENA_ADDRESS) != 0 && (word & ARENA_PAGES & ~bits) == 0) {
      claim(changetype<usize>(map) + offsetof<MapHeader>("sweep"), SWEEP_IDLE, SWEEP_DUE);
    }
    if (run < peek(fromWord(map))) publish(fromWord(map), run);
  }
}

/**
 * Puts a run in its place that is not there. Another thread may do so meanwhile: then its own goes back. The claim pairs with the loads
 * of whoever accesses pages.
 * @returns false: memory is out
 */
function placeRun(area: CpuArea, map: MapHeader, run: u32): bool {
  const at = arenaRunWord(map, run);
  const transfer = transferOf(area);
  // There is one run on its way at a time.
  area.interruptsOff++;
  transfer.table = <u32>changetype<usize>(map);
  const address = allocatePages(1);
  let word = peek(at);
  while (address != 0 && (word & ARENA_ADDRESS) == 0 && !claim(at, word, word | <u32>address)) word = peek(at);
  if (address != 0 && (word & ARENA_ADDRESS) == 0) runPlaced();
  else if (address != 0) freePages(address);
  transfer.table = 0;
  area.interruptsOff--;
  return address != 0;
}

/**
 * A run that stays as long as this thread's read section: a sweep's mark is taken off, so that it has to mark it again, and to wait.
 * The claim pairs with the sweep's. Its address; 0: memory is out, or may not be taken here.
 */
function keepRun(area: CpuArea, map: MapHeader, run: u32): usize {
  const at = arenaRunWord(map, run);
  while (true) {
    const word = peek(at);
    if ((word & ARENA_ADDRESS) == 0) {
      if (!mayPrefill(area) || !placeRun(area, map, run)) return 0;
    } else if ((word & ARENA_SWEPT) == 0 || claim(at, word, word & ~ARENA_SWEPT)) {
      return <usize>(word & ARENA_ADDRESS);
    }
  }
}

/** Zeroes pages of a run that are given out to this thread, and has them be there. The claim pairs with whoever accesses them. */
function showPages(map: MapHeader, run: u32, address: usize, bits: u32): void {
  for (let page: u32 = 0; page < ARENA_RUN_PAGES; page++) {
    if ((bits & (1 << page)) != 0) memory.fill(address + (page << ARENA_PAGE_SHIFT), 0, ARENA_PAGE_BYTES);
  }
  const at = arenaRunWord(map, run);
  let word = peek(at);
  while (!claim(at, word, word | bits | (bits << GIVEN_SHIFT))) word = peek(at);
}

/** Has pages be there that were given out to this thread. False: memory is out, and they are taken back. */
function bringPages(area: CpuArea, map: MapHeader, page: u32, count: u32): bool {
  const last = lastRun(page, count);
  for (let run = page / ARENA_RUN_PAGES; run <= last; run++) {
    enterRead(area);
    const address = keepRun(area, map, run);
    if (address != 0) showPages(map, run, address, pagesIn(run, page, count));
    leaveRead(area);
    if (address != 0) continue;
    takePages(map, page, count);
    return false;
  }
  return true;
}

/** Gives out `count` pages side by side, the first that are free; ARENA_NOWHERE. The publication is of a hint: it pairs with nothing. */
function giveAnywhere(area: CpuArea, map: MapHeader, count: u32): u32 {
  const mayGrow = mayPrefill(area);
  let from = peek(fromWord(map));
  for (let conflicts: u32 = 0; conflicts < CONFLICTS; conflicts++) {
    let page = findPages(map, from, count, mayGrow);
    // Others have taken pages back since the hint was written.
    if (page == ARENA_NOWHERE && from != 0) page = findPages(map, 0, count, mayGrow);
    if (page == ARENA_NOWHERE) return ARENA_NOWHERE;
    if (givePages(map, page, count)) {
      if (count == 1 && mayGrow) publish(fromWord(map), page / ARENA_RUN_PAGES);
      return page;
    }
    from = 0;
  }
  return ARENA_NOWHERE;
}

/**
 * Allocates pages of zeroes, side by side. Any context.
 * @param from the first of them, or ARENA_NOWHERE: the first that are free
 * @returns the first; ARENA_NOWHERE: there are no such pages free, memory is out, or it is no arena map
 */
export function arenaAllocatePages(address: usize, from: u32, count: u32): u32 {
  const map = mapAt(address);
  if (map.kind != KIND_ARENA || count == 0 || count > map.maxEntries) return ARENA_NOWHERE;
  const area = thisCpu();
  renewBudget(area);
  let page = from;
  if (from == ARENA_NOWHERE) page = giveAnywhere(area, map, count);
  else if (from > map.maxEntries - count || !givePages(map, from, count)) return ARENA_NOWHERE;
  return page != ARENA_NOWHERE && bringPages(area, map, page, count) ? page : ARENA_NOWHERE;
}

/** Frees pages. Any context; those that are free stay so, and those that there are not are left out. */
export function arenaFreePages(address: usize, page: u32, count: u32): void {
  const map = mapAt(address);
  if (map.kind != KIND_ARENA || count == 0 || page >= map.maxEntries) return;
  takePages(map, page, min(count, map.maxEntries - page));
}

/**
 * Keeps pages from being allocated: they are free no longer, and not there. Any context.
 * @returns 0, -EINVAL (no arena map, or there are no such pages), -EBUSY (one of them is not free)
 */
export function arenaReservePages(address: usize, page: u32, count: u32): i32 {
  const map = mapAt(address);
  if (map.kind != KIND_ARENA) return -EINVAL;
  if (count == 0) return 0;
  if (count > map.maxEntries || page > map.maxEntries - count) return -EINVAL;
  return givePages(map, page, count) ? 0 : -EBUSY;
}

/**
 * Has a page be there, as when user space touches it in Linux. Any context. The loads pair with the claim of whoever brings it.
 * @returns false: there is no such page, it is reserved or about to be allocated, or memory is out
 */
export function arenaTouchPage(address: usize, page: u32): bool {
  const map = mapAt(address);
  if (page >= map.maxEntries) return false;
  const area = thisCpu();
  renewBudget(area);
  const bit: u32 = 1 << (page % ARENA_RUN_PAGES);
  if ((acquire(arenaRunWord(map, page / ARENA_RUN_PAGES)) & bit) != 0) return true;
  if (givePages(map, page, 1)) return bringPages(area, map, page, 1);
  return (acquire(arenaRunWord(map, page / ARENA_RUN_PAGES)) & bit) != 0;
}

/** The first page from `page` on that is there; max_entries: none. Pairs with nothing: it is old at once. */
export function arenaNextPage(address: usize, page: u32): u32 {
  const map = mapAt(address);
  while (page < map.maxEntries) {
    const word = peek(arenaRunWord(map, page / ARENA_RUN_PAGES));
    if ((word & (1 << (page % ARENA_RUN_PAGES))) != 0) return page;
    page += (word & ARENA_PAGES) == 0 ? ARENA_RUN_PAGES - (page % ARENA_RUN_PAGES) : 1;
  }
  return map.maxEntries;
}

/** How many pages are there. */
export function arenaPageCount(map: MapHeader): u32 {
  let count: u32 = 0;
  for (let run: u32 = 0; run < arenaRuns(map); run++) count += popcnt(peek(arenaRunWord(map, run)) & ARENA_PAGES);
  return count;
}

/** How many runs of the shared memory the map has. */
export function arenaRunCount(address: usize): u32 {
  const map = mapAt(address);
  let count: u32 = 0;
  for (let run: u32 = 0; run < arenaRuns(map); run++) {
    if ((peek(arenaRunWord(map, run)) & ARENA_ADDRESS) != 0) count++;
  }
  return count;
}
