/** A trie's life: what its sizes may be, where its nodes come from, and giving them back. */
import { formatAllocator, startAllocator } from "../../alloc/allocator";
import { CONTAINS_ELEMENTS, cacheOf, setAt } from "../../alloc/set";
import { roundUp } from "../../base/bytes";
import { EINVAL } from "../../base/errno";
import { CpuArea } from "../../cpu/area";
import { firstIntent, intentsOf, MAYBE, nameObject, REMOVES } from "../../cpu/intent";
import { HEADER_BYTES } from "../../mem/slab";
import { ACCESS_FLAGS, NUMA_NODE } from "../access";
import { LARGEST_OBJECT, MapHeader, NO_PREALLOC, SUPPLY_CACHE } from "../map";
import { drainSets } from "../storage";
import { childSlot, moveAway, rootSlot } from "./tree";
import { NODE_KEY } from "./trie";

/** Create flags that a trie knows. In Linux it must be dynamic, and here it is. */
const CREATE_FLAGS: u32 = NO_PREALLOC | NUMA_NODE | ACCESS_FLAGS;
/** Sizes of a key: the prefix length, then 1 to 256 bytes. */
const SHORTEST_KEY: u32 = 5;
const LONGEST_KEY: u32 = 260;
/** Linux's bound on a value: what is left beside the longest key's bits and the header of a node. */
const LARGEST_VALUE: u32 = LARGEST_OBJECT - 256 - 24;

/** What `bpf(BPF_MAP_CREATE)` refuses: 0 or EINVAL. */
export function checkTrie(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, supply: u32): u32 {
  if ((flags & ~CREATE_FLAGS) != 0 || supply != SUPPLY_CACHE || maxEntries == 0) return EINVAL;
  if (keySize < SHORTEST_KEY || keySize > LONGEST_KEY) return EINVAL;
  return valueSize == 0 || valueSize > LARGEST_VALUE ? EINVAL : 0;
}

/** Sets the nodes' caches up. False: memory is out. */
export function buildTrie(area: CpuArea, map: MapHeader): bool {
  map.flags |= NO_PREALLOC;
  map.valueOffset = <u32>(NODE_KEY + roundUp(map.keySize, 8));
  const size = map.valueOffset + map.valueStride - <u32>HEADER_BYTES;
  const owner = changetype<usize>(map);
  formatAllocator(map.elements, size, size + <u32>HEADER_BYTES, 0, owner, CONTAINS_ELEMENTS);
  return startAllocator(area, map.elements, true);
}

/** The word that leads to any node without children, 0 if there is no node. Nobody else can reach it. */
function anyLeaf(map: MapHeader): usize {
  let slot = rootSlot(map);
  if (load<u32>(slot) == 0) return 0;
  while (true) {
    const node: usize = load<u32>(slot);
    const first = childSlot(node, 0);
    const second = childSlot(node, 1);
    if (load<u32>(first) != 0) slot = first;
    else if (load<u32>(second) != 0) slot = second;
    else return slot;
  }
}

/** Moves a map's nodes to this CPU's cache, from the ends on; no one else can reach them. Then gives all that is cached back. */
export function emptyTrie(area: CpuArea, map: MapHeader): void {
  if (map.elements == 0 || setAt(map.elements).formatted == 0) return;
  const intent = firstIntent(intentsOf(area));
  const cache = cacheOf(map.elements, area.id);
  for (let slot = anyLeaf(map); slot != 0; slot = anyLeaf(map)) {
    const node: usize = load<u32>(slot);
    nameObject(intent, node, changetype<usize>(cache), MAYBE | REMOVES);
    store<u32>(slot, 0);
    moveAway(area, intent);
  }
  drainSets(area, map);
}
