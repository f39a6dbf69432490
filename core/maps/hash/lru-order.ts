/**
 * In which order the entries of an LRU map go: two lists under one lock, as in Linux (`kernel/bpf/bpf_lru_list.c`). A new entry goes to
 * the end of the inactive list, and leaves it at the beginning. One that was used meanwhile is spared and goes to the active list;
 * from there it comes back once the inactive list is the shorter one and it was not used again.
 *
 * Every element of the map is on one of the lists, whether it has an entry or not: an entry that is deleted touches none. Who puts
 * one in has the lock once. Who cannot have it (the context interrupted the holder, or the holder is dead) goes without: the element
 * stays where it is and counts as used, or is put on the list later.
 *
 * Read from its oldest element on a list is whole at every instant. So whoever reaps a holder makes everything else anew from that.
 */
import { peek, publish } from "../../base/atomics";
import { superblock } from "../../base/superblock";
import { CpuArea } from "../../cpu/area";
import { lockAnywhere, unlock } from "../../cpu/lock";
import { MapHeader } from "../map";
import { NEXT_BEFORE, PREVIOUS_BEFORE, SLOT_BEFORE, SLOT_OF_ELEMENT } from "../table/element";
import { elementAt, firstSlot, markUsed, Order, orderAt, orderOf, slotsOf, takeMark } from "./lru-slots";

/** Bits of an element's slot word: on a list, on the active one. Of whoever has the lock. */
export const LISTED: u32 = 0x80000000;
const ACTIVE: u32 = 0x40000000;
/** On the inactive list since the last look through the lists. */
const PENDING: u32 = 0x20000000;
/** On no list, as a CPU has it in its batch (maps/hash/lru-batch.ts). */
export const SET_ASIDE: u32 = 0x10000000;

/** Entries that are looked at at once, and that go before the next look: of a common order, and of a CPU's own. As in Linux. */
const MOST_SCANNED: u32 = 128;
const MOST_SCANNED_OWN: u32 = 4;
/** Slots that a holder of the lock looks at for elements on no list. */
const SWEEP: u32 = 16;

@unmanaged
class List {
  oldest: u32;
  newest: u32;
  count: u32;
}

function inactive(order: Order): List {
  return changetype<List>(changetype<usize>(order) + offsetof<Order>("inactiveOldest"));
}

function active(order: Order): List {
  return changetype<List>(changetype<usize>(order) + offsetof<Order>("activeOldest"));
}

export function oldestInactive(order: Order): usize {
  return order.inactiveOldest;
}

export function oldestActive(order: Order): usize {
  return order.activeOldest;
}

export function nextInOrder(map: MapHeader, element: usize): usize {
  return load<u32>(element + map.valueOffset - NEXT_BEFORE);
}

/** Entries that one look is at. */
export function mostScanned(map: MapHeader): u32 {
  return map.lruShare != 0 ? MOST_SCANNED_OWN : MOST_SCANNED;
}

/** New entries between two looks at the lists: of a common order few enough that each CPU could have so many twice. */
function batchOf(map: MapHeader): u32 {
  if (map.lruShare != 0) return 1;
  return min(max(map.maxEntries / superblock().cpus / 2, 1), MOST_SCANNED);
}

export function bitsOf(map: MapHeader, element: usize): u32 {
  return peek(element + map.valueOffset - SLOT_BEFORE);
}

/** Stored plainly: others read the slot's number only, which stays. */
export function setList(map: MapHeader, element: usize, bits: u32): void {
  const word = element + map.valueOffset - SLOT_BEFORE;
  store<u32>(word, (load<u32>(word) & SLOT_OF_ELEMENT) | bits);
}

/** Puts an element at a list's end. */
function append(map: MapHeader, list: List, element: usize, bits: u32): void {
  const value = element + map.valueOffset;
  const last: usize = list.newest;
  setList(map, element, bits);
  store<u32>(value - NEXT_BEFORE, 0);
  store<u32>(value - PREVIOUS_BEFORE, <u32>last);
  if (last == 0) list.oldest = <u32>element;
  else store<u32>(last + map.valueOffset - NEXT_BEFORE, <u32>element);
  list.newest = <u32>element;
  list.count++;
}

