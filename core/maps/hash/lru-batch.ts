/**
 * What a CPU has set aside of an LRU map's order, so that it need not lock that for each new entry (Linux's local lists are for the same):
 * the oldest entries, which are the next to go, and elements that got new entries meanwhile. Both are on no list; the entries are found as
 * before. With the lock once, the CPU puts the latter on the list and sets others aside.
 *
 * At most an eighth of the map is set aside by all CPUs, so that an entry goes at most so much too early or too late: what another CPU has
 * set aside this one passes over. A small map has no batches, nor have one with an order for each CPU and the profile linux.
 *
 * A batch is its CPU's. A context that has interrupted its use does without. The marks of what is set aside are of whoever has the
 * order's lock: who reaps a CPU finds by them what it had.
 */
import { peek } from "../../base/atomics";
import { PROFILE_LINUX, superblock } from "../../base/superblock";
import { CpuArea, thisCpu } from "../../cpu/area";
import { MapHeader } from "../map";
import { PREVIOUS_BEFORE } from "../table/element";
import {
  balance,
  bitsOf,
  breakOrderLock,
  hasOrderLock,
  LISTED,
  listActive,
  listNew,
  lockOrder,
  mostScanned,
  nextInOrder,
  oldestInactive,
  raiseSweep,
  SET_ASIDE,
  setList,
  spare,
  unlink,
  unlockOrder,
} from "./lru-order";
import { BATCH_BYTES, batchPlace, elementAt, Order, orderOf, ordersOf, slotsOf, takeMark } from "./lru-slots";

const MOST: u32 = 14;
/** Of a CPU's share of the entries one in so many may be set aside. */
const SHARE: u32 = 8;
/** Lower bit of an element that was used: it is spared. */
const USED: u32 = 1;

/** Its CPU's alone: of its oldest entries those from `next` to `end`, and how many elements are to be put on the list. */
@unmanaged
export class Batch {
  inUse: u32;
  next: u32;
  end: u32;
  passed: u32;
}
export const OLDEST_AT: usize = 16;
export const PASSED_AT: usize = OLDEST_AT + <usize>MOST * 4;

/** How many entries a CPU sets aside at once, as a map is made; 0: none. */
export function batchSize(map: MapHeader): u32 {
  if (map.lruShare != 0 || superblock().profile == PROFILE_LINUX) return 0;
  const size = min(map.maxEntries / superblock().cpus / SHARE, MOST);
  return size < 2 ? 0 : size;
}

function oldestPlace(batch: Batch, index: u32): usize {
  return changetype<usize>(batch) + OLDEST_AT + <usize>index * 4;
}

function passedPlace(batch: Batch, index: u32): usize {
  return changetype<usize>(batch) + PASSED_AT + <usize>index * 4;
}

/** This CPU's batch, until leaveBatch; 0: the map has none, or it is in use further down on the CPU. */
export function enterBatch(area: CpuArea, map: MapHeader): usize {
  if (map.lruBatch == 0) return 0;
  const batch = changetype<Batch>(batchPlace(map, area.id));
  if (batch.inUse != 0) return 0;
  batch.inUse = 1;
  return changetype<usize>(batch);
}

export function leaveBatch(batch: usize): void {
  changetype<Batch>(batch).inUse = 0;
}

/** Puts what was passed on a list again, as the newest: what was used on the active one. Under the lock. */
function putBack(map: MapHeader, order: Order, batch: Batch): void {
  for (let index: u32 = 0; index < batch.passed; index++) {
    const word = load<u32>(passedPlace(batch, index));
    if ((word & USED) != 0) listActive(map, order, word & ~USED);
    else listNew(map, order, word);
  }
  batch.passed = 0;
}

/** Sets the oldest entries aside that were not used. Under the lock. */
function setAside(area: CpuArea, map: MapHeader, order: Order, batch: Batch): void {
  const size = map.lruBatch;
  batch.next = 0;
  batch.end = 0;
  let element = oldestInactive(order);
  for (let left = mostScanned(map); element != 0 && batch.end < size && left > 0; left--) {
    const next = nextInOrder(map, element);
    if (takeMark(map, element)) {
      spare(map, order, element);
    } else {
      unlink(map, order, element);
      store<u32>(element + map.valueOffset - PREVIOUS_BEFORE, area.id + 1);
      setList(map, element, SET_ASIDE);
      store<u32>(oldestPlace(batch, batch.end), <u32>element);
      batch.end++;
    }
    element = next;
  }
}

/** The next entry that has been set aside and may go, until passEntry; 0: the lock is needed for more. */
export function nextSetAside(batch: usize): usize {
  const mine = changetype<Batch>(batch);
  return mine.next == mine.end ? 0 : load<u32>(oldestPlace(mine, mine.next));
}

/** As nextSetAside, of those that are set aside now if there were none; 0: none was found, or the lock cannot be had here. */
export function nextOldest(area: CpuArea, map: MapHeader, batch: usize): usize {
  const mine = changetype<Batch>(batch);
  if (mine.next == mine.end) {
    if (!lockOrder(area, map)) return 0;
    const order = orderOf(map, area.id);
    putBack(map, order, mine);
    balance(map, order);
    setAside(area, map, order, mine);
    unlockOrder(area, map);
  }
  return nextSetAside(batch);
}

/** What nextOldest gave has gone, or cannot be had, or was used: it goes back on a list with the next lock. */
export function passEntry(batch: usize, element: usize, wasUsed: bool): void {
  const mine = changetype<Batch>(batch);
  store<u32>(passedPlace(mine, mine.passed), wasUsed ? <u32>element | USED : <u32>element);
  mine.passed++;
  mine.next++;
}

/** Whether an element is what a CPU has set aside. Of whoever has the lock. */
function isOf(map: MapHeader, element: usize, cpu: u32): bool {
  return (
    (bitsOf(map, element) & (SET_ASIDE | LISTED)) == SET_ASIDE &&
    peek(element + map.valueOffset - PREVIOUS_BEFORE) == cpu + 1
  );
}

/** What a dead CPU has set aside is on no list, and nobody's. Under the lock. */
function dropBatch(map: MapHeader, cpu: u32): void {
  memory.fill(batchPlace(map, cpu), 0, BATCH_BYTES);
  for (let slot: u32 = 0; slot < slotsOf(map); slot++) {
    const element = elementAt(map, slot);
    if (element != 0 && isOf(map, element, cpu)) setList(map, element, 0);
  }
}

/** Whether a dead CPU has anything set aside, or was about to. */
function hasBatch(map: MapHeader, cpu: u32): bool {
  const batch = changetype<Batch>(batchPlace(map, cpu));
  return batch.next != batch.end || batch.passed != 0 || batch.inUse != 0;
}

/**
 * Reaping: what a dead CPU had of a map's orders, their locks and its batch, is the map's again.
 * @returns false if the lock cannot be had: another dead CPU has it
 */
export function settleOrders(map: MapHeader, cpu: u32): bool {
  const isBatched = map.lruBatch != 0;
  for (let index: u32 = 0; index < ordersOf(map); index++) {
    if (!hasOrderLock(map, index, cpu)) continue;
    if (isBatched) dropBatch(map, cpu);
    breakOrderLock(map, index);
  }
  if (!isBatched || !hasBatch(map, cpu)) return true;
  const area = thisCpu();
  if (!lockOrder(area, map)) return false;
  dropBatch(map, cpu);
  raiseSweep(orderOf(map, area.id));
  unlockOrder(area, map);
  return true;
}
