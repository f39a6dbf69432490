/**
 * How an LRU map makes room: the element of an entry that has to go becomes the new entry's, without the allocator and without
 * waiting. Which entry that is the order says (maps/hash/lru-order.ts); a context that cannot have its lock takes the next that a hand
 * comes to which goes round the slots, and that was not used. An entry that just cannot be had (its bucket is locked, its element is in
 * somebody's hand) is passed over.
 */
import { allocate } from "../../alloc/allocator";
import { Cache, cacheGive } from "../../alloc/cache";
import { cacheOf } from "../../alloc/set";
import { acquire, acquire64, claim, peek, publish } from "../../base/atomics";
import { EBUSY } from "../../base/errno";
import { superblock } from "../../base/superblock";
import { CpuArea } from "../../cpu/area";
import {
  COUNTS,
  clearIntent,
  firstIntent,
  intentsOf,
  MAYBE,
  nameObject,
  REMOVES,
  secondIntent,
} from "../../cpu/intent";
import { memoryErrno } from "../../cpu/wait";
import { HEADER_BYTES } from "../../mem/slab";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { countElement, levelCount, nextOperation, parityOf } from "../count";
import { MapHeader, SUPPLY_LRU } from "../map";
import {
  AGAIN,
  awaitBucket,
  isHome,
  isLocked,
  OVERFLOW,
  placeOfElement,
  removeAt,
  slotOfElement,
} from "../table/bucket";
import { hashOfElement, nameElement, pooledWord, poolWord, popPool } from "../table/element";
import { homeOf } from "../table/table";
import { enterBatch, leaveBatch, nextOldest, passEntry } from "./lru-batch";
import {
  lockOrder,
  mostScanned,
  nextInOrder,
  oldestActive,
  oldestInactive,
  place,
  renew,
  rotate,
  spare,
  unlockOrder,
} from "./lru-order";
import {
  elementAt,
  firstSlot,
  hasSlot,
  markUsed,
  Order,
  orderOf,
  slotsOf,
  takeMark,
  takenSlots,
  takeSlot,
} from "./lru-slots";

/** Used entries that a search without the order spares at most: then it takes the next, used or not, so that it ends. */
const MOST_SPARED: u32 = 128;

/** Times that all is looked through while entries come and go, before all elements are taken to be in others' hands. */
const MOST_TRIES: u32 = 64;

/** An element from this CPU's list, then from the others' in turn. */
function popAny(area: CpuArea, map: MapHeader, cache: Cache, intent: usize): usize {
  const cpus = superblock().cpus;
  for (let turn: u32 = 0; turn < cpus; turn++) {
    let cpu = area.id + turn;
    if (cpu >= cpus) cpu -= cpus;
    const element = popPool(poolWord(map, cpu), intent, cache, 0);
    if (element != 0) return element;
  }
  return 0;
}

/**
 * A full map is asked for free elements by every new key, and has none: so one word says so, and not a list for each CPU.
 * The publication pairs with pushPool: who puts one on a list that was looked at before sees the 0, or is seen by the second look.
 */
function popCommon(area: CpuArea, map: MapHeader, cache: Cache, intent: usize): usize {
  const pooled = pooledWord(map);
  if (peek(pooled) == 0) return 0;
  let element = popAny(area, map, cache, intent);
  if (element != 0) return element;
  publish(pooled, 0);
  element = popAny(area, map, cache, intent);
  if (element != 0) publish(pooled, 1);
  return element;
}

/** A free element from the lists, 0 if there is none. It has a slot afterwards, and the intent names it with MAYBE. */
function takeFree(area: CpuArea, map: MapHeader, cache: Cache, intent: usize): usize {
  const element =
    map.lruShare != 0 ? popPool(poolWord(map, area.id), intent, cache, 0) : popCommon(area, map, cache, intent);
  if (element == 0) return 0;
  // A preallocated one's first use.
  if (!hasSlot(map, element)) takeSlot(area, map, element);
  place(area, map, element);
  return element;
}

/** Gives a new element of a per-CPU map the values that it keeps. False: there is no memory. */
function takeValues(area: CpuArea, map: MapHeader, element: usize, intents: usize): bool {
  const word = element + map.valueOffset;
  if (map.values == 0 || load<u32>(word) != 0) return true;
  const object = allocate(area, cacheOf(map.values, area.id), secondIntent(intents), 0);
  if (object == 0) return false;
  store<u32>(word, object + HEADER_BYTES);
  clearIntent(secondIntent(intents));
  return true;
}

