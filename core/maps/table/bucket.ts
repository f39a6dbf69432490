/**
 * A bucket is one cache line: a control word, the head of a chain for what does not fit, its own number, the tags (parts of
 * the hashes) and the elements of eight slots.
 *
 * ```
 *  0          8          12      16                       32                           64
 *  | control  | overflow | index | tag 0 | ... | tag 7 | element 0 | ... | element 7 |
 *     └ bits 0-4: 32 - depth, bit 5: DEAD, bits 8-15: slots in use, bits 16-31: owner CPU + 1 while locked,
 *       bits 32-63: sequence
 * ```
 * Every change of membership is one store of the control word: it publishes the slot, unlocks and moves the sequence
 * on, all at once. So
 * - an operation first scans without a lock, then claims the control word *as it saw it*: if that succeeds nothing
 *   changed in between and the scan still holds;
 * - deleting from a slot is that one claim, without a lock;
 * - a lookup that found nothing believes it only if the control word is what it was. An element that was freed and
 *   reused on the way (type-stable memory) changed the sequence.
 *
 * The depth says which hashes are the bucket's: those whose lower `depth` bits are its number's (maps/table/table.ts). A DEAD
 * bucket has none; it also counts as locked. A sequence never repeats while anyone can hold an old control word: a bucket
 * that comes alive goes on where it was.
 *
 * All tags are compared at once (SIMD), so how full a bucket is costs nothing and mispredicts no branch. A key that
 * stays keeps its slot and tag, so a scan never misses it. What slots beyond the bits contain is meaningless: a slot is
 * written plainly before its bit is published.
 */
import { acquire, acquire64, claim64, peek, publish64 } from "../../base/atomics";
import { copyOutWords } from "../../base/bytes";
import { CpuArea } from "../../cpu/area";
import { awaitHolder, IN_BUCKET } from "../../cpu/wait";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader } from "../map";
import { elementInChain, findInChain, insertIntoChain, isOfKey, mayHave, removeFromChain } from "./chain";
import { ELEMENT_NEXT } from "./element";
import { hasKey, isVariable } from "./entry";

export const BUCKET_BYTES: usize = 64;

export const OVERFLOW: usize = 8;
/** The bucket's number; the upper byte says what the chain may have (maps/table/chain.ts). */
export const INDEX: usize = 12;
export const INDEX_MASK: u32 = 0xffffff;
export const TAGS: usize = 16;
export const ELEMENTS: usize = 32;
export const SLOT_COUNT: usize = 8;
export const ALL_SLOTS: u32 = (1 << (<u32>SLOT_COUNT)) - 1;
/**
 * The tag is the 16 bits of a hash from here on. A bucket's number takes the lowest: so in a table of up to 4,096 buckets all of
 * the tag tells keys apart, in one of ten million elements 7 bits of it, and from 4,096 buckets on it says where an element goes
 * at the next split.
 */
export const TAG_SHIFT: u32 = 12;
export const SHIFT_MASK: u64 = 0x1f;
export const DEAD: u64 = 0x20;
export const SLOT_SHIFT: u32 = 8;
export const SLOT_MASK: u64 = 0xff00;
export const OWNER_SHIFT: u64 = 16;
export const OWNER_MASK: u64 = 0xffff0000;
export const SEQUENCE: u64 = 0x100000000;
const SEQUENCE_MASK: u64 = 0xffffffff00000000;
/** Result of an operation's attempt: the bucket changed under it, look again. Not an errno, not 0. */
export const AGAIN: i32 = 1;

/** How many of a hash's lower bits a bucket goes by: 1 to 32. */
export function depthOf(control: u64): u32 {
  return 32 - <u32>(control & SHIFT_MASK);
}

/** The slots in use, as bits from 0 on. */
export function slotsOf(control: u64): u32 {
  return <u32>(control & SLOT_MASK) >> SLOT_SHIFT;
}

/** The slots that are not in use, as bits from 0 on. */
export function freeSlots(control: u64): u32 {
  return ~slotsOf(control) & ALL_SLOTS;
}

/** A control word whose sequence follows `before`'s. */
export function makeControl(before: u64, depth: u32, slots: u32, owner: u64): u64 {
  return ((before & SEQUENCE_MASK) + SEQUENCE) | <u64>(32 - depth) | ((<u64>slots) << (<u64>SLOT_SHIFT)) | owner;
}

