/**
 * Going through an ordered map, up or down, from any key on, whether it is there or not. Everything is said of going up; down it is the
 * same with 0 and 1 in each other's place.
 *
 * Nobody is waited for: what is seen of a node is as it was when it was come to. The next leaf is always ahead of the last one, and
 * what lies between and stays is not passed over: a branch that was taken out leads to what it led to then.
 */
import { acquire } from "../base/atomics";
import { copyOutWords, roundUp } from "../base/bytes";
import { ENOSPC } from "../base/errno";
import { thisCpu } from "../cpu/area";
import { enterRead, leaveRead } from "../rcu/epoch";
import { GIVEN_BYTES } from "./entry";
import { MapHeader, mapAt } from "./map";
import { bitAt, isLeaf, keyBytesIn, keyLengthIn, partingFrom, positionOf, SAME } from "./ordered";
import { childSlot, rootSlot } from "./tree";

/** Bits of a walk's mode: the key that it begins at is one of its own, if it is there; down instead of up. */
export const WALK_FROM: u32 = 1;
export const WALK_DOWN: u32 = 2;

/** The first leaf of a node's. The loads pair as those of leafTowards (maps/ordered.ts). */
function firstOf(top: usize, down: u32): usize {
  let node = top;
  while (node != 0 && !isLeaf(node)) node = acquire(childSlot(node, down));
  return node;
}

/**
 * The way down a key's bits, as far as the branches part before `limit`: bits 0-31 the node where it ends, bits 32-63 what hangs off it at
 * the other side, the last soonest: that comes behind the key.
 * The loads pair as those of leafTowards (maps/ordered.ts).
 */
function wayDown(map: MapHeader, bytes: usize, length: u32, limit: u32, down: u32): u64 {
  let beside: usize = 0;
  let node: usize = acquire(rootSlot(map));
  while (node != 0 && !isLeaf(node) && positionOf(node) < limit) {
    const bit = bitAt(bytes, length, positionOf(node));
    if (bit == down) beside = acquire(childSlot(node, 1 - down));
    node = acquire(childSlot(node, bit));
  }
  return <u64>node | ((<u64>beside) << 32);
}

/** The first leaf behind a key, or at it; 0 if there is none. Inside a read section. */
function leafBehind(map: MapHeader, bytes: usize, length: u32, mode: u32): usize {
  const down = (mode & WALK_DOWN) >>> 1;
  while (true) {
    const whole = wayDown(map, bytes, length, SAME, down);
    const near = <usize>(<u32>whole);
    if (near == 0) return 0;
    const parting = partingFrom(near, bytes, length);
    if (parting == SAME) return (mode & WALK_FROM) != 0 ? near : firstOf(<usize>(whole >> 32), down);
    // It is not there: once more, as far as all that is there has its bits.
    const way = wayDown(map, bytes, length, parting, down);
    const first = firstOf(<usize>(<u32>way), down);
    // Something has come or gone between the two looks: what is here now parts from the key elsewhere.
    if (first == 0 || partingFrom(first, bytes, length) != parting) continue;
    return bitAt(bytes, length, parting) == down ? first : firstOf(<usize>(way >> 32), down);
  }
}

/**
 * Copies keys in their order, each as it is given to an operation and rounded up to 8 bytes, as many as fit. Lock-free, any context.
 * The load pairs as those of leafTowards.
 * @param from the key to begin behind, 0: before all
 * @param mode WALK_FROM, WALK_DOWN
 * @param into 8-byte aligned
 * @returns how many; -ENOSPC: there is not room for one
 */
export function orderedKeys(address: usize, from: usize, mode: u32, into: usize, bytes: u32): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const down = (mode & WALK_DOWN) >>> 1;
  let count: i32 = 0;
  let written: u32 = 0;
  let isCut = false;
  enterRead(area);
  let leaf =
    from == 0 ? firstOf(acquire(rootSlot(map)), down) : leafBehind(map, from + GIVEN_BYTES, load<u32>(from), mode);
  while (leaf != 0) {
    const length = keyLengthIn(leaf);
    const size = <u32>(GIVEN_BYTES + roundUp(length, 8));
    isCut = size > bytes - written;
    if (isCut) break;
    store<u64>(into + written, length);
    copyOutWords(into + written + GIVEN_BYTES, keyBytesIn(leaf), size - <u32>GIVEN_BYTES);
    written += size;
    count++;
    leaf = leafBehind(map, keyBytesIn(leaf), length, mode & WALK_DOWN);
  }
  leaveRead(area);
  return isCut && count == 0 ? -ENOSPC : count;
}
