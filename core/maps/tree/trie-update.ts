/**
 * Changing a trie. A new prefix is one node, or two where it parts from another one in the middle: the nodes are taken before the lock,
 * by a look without it, and if the look no longer holds under the lock it is done again.
 *
 * What is said of a change so that it can be settled, maps/tree/tree.ts has.
 */
import { allocate } from "../../alloc/allocator";
import { Cache } from "../../alloc/cache";
import { cacheOf } from "../../alloc/set";
import { acquire, publish } from "../../base/atomics";
import { copyBytes } from "../../base/bytes";
import { EEXIST, EINVAL, ENOENT, ENOSPC } from "../../base/errno";
import { CpuArea, thisCpu } from "../../cpu/area";
import {
  COUNTS,
  clearIntent,
  firstIntent,
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
import { EXIST, MapHeader, mapAt, NOEXIST } from "../map";
import { AGAIN } from "../table/bucket";
import { childSlot, putAway, rootSlot, showChange, treeLock } from "./tree";
import {
  bitOf,
  commonBits,
  endOf,
  endsAt,
  hasPrefix,
  IS_BRANCH,
  IS_ENTRY,
  isEntry,
  keyOf,
  longestPrefix,
  NODE_KIND,
  prefixOf,
} from "./trie";

/** Whether a key parts from the node at a walk's end in the middle of both. */
function parts(node: usize, key: usize): bool {
  if (node == 0) return false;
  const common = commonBits(keyOf(node), key);
  return common != prefixOf(keyOf(node)) && common != prefixOf(key);
}

/** Whether a key will need a branch, by a look without the lock. The load pairs as that of rootOf. */
function needsBranch(area: CpuArea, map: MapHeader, key: usize): bool {
  enterRead(area);
  const needs = parts(acquire(endOf(map, key)), key);
  leaveRead(area);
  return needs;
}

/** Takes a node without children into an intent; 0: nothing to allocate from. */
function takeNode(area: CpuArea, map: MapHeader, cache: Cache, intent: usize, kind: u32, key: usize): usize {
  const node = allocate(area, cache, intent, 0);
  if (node == 0) return 0;
  store<u32>(childSlot(node, 0), 0);
  store<u32>(childSlot(node, 1), 0);
  store<u32>(node, kind, NODE_KIND);
  copyBytes(keyOf(node), key, map.keySize);
  return node;
}

/** Replaces the node at `slot` by the one in the first intent, which gets its children. */
function replaceNode(cache: Cache, map: MapHeader, intents: usize, slot: usize, old: usize): void {
  const address = changetype<usize>(cache);
  const node = intentObject(load<u64>(firstIntent(intents)));
  const isNew = load<u32>(old, NODE_KIND) == IS_BRANCH;
  store<u32>(childSlot(node, 0), load<u32>(childSlot(old, 0)));
  store<u32>(childSlot(node, 1), load<u32>(childSlot(old, 1)));
  nameObject(firstIntent(intents), node, address, isNew ? MAYBE | COUNTS : MAYBE);
  nameObject(secondIntent(intents), old, address, MAYBE | REMOVES);
  showChange(map, slot, node, isNew ? 1 : 0);
  clearIntent(firstIntent(intents));
  nameObject(secondIntent(intents), old, address, RCU);
}

/** Puts the node in the first intent at `slot`: alone, before what is there, or beside it behind the branch in the second one. */
function insertNode(cache: Cache, map: MapHeader, intents: usize, slot: usize, there: usize, key: usize): void {
  const address = changetype<usize>(cache);
  const node = intentObject(load<u64>(firstIntent(intents)));
  const branch = intentObject(load<u64>(secondIntent(intents)));
  let top = node;
  if (branch != 0) {
    const common = commonBits(keyOf(there), key);
    store<u32>(keyOf(branch), common);
    store<u32>(childSlot(branch, bitOf(key, common)), <u32>node);
    store<u32>(childSlot(branch, bitOf(keyOf(there), common)), <u32>there);
    nameObject(secondIntent(intents), branch, address, MAYBE);
    top = branch;
  } else if (there != 0) {
    store<u32>(childSlot(node, bitOf(keyOf(there), prefixOf(key))), <u32>there);
  }
  nameObject(firstIntent(intents), node, address, MAYBE | COUNTS);
  showChange(map, slot, top, 1);
  clearIntent(firstIntent(intents));
  clearIntent(secondIntent(intents));
}

/** Puts the node in the first intent where it belongs: 0, -errno, or AGAIN: it takes a branch, or does not. Caller has the lock. */
function putNode(cache: Cache, map: MapHeader, intents: usize, key: usize, flags: u32): i32 {
  const slot = endOf(map, key);
  const there: usize = load<u32>(slot);
  const isSame = there != 0 && hasPrefix(there, key);
  const isThere = isSame && isEntry(there);
  if (isThere && flags == NOEXIST) return -EEXIST;
  if (!isThere && flags == EXIST) return -ENOENT;
  if (!isThere && map.treeCount >= map.maxEntries) return -ENOSPC;
  const hasBranch = intentObject(load<u64>(secondIntent(intents))) != 0;
  if (hasBranch != parts(there, key)) return AGAIN;
  if (isSame) replaceNode(cache, map, intents, slot, there);
  else insertNode(cache, map, intents, slot, there, key);
  return 0;
}

/** Takes the nodes that an update needs into the intents. False: nothing to allocate from. */
function takeNodes(area: CpuArea, map: MapHeader, cache: Cache, intents: usize, key: usize, value: usize): bool {
  const branches = needsBranch(area, map, key);
  const node = takeNode(area, map, cache, firstIntent(intents), IS_ENTRY, key);
  if (node == 0) return false;
  copyBytes(node + map.valueOffset, value, map.valueSize);
  if (!branches || takeNode(area, map, cache, secondIntent(intents), IS_BRANCH, key) != 0) return true;
  putAway(area, firstIntent(intents));
  return false;
}

/**
 * Creates or replaces the value of a prefix. Any context.
 * @param flags 0, NOEXIST or EXIST
 * @returns 0, -EINVAL (flags, a prefix that is too long), -EEXIST, -ENOENT, -ENOSPC (full), -ENOMEM (nothing to allocate in this
 * context), -EBUSY (this context interrupted the lock's owner) or -ETIMEDOUT (its owner is dead)
 */
export function trieUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  if (flags > EXIST || prefixOf(key) > longestPrefix(map)) return -EINVAL;
  const area = thisCpu();
  const intents = intentsOf(area);
  const cache = cacheOf(map.elements, area.id);
  renewBudget(area);
  let result: i32 = AGAIN;
  while (result == AGAIN) {
    if (!takeNodes(area, map, cache, intents, key, value)) return -memoryErrno(area);
    result = lockAnywhere(area, treeLock(map));
    if (result == 0) {
      result = putNode(cache, map, intents, key, flags);
      unlock(treeLock(map));
    }
    putAway(area, firstIntent(intents));
    putAway(area, secondIntent(intents));
  }
  letWorkRun(area);
  return result;
}