/** The control word of a bucket that has no keys any more. */
export function makeDead(before: u64): u64 {
  return ((before & SEQUENCE_MASK) + SEQUENCE) | DEAD;
}

/** The owner's bits of a control word that this CPU has locked. */
export function ownerBits(area: CpuArea): u64 {
  return (<u64>area.id + 1) << OWNER_SHIFT;
}

/** Whether a bucket with this control word has the keys of a hash. */
export function isHome(bucket: usize, control: u64, hash: u32): bool {
  return (control & DEAD) == 0 && belongs(peek(bucket + INDEX), control, hash);
}

/** Whether a bucket's chain may have a key with this hash, as long as the control word says what `control` does. */
export function mayBeChained(bucket: usize, control: u64, hash: u32): bool {
  return mayHave(bucket + OVERFLOW, hash, depthOf(control));
}

/**
 * Whether a hash's lower bits are those of bucket `index` at the depth that `control` says. No bucket is so deep that the upper
 * byte of `index` counts.
 */
export function belongs(index: u32, control: u64, hash: u32): bool {
  return (hash ^ index) << (<u32>(control & SHIFT_MASK)) == 0;
}

export function isLocked(control: u64): bool {
  return (control & (OWNER_MASK | DEAD)) != 0;
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
  if (claim64(bucket, control, control | ownerBits(area))) return true;
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

/** The slots in use whose tag is a hash's, as bits. */
export function matchingSlots(bucket: usize, control: u64, hash: u32): u32 {
  const wanted = i16x8.splat(<i16>(hash >>> TAG_SHIFT));
  return i16x8.bitmask(i16x8.eq(v128.load(bucket + TAGS), wanted)) & slotsOf(control);
}

/** The place of a slot's element. */
export function slotPlace(bucket: usize, slot: u32): usize {
  return bucket + ELEMENTS + <usize>slot * 4;
}

/** The place of an element among the slots in use, by its address and not by its key; 0. The load pairs as that of findInSlots. */
export function slotOfElement(bucket: usize, control: u64, element: usize): usize {
  for (let bits = slotsOf(control); bits != 0; bits &= bits - 1) {
    const place = slotPlace(bucket, ctz(bits));
    if (acquire(place) == element) return place;
  }
  return 0;
}

/**
 * As slotOfElement, or in the chain. Inside a read section.
 * The loads pair as those of findInChain.
 */
export function placeOfElement(bucket: usize, control: u64, element: usize): usize {
  const slot = slotOfElement(bucket, control, element);
  if (slot != 0) return slot;
  let place = bucket + OVERFLOW;
  let each: usize = acquire(place);
  while (each != 0 && each != element) {
    place = each + ELEMENT_NEXT;
    each = acquire(place);
  }
  return each != 0 ? place : 0;
}

/**
 * The load pairs with writeSlot by way of the control word that `control` is; of a slot changed since then anything may
 * be read, and is thrown away.
 */
function findInSlots(map: MapHeader, bucket: usize, control: u64, hash: u32, key: usize): usize {
  for (let bits = matchingSlots(bucket, control, hash); bits != 0; bits &= bits - 1) {
    const place = slotPlace(bucket, ctz(bits));
    if (hasKey(map, acquire(place), key)) return place;
  }
  return 0;
}

/**
 * Finds a key in the bucket as `control` describes it. The answer, found or not, holds only if the control word is
 * still the same afterwards.
 *
 * An element found in a slot may be anything by then, but its address is one, unless where it ends is for it to say (maps/table/entry.ts);
 * a chain is followed inside a read section only, since the link in memory that went back to the slab may point anywhere.
 * @returns the *place* of the element, the address of the word that refers to it (in a slot, or a link); 0
 */
export function findPlace(area: CpuArea, map: MapHeader, bucket: usize, control: u64, hash: u32, key: usize): usize {
  const inSection = isVariable(map);
  if (inSection) enterRead(area);
  let place = findInSlots(map, bucket, control, hash, key);
  if (inSection) leaveRead(area);
  if (place != 0 || !mayBeChained(bucket, control, hash)) return place;
  enterRead(area);
  place = findInChain(map, bucket + OVERFLOW, hash, key);
  leaveRead(area);
  return place;
}

/**
 * The element of a key, for callers inside a read section; 0 if the key is not there, which holds only if the control word is
 * still the same afterwards. The element that was compared is the one returned, even if it was removed meanwhile.
 * The loads pair as those of findInSlots and findInChain.
 */
export function findElement(map: MapHeader, bucket: usize, control: u64, hash: u32, key: usize): usize {
  for (let bits = matchingSlots(bucket, control, hash); bits != 0; bits &= bits - 1) {
    const element: usize = acquire(slotPlace(bucket, ctz(bits)));
    if (isOfKey(map, element, hash, key)) return element;
  }
  return mayBeChained(bucket, control, hash) ? elementInChain(map, bucket + OVERFLOW, hash, key) : 0;
}

/**
 * Whether the bucket's membership is what `control` says; a lock taken since then has not changed it yet.
 * The load pairs with the publication that changes the bucket: it comes after the loads that it vouches for.
 */
export function isUnchanged(bucket: usize, control: u64): bool {
  return ((acquire64(bucket) ^ control) & ~OWNER_MASK) == 0;
}

/**
 * Copies a key's element from `offset` on, if the bucket is as `control` says all the while: `isUnchanged` tells. Inside a
 * read section only if the bucket has a chain.
 * The loads pair as those of findPlace.
 * @returns whether the key was there
 */
export function copyFromBucket(
  area: CpuArea,
  map: MapHeader,
  bucket: usize,
  control: u64,
  hash: u32,
  key: usize,
  into: usize,
  offset: usize,
): bool {
  const place = findInSlots(map, bucket, control, hash, key);
  if (place != 0) {
    copyOutWords(into, <usize>acquire(place) + offset, map.valueStride);
    return true;
  }
  if (!mayBeChained(bucket, control, hash)) return false;
  enterRead(area);
  const element = elementInChain(map, bucket + OVERFLOW, hash, key);
  if (element != 0) copyOutWords(into, element + offset, map.valueStride);
  leaveRead(area);
  return element != 0;
}

/** Fills a slot that is not in use, in a bucket this CPU has locked, or that is dead. */
export function writeSlot(bucket: usize, slot: u32, hash: u32, element: usize): void {
  store<u16>(bucket + TAGS + <usize>slot * 2, <u16>(hash >>> TAG_SHIFT));
  store<u32>(slotPlace(bucket, slot), <u32>element);
}

/** Adds an element to a bucket this CPU has locked, and unlocks it. */
export function insertAndUnlock(area: CpuArea, bucket: usize, control: u64, hash: u32, element: usize): void {
  const free = freeSlots(control);
  if (free == 0) {
    insertIntoChain(bucket + OVERFLOW, element, hash, depthOf(control));
    unlockChanged(area, bucket, control);
    return;
  }
  const slot = ctz(free);
  writeSlot(bucket, slot, hash, element);
  unlockChanged(area, bucket, control | slotBit(slot));
}

/** A slot's bit in the control word. */
export function slotBit(slot: u32): u64 {
  return (<u64>1) << (<u64>(slot + SLOT_SHIFT));
}

/**
 * Takes the element at `place` out of a bucket that is still as `control` says. False: it changed, look again.
 * The claim is lock and publication in one and pairs with every load of the control word.
 */
export function removeAt(area: CpuArea, bucket: usize, control: u64, place: usize): bool {
  const slot = (place - bucket - ELEMENTS) >> 2;
  if (slot < SLOT_COUNT) return claim64(bucket, control, (control & ~slotBit(<u32>slot)) + SEQUENCE);
  if (!tryLockBucket(area, bucket, control)) return false;
  removeAndUnlock(area, bucket, control, place);
  return true;
}

/** Takes the element at `place` out of a bucket this CPU has locked, and unlocks it. */
export function removeAndUnlock(area: CpuArea, bucket: usize, control: u64, place: usize): void {
  const slot = (place - bucket - ELEMENTS) >> 2;
  const isInSlot = slot < SLOT_COUNT;
  if (!isInSlot) removeFromChain(bucket + OVERFLOW, place);
  unlockChanged(area, bucket, isInSlot ? control & ~slotBit(<u32>slot) : control);
}
