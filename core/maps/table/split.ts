/**
 * How a bucket is added to a table or taken away while it is in use, in every context. When is for maps/table/work.ts: one migrator
 * a map; an operation never waits for more than the two buckets it is at, and those it locks for a few stores.
 *
 * Bucket p splits into p and q = p + 2^d:
 * 1. q is filled while it is dead: nobody believes what it says.
 * 2. p is claimed as it was read.
 * 3. q comes alive, locked. p and q have the same elements, both locked: whoever looks finds each key.
 * 4. p gets its new depth, without what went: the switch.
 * 5. What stays of p's chain moves into its free slots, and the chain is cut: its tail is q's.
 * 6. p is unlocked, then q.
 *
 * q comes alive before p lets go, and when they merge dies after p has taken over; an NMI in between finds each key in one of
 * them. Whoever dies in the middle leaves two locked buckets, which tell how far it came (maps/table/repair.ts).
 *
 * Out of memory leaves the table as it is: its chains get longer.
 */
import { acquire, acquire64, publish, publish64 } from "../../base/atomics";
import { CpuArea } from "../../cpu/area";
import { MapHeader } from "../map";
import {
  AGAIN,
  ALL_SLOTS,
  depthOf,
  isLocked,
  makeControl,
  makeDead,
  OVERFLOW,
  OWNER_MASK,
  ownerBits,
  SEQUENCE,
  SLOT_COUNT,
  slotPlace,
  slotsOf,
  TAG_SHIFT,
  TAGS,
  tryLockBucket,
  writeSlot,
} from "./bucket";
import { endOfChain, firstWithBit, forgetClasses, insertIntoChain } from "./chain";
import { ELEMENT_NEXT, hashOfElement } from "./element";
import { addSegment } from "./segment";
import { bucketAt, parentOf, topBit } from "./table";

/** Times that the work looks at a bucket that another CPU has locked or changes, before it leaves it for later. */
const TRIES: u32 = 64;

/** Adds bucket `index`. False: there is no page for its segment, or the bucket that it is split off from is in use. */
export function growByOne(area: CpuArea, map: MapHeader, index: u32): bool {
  if (!addSegment(map, index)) return false;
  const from = bucketAt(map, parentOf(index));
  const into = bucketAt(map, index);
  for (let tries: u32 = 0; tries < TRIES; tries++) {
    if (splitBucket(area, from, into, topBit(index)) != AGAIN) return true;
  }
  return false;
}

/**
 * The slots in use whose elements have `bit` set in their hash, as bits. Where the bit is one of the tag's no
 * element is read, which in a table so large would be a cache miss each. The load pairs as that of findInSlots.
 */
function slotsWithBit(bucket: usize, control: u64, bit: u32): u32 {
  const ofTag = bit >>> TAG_SHIFT;
  if (ofTag != 0 && ofTag <= 0xffff) return slotsWithTagBit(bucket, ofTag) & slotsOf(control);
  let moving: u32 = 0;
  for (let bits = slotsOf(control); bits != 0; bits &= bits - 1) {
    const slot = ctz(bits);
    if ((hashOfElement(acquire(slotPlace(bucket, slot))) & bit) != 0) moving |= 1 << slot;
  }
  return moving;
}

function slotsWithTagBit(bucket: usize, bit: u32): u32 {
  const wanted = i16x8.splat(<i16>bit);
  return i16x8.bitmask(i16x8.eq(v128.and(v128.load(bucket + TAGS), wanted), wanted));
}

/** Puts an element into a slot with the tag of its hash. */
function fillSlot(bucket: usize, slot: u32, element: usize): void {
  writeSlot(bucket, slot, hashOfElement(element), element);
}

/** Copies a slot, tag and all. The load pairs as that of findInSlots. */
function copySlot(from: usize, slot: u32, into: usize, free: u32): void {
  store<u16>(into + TAGS + <usize>free * 2, load<u16>(from + TAGS + <usize>slot * 2));
  store<u32>(slotPlace(into, free), acquire(slotPlace(from, slot)));
}

/**
 * Fills a dead bucket with what is going to be its own: the elements of the slots `moving`, then those of the chain from
 * `first` on. Inside a read section.
 * The loads pair with those who fill `from`; the claim afterwards tells whether they hold.
 * @returns how many slots are filled
 */
function fillDead(from: usize, into: usize, moving: u32, first: usize): u32 {
  let filled: u32 = 0;
  for (let bits = moving; bits != 0; bits &= bits - 1) {
    copySlot(from, ctz(bits), into, filled);
    filled++;
  }
  let element = first;
  for (; filled < <u32>SLOT_COUNT && element != 0; filled++) {
    fillSlot(into, filled, element);
    element = acquire(element + ELEMENT_NEXT);
  }
  store<u32>(into, <u32>element, OVERFLOW);
  forgetClasses(into + OVERFLOW);
  return filled;
}

/**
 * Splits a bucket: those whose hash has `bit` set go from `from` into `into`. Inside a read section.
 * @returns 0, also if it has been split before, by one who died of it; AGAIN if it is locked, or changed meanwhile
 */
