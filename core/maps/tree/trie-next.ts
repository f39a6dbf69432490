/**
 * Going through a trie: what has longer prefixes first, of two that part the one with a 0 there (Linux's order). The order is the keys' own,
 * so that a walk goes on from a key that is gone as well.
 */
import { acquire } from "../../base/atomics";
import { copyBytes } from "../../base/bytes";
import { ENOENT } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import { bitOf, childOf, commonBits, endOf, hasPrefix, isEntry, keyOf, longestPrefix, prefixOf, rootOf } from "./trie";

/** The first entry of a node's and what is below it, 0 if there is none: the last on the way down, 0 bits first. */
function firstOf(top: usize): usize {
  let found: usize = 0;
  let node = top;
  while (node != 0) {
    if (isEntry(node)) found = node;
    const first = childOf(node, 0);
    node = first != 0 ? first : childOf(node, 1);
  }
  return found;
}

/**
 * The first entry behind a key, 0 if there is none: of the nodes on the way to it, or of what hangs off the way at a 1. The nearest
 * is found last.
 */
function entryAfter(map: MapHeader, key: usize): usize {
  let found: usize = 0;
  let node = rootOf(map);
  while (node != 0) {
    const prefix = prefixOf(keyOf(node));
    const common = commonBits(keyOf(node), key);
    if (common == prefix && prefix < prefixOf(key)) {
      const bit = bitOf(key, prefix);
      const other = bit == 0 ? childOf(node, 1) : 0;
      // What is beside the way comes before the node itself.
      const beside = other != 0 ? firstOf(other) : 0;
      if (beside != 0) found = beside;
      else if (isEntry(node)) found = node;
      node = childOf(node, bit);
      continue;
    }
    // All that is here comes after the key if it parts from it with a 1, and before it otherwise.
    const isAfter = common < prefix && common < prefixOf(key) && bitOf(keyOf(node), common) == 1;
    const after = isAfter ? firstOf(node) : 0;
    return after != 0 ? after : found;
  }
  return found;
}

/** Whether a prefix is there, this very one. The load pairs with the publication of a word that leads to a node. */
function isThere(map: MapHeader, key: usize): bool {
  const node: usize = acquire(endOf(map, key));
  return node != 0 && hasPrefix(node, key) && isEntry(node);
}

function copyKey(map: MapHeader, node: usize, into: usize): i32 {
  if (node == 0) return -ENOENT;
  copyBytes(into, keyOf(node), map.keySize);
  return 0;
}

/**
 * The key that comes after `key`, which may be gone; after 0 (none) the first. Lock-free, any context.
 * @param into room for a key; not where `key` is
 * @returns 0, or -ENOENT behind the last
 */
export function trieKeyAfter(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  enterRead(area);
  const node = key == 0 ? firstOf(rootOf(map)) : entryAfter(map, key);
  const result = copyKey(map, node, into);
  leaveRead(area);
  return result;
}

/** As trieKeyAfter, but after a key that is not there comes the first, as in Linux. */
export function trieNextKey(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  enterRead(area);
  const isAfter = key != 0 && prefixOf(key) <= longestPrefix(map) && isThere(map, key);
  const result = copyKey(map, isAfter ? entryAfter(map, key) : firstOf(rootOf(map)), into);
  leaveRead(area);
  return result;
}
