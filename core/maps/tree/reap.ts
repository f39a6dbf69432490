/**
 * Reaping a trie or an ordered map: an owner of the lock who died has shown his change or has not, by one store. What goes in and what
 * comes out his intents name, with MAYBE as long as the store may be under way.
 */
import { Cache } from "../../alloc/cache";
import { peek, publish } from "../../base/atomics";
import { CpuArea, cpuArea } from "../../cpu/area";
import {
  COUNTS,
  clearIntent,
  intentCache,
  intentObject,
  intentsAt,
  LEVELS,
  MAYBE,
  nameObject,
  RCU,
  REMOVES,
} from "../../cpu/intent";
import { KEPT, LOST } from "../hash/lost";
import { isElementCache, MapHeader } from "../map";
import { isInOrdered } from "./ordered";
import { treeLock } from "./tree";
import { isInTrie, isTrieBranch, KIND_LPM_TRIE } from "./trie";

/** Whether a node is in the tree, by its address. Nobody changes it meanwhile. */
function isLinked(map: MapHeader, node: usize): bool {
  return map.kind == KIND_LPM_TRIE ? isInTrie(map, node) : isInOrdered(map, node);
}

/** Whether the change that an intent with MAYBE is of has been shown. */
function isShown(map: MapHeader, intent: u64): bool {
  const node = intentObject(intent);
  if ((intent & REMOVES) == 0) return isLinked(map, node);
  return !isLinked(map, node) || ((intent & COUNTS) != 0 && isTrieBranch(map, node));
}

/**
 * Says of an intent with MAYBE what became of its node: in the trie, and then it says nothing any more; or surely the dead CPU's, and
 * if readers may be at it, to be used again after a grace period only.
 */
function settleNode(map: MapHeader, word: usize): void {
  const intent = load<u64>(word);
  const node = intentObject(intent);
  if (isLinked(map, node)) clearIntent(word);
  else nameObject(word, node, intentCache(intent), (intent & REMOVES) != 0 ? RCU : 0);
}

/** The intent of a CPU for a map's nodes that may be under way: at most one level has the lock. 0 behind the last. */
function nextDoubt(dead: CpuArea, map: MapHeader, from: u32): usize {
  for (let index = from; index < LEVELS * 2; index++) {
    const word = changetype<usize>(intentsAt(dead, index >> 1)) + ((<usize>(index & 1)) << 3);
    const intent = load<u64>(word);
    if ((intent & MAYBE) != 0 && isElementCache(map, <u32>intentCache(intent))) return word;
  }
  return 0;
}

/**
 * Finishes or undoes what a dead CPU was doing under the lock, then lets go of it. Whoever dies of it leaves the same question, but for
 * what has been answered.
 * The publication pairs with `lockAnywhere` of whoever waits.
 */
export function breakTreeLock(map: MapHeader, cpu: u32): void {
  if (peek(treeLock(map)) != cpu + 1) return;
  const dead = cpuArea(cpu);
  // The count first: it goes by intents that have not been settled.
  for (let index: u32 = 0; index < LEVELS * 2; index++) {
    const word = nextDoubt(dead, map, index);
    if (word == 0) break;
    const intent = load<u64>(word);
    if ((intent & COUNTS) != 0 && isShown(map, intent)) map.treeCount = map.treePending;
  }
  for (let word = nextDoubt(dead, map, 0); word != 0; word = nextDoubt(dead, map, 0)) settleNode(map, word);
  publish(treeLock(map), 0);
}

/**
 * As maps/dispatch.ts says of `settleElement`. What may be under way here is of a map that is being freed: nobody else is at it.
 */
export function settleTreeNode(map: MapHeader, cache: Cache, word: usize): u32 {
  if ((load<u64>(word) & MAYBE) != 0) {
    settleNode(map, word);
    // No reader is left.
    const node = intentObject(load<u64>(word));
    if (node != 0) nameObject(word, node, changetype<usize>(cache), 0);
  }
  if (intentObject(load<u64>(word)) != 0) return LOST;
  clearIntent(word);
  return KEPT;
}