/** Takes an element off its list. */
export function unlink(map: MapHeader, order: Order, element: usize): void {
  const list = (bitsOf(map, element) & ACTIVE) != 0 ? active(order) : inactive(order);
  const value = element + map.valueOffset;
  const next: usize = load<u32>(value - NEXT_BEFORE);
  const previous: usize = load<u32>(value - PREVIOUS_BEFORE);
  if (previous == 0) list.oldest = <u32>next;
  else store<u32>(previous + map.valueOffset - NEXT_BEFORE, <u32>next);
  if (next == 0) list.newest = <u32>previous;
  else store<u32>(next + map.valueOffset - PREVIOUS_BEFORE, <u32>previous);
  list.count--;
}

/** An element that is on no list goes to the end of the active one. */
export function listActive(map: MapHeader, order: Order, element: usize): void {
  append(map, active(order), element, LISTED | ACTIVE);
}

/** An element that is on no list has a new entry: it goes to the end of the inactive one. */
export function listNew(map: MapHeader, order: Order, element: usize): void {
  append(map, inactive(order), element, LISTED | PENDING);
}

/** An element's entry was used: to the end of the active list. */
export function spare(map: MapHeader, order: Order, element: usize): void {
  unlink(map, order, element);
  listActive(map, order, element);
}

/** An element gets a new entry: to the end of the inactive list, wherever it was. */
export function renew(map: MapHeader, order: Order, element: usize): void {
  if ((bitsOf(map, element) & LISTED) != 0) unlink(map, order, element);
  listNew(map, order, element);
}

/** Of the oldest on the active list, those that were used stay on it, as its newest, and the others become inactive. */
function rotateActive(map: MapHeader, order: Order): void {
  let element: usize = order.activeOldest;
  for (let left = min(mostScanned(map), order.activeCount); left > 0; left--) {
    const next = nextInOrder(map, element);
    const wasUsed = takeMark(map, element);
    unlink(map, order, element);
    if (wasUsed) listActive(map, order, element);
    else append(map, inactive(order), element, LISTED);
    element = next;
  }
}

/** The inactive list is to be the longer one. Under the lock. */
export function balance(map: MapHeader, order: Order): void {
  if (order.inactiveCount < order.activeCount) rotateActive(map, order);
}

/** Of the next elements from `from` on, those that were used become active, as many as one look is at. */
function promote(map: MapHeader, order: Order, from: usize): void {
  let element = from;
  for (let left = mostScanned(map); left > 0 && element != 0; left--) {
    const next = nextInOrder(map, element);
    if (takeMark(map, element)) spare(map, order, element);
    element = next;
  }
}

/** What came since the last look is pending no longer. Linux has it on a list of the CPU's until now. */
function promotePending(map: MapHeader, order: Order): void {
  let first: usize = 0;
  let element: usize = order.inactiveNewest;
  for (let left = MOST_SCANNED; left > 0 && element != 0 && (bitsOf(map, element) & PENDING) != 0; left--) {
    setList(map, element, LISTED);
    first = element;
    element = load<u32>(element + map.valueOffset - PREVIOUS_BEFORE);
  }
  promote(map, order, first);
}

/**
 * Looks through the lists for what was used, before a new entry comes: of a common order once for so many of them. Under the lock.
 */
export function rotate(map: MapHeader, order: Order): void {
  if (order.batch != 0) {
    order.batch--;
    return;
  }
  if (map.lruShare == 0) promotePending(map, order);
  balance(map, order);
  promote(map, order, order.inactiveOldest);
  order.batch = batchOf(map) - 1;
}

/** Whether an element is on no list, and in no batch. */
function isNowhere(map: MapHeader, element: usize): bool {
  return (bitsOf(map, element) & (LISTED | SET_ASIDE)) == 0;
}

/**
 * Puts some of the elements that are on no list on one.
 * The publication pairs with that of `place`: who adds one afterwards says so again.
 */
