/**
 * Stacks that any CPU and any context may push to (Treiber 1986): the head is a word, each object links the next. A push
 * cannot fail and takes no lock; whoever interrupts one only makes it look again.
 *
 * Where objects are popped one at a time the head is a tagged one, tag << 32 | first object: the tag counts changes, so that
 * a head that went and came back in the meantime makes a stale claim fail. A stack of which everything is taken at once
 * needs none.
 */
import { claim, claim64, peek, peek64 } from "./atomics";

/**
 * Puts a chain on a stack.
 * @param stack address of the head
 * @param first object of the chain
 * @param link address of the word by which its last object links the next
 */
export function push(stack: usize, first: usize, link: usize): void {
  let head: u32;
  do {
    head = peek(stack);
    store<u32>(link, head);
    // Pairs with the claim or exchange of whoever takes: the links are written before the objects are seen.
  } while (!claim(stack, head, <u32>first));
}

/** As push, for a tagged head. */
export function pushTagged(stack: usize, first: usize, link: usize): void {
  let head: u64;
  do {
    head = peek64(stack);
    store<u32>(link, <u32>head);
    // Pairs with the claim of whoever takes, as in push.
  } while (!claim64(stack, head, nextHead(head, first)));
}

/** The first object of a tagged head, 0 if there is none. */
export function topOf(head: u64): usize {
  return <usize>(head & 0xffffffff);
}

/** The tag of a head: how often it has changed. */
export function tagOf(head: u64): u32 {
  return <u32>(head >> 32);
}

/** The head that follows `head` when `first` is on top. */
export function nextHead(head: u64, first: usize): u64 {
  return <u64>first | ((<u64>tagOf(head) + 1) << 32);
}
