/**
 * The chain behind a bucket: elements that found no slot, linked by their second word. They lie in split order (Shalev,
 * Shavit 2006): of two hashes the one that has 0 at the lowest bit in which they differ comes first. So what leaves at the
 * bucket's next split is always the chain's tail, and one store cuts it off.
 *
 * A chain changes under its bucket's lock only; it is read without one inside a read section, where what the walk led to is
 * thrown away if the bucket's control word has changed.
 */
import { acquire, publish } from "../base/atomics";
import { equalBytes } from "../base/bytes";
import { ELEMENT_HASH, ELEMENT_KEY, ELEMENT_NEXT, hashOfElement } from "./element";
import { MapHeader } from "./map";

/** Whether hash `a` comes before `b` in split order. */
export function isBefore(a: u32, b: u32): bool {
  const differ = a ^ b;
  return (differ & -differ & a) == 0;
}

/**
 * The place of a key's element in the chain that begins in the word `head`: the address of the word that refers to it, or 0.
 * The loads pair with the publications of insertIntoChain and removeFromChain: an element on the chain is whole.
 */
export function findInChain(map: MapHeader, head: usize, hash: u32, key: usize): usize {
  let place = head;
  for (let element: usize = acquire(place); element != 0; element = acquire(place)) {
    if (load<u32>(element, ELEMENT_HASH) == hash && equalBytes(element + ELEMENT_KEY, key, map.keySize)) return place;
    place = element + ELEMENT_NEXT;
  }
  return 0;
}

/**
 * Links an element where split order wants it. Caller has the bucket's lock.
 * The publication pairs with whoever walks the chain; under the lock the loads need no pair.
 */
export function insertIntoChain(head: usize, element: usize, hash: u32): void {
  let place = head;
  let next: usize = acquire(place);
  while (next != 0 && isBefore(hashOfElement(next), hash)) {
    place = next + ELEMENT_NEXT;
    next = acquire(place);
  }
  store<u32>(element, <u32>next, ELEMENT_NEXT);
  publish(place, <u32>element);
}

/**
 * Unlinks the element that the word at `place` refers to; it goes on leading those that are at it to the rest. Caller has
 * the bucket's lock.
 * The publication pairs with whoever walks the chain; under the lock the load needs no pair.
 */
export function removeFromChain(place: usize): void {
  publish(place, load<u32>(acquire(place), ELEMENT_NEXT));
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