function sweep(map: MapHeader, order: Order, cpu: u32): void {
  const unlisted = changetype<usize>(order) + offsetof<Order>("unlisted");
  if (order.swept == 0) {
    if (peek(unlisted) == 0) return;
    publish(unlisted, 0);
  }
  const end = min(order.swept + SWEEP, slotsOf(map));
  for (let slot = order.swept; slot < end; slot++) {
    const element = elementAt(map, firstSlot(map, cpu) + slot);
    if (element != 0 && isNowhere(map, element)) append(map, inactive(order), element, LISTED);
  }
  order.swept = end == slotsOf(map) ? 0 : end;
}

function lockWord(order: Order): usize {
  return changetype<usize>(order) + offsetof<Order>("lock");
}

/** Locks the order of this CPU's entries; false if it cannot be had, by this context now or from a dead thread. */
export function lockOrder(area: CpuArea, map: MapHeader): bool {
  const order = orderOf(map, area.id);
  if (lockAnywhere(area, lockWord(order)) != 0) return false;
  sweep(map, order, area.id);
  return true;
}

export function unlockOrder(area: CpuArea, map: MapHeader): void {
  unlock(lockWord(orderOf(map, area.id)));
}

/**
 * An element that is in this CPU's hand gets a new entry: it goes where the newest are; without the lock, or in somebody's batch, it counts
 * as used. The publication pairs with that of `sweep`.
 */
export function place(area: CpuArea, map: MapHeader, element: usize): void {
  if (lockOrder(area, map)) {
    const order = orderOf(map, area.id);
    if ((bitsOf(map, element) & SET_ASIDE) != 0) {
      markUsed(element + map.valueOffset);
      unlockOrder(area, map);
      return;
    }
    // One whose entry came and went since the last look takes nothing new.
    if ((bitsOf(map, element) & PENDING) == 0) rotate(map, order);
    takeMark(map, element);
    renew(map, order, element);
    unlockOrder(area, map);
    return;
  }
  markUsed(element + map.valueOffset);
  if (isNowhere(map, element)) {
    publish(changetype<usize>(orderOf(map, area.id)) + offsetof<Order>("unlisted"), 1);
  }
}

/** Reads a list from its oldest element on, and makes the rest of it anew. What another list has already is where it ends. */
function relink(map: MapHeader, list: List, bits: u32): void {
  let last: usize = 0;
  let count: u32 = 0;
  let element: usize = list.oldest;
  while (element != 0 && (bitsOf(map, element) & LISTED) == 0) {
    setList(map, element, bits);
    store<u32>(element + map.valueOffset - PREVIOUS_BEFORE, <u32>last);
    last = element;
    count++;
    element = nextInOrder(map, element);
  }
  if (last == 0) list.oldest = 0;
  else store<u32>(last + map.valueOffset - NEXT_BEFORE, 0);
  list.newest = <u32>last;
  list.count = count;
}

/** Makes the lists whole that a dead holder was changing: what it had just taken off one goes to the end. */
function repairOrder(map: MapHeader, order: Order, cpu: u32): void {
  const first = firstSlot(map, cpu);
  const slots = slotsOf(map);
  for (let slot = first; slot < first + slots; slot++) {
    const element = elementAt(map, slot);
    if (element != 0) setList(map, element, bitsOf(map, element) & SET_ASIDE);
  }
  relink(map, active(order), LISTED | ACTIVE);
  relink(map, inactive(order), LISTED);
  for (let slot = first; slot < first + slots; slot++) {
    const element = elementAt(map, slot);
    if (element != 0 && isNowhere(map, element)) append(map, inactive(order), element, LISTED);
  }
}

/** Whether a CPU has the lock of an order. Pairs with nothing: of a dead CPU that stays as it is. */
export function hasOrderLock(map: MapHeader, index: u32, cpu: u32): bool {
  return peek(lockWord(orderAt(map, index))) == cpu + 1;
}

/** Reaping: makes whole what a dead CPU was changing, and lets go of its lock. The publication pairs with lockOrder of whoever waits. */
export function breakOrderLock(map: MapHeader, index: u32): void {
  const order = orderAt(map, index);
  repairOrder(map, order, index);
  publish(lockWord(order), 0);
}

/** Elements are on no list any more: who has the lock puts them on one. Under the lock; the publication pairs with that of `sweep`. */
export function raiseSweep(order: Order): void {
  publish(changetype<usize>(order) + offsetof<Order>("unlisted"), 1);
}
