/**
 * The trie of prefixes (Linux's `kernel/bpf/lpm_trie.c`): a key is a number of bits and the bits, a lookup gives the value of the longest
 * prefix that there is of what is asked for.
 *
 * ```
 *  0         8         12        16      20        24                       24 + round8(key)
 *  +---------+---------+---------+-------+---------+------------------------+---------+
 *  | header  | child 0 | child 1 | kind  |         | prefix length, bits .. | value   |
 *  +---------+---------+---------+-------+---------+------------------------+---------+
 * ```
 * A node's children have its bits and more, the first of which is 0 or 1. Where two prefixes part and nothing ends there is a *branch*:
 * a node without a value, which has both children.
 *
 * **Concurrency.** Lookups and walks take no lock, wait for nobody and never fail, in any context: each change is one store of a word
 * that leads to a node, and a node that was taken out stays as it was until a grace period is over. A lookup is as of one moment
 * of those while it ran; it never misses a prefix that is there all the while. Updates and deletions take the map's one lock, in any
 * context; an NMI that has interrupted its owner gets -EBUSY. Nodes are taken before the lock, so that a refill can run.
 */
import { acquire } from "../../base/atomics";
import { copyOutWords } from "../../base/bytes";
import { ENOENT } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import { childSlot, rootSlot } from "./tree";

/** Number of `enum bpf_map_type`. */
export const KIND_LPM_TRIE: u32 = 11;

export const NODE_KIND: usize = 16;
export const NODE_KEY: usize = 24;

/** NODE_KIND: an entry, or where prefixes part. */
export const IS_ENTRY: u32 = 0;
export const IS_BRANCH: u32 = 1;

/** Where a key's bits begin. */
const BITS: usize = 4;

export function keyOf(node: usize): usize {
  return node + NODE_KEY;
}

export function prefixOf(key: usize): u32 {
  return load<u32>(key);
}

/** The longest prefix that a map's keys can have. */
export function longestPrefix(map: MapHeader): u32 {
  return (map.keySize - <u32>BITS) * 8;
}

/** Bit `index` of a key. */
export function bitOf(key: usize, index: u32): u32 {
  return (load<u8>(key + BITS + (index >> 3)) >> (7 - (index & 7))) & 1;
}

/** How many bits two keys have in common, of those that both have. */
export function commonBits(a: usize, b: usize): u32 {
  const limit = min(prefixOf(a), prefixOf(b));
  let bits: u32 = 0;
  for (; bits + 32 <= limit; bits += 32) {
    const at = BITS + (bits >> 3);
    const different = bswap(load<u32>(a + at) ^ load<u32>(b + at));
    if (different != 0) return bits + clz(different);
  }
  for (; bits < limit; bits += 8) {
    const at = BITS + (bits >> 3);
    const different: u32 = load<u8>(a + at) ^ load<u8>(b + at);
    if (different != 0) return min(limit, bits + clz(different) - 24);
  }
  return limit;
}

/**
 * Whether a node's prefix is one of a key that is no shorter.
 * @param words bits of a map's keys that lie in whole words: what is behind them must not be read as one
 */
function isPrefixOf(node: usize, prefix: u32, key: usize, words: u32): bool {
  if (prefix > words) return commonBits(node, key) == prefix;
  let at = BITS;
  let left = prefix;
  for (; left >= 32; left -= 32) {
    if (load<u32>(node + at) != load<u32>(key + at)) return false;
    at += 4;
  }
  return left == 0 || bswap(load<u32>(node + at) ^ load<u32>(key + at)) >> (32 - left) == 0;
}

/** The first node, 0 if there is none. The load pairs with the publication of a word that leads to a node. */
export function rootOf(map: MapHeader): usize {
  return acquire(rootSlot(map));
}

/** A node's child. The load pairs as that of rootOf. */
export function childOf(node: usize, bit: u32): usize {
  return acquire(childSlot(node, bit));
}

/** The load pairs with makeBranch (maps/tree/trie-update.ts), which says so before the value is anybody else's. */
export function isEntry(node: usize): bool {
  return acquire(node + NODE_KIND) == IS_ENTRY;
}

