/**
 * A bucket is one cache line: a control word, the tags (hashes) and elements of six slots, and the head of a chain for
 * what does not fit.
 *
 * ```
 *  0          8          12      16                       40                           64
 *  | control  | overflow | spare | tag 0 | ... | tag 5 | element 0 | ... | element 5 |
 *     └ bits 0-5: slots in use, bits 8-31: owner CPU + 1 while locked, bits 32-63: sequence
 * ```
 * Every change of membership is one store of the control word: it publishes the slot, unlocks and moves the sequence
 * on, all at once. So
 * - an operation first scans without a lock, then claims the control word *as it saw it*: if that succeeds nothing
 *   changed in between and the scan still holds;
 * - deleting from a slot is that one claim, without a lock;
 * - a lookup that found nothing believes it only if the control word is what it was. An element that was freed and
 *   reused on the way (type-stable memory) changed the sequence.
 *
 * All tags are compared at once (SIMD), so how full a bucket is costs nothing and mispredicts no branch. A key that
 * stays keeps its slot and tag, so a scan never misses it. What slots beyond the bits contain is meaningless: a slot is
 * written plainly before its bit is published.
 */
import { acquire, acquire64, claim64, peek, publish, publish64 } from "../base/atomics";
import { copyOutWords, equalBytes } from "../base/bytes";
import { CpuArea } from "../cpu/area";
import { awaitHolder, IN_BUCKET } from "../cpu/wait";
import { enterRead, leaveRead } from "../rcu/epoch";
import { ELEMENT_HASH, ELEMENT_KEY, ELEMENT_NEXT } from "./element";
import { MapHeader } from "./map";

export const BUCKET_BYTES: usize = 64;
/** Elements that a full map has for each bucket on average, at most: a few of its buckets overflow then. */
export const ELEMENTS_PER_BUCKET: u32 = 4;

export const OVERFLOW: usize = 8;
export const TAGS: usize = 16;
export const ELEMENTS: usize = 40;
export const SLOT_COUNT: usize = 6;
export const SLOT_MASK: u64 = 0x3f;
export const OWNER_SHIFT: u64 = 8;
export const OWNER_MASK: u64 = 0xffffff00;
export const SEQUENCE: u64 = 0x100000000;
/** Result of an operation's attempt: the bucket changed under it, look again. Not an errno, not 0. */
export const AGAIN: i32 = 1;

export function bucketOf(map: MapHeader, hash: u32): usize {
  // A map of one bucket shifts by 32, which wasm takes for 0: the mask covers that.
  return map.buckets + ((hash >> map.bucketShift) & map.bucketMask) * BUCKET_BYTES;
}

export function isLocked(control: u64): bool {
  return (control & OWNER_MASK) != 0;
}

/** Waits until a locked bucket may be tried again: AGAIN; or -EBUSY, -ETIMEDOUT as of `awaitHolder`. */
export function awaitBucket(area: CpuArea, bucket: usize): i32 {
  const waited = awaitHolder(area, bucket | IN_BUCKET);
  return waited == 0 ? AGAIN : waited;
}

/**
 * Locks the bucket if it is still as `control` says; interrupts go off.
 * The claim pairs with unlockBucket and unlockChanged of the last holder.
 */
export function tryLockBucket(area: CpuArea, bucket: usize, control: u64): bool {
  area.interruptsOff++;
  if (claim64(bucket, control, control | ((<u64>area.id + 1) << OWNER_SHIFT))) return true;
  area.interruptsOff--;
  return false;
}

/**
 * Unlocks a bucket whose membership did not change.
 * Pairs with tryLockBucket of the next holder.
 */
export function unlockBucket(area: CpuArea, bucket: usize, control: u64): void {
  publish64(bucket, control);
  area.interruptsOff--;
}

/**
 * Unlocks a bucket and makes walks that saw it before start again.
 * Pairs with tryLockBucket of the next holder, and with every load of the control word: the slots it shows are written.
 */
export function unlockChanged(area: CpuArea, bucket: usize, control: u64): void {
  publish64(bucket, control + SEQUENCE);
  area.interruptsOff--;
}

/** Whether an element is the key's. Reads the element: it may be another key's by now even if its slot was the key's. */
function isOfKey(map: MapHeader, element: usize, hash: u32, key: usize): bool {
  return load<u32>(element, ELEMENT_HASH) == hash && equalBytes(element + ELEMENT_KEY, key, map.keySize);
}

