/**
 * The ordered map: keys are strings of bytes of any length, in the order of their bytes; what a key is the beginning of comes behind
 * it. A crit-bit tree (Morrison 1968, Bernstein 2004): a *branch* says at which bit the keys below it part, a *leaf* is an entry
 * (maps/table/entry.ts). On the way to a leaf the bits only go up, so as many branches are passed as keys have to be told apart, however long
 * they are.
 *
 * ```
 *  0         8         12        16
 *  +---------+---------+---------+
 *  | header  | child 0 | child 1 | position              a branch
 *  | header  | 0       | 0       | lengths, key, value   a leaf
 *  +---------+---------+---------+
 * ```
 * Nodes are of many sizes: each comes from the slab's class that fits it, nothing is sized beforehand.
 *
 * **Concurrency.** Lookups and walks take no lock, wait for nobody and never fail, in any context: each change is one store, and what
 * was taken out stays as it was until a grace period is over (maps/tree/tree.ts). A lookup never misses a key that is there all the while,
 * and gives one value whole. A walk sees each key that stays once, and in order. Changes take the map's one lock, in any context; an
 * NMI that has interrupted its owner gets -EBUSY.
 */
import { acquire } from "../../base/atomics";
import { ENOENT } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import { copyValueOut, GIVEN_BYTES, lengthsOf, VARIABLE_KEY } from "../table/entry";
import { childSlot, rootSlot } from "./tree";

/** None of Linux's `enum bpf_map_type`. */
export const KIND_ORDERED: u32 = 0x10002;

/** Where a branch's position is. */
export const BRANCH_POSITION: usize = 16;
export const BRANCH_BYTES: u32 = 24;

/**
 * A position is a byte's number times 16 and a bit: 0 whether the key has the byte at all, 1 to 8 its bits from the highest on. So of two
 * keys the one that ends first comes first.
 */
const POSITION_SHIFT: u32 = 4;

/** Of two keys that are the same: no position. */
export const SAME: u32 = 0xffffffff;

/** A branch has two children all its life, a leaf none. The load pairs with nothing: what a node is never changes. */
export function isLeaf(node: usize): bool {
  return acquire(childSlot(node, 0)) == 0;
}

export function positionOf(branch: usize): u32 {
  return load<u32>(branch, BRANCH_POSITION);
}

/** The bytes of a leaf's key, and how many. A leaf's key never changes. */
export function keyBytesIn(leaf: usize): usize {
  return leaf + VARIABLE_KEY;
}

export function keyLengthIn(leaf: usize): u32 {
  return <u32>lengthsOf(leaf);
}

/** The bit of a key at a position. */
export function bitAt(bytes: usize, length: u32, position: u32): u32 {
  const index = position >>> POSITION_SHIFT;
  if (index >= length) return 0;
  const bit = position & 15;
  return bit == 0 ? 1 : (load<u8>(bytes + index) >>> (8 - bit)) & 1;
}

/** The first position at which two keys part; SAME. */
export function partingOf(a: usize, aLength: u32, b: usize, bLength: u32): u32 {
  const common = min(aLength, bLength);
  let index: u32 = 0;
  while (index + 8 <= common && load<u64>(a + index) == load<u64>(b + index)) index += 8;
  while (index < common && load<u8>(a + index) == load<u8>(b + index)) index++;
  if (index == common) return aLength == bLength ? SAME : common << POSITION_SHIFT;
  const different: u32 = load<u8>(a + index) ^ load<u8>(b + index);
  return (index << POSITION_SHIFT) + clz(different) - 24 + 1;
}

/** As partingOf, of a key and a leaf's. */
export function partingFrom(leaf: usize, bytes: usize, length: u32): u32 {
  return partingOf(keyBytesIn(leaf), keyLengthIn(leaf), bytes, length);
}

/**
 * The leaf that a key's bits lead to, 0 in an empty map: the key's own, if it is there. Inside a read section, or under the lock.
 * The loads pair with the publication of a word that leads to a node.
 */
export function leafTowards(map: MapHeader, bytes: usize, length: u32): usize {
  let node: usize = acquire(rootSlot(map));
  while (node != 0 && !isLeaf(node)) node = acquire(childSlot(node, bitAt(bytes, length, positionOf(node))));
  return node;
}

/**
 * Copies a value out as of one moment. Lock-free, any context.
 * @param into as of variableHashGet
 * @returns 0, -ENOENT, or -ENOSPC: there is less room than the length says
 */
export function orderedGet(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const length = load<u32>(key);
  enterRead(area);
  const leaf = leafTowards(map, key + GIVEN_BYTES, length);
  let result = -ENOENT;
  if (leaf != 0 && partingFrom(leaf, key + GIVEN_BYTES, length) == SAME) {
    result = into == 0 ? 0 : copyValueOut(leaf, into);
  }
  leaveRead(area);
  return result;
}

/** Whether a node is in an ordered map, by its address. Nobody changes it meanwhile. */
export function isInOrdered(map: MapHeader, node: usize): bool {
  let leaf = node;
  while (!isLeaf(leaf)) leaf = load<u32>(childSlot(leaf, 0));
  const bytes = keyBytesIn(leaf);
  const length = keyLengthIn(leaf);
  let each: usize = load<u32>(rootSlot(map));
  while (each != 0 && each != node && !isLeaf(each)) {
    each = load<u32>(childSlot(each, bitAt(bytes, length, positionOf(each))));
  }
  return each == node;
}
