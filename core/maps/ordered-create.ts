/** An ordered map's life: where its nodes come from, and giving them back. */
import { drainAllocator } from "../alloc/allocator";
import { Cache, spliceFree } from "../alloc/cache";
import { setAt } from "../alloc/set";
import { E2BIG, EINVAL } from "../base/errno";
import { CpuArea } from "../cpu/area";
import {
  clearIntent,
  firstIntent,
  intentCache,
  intentsOf,
  MAYBE,
  nameObject,
  REMOVES,
  secondIntent,
} from "../cpu/intent";
import { cacheOfElement, startVariableSets } from "./entry";
import { MapHeader, mapSet, SUPPLY_CACHE } from "./map";
import { isLeaf } from "./ordered";
import { childSlot, rootSlot } from "./tree";

/** Sizes are 0: each entry has its own. Dynamic only. */
export function checkOrdered(keySize: u32, valueSize: u32, maxEntries: u32, supply: u32): u32 {
  if (keySize != 0 || valueSize != 0 || maxEntries == 0 || supply != SUPPLY_CACHE) return EINVAL;
  return maxEntries > 0x80000000 ? E2BIG : 0;
}

/** Gives the map a set of caches for each class. False: memory is out. */
export function buildOrdered(area: CpuArea, map: MapHeader): bool {
  return startVariableSets(area, map);
}

/** Names a node that goes. */
function nameGoing(area: CpuArea, map: MapHeader, intent: usize, node: usize): void {
  nameObject(intent, node, changetype<usize>(cacheOfElement(area, map, node)), MAYBE | REMOVES);
}

/** Moves the node that an intent names to its cache. Not by `cacheGive`, which would raise work for a cache that is about to go. */
function moveAway(area: CpuArea, intent: usize, node: usize): void {
  const cache = intentCache(load<u64>(intent));
  nameObject(intent, node, cache, 0);
  spliceFree(area, changetype<Cache>(cache), node, node, 1);
  clearIntent(intent);
}

/** Moves a map's nodes to this CPU's caches, a leaf and the branch before it at a time; no one else can reach them. */
export function emptyOrdered(area: CpuArea, map: MapHeader): void {
  if (map.elements == 0) return;
  const leafIntent = firstIntent(intentsOf(area));
  const branchIntent = secondIntent(intentsOf(area));
  while (map.treeRoot != 0) {
    let slot = rootSlot(map);
    let branch: usize = 0;
    let leaf: usize = load<u32>(slot);
    while (!isLeaf(leaf)) {
      if (branch != 0) slot = childSlot(branch, 0);
      branch = leaf;
      leaf = load<u32>(childSlot(branch, 0));
    }
    nameGoing(area, map, leafIntent, leaf);
    if (branch != 0) nameGoing(area, map, branchIntent, branch);
    store<u32>(slot, branch == 0 ? 0 : load<u32>(childSlot(branch, 1)));
    moveAway(area, leafIntent, leaf);
    if (branch != 0) moveAway(area, branchIntent, branch);
  }
  for (let index: u32 = 0; index < map.sets; index++) {
    if (setAt(mapSet(map, index)).formatted != 0) drainAllocator(area, mapSet(map, index));
  }
}
