/**
 * Going through an ordered map, up or down, from any key on, whether it is there or not. Everything is said of going up; down it is the
 * same with 0 and 1 in each other's place.
 *
 * Nobody is waited for: what is seen of a node is as it was when it was come to. The next leaf is always ahead of the last one, and
 * what lies between and stays is not passed over: a branch that was taken out leads to what it led to then.
 */
import { acquire } from "../../base/atomics";
import { copyOutWords, roundUp } from "../../base/bytes";
import { EAGAIN, ENOSPC } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import { copyValueOut, GIVEN_BYTES } from "../table/entry";
import { bitAt, isLeaf, keyBytesIn, keyLengthIn, partingFrom, positionOf, SAME } from "./ordered";
import { childSlot, isAsOf, rootSlot, stampOf } from "./tree";

/** Bits of a walk's mode: the key that it begins at is one of its own, if it is there; down instead of up. */
export const WALK_FROM: u32 = 1;
export const WALK_DOWN: u32 = 2;

/**
 * The way that leads on from a leaf: of the branches above it the children that lie ahead, the nearest last. It lies at the end of the room
 * that keys are copied to, and grows towards them. Where both want the same words, it is forgotten, and looked for again from the
 * root where it is needed. Its nodes stay what they were for as long as the read section lasts: one that was taken out meanwhile leads to
 * what it led to.
 */
@unmanaged
class Way {
  /** The word of the nearest; this object's own address: there is none. */
  top: u32;
  /** 1: it is not all of the way. */
  isCut: u32;
}
const WAY_BYTES: u32 = 8;

/** What a walk writes in front of the keys. */
export const STAMP_BYTES: usize = 8;

function forget(way: Way): void {
  way.top = <u32>changetype<usize>(way);
}

/** @param free where its words must not reach */
function push(way: Way, free: usize, node: usize): void {
  if (<usize>way.top - 4 < free) {
    forget(way);
    way.isCut = 1;
    if (<usize>way.top - 4 < free) return;
  }
  way.top -= 4;
  store<u32>(way.top, <u32>node);
}

/** The nearest node ahead; 0: there is none, or it is not known. */
function pop(way: Way): usize {
  if (<usize>way.top == changetype<usize>(way)) return 0;
  const node: usize = load<u32>(way.top);
  way.top += 4;
  return node;
}

/** The first leaf of a node's, 0 of none. The loads pair as those of leafTowards (maps/tree/ordered.ts). */
function firstOf(way: Way, free: usize, top: usize, down: u32): usize {
  let node = top;
  while (node != 0 && !isLeaf(node)) {
    push(way, free, acquire(childSlot(node, 1 - down)));
    node = acquire(childSlot(node, down));
  }
  return node;
}

/**
 * The way down a key's bits, as far as the branches part before `limit`: the node where it ends.
 * The loads pair as those of leafTowards (maps/tree/ordered.ts).
 */
function wayDown(way: Way, free: usize, map: MapHeader, bytes: usize, length: u32, limit: u32, down: u32): usize {
  forget(way);
  way.isCut = 0;
  let node: usize = acquire(rootSlot(map));
  while (node != 0 && !isLeaf(node) && positionOf(node) < limit) {
    const bit = bitAt(bytes, length, positionOf(node));
    if (bit == down) push(way, free, acquire(childSlot(node, 1 - down)));
    node = acquire(childSlot(node, bit));
  }
  return node;
}

