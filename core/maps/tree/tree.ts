/**
 * What tries and ordered maps have in common. Nodes lie behind a root, under one lock; each change is one store of a word that leads to
 * a node. Before it the intents name what goes in and what comes out, with MAYBE, and `treePending` what the count will be; so
 * whoever reaps a dead owner finds out which side of the store he died on (maps/tree/reap.ts). What comes out is used again after a
 * grace period: lookups and walks take no lock, wait for nobody and never fail, in any context.
 */
import { Cache, cacheGive, cacheGiveRcu, spliceFree } from "../../alloc/cache";
import { acquire, acquire64, publish, publish64 } from "../../base/atomics";
import { CpuArea } from "../../cpu/area";
import { clearIntent, intentCache, intentObject, nameObject, RCU } from "../../cpu/intent";
import { MapHeader } from "../map";

/** Where the words lie that lead to a node's two children. */
export const NODE_CHILD: usize = 8;

export function rootSlot(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("treeRoot");
}

/** The word that leads to a node's child. */
export function childSlot(node: usize, bit: u32): usize {
  return node + NODE_CHILD + ((<usize>bit) << 2);
}

export function treeLock(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("treeLock");
}

/** Puts what an intent names away: to the cache, or with RCU to what waits for a grace period. */
export function putAway(area: CpuArea, intent: usize): void {
  const word = load<u64>(intent);
  const node = intentObject(word);
  const cache = changetype<Cache>(intentCache(word));
  if (node != 0 && (word & RCU) != 0) cacheGiveRcu(area, cache, node);
  else if (node != 0) cacheGive(area, cache, node, intent);
  clearIntent(intent);
}

/**
 * Moves a node of a map that is being freed to its cache, from the intent that names it. Not by `cacheGive`, which would raise work
 * for a cache that is about to go.
 */
export function moveAway(area: CpuArea, intent: usize): void {
  const node = intentObject(load<u64>(intent));
  const cache = intentCache(load<u64>(intent));
  nameObject(intent, node, cache, 0);
  spliceFree(area, changetype<Cache>(cache), node, node, 1);
  clearIntent(intent);
}

/** The word that counts a map's changes: whoever finds it the same finds all nodes where they were. */
function changesWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("treeChanges");
}

/**
 * What a look at the nodes that begins now is as of, to be asked for later; 0 if a change is under way, or there was none yet.
 * The loads pair with the publication of showChange, and the lock with its release: who has counted and has not shown it yet still
 * has the lock.
 */
export function stampOf(map: MapHeader): u64 {
  const changes = acquire64(changesWord(map));
  return acquire(treeLock(map)) == 0 ? changes : 0;
}

/**
 * Whether all nodes that were seen as of a stamp are in the map. Inside a read section, where they stay what they are.
 * The load pairs with the publication of showChange.
 */
export function isAsOf(map: MapHeader, stamp: u64): bool {
  return stamp != 0 && acquire64(changesWord(map)) == stamp;
}

/**
 * Shows a change: `node` at `slot`, and with `change` another count. What comes out is still named, to be put away. Caller has the
 * lock and has named what goes in and what comes out. It is counted before it can be seen: so what comes out is not taken for what
 * is in the map by anyone whose read section begins too late for it.
 * The publications pair with the loads of readers.
 */
export function showChange(map: MapHeader, slot: usize, node: usize, change: i32): void {
  map.treePending = map.treeCount + change;
  publish64(changesWord(map), map.treeChanges + 1);
  publish(slot, <u32>node);
  map.treeCount = map.treePending;
}