/** The slots in use whose tag is `hash`, as bits. */
export function matchingSlots(bucket: usize, control: u64, hash: u32): u32 {
  const wanted = i32x4.splat(hash);
  const first = i32x4.bitmask(i32x4.eq(v128.load(bucket + TAGS), wanted));
  // Its upper lanes are elements already; the mask of the slots in use takes them off.
  const second = i32x4.bitmask(i32x4.eq(v128.load(bucket + TAGS + 16), wanted));
  return (first | (second << 4)) & <u32>(control & SLOT_MASK);
}

/** The place of a slot's element. */
export function slotPlace(bucket: usize, slot: u32): usize {
  return bucket + ELEMENTS + <usize>slot * 4;
}

/**
 * The load pairs with writeSlot by way of the control word that `control` is; of a slot changed since then anything may
 * be read, and is thrown away.
 */
function findInSlots(map: MapHeader, bucket: usize, control: u64, hash: u32, key: usize): usize {
  for (let bits = matchingSlots(bucket, control, hash); bits != 0; bits &= bits - 1) {
    const place = slotPlace(bucket, ctz(bits));
    // The hash of a 4-byte key is the key's alone (base/bytes.ts).
    if (map.keySize == 4 || equalBytes(acquire(place) + ELEMENT_KEY, key, map.keySize)) return place;
  }
  return 0;
}

/**
 * The loads pair with the publications of insertAndUnlock, replaceElement and removeAt: an element on the chain is
 * whole.
 */
function findInOverflow(map: MapHeader, bucket: usize, hash: u32, key: usize): usize {
  let place = bucket + OVERFLOW;
  for (let element: usize = acquire(place); element != 0; element = acquire(place)) {
    if (isOfKey(map, element, hash, key)) return place;
    place = element + ELEMENT_NEXT;
  }
  return 0;
}

/**
 * Finds a key in the bucket as `control` describes it. The answer, found or not, holds only if the control word is
 * still the same afterwards.
 *
 * An element found in a slot may be anything by then, but its address is one; a chain is followed inside a read
 * section only, since the link in memory that went back to the slab may point anywhere.
 * @returns the *place* of the element, the address of the word that refers to it (in a slot, or a link); 0
 */
export function findPlace(area: CpuArea, map: MapHeader, bucket: usize, control: u64, hash: u32, key: usize): usize {
  const place = findInSlots(map, bucket, control, hash, key);
  if (place != 0 || peek(bucket + OVERFLOW) == 0) return place;
  enterRead(area);
  const chained = findInOverflow(map, bucket, hash, key);
  leaveRead(area);
  return chained;
}

/**
 * The element of a key, for callers inside a read section; 0 if the key is not there. The element that was compared is
 * the one returned, even if it was removed meanwhile.
 * The loads pair as those of findInSlots and findInOverflow; the last look at the control word says whether they hold.
 */
export function findElement(map: MapHeader, bucket: usize, hash: u32, key: usize): usize {
  while (true) {
    const control = acquire64(bucket);
    for (let bits = matchingSlots(bucket, control, hash); bits != 0; bits &= bits - 1) {
      const element: usize = acquire(slotPlace(bucket, ctz(bits)));
      if (isOfKey(map, element, hash, key)) return element;
    }
    for (let element: usize = acquire(bucket + OVERFLOW); element != 0; element = acquire(element + ELEMENT_NEXT)) {
      if (isOfKey(map, element, hash, key)) return element;
    }
    if (isUnchanged(bucket, control)) return 0;
  }
}

/**
 * Whether the bucket's membership is what `control` says; a lock taken since then has not changed it yet.
 * The load pairs with the publication that changes the bucket: it comes after the loads that it vouches for.
 */
export function isUnchanged(bucket: usize, control: u64): bool {
  return ((acquire64(bucket) ^ control) & ~OWNER_MASK) == 0;
}

/**
 * Copies a key's element from `offset` on, consistently: done again if the bucket changed meanwhile.
 * The loads pair as those of findElement.
 * @returns whether the key was there
 */
export function copyFromElement(
  area: CpuArea,
  map: MapHeader,
  hash: u32,
  key: usize,
  into: usize,
  offset: usize,
  size: u32,
): bool {
  const bucket = bucketOf(map, hash);
  while (true) {
    const control = acquire64(bucket);
    let place = findInSlots(map, bucket, control, hash, key);
    const chained = place == 0 && acquire(bucket + OVERFLOW) != 0;
    if (chained) {
      enterRead(area);
      place = findInOverflow(map, bucket, hash, key);
    }
    if (place != 0) copyOutWords(into, <usize>acquire(place) + offset, size);
    if (chained) leaveRead(area);
    if (isUnchanged(bucket, control)) return place != 0;
  }
}

