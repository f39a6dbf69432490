/** The end of an ordered map: giving its nodes back. */
import { CpuArea } from "../../cpu/area";
import { firstIntent, intentsOf, MAYBE, nameObject, REMOVES, secondIntent } from "../../cpu/intent";
import { MapHeader } from "../map";
import { drainSets } from "../storage";
import { cacheOfElement } from "../table/entry";
import { isLeaf } from "./ordered";
import { childSlot, moveAway, rootSlot } from "./tree";

/** Names a node that goes. */
function nameGoing(area: CpuArea, map: MapHeader, intent: usize, node: usize): void {
  nameObject(intent, node, changetype<usize>(cacheOfElement(area, map, node)), MAYBE | REMOVES);
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
    moveAway(area, leafIntent);
    if (branch != 0) moveAway(area, branchIntent);
  }
  drainSets(area, map);
}
