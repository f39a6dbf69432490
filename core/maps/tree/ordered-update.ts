/**
 * Changing an ordered map. A new key is a leaf, and a branch unless it is the first; another value is a new leaf. Both are taken before
 * the lock, by a look without it, and if the look no longer holds under the lock it is done again.
 */
import { allocate } from "../../alloc/allocator";
import { cacheOf } from "../../alloc/set";
import { acquire } from "../../base/atomics";
import { E2BIG, EAGAIN, EEXIST, EINVAL, ENOENT } from "../../base/errno";
import { CpuArea, thisCpu } from "../../cpu/area";
import {
  COUNTS,
  clearIntent,
  firstIntent,
  intentCache,
  intentObject,
  intentsOf,
  MAYBE,
  nameObject,
  RCU,
  REMOVES,
  secondIntent,
} from "../../cpu/intent";
import { lockAnywhere, unlock } from "../../cpu/lock";
import { memoryErrno, renewBudget } from "../../cpu/wait";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { letWorkRun } from "../deferred";
import { EXIST, MapHeader, mapAt, mapSet, NOEXIST } from "../map";
import { AGAIN } from "../table/bucket";
import {
  cacheForEntry,
  cacheOfElement,
  copyValueOut,
  fillElement,
  GIVEN_BYTES,
  hasValue,
  setForBytes,
} from "../table/entry";
import {
  BRANCH_BYTES,
  BRANCH_POSITION,
  bitAt,
  isLeaf,
  keyBytesIn,
  keyLengthIn,
  leafTowards,
  partingFrom,
  positionOf,
  SAME,
} from "./ordered";
import { childSlot, putAway, rootSlot, showChange, treeLock } from "./tree";

/** Whether a key will need a branch, by a look without the lock. */
function needsBranch(area: CpuArea, map: MapHeader, key: usize): bool {
  const bytes = key + GIVEN_BYTES;
  const length = load<u32>(key);
  enterRead(area);
  const leaf = leafTowards(map, bytes, length);
  const needs = leaf != 0 && partingFrom(leaf, bytes, length) != SAME;
  leaveRead(area);
  return needs;
}

/** Takes leaf and branch into the intents: 0 or -errno. */
function takeNodes(area: CpuArea, map: MapHeader, intents: usize, key: usize, value: usize): i32 {
  const cache = cacheForEntry(area, map, key, value);
  if (changetype<usize>(cache) == 0) return -E2BIG;
  const branches = needsBranch(area, map, key);
  const leaf = allocate(area, cache, firstIntent(intents), 0);
  if (leaf == 0) return -memoryErrno(area);
  store<u32>(childSlot(leaf, 0), 0);
  fillElement(map, leaf, 0, key, value);
  if (!branches) return 0;
  const branchCache = cacheOf(mapSet(map, setForBytes(BRANCH_BYTES)), area.id);
  if (allocate(area, branchCache, secondIntent(intents), 0) != 0) return 0;
  putAway(area, firstIntent(intents));
  return -memoryErrno(area);
}

/** Says of the object in an intent what is about to be done with it. */
function sayOf(intent: usize, bits: u64): void {
  const word = load<u64>(intent);
  nameObject(intent, intentObject(word), intentCache(word), bits);
}

/** Names a node that is about to come out. */
function nameNode(area: CpuArea, map: MapHeader, intent: usize, node: usize, bits: u64): void {
  nameObject(intent, node, changetype<usize>(cacheOfElement(area, map, node)), bits);
}

/** The leaf in the first intent takes the place of the one at `slot`. Caller has the lock. */
function replaceLeaf(area: CpuArea, map: MapHeader, intents: usize, slot: usize, old: usize): void {
  sayOf(firstIntent(intents), MAYBE);
  nameNode(area, map, secondIntent(intents), old, MAYBE | REMOVES);
  showChange(map, slot, intentObject(load<u64>(firstIntent(intents))), 0);
  clearIntent(firstIntent(intents));
  sayOf(secondIntent(intents), RCU);
}

/** The leaf in the first intent goes behind the branch in the second one, beside what parts from it there. Caller has the lock. */
function insertLeaf(map: MapHeader, intents: usize, parting: u32): void {
  const leaf = intentObject(load<u64>(firstIntent(intents)));
  const branch = intentObject(load<u64>(secondIntent(intents)));
  const bytes = keyBytesIn(leaf);
  const length = keyLengthIn(leaf);
  let slot = rootSlot(map);
  let there: usize = load<u32>(slot);
  while (!isLeaf(there) && positionOf(there) < parting) {
    slot = childSlot(there, bitAt(bytes, length, positionOf(there)));
    there = load<u32>(slot);
  }
  const bit = bitAt(bytes, length, parting);
  store<u32>(branch, parting, BRANCH_POSITION);
  store<u32>(childSlot(branch, bit), <u32>leaf);
  store<u32>(childSlot(branch, 1 - bit), <u32>there);
  sayOf(secondIntent(intents), MAYBE);
  sayOf(firstIntent(intents), MAYBE | COUNTS);
  showChange(map, slot, branch, 1);
  clearIntent(firstIntent(intents));
  clearIntent(secondIntent(intents));
}

/** The leaf in the first intent is the first of all. Caller has the lock. */
function insertFirst(map: MapHeader, intents: usize): void {
  sayOf(firstIntent(intents), MAYBE | COUNTS);
  showChange(map, rootSlot(map), intentObject(load<u64>(firstIntent(intents))), 1);
  clearIntent(firstIntent(intents));
}

