/**
 * The elements that an LRU map has: each has a slot from its first use on, until the map goes. There are as many slots as entries
 * may be, so the slots are what bounds the map. An element whose entry is gone lies on a list of a CPU (maps/table/element.ts) and keeps its
 * slot.
 *
 * ```
 *  element:  16            16 + round8(key)                              + 16
 *            | key ....... | slot u32 | used u32 | next u32 | previous u32 | value ....... |
 * ```
 * With BPF_F_NO_COMMON_LRU each CPU has a share of the slots, and what belongs to them, to itself.
 */
import { spliceFree } from "../../alloc/cache";
import { cacheOf } from "../../alloc/set";
import { acquire, addAndFetch, claim, peek, publish } from "../../base/atomics";
import { superblock } from "../../base/superblock";
import { CpuArea } from "../../cpu/area";
import { clearIntent, firstIntent, intentsOf, nameObject } from "../../cpu/intent";
import { MapHeader } from "../map";
import { allocateStorage, ringField } from "../storage";
import { SLOT_BEFORE, SLOT_OF_ELEMENT, USED_BEFORE } from "../table/element";
import { raiseTable } from "../table/work";

/**
 * What the map, or each CPU's share of it, has beside the slots: a cache line. Lists and what follows them are of whoever has the
 * lock (maps/hash/lru-order.ts).
 */
@unmanaged
export class Order {
  /** Owner CPU + 1, or 0. */
  lock: u32;
  /** Slots that have an element, from the first on. Atomic. */
  taken: u32;
  /** The slot that a search without the lock comes to next (maps/hash/lru-evict.ts). Atomic. */
  hand: u32;
  /** 1: there may be elements that are on no list, as who took them could not have the lock. Atomic. */
  unlisted: u32;
  /** Entries that were not used since they came, oldest first. */
  inactiveOldest: u32;
  inactiveNewest: u32;
  inactiveCount: u32;
  /** Entries that were used, and spared for it. */
  activeOldest: u32;
  activeNewest: u32;
  activeCount: u32;
  /** Common order: new entries until the lists are looked through for used ones again. */
  batch: u32;
  /** How far the look for elements on no list has come, 0: none is under way. */
  swept: u32;
}
export const ORDER_BYTES: usize = 64;

/** What a CPU has set aside of a common order (maps/hash/lru-batch.ts): two cache lines. */
export const BATCH_BYTES: usize = 128;

/** Whether each CPU has a share of its own. */
function isShared(map: MapHeader): bool {
  return map.lruShare != 0;
}

/** How many orders a map has. */
export function ordersOf(map: MapHeader): u32 {
  return isShared(map) ? superblock().cpus : 1;
}

export function orderAt(map: MapHeader, index: u32): Order {
  return changetype<Order>(<usize>map.ring + <usize>index * ORDER_BYTES);
}

/** The order that a CPU's entries are in. */
export function orderOf(map: MapHeader, cpu: u32): Order {
  return orderAt(map, isShared(map) ? cpu : 0);
}

/** Slots of one order. */
export function slotsOf(map: MapHeader): u32 {
  return isShared(map) ? map.lruShare : map.maxEntries;
}

/** How many slots of an order have an element. Pairs with nothing: the number only grows, and the claim in takeSlot decides. */
export function takenSlots(order: Order): u32 {
  return peek(changetype<usize>(order) + offsetof<Order>("taken"));
}

/** The first slot of a CPU's order. */
export function firstSlot(map: MapHeader, cpu: u32): u32 {
  return isShared(map) ? cpu * map.lruShare : 0;
}

/** What a CPU has set aside of a map: of each there is room for it. */
export function batchPlace(map: MapHeader, cpu: u32): usize {
  return <usize>map.ring + <usize>ordersOf(map) * ORDER_BYTES + <usize>cpu * BATCH_BYTES;
}

/** The word that names the element of a slot, 0 for none. */
function slotPlace(map: MapHeader, slot: u32): usize {
  return batchPlace(map, superblock().cpus) + <usize>slot * 4;
}

/** The element of a slot, 0 for none. Pairs with takeSlot. */
export function elementAt(map: MapHeader, slot: u32): usize {
  return acquire(slotPlace(map, slot));
}

/** Makes orders, batches and slots. False: memory is out. */
export function buildSlots(map: MapHeader): bool {
  const before = <u64>ordersOf(map) * <u64>ORDER_BYTES + <u64>superblock().cpus * <u64>BATCH_BYTES;
  return allocateStorage(ringField(map), before + <u64>map.maxEntries * 4);
}

/** Whether an element has its slot: otherwise it is new, or no element of this map at all. The loads pair with takeSlot. */
export function hasSlot(map: MapHeader, element: usize): bool {
  const slot = peek(element + map.valueOffset - SLOT_BEFORE) & SLOT_OF_ELEMENT;
  return slot < map.maxEntries && elementAt(map, slot) == element;
}

/**
 * The entry whose value lies at `value` (per-CPU: the pointer to it) was used: it will be spared once. Inside a read section.
 * Pairs with nothing: if it is another entry's element by now, that one is spared once too often.
 */
export function markUsed(value: usize): void {
  if (peek(value - USED_BEFORE) == 0) publish(value - USED_BEFORE, 1);
}

/** Whether an element's entry was used; from now on it was not. Pairs with nothing, as markUsed. */
export function takeMark(map: MapHeader, element: usize): bool {
  const word = element + map.valueOffset - USED_BEFORE;
  if (peek(word) == 0) return false;
  publish(word, 0);
  return true;
}

/**
 * Gives a new element the next slot of its CPU's order, on no list yet; false if there is none left.
 * The publication of the slot's number and the claim of the slot pair with hasSlot. Who dies before `taken` is moved on leaves that
 * to the next.
 */
export function takeSlot(area: CpuArea, map: MapHeader, element: usize): bool {
  const takenWord = changetype<usize>(orderOf(map, area.id)) + offsetof<Order>("taken");
  const first = firstSlot(map, area.id);
  const value = element + map.valueOffset;
  publish(value - USED_BEFORE, 0);
  while (true) {
    const taken = peek(takenWord);
    if (taken >= slotsOf(map)) return false;
    publish(value - SLOT_BEFORE, first + taken);
    const isMine = claim(slotPlace(map, first + taken), 0, <u32>element);
    claim(takenWord, taken, taken + 1);
    if (isMine) break;
  }
  addAndFetch(changetype<usize>(map) + offsetof<MapHeader>("places"), 1);
  raiseTable(area, map);
  return true;
}

/** Moves all elements to this CPU's cache, from wherever a former attempt was cut off; nobody else can reach them. */
export function emptySlots(area: CpuArea, map: MapHeader): void {
  const cache = cacheOf(map.elements, area.id);
  const intent = firstIntent(intentsOf(area));
  for (let slot: u32 = 0; slot < map.maxEntries; slot++) {
    const place = slotPlace(map, slot);
    const element: usize = load<u32>(place);
    if (element == 0) continue;
    nameObject(intent, element, changetype<usize>(cache), 0);
    store<u32>(place, 0);
    spliceFree(area, cache, element, element, 1);
    clearIntent(intent);
  }
}