/** Takes a node out that has a child at most, and with it the branch before it, if it would have one child left. */
function takeOut(
  cache: Cache,
  map: MapHeader,
  intents: usize,
  slot: usize,
  node: usize,
  parentSlot: usize,
  parent: usize,
): void {
  const address = changetype<usize>(cache);
  const first: usize = load<u32>(childSlot(node, 0));
  const child = first != 0 ? first : <usize>load<u32>(childSlot(node, 1));
  const takesBranch = child == 0 && parent != 0 && load<u32>(parent, NODE_KIND) == IS_BRANCH;
  nameObject(firstIntent(intents), node, address, MAYBE | REMOVES | COUNTS);
  if (takesBranch) {
    const other = childSlot(parent, 0) == slot ? childSlot(parent, 1) : childSlot(parent, 0);
    nameObject(secondIntent(intents), parent, address, MAYBE | REMOVES);
    showChange(map, parentSlot, load<u32>(other), -1);
    nameObject(secondIntent(intents), parent, address, RCU);
  } else {
    showChange(map, slot, child, -1);
  }
  nameObject(firstIntent(intents), node, address, RCU);
}

/**
 * Makes an entry with two children a branch. Its value stays for who is reading it.
 * The publication pairs with the loads of readers.
 */
function makeBranch(cache: Cache, map: MapHeader, intents: usize, node: usize): void {
  nameObject(firstIntent(intents), node, changetype<usize>(cache), MAYBE | REMOVES | COUNTS);
  map.treePending = map.treeCount - 1;
  publish(node + NODE_KIND, IS_BRANCH);
  map.treeCount = map.treePending;
  clearIntent(firstIntent(intents));
}

/** Takes a prefix out: 0 or -ENOENT. Caller has the lock. */
function takeKey(cache: Cache, map: MapHeader, intents: usize, key: usize): i32 {
  let parentSlot = rootSlot(map);
  let parent: usize = 0;
  let slot = parentSlot;
  let node: usize = load<u32>(slot);
  while (node != 0 && !endsAt(node, key)) {
    parentSlot = slot;
    parent = node;
    slot = childSlot(node, bitOf(key, prefixOf(keyOf(node))));
    node = load<u32>(slot);
  }
  if (node == 0 || !hasPrefix(node, key) || !isEntry(node)) return -ENOENT;
  const hasBoth = load<u32>(childSlot(node, 0)) != 0 && load<u32>(childSlot(node, 1)) != 0;
  if (hasBoth) makeBranch(cache, map, intents, node);
  else takeOut(cache, map, intents, slot, node, parentSlot, parent);
  return 0;
}

/** Deletes a prefix, this very one. Any context. 0, -EINVAL (too long), -ENOENT, -EBUSY or -ETIMEDOUT as trieUpdate. */
export function trieDelete(address: usize, key: usize): i32 {
  const map = mapAt(address);
  if (prefixOf(key) > longestPrefix(map)) return -EINVAL;
  const area = thisCpu();
  const intents = intentsOf(area);
  const cache = cacheOf(map.elements, area.id);
  renewBudget(area);
  const locked = lockAnywhere(area, treeLock(map));
  if (locked != 0) return locked;
  const result = takeKey(cache, map, intents, key);
  unlock(treeLock(map));
  putAway(area, firstIntent(intents));
  putAway(area, secondIntent(intents));
  letWorkRun(area);
  return result;
}