/** An element that the map has not had yet, from the cache, with a slot; 0 if all slots are taken, or memory is out. */
function takeNew(area: CpuArea, map: MapHeader, cache: Cache, intents: usize): usize {
  if (map.supply != SUPPLY_LRU || takenSlots(orderOf(map, area.id)) >= slotsOf(map)) return 0;
  const element = allocate(area, cache, firstIntent(intents), 0);
  if (element == 0) return 0;
  if (takeValues(area, map, element, intents) && takeSlot(area, map, element)) {
    place(area, map, element);
    return element;
  }
  cacheGive(area, cache, element, firstIntent(intents));
  clearIntent(firstIntent(intents));
  return 0;
}

/** Where an element is in a bucket; 0. Only a chain needs a read section. The load pairs with insertIntoChain. */
function findElementIn(area: CpuArea, bucket: usize, control: u64, element: usize): usize {
  const slot = slotOfElement(bucket, control, element);
  if (slot != 0 || acquire(bucket + OVERFLOW) == 0) return slot;
  enterRead(area);
  const place = placeOfElement(bucket, control, element);
  leaveRead(area);
  return place;
}

/**
 * Takes an element's entry out of its bucket, if it has one and it can be had at once. Then the first intent names the element,
 * surely this CPU's, and the entry is counted off.
 * @param kept an element that has to stay, 0 for none: here and in all that follows
 * The load pairs with the publication of the control word; the claim of removeAt vouches for what was found.
 */
function removeEntry(area: CpuArea, map: MapHeader, cache: Cache, element: usize, kept: usize): bool {
  if (element == kept) return false;
  const hash = hashOfElement(element);
  const bucket = homeOf(map, hash);
  const control = acquire64(bucket);
  if (!isHome(bucket, control, hash) || isLocked(control)) return false;
  const found = findElementIn(area, bucket, control, element);
  if (found == 0) return false;
  const intent = firstIntent(intentsOf(area));
  const operation = nextOperation(levelCount(map, area.id, area.level));
  const bits = COUNTS | REMOVES | parityOf(operation);
  nameObject(intent, element, changetype<usize>(cache), bits | MAYBE);
  if (!removeAt(area, bucket, control, found)) {
    clearIntent(intent);
    return false;
  }
  nameObject(intent, element, changetype<usize>(cache), bits);
  countElement(area, map, -1, operation);
  return true;
}

/** The oldest entry from `from` on that can be had, used or not. */
function removeFrom(area: CpuArea, map: MapHeader, cache: Cache, from: usize, kept: usize): usize {
  let element = from;
  for (let left = MOST_SPARED; element != 0 && left > 0; left--) {
    if (removeEntry(area, map, cache, element, kept)) return element;
    element = nextInOrder(map, element);
  }
  return 0;
}

/** Makes room by the order, whose lock this CPU has: the element is the newest afterwards. 0: no entry can be had. */
function evictOldest(area: CpuArea, map: MapHeader, cache: Cache, kept: usize): usize {
  const order = orderOf(map, area.id);
  rotate(map, order);
  let found: usize = 0;
  let element = oldestInactive(order);
  for (let left = mostScanned(map); found == 0 && element != 0 && left > 0; left--) {
    const next = nextInOrder(map, element);
    if (takeMark(map, element)) spare(map, order, element);
    else if (removeEntry(area, map, cache, element, kept)) found = element;
    element = next;
  }
  if (found == 0) found = removeFrom(area, map, cache, oldestInactive(order), kept);
  if (found == 0) found = removeFrom(area, map, cache, oldestActive(order), kept);
  if (found != 0) {
    takeMark(map, found);
    renew(map, order, found);
  }
  return found;
}

/** Makes room by what this CPU has set aside: the element is the newest once that is on a list again. 0: no entry was had so. */
function evictSetAside(area: CpuArea, map: MapHeader, cache: Cache, kept: usize): usize {
  const batch = enterBatch(area, map);
  if (batch == 0) return 0;
  let found: usize = 0;
  for (let left = MOST_SPARED; found == 0 && left > 0; left--) {
    const element = nextOldest(area, map, batch);
    if (element == 0) break;
    const wasUsed = takeMark(map, element);
    if (!wasUsed && removeEntry(area, map, cache, element, kept)) found = element;
    passEntry(batch, element, wasUsed);
  }
  leaveBatch(batch);
  return found;
}