/** Whether a node is where a walk towards `key` ends: it is not a prefix of it, or all of it. */
export function endsAt(node: usize, key: usize): bool {
  const prefix = prefixOf(keyOf(node));
  return prefix == prefixOf(key) || commonBits(keyOf(node), key) != prefix;
}

/** Whether a node has this very prefix. */
export function hasPrefix(node: usize, key: usize): bool {
  return prefixOf(keyOf(node)) == prefixOf(key) && commonBits(keyOf(node), key) == prefixOf(key);
}

/**
 * The word that leads to where a walk towards a key ends, or would go on. Inside a read section, or under the lock.
 * The loads pair as that of rootOf.
 */
export function endOf(map: MapHeader, key: usize): usize {
  let slot = rootSlot(map);
  while (true) {
    const node: usize = acquire(slot);
    if (node == 0 || endsAt(node, key)) return slot;
    slot = childSlot(node, bitOf(key, prefixOf(keyOf(node))));
  }
}

/**
 * Goes on from `node` as longestMatch does, where prefixes may be longer than a word.
 * @param found the entry with the longest prefix so far, 0 if there is none
 */
function longestMatchFrom(map: MapHeader, key: usize, length: u32, node: usize, found: usize): usize {
  const words = longestPrefix(map) & ~31;
  while (node != 0) {
    const prefix = prefixOf(keyOf(node));
    if (prefix > length || !isPrefixOf(keyOf(node), prefix, key, words)) break;
    if (isEntry(node)) found = node;
    if (prefix == length) break;
    node = childOf(node, bitOf(key, prefix));
  }
  return found;
}

/**
 * The entry with the longest prefix of a key, 0 if there is none. Inside a read section. The first bits of a key are kept in a
 * register, as nearly all of the way is decided by them.
 */
function longestMatch(map: MapHeader, key: usize): usize {
  const length = prefixOf(key);
  if (length > longestPrefix(map)) return 0;
  if (longestPrefix(map) < 32) return longestMatchFrom(map, key, length, rootOf(map), 0);
  const first = bswap(load<u32>(key + BITS));
  let found: usize = 0;
  let node = rootOf(map);
  while (node != 0) {
    const prefix = prefixOf(keyOf(node));
    if (prefix >= 32) return longestMatchFrom(map, key, length, node, found);
    if (prefix > length || clz(bswap(load<u32>(keyOf(node) + BITS)) ^ first) < prefix) break;
    if (isEntry(node)) found = node;
    if (prefix == length) break;
    node = childOf(node, (first >> (31 - prefix)) & 1);
  }
  return found;
}

/** The address of the value under the longest prefix of a key, 0 if there is none. Call inside a read section. */
export function trieLookup(address: usize, key: usize): usize {
  const map = mapAt(address);
  const node = longestMatch(map, key);
  return node == 0 ? 0 : node + map.valueOffset;
}

/** Copies the value under the longest prefix of a key out: 0 or -ENOENT. `into` is 8-byte aligned. */
export function trieGet(address: usize, key: usize, into: usize): i32 {
  const area = thisCpu();
  enterRead(area);
  const value = trieLookup(address, key);
  if (value != 0) copyOutWords(into, value, mapAt(address).valueStride);
  leaveRead(area);
  return value != 0 ? 0 : -ENOENT;
}

/** Whether a node is in a trie, by its address. Nobody changes it meanwhile. */
export function isInTrie(map: MapHeader, node: usize): bool {
  let each: usize = load<u32>(rootSlot(map));
  while (each != 0 && each != node) {
    const prefix = prefixOf(keyOf(each));
    if (prefix >= prefixOf(keyOf(node)) || commonBits(keyOf(each), keyOf(node)) < prefix) return false;
    each = load<u32>(childSlot(each, bitOf(keyOf(node), prefix)));
  }
  return each != 0;
}

/** Whether a node is a trie's branch: an entry with two children becomes one when it goes. Nobody changes it meanwhile. */
export function isTrieBranch(map: MapHeader, node: usize): bool {
  return map.kind == KIND_LPM_TRIE && load<u32>(node, NODE_KIND) == IS_BRANCH;
}