/** The first leaf behind a key, or at it; 0 if there is none. Inside a read section. The load pairs as those of leafTowards. */
function leafBehind(way: Way, free: usize, map: MapHeader, bytes: usize, length: u32, mode: u32): usize {
  const down = (mode & WALK_DOWN) >>> 1;
  while (true) {
    const near = wayDown(way, free, map, bytes, length, SAME, down);
    if (near == 0) return 0;
    const parting = partingFrom(near, bytes, length);
    if (parting == SAME) return (mode & WALK_FROM) != 0 ? near : firstOf(way, free, pop(way), down);
    // It is not there: once more, as far as all that is there has its bits.
    const end = wayDown(way, free, map, bytes, length, parting, down);
    const isAhead = bitAt(bytes, length, parting) == down;
    let first = end;
    while (first != 0 && !isLeaf(first)) first = acquire(childSlot(first, down));
    // Something has come or gone between the two looks: what is here now parts from the key elsewhere.
    if (first == 0 || partingFrom(first, bytes, length) != parting) continue;
    return firstOf(way, free, isAhead ? end : pop(way), down);
  }
}

/** The leaf behind one that the way leads on from; 0 if there is none. */
function leafAfter(way: Way, free: usize, map: MapHeader, leaf: usize, mode: u32): usize {
  const down = (mode & WALK_DOWN) >>> 1;
  const node = pop(way);
  if (node != 0 || way.isCut == 0) return firstOf(way, free, node, down);
  return leafBehind(way, free, map, keyBytesIn(leaf), keyLengthIn(leaf), mode & WALK_DOWN);
}

/** The leaf that a walk begins at; 0 if there is none. The load pairs as those of leafTowards. */
function leafFirst(way: Way, free: usize, map: MapHeader, from: usize, mode: u32): usize {
  if (from != 0) return leafBehind(way, free, map, from + GIVEN_BYTES, load<u32>(from), mode);
  forget(way);
  way.isCut = 0;
  return firstOf(way, free, acquire(rootSlot(map)), (mode & WALK_DOWN) >>> 1);
}

/**
 * Copies keys in their order, each as it is given to an operation and rounded up to 8 bytes, as many as fit; in the word behind a
 * key's length is where its entry lies (orderedGetAt). Lock-free, any context.
 * The load pairs as those of leafTowards.
 * @param from the key to begin behind, 0: before all
 * @param mode WALK_FROM, WALK_DOWN
 * @param into 8-byte aligned: eight bytes for the stamp of this look, then the keys; what is behind them is used up
 * @returns how many; -ENOSPC: there is not room for one
 */
export function orderedKeys(address: usize, from: usize, mode: u32, into: usize, bytes: u32): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  if (bytes < <u32>STAMP_BYTES + WAY_BYTES) return -ENOSPC;
  const end = into + (bytes & ~7) - WAY_BYTES;
  const way = changetype<Way>(end);
  let at = into + STAMP_BYTES;
  let count: i32 = 0;
  let isFull = false;
  enterRead(area);
  store<u64>(into, stampOf(map));
  let leaf = leafFirst(way, at, map, from, mode);
  while (leaf != 0) {
    const length = keyLengthIn(leaf);
    const size = <u32>(GIVEN_BYTES + roundUp(length, 8));
    isFull = at + size > end;
    if (isFull) break;
    if (at + size > <usize>way.top) {
      forget(way);
      way.isCut = 1;
    }
    store<u32>(at, length);
    store<u32>(at, <u32>leaf, 4);
    copyOutWords(at + GIVEN_BYTES, keyBytesIn(leaf), size - <u32>GIVEN_BYTES);
    at += size;
    count++;
    leaf = leafAfter(way, at, map, leaf, mode);
  }
  leaveRead(area);
  return isFull && count == 0 ? -ENOSPC : count;
}

/**
 * As orderedGet, of a key that a walk has copied, without a look for it: where the map has not changed since, its entry is where it
 * was. Lock-free, any context.
 * @param leaf the word behind the key's length
 * @param stamp what the walk wrote before its keys: as a number, since no map has 2^53 changes
 * @returns 0; -EAGAIN: it has to be looked for; -ENOSPC as orderedGet
 */
export function orderedGetAt(address: usize, leaf: usize, stamp: f64, into: usize): i32 {
  const area = thisCpu();
  enterRead(area);
  const result = isAsOf(mapAt(address), <u64>stamp) ? copyValueOut(leaf, into) : -EAGAIN;
  leaveRead(area);
  return result;
}