function splitBucket(area: CpuArea, from: usize, into: usize, bit: u32): i32 {
  const depth = ctz(bit);
  // Pairs with whoever changed the bucket last.
  const control = acquire64(from);
  if (depthOf(control) > depth) return 0;
  if (isLocked(control)) return AGAIN;
  const moving = slotsWithBit(from, control, bit);
  const cut = firstWithBit(from + OVERFLOW, bit);
  const first: usize = acquire(cut);
  const filled = fillDead(from, into, moving, first);
  if (!tryLockBucket(area, from, control)) return AGAIN;
  const owner = ownerBits(area);
  const alive = makeControl(acquire64(into), depth + 1, (1 << filled) - 1, owner);
  // Pair with whoever looks at one of the two: from the first on both are right, from the second on each has its half.
  publish64(into, alive);
  const left = makeControl(control, depth + 1, slotsOf(control) & ~moving, owner);
  const isChained = acquire(from + OVERFLOW) != 0;
  // By the new depth the classes are others.
  if (isChained) forgetClasses(from + OVERFLOW);
  publish64(from, isChained ? left : left & ~OWNER_MASK);
  if (isChained) unlockHalf(from, tidyChain(from, left, cut, first));
  publish64(into, alive & ~OWNER_MASK);
  area.interruptsOff--;
  return 0;
}

/** As unlockChanged, but interrupts stay off. Pairs as there. */
function unlockHalf(bucket: usize, control: u64): void {
  publish64(bucket, (control & ~OWNER_MASK) + SEQUENCE);
}

/**
 * Moves what stays of a locked bucket's chain into its free slots, then cuts off what begins with `first` at the place `cut`:
 * that is another's by now. An element may be in a slot and on the chain for a moment.
 * The publications pair with whoever looks at the bucket or walks its chain; under the lock the loads need no pair.
 * @returns the control word as it is now
 */
function tidyChain(bucket: usize, control: u64, cut: usize, first: usize): u64 {
  const head = bucket + OVERFLOW;
  const before: usize = acquire(head);
  if (before == 0) return control;
  let element = before;
  let slots = slotsOf(control);
  while (element != first && slots != ALL_SLOTS) {
    const slot = ctz(~slots);
    fillSlot(bucket, slot, element);
    slots |= 1 << slot;
    element = acquire(element + ELEMENT_NEXT);
  }
  let now = control;
  if (element != before) {
    now = makeControl(control, depthOf(control), slots, control & OWNER_MASK);
    publish64(bucket, now);
  }
  // The tail first: what is cut off belongs elsewhere. An element that has moved is still linked to the rest.
  if (element == first) publish(head, 0);
  else {
    if (first != 0) publish(cut, 0);
    if (element != before) publish(head, <u32>element);
  }
  forgetClasses(head);
  return now;
}

/** Takes bucket `index` away: what it has goes back to where it was split off. False: one of the two is in use. */
export function shrinkByOne(area: CpuArea, map: MapHeader, index: u32): bool {
  const into = bucketAt(map, parentOf(index));
  const from = bucketAt(map, index);
  for (let tries: u32 = 0; tries < TRIES; tries++) {
    if (mergeBucket(area, into, from, topBit(index)) != AGAIN) return true;
  }
  return false;
}

/**
 * Merges bucket `from` into `into`, from which it was split off by `bit`.
 * @returns 0, also if it has been merged before; AGAIN if one is locked, or changed meanwhile
 */
function mergeBucket(area: CpuArea, into: usize, from: usize, bit: u32): i32 {
  const depth = ctz(bit);
  // Pair with whoever changed the buckets last.
  const control = acquire64(into);
  if (depthOf(control) <= depth) return 0;
  const other = acquire64(from);
  if (isLocked(control) || isLocked(other)) return AGAIN;
  if (!tryLockBucket(area, into, control)) return AGAIN;
  if (!tryLockBucket(area, from, other)) {
    // Nothing has changed; pairs as unlockBucket.
    publish64(into, control);
    area.interruptsOff--;
    return AGAIN;
  }
  const owner = ownerBits(area);
  const left = emptySlots(into, slotsOf(control), from, other | owner);
  const slots = slotsOf(control) | takenSlots(slotsOf(control), slotsOf(left));
  const tail: usize = acquire(from + OVERFLOW);
  // Pair with whoever looks at one of the two or walks a chain: `into` has all before `from` dies.
  if (tail != 0) publish(endOfChain(into + OVERFLOW), <u32>tail);
  forgetClasses(into + OVERFLOW);
  const whole = makeControl(control, depth, slots, owner);
  publish64(into, whole);
  publish64(from, makeDead(left));
  unlockHalf(into, whole);
  area.interruptsOff -= 2;
  return 0;
}

/**
 * Puts what a locked bucket's slots have into free slots of another that is locked as well, where they do not show yet; what
 * does not fit goes into the bucket's own chain, and then out of its slot: for a moment it is in both.
 * The publication pairs with whoever looks at the bucket.
 * @returns `from`'s control word as it is now: the slots that it shows have moved
 */
function emptySlots(into: usize, slots: u32, from: usize, control: u64): u64 {
  let now = control;
  let free = ~slots & ALL_SLOTS;
  for (let bits = slotsOf(control); bits != 0; bits &= bits - 1) {
    const slot = ctz(bits);
    if (free != 0) {
      copySlot(from, slot, into, ctz(free));
      free &= free - 1;
    } else {
      const element: usize = acquire(slotPlace(from, slot));
      insertIntoChain(from + OVERFLOW, element, hashOfElement(element), depthOf(now));
      now = makeControl(now, depthOf(now), slotsOf(now) & ~(1 << slot), now & OWNER_MASK);
      publish64(from, now);
    }
  }
  return now;
}

/** The slots of `slots` that `emptySlots` has filled: as many of the free ones, from the lowest on, as it found elements. */
function takenSlots(slots: u32, moved: u32): u32 {
  let taken: u32 = 0;
  let free = ~slots & ALL_SLOTS;
  for (let left = popcnt(moved); left > 0; left--) {
    taken |= free & -free;
    free &= free - 1;
  }
  return taken;
}
