/**
 * The chain behind a bucket: elements that found no slot, linked by their second word. They lie in split order (Shalev,
 * Shavit 2006): of two hashes the one that has 0 at the lowest bit in which they differ comes first. So what leaves at the
 * bucket's next split is always the chain's tail, and one store cuts it off.
 *
 * A chain changes under its bucket's lock only; it is read without one inside a read section, where what the walk led to is
 * thrown away if the bucket's control word has changed.
 *
 * Every element of a chain is a cache miss. So near its head stands which classes of hashes it may have: a class is the three bits
 * by which the bucket will be split next, in split order. What a chain has not is known without reading it, and so is that all
 * of it comes after a new element. A class may be named that nothing on the chain has any more, never the other way round.
 */
import { acquire, peek, publish } from "../../base/atomics";
import { MapHeader } from "../map";
import { ELEMENT_HASH, ELEMENT_NEXT, hashOfElement } from "./element";
import { hasKey } from "./entry";

/** From a chain's head on: the word whose upper byte the classes are, as bits. Written under the bucket's lock. */
const CLASSES_WORD: usize = 4;
const CLASSES_SHIFT: u32 = 24;
const EVERY_CLASS: u32 = 0xff;

function classesOf(head: usize): u32 {
  return peek(head + CLASSES_WORD) >>> CLASSES_SHIFT;
}

/** Caller has the bucket's lock, or the bucket is dead. The publication pairs with mayHave. */
function setClasses(head: usize, classes: u32): void {
  const word = peek(head + CLASSES_WORD);
  const wanted = (word & ((1 << CLASSES_SHIFT) - 1)) | (classes << CLASSES_SHIFT);
  if (wanted != word) publish(head + CLASSES_WORD, wanted);
}

/** A hash's class in a bucket of this depth, as a bit: the lower, the sooner it comes. */
function classBit(hash: u32, depth: u32): u32 {
  const next = hash >>> depth;
  return 1 << (((next & 1) << 2) | (next & 2) | ((next >>> 2) & 1));
}

/**
 * Whether the chain that begins in the word `head` may have an element with this hash; `depth` is the bucket's. What it says
 * holds only as long as the bucket's control word stays as it was.
 */
export function mayHave(head: usize, hash: u32, depth: u32): bool {
  const classes = classesOf(head);
  return classes != 0 && (classes & classBit(hash, depth)) != 0;
}

/**
 * The chain is now another one, or its bucket is about to have another depth: it may have any class, or it is empty. Caller has
 * the bucket's lock, or the bucket is dead; the load needs no pair.
 */
export function forgetClasses(head: usize): void {
  setClasses(head, acquire(head) != 0 ? EVERY_CLASS : 0);
}

/** Whether hash `a` comes before `b` in split order. */
function isBefore(a: u32, b: u32): bool {
  const differ = a ^ b;
  return (differ & -differ & a) == 0;
}

/**
 * The place of a key's element in the chain that begins in the word `head`: the address of the word that refers to it, or 0. Only
 * who then has the bucket's lock, unchanged, finds the element there.
 * The loads pair with the publications of insertIntoChain and removeFromChain: an element on the chain is whole.
 */
export function findInChain(map: MapHeader, head: usize, hash: u32, key: usize): usize {
  let place = head;
  for (let element: usize = acquire(place); element != 0; element = acquire(place)) {
    if (isOfKey(map, element, hash, key)) return place;
    place = element + ELEMENT_NEXT;
  }
  return 0;
}

/** As findInChain, the element itself: the one that was compared, even if it is unlinked meanwhile. The loads pair as there. */
export function elementInChain(map: MapHeader, head: usize, hash: u32, key: usize): usize {
  let element: usize = acquire(head);
  while (element != 0 && !isOfKey(map, element, hash, key)) element = acquire(element + ELEMENT_NEXT);
  return element;
}

/** Whether an element is the key's. Reads the element: it may be another key's by now even if it was the key's. */
export function isOfKey(map: MapHeader, element: usize, hash: u32, key: usize): bool {
  return load<u32>(element, ELEMENT_HASH) == hash && hasKey(map, element, key);
}

/**
 * Links an element where split order wants it. Caller has the lock of the bucket, whose depth is `depth`.
 * The publication pairs with whoever walks the chain: the element's class is named by then. Under the lock the loads need no pair.
 */
export function insertIntoChain(head: usize, element: usize, hash: u32, depth: u32): void {
  const bit = classBit(hash, depth);
  const classes = classesOf(head);
  setClasses(head, classes | bit);
  const comesFirst = (classes & (bit | (bit - 1))) == 0;
  let place = head;
  let next: usize = acquire(place);
  while (!comesFirst && next != 0 && isBefore(hashOfElement(next), hash)) {
    place = next + ELEMENT_NEXT;
    next = acquire(place);
  }
  store<u32>(element, <u32>next, ELEMENT_NEXT);
  publish(place, <u32>element);
}

/**
 * Unlinks the element that the word at `place` refers to; it goes on leading those that are at it to the rest. Caller has
 * the bucket's lock.
 * The publication pairs with whoever walks the chain; under the lock the loads need no pair.
 */
export function removeFromChain(head: usize, place: usize): void {
  publish(place, load<u32>(acquire(place), ELEMENT_NEXT));
  if (acquire(head) == 0) setClasses(head, 0);
}

/**
 * The place of the chain's first element whose hash has `bit` set, or of its end. Inside a read section or under the lock.
 * The loads pair with the publications of insertIntoChain and removeFromChain.
 */
export function firstWithBit(head: usize, bit: u32): usize {
  let place = head;
  let element: usize = acquire(place);
  while (element != 0 && (hashOfElement(element) & bit) == 0) {
    place = element + ELEMENT_NEXT;
    element = acquire(place);
  }
  return place;
}

/**
 * The place of the chain's end. Caller has the bucket's lock, so that the loads need no pair.
 */
export function endOfChain(head: usize): usize {
  let place = head;
  for (let element: usize = acquire(place); element != 0; element = acquire(place)) place = element + ELEMENT_NEXT;
  return place;
}