/** Fills a slot that is not in use, in a bucket this CPU has locked. */
export function writeSlot(bucket: usize, slot: u32, hash: u32, element: usize): void {
  store<u32>(bucket + TAGS + <usize>slot * 4, hash);
  store<u32>(slotPlace(bucket, slot), <u32>element);
}

/**
 * Adds an element to a bucket this CPU has locked, and unlocks it.
 * The publication on the chain pairs with findInOverflow.
 */
export function insertAndUnlock(area: CpuArea, bucket: usize, control: u64, hash: u32, element: usize): void {
  const free = ~control & SLOT_MASK;
  if (free == 0) {
    store<u32>(element, load<u32>(bucket, OVERFLOW), ELEMENT_NEXT);
    publish(bucket + OVERFLOW, <u32>element);
    unlockChanged(area, bucket, control);
    return;
  }
  const slot = <u32>ctz(free);
  writeSlot(bucket, slot, hash, element);
  unlockChanged(area, bucket, control | ((<u64>1) << slot));
}

/**
 * Takes the element at `place` out of a bucket that is still as `control` says. False: it changed, look again.
 * The claim is lock and publication in one and pairs with every load of the control word; the publication on the chain
 * pairs with findInOverflow. The place is read under the lock, which needs no pair.
 */
export function removeAt(area: CpuArea, bucket: usize, control: u64, place: usize): bool {
  const slot = (place - bucket - ELEMENTS) >> 2;
  if (slot < SLOT_COUNT) {
    const bit = (<u64>1) << (<u64>slot);
    return claim64(bucket, control, (control & ~bit) + SEQUENCE);
  }
  if (!tryLockBucket(area, bucket, control)) return false;
  publish(place, load<u32>(acquire(place), ELEMENT_NEXT));
  unlockChanged(area, bucket, control);
  return true;
}

/**
 * Copies the addresses of up to `room` elements of a bucket; may be stale unless the control word stays the same.
 * The loads pair as those of findInOverflow.
 */
export function collectElements(bucket: usize, control: u64, into: usize, room: u32): u32 {
  let count: u32 = 0;
  for (let bits = <u32>(control & SLOT_MASK); bits != 0 && count < room; bits &= bits - 1) {
    store<u32>(into + count * 4, load<u32>(slotPlace(bucket, <u32>ctz(bits))));
    count++;
  }
  for (let element: usize = acquire(bucket + OVERFLOW); element != 0 && count < room; ) {
    store<u32>(into + count * 4, <u32>element);
    count++;
    element = acquire(element + ELEMENT_NEXT);
  }
  return count;
}

/** Any element of a bucket, 0 when it is empty. For whoever tears the map down: nobody else can reach it. */
export function anyElement(bucket: usize): usize {
  const bits = load<u64>(bucket) & SLOT_MASK;
  return bits != 0 ? load<u32>(slotPlace(bucket, <u32>ctz(bits))) : load<u32>(bucket, OVERFLOW);
}

/** Takes out the element that `anyElement` found. */
export function dropAnyElement(bucket: usize): void {
  const control = load<u64>(bucket);
  if ((control & SLOT_MASK) != 0) store<u64>(bucket, control & (control - 1));
  else store<u32>(bucket, load<u32>(load<u32>(bucket, OVERFLOW), ELEMENT_NEXT), OVERFLOW);
}

/**
 * Whether an element is in this bucket: by its address, not by its key. Inside a read section.
 * The loads pair as those of findElement.
 */
export function bucketContains(bucket: usize, element: usize): bool {
  while (true) {
    const control = acquire64(bucket);
    for (let bits = <u32>(control & SLOT_MASK); bits != 0; bits &= bits - 1) {
      if (acquire(slotPlace(bucket, <u32>ctz(bits))) == element) return true;
    }
    for (let each: usize = acquire(bucket + OVERFLOW); each != 0; each = acquire(each + ELEMENT_NEXT)) {
      if (each == element) return true;
    }
    if (isUnchanged(bucket, control)) return false;
  }
}

/**
 * Takes the lock of a dead CPU off a bucket: what it did to the bucket is done or was not begun.
 * The load needs no pair: the dead CPU changes the word no more. The publication pairs with tryLockBucket of whoever
 * waits.
 */
export function breakBucketLock(bucket: usize, cpu: u32): void {
  const control = acquire64(bucket);
  if ((control & OWNER_MASK) >> OWNER_SHIFT == <u64>cpu + 1) publish64(bucket, (control & ~OWNER_MASK) + SEQUENCE);
}