/** The word that leads to a leaf. Caller has the lock. The load needs no pair. */
function slotOf(map: MapHeader, leaf: usize): usize {
  let slot = rootSlot(map);
  for (let node: usize = acquire(slot); node != leaf; node = acquire(slot)) {
    slot = childSlot(node, bitAt(keyBytesIn(leaf), keyLengthIn(leaf), positionOf(node)));
  }
  return slot;
}

/**
 * Puts the leaf in the first intent where it belongs: 0, -errno, or AGAIN: it takes a branch, or does not. Caller has the lock.
 * @param expected the value that is to be replaced, 0 for any
 */
function putLeaf(area: CpuArea, map: MapHeader, intents: usize, key: usize, flags: u32, expected: usize): i32 {
  const there = leafTowards(map, key + GIVEN_BYTES, load<u32>(key));
  const parting = there == 0 ? SAME : partingFrom(there, key + GIVEN_BYTES, load<u32>(key));
  const isThere = there != 0 && parting == SAME;
  if (isThere && flags == NOEXIST) return -EEXIST;
  if (!isThere && flags == EXIST) return -ENOENT;
  if (!isThere && map.treeCount >= map.maxEntries) return -E2BIG;
  if (isThere && !hasValue(map, there, expected)) return -EAGAIN;
  const hasBranch = intentObject(load<u64>(secondIntent(intents))) != 0;
  if (hasBranch != (there != 0 && !isThere)) return AGAIN;
  if (isThere) replaceLeaf(area, map, intents, slotOf(map, there), there);
  else if (there == 0) insertFirst(map, intents);
  else insertLeaf(map, intents, parting);
  return 0;
}

function update(address: usize, key: usize, value: usize, flags: u32, expected: usize): i32 {
  if (flags > EXIST) return -EINVAL;
  const map = mapAt(address);
  const area = thisCpu();
  const intents = intentsOf(area);
  renewBudget(area);
  let result: i32 = AGAIN;
  while (result == AGAIN) {
    result = takeNodes(area, map, intents, key, value);
    if (result != 0) break;
    result = lockAnywhere(area, treeLock(map));
    if (result == 0) {
      result = putLeaf(area, map, intents, key, flags, expected);
      unlock(treeLock(map));
    }
    putAway(area, firstIntent(intents));
    putAway(area, secondIntent(intents));
  }
  letWorkRun(area);
  return result;
}

/**
 * Creates an entry or replaces its value. Key and value as they are given to a variable hash (maps/table/entry.ts). Any context.
 * @param flags 0, NOEXIST or EXIST
 * @returns 0, -EINVAL (flags), -EEXIST, -ENOENT, -E2BIG (full, or larger than the largest object), -ENOMEM (nothing to allocate in
 * this context), -EBUSY (this context interrupted the lock's owner) or -ETIMEDOUT (its owner is dead)
 */
export function orderedUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  return update(address, key, value, flags, 0);
}

/** Replaces a value if it is the expected one. As orderedUpdate with EXIST, or -EAGAIN: it is another one. */
export function orderedCompareUpdate(address: usize, key: usize, expected: usize, value: usize): i32 {
  return update(address, key, value, EXIST, expected);
}

/** Takes a leaf out, and with it the branch before it. Caller has the lock. */
function takeOut(area: CpuArea, map: MapHeader, intents: usize, leaf: usize): void {
  const bytes = keyBytesIn(leaf);
  const length = keyLengthIn(leaf);
  let slot = rootSlot(map);
  let branch: usize = 0;
  let node: usize = load<u32>(slot);
  let beside: usize = 0;
  while (node != leaf) {
    if (branch != 0) slot = childSlot(branch, bitAt(bytes, length, positionOf(branch)));
    branch = node;
    const bit = bitAt(bytes, length, positionOf(branch));
    beside = load<u32>(childSlot(branch, 1 - bit));
    node = load<u32>(childSlot(branch, bit));
  }
  nameNode(area, map, firstIntent(intents), leaf, MAYBE | REMOVES | COUNTS);
  if (branch != 0) nameNode(area, map, secondIntent(intents), branch, MAYBE | REMOVES);
  showChange(map, slot, beside, -1);
  sayOf(firstIntent(intents), RCU);
  if (branch != 0) sayOf(secondIntent(intents), RCU);
}

/**
 * @param expected the value that is to go, 0 for any
 * @param into where the value is copied to as by orderedGet, 0: nowhere
 */
function remove(address: usize, key: usize, expected: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const intents = intentsOf(area);
  renewBudget(area);
  const locked = lockAnywhere(area, treeLock(map));
  if (locked != 0) return locked;
  const leaf = leafTowards(map, key + GIVEN_BYTES, load<u32>(key));
  let result = 0;
  if (leaf == 0 || partingFrom(leaf, key + GIVEN_BYTES, load<u32>(key)) != SAME) result = -ENOENT;
  else if (!hasValue(map, leaf, expected)) result = -EAGAIN;
  else if (into != 0) result = copyValueOut(leaf, into);
  if (result == 0) takeOut(area, map, intents, leaf);
  unlock(treeLock(map));
  putAway(area, firstIntent(intents));
  putAway(area, secondIntent(intents));
  letWorkRun(area);
  return result;
}

/** Deletes a key. Any context. 0, -ENOENT, -EBUSY or -ETIMEDOUT as orderedUpdate. */
export function orderedDelete(address: usize, key: usize): i32 {
  return remove(address, key, 0, 0);
}

/** As orderedDelete, or -EAGAIN and nothing has happened: the value is not the expected one. */
export function orderedCompareDelete(address: usize, key: usize, expected: usize): i32 {
  return remove(address, key, expected, 0);
}

/** As orderedDelete, and copies the value out as orderedGet: -ENOSPC, and nothing has happened, if it has no room. */
export function orderedTake(address: usize, key: usize, into: usize): i32 {
  return remove(address, key, 0, into);
}