/** The slot that the hand is at; it moves on. The claim pairs with those who do the same: each gets its own. */
function moveHand(order: Order, taken: u32): u32 {
  const hand = changetype<usize>(order) + offsetof<Order>("hand");
  while (true) {
    const at = peek(hand);
    if (claim(hand, at, at + 1 >= taken ? 0 : at + 1)) return at < taken ? at : 0;
  }
}

/** Makes room without the order: the element stays where it is, and its new entry will be spared. 0: none can be had. */
function evictAny(area: CpuArea, map: MapHeader, cache: Cache, kept: usize): usize {
  const order = orderOf(map, area.id);
  const taken = takenSlots(order);
  const first = firstSlot(map, area.id);
  let spared: u32 = 0;
  for (let passed: u32 = 0; passed < taken; ) {
    const element = elementAt(map, first + moveHand(order, taken));
    if (element != 0 && spared < MOST_SPARED && takeMark(map, element)) {
      spared++;
    } else if (element != 0 && removeEntry(area, map, cache, element, kept)) {
      markUsed(element + map.valueOffset);
      return element;
    } else {
      passed++;
    }
  }
  return 0;
}

function evict(area: CpuArea, map: MapHeader, cache: Cache, kept: usize): usize {
  let element = evictSetAside(area, map, cache, kept);
  if (element == 0 && lockOrder(area, map)) {
    element = evictOldest(area, map, cache, kept);
    unlockOrder(area, map);
  }
  // Without the lock; or so many cannot be had at the beginning of the lists that the search was given up.
  return element != 0 ? element : evictAny(area, map, cache, kept);
}

/**
 * Nothing could be had: waits for a bucket that another CPU is changing, in which an entry may be. AGAIN: it is worth a try; or as
 * awaitBucket.
 * The load pairs with the publication of the control word.
 */
function awaitEntry(area: CpuArea, map: MapHeader): i32 {
  const first = firstSlot(map, area.id);
  const end = min(slotsOf(map), MOST_SPARED);
  for (let slot: u32 = 0; slot < end; slot++) {
    const element = elementAt(map, first + slot);
    if (element == 0) continue;
    const bucket = homeOf(map, hashOfElement(element));
    if (isLocked(acquire64(bucket))) return awaitBucket(area, bucket);
  }
  return AGAIN;
}

/** A free element, a new one, or that of the entry which has to go; 0 if none can be had now. */
function findElementFor(area: CpuArea, map: MapHeader, cache: Cache, intents: usize, kept: usize): usize {
  let element = takeFree(area, map, cache, firstIntent(intents));
  if (element == 0) element = takeNew(area, map, cache, intents);
  return element != 0 ? element : evict(area, map, cache, kept);
}

/**
 * Takes an element for a new entry, or for a new value: a free one, a new one, or that of the entry which has to go. The first
 * intent names it, its header the operation that comes next. Any context.
 * @param bits COUNTS for an entry, 0 for a value
 * @param kept the element of the entry whose value it is: it goes only where there is no other
 * @returns the element; or -ENOMEM (the map has none and cannot get one here), -ETIMEDOUT, -EBUSY (all are in the hands of operations
 * under way, or in a bucket that this context interrupted)
 */
export function takeOrEvict(area: CpuArea, map: MapHeader, cache: Cache, bits: u64, kept: usize): usize {
  const intents = intentsOf(area);
  let element = findElementFor(area, map, cache, intents, kept);
  for (let tries = MOST_TRIES; element == 0; tries--) {
    clearIntent(firstIntent(intents));
    const taken = takenSlots(orderOf(map, area.id));
    const result = taken == 0 ? -memoryErrno(area) : tries == 0 ? -EBUSY : awaitEntry(area, map);
    if (result != AGAIN) return <usize>result;
    element = findElementFor(area, map, cache, intents, tries > MOST_TRIES / 2 ? kept : 0);
  }
  const operation = nextOperation(levelCount(map, area.id, area.level));
  nameElement(element, cache, operation);
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits == 0 ? 0 : bits | parityOf(operation));
  return element;
}
