/**
 * Whether an element that a dead CPU has in an intent is nobody's. The CPU died while it was publishing the element to what
 * all CPUs share, or claiming it from there, and the claim may have been another one's.
 *
 * An element that is nobody's stays so: no CPU can come by it. So it is enough to look at one place after the other. One
 * that is somebody's moves from an intent to the map, from the map to an intent, and from there to a free list, where its header
 * is overwritten; an intent is emptied only when the element is in its next place (cpu/intent.ts). If it is used again
 * meanwhile, the header names another operation. So whoever looks at intents, map, intents and header, in this order, and finds
 * the header unchanged, has not been dodged: an element that left its first intent before the first look and the map
 * before the second is in an intent at the third.
 */
import { Cache } from "../../alloc/cache";
import { setOf } from "../../alloc/set";
import { acquire, acquire64 } from "../../base/atomics";
import { topOf } from "../../base/stack";
import { superblock } from "../../base/superblock";
import { CpuArea, cpuArea } from "../../cpu/area";
import { intentObject, intentsAt, LEVELS, TAKES } from "../../cpu/intent";
import { descriptor, PAGE_RUN, PAGE_SLAB, pageOf } from "../../mem/pages";
import { CLASS_RUN } from "../../mem/slab";
import { isElementCache, MapHeader, mapCpu, SUPPLY_LRU, SUPPLY_POOL } from "../map";
import { isHome, isUnchanged, placeOfElement } from "../table/bucket";
import { ELEMENT_HASH, FREED, poolWord } from "../table/element";
import { homeOf } from "../table/table";

export const KEPT: u32 = 0;
export const LOST: u32 = 1;
/** Another CPU is at it, or was when it died: to be asked again. */
export const UNCLEAR: u32 = 2;

/** Times that another CPU's intent is looked at: an operation is over long before. */
const LOOKS: u32 = 1 << 20;

/** Whether an address is where an element of the map may begin, whatever the memory is used for now. */
function mayBeElement(map: MapHeader, cache: Cache, object: usize): bool {
  if (map.supply == SUPPLY_POOL) return object >= map.storage;
  const page = descriptor(pageOf(object));
  if (setOf(cache).slabClass == CLASS_RUN) return page.state == PAGE_RUN;
  return page.state == PAGE_SLAB && page.slabClass == setOf(cache).slabClass;
}

/**
 * Whether a CPU other than `dead` has the object in an intent.
 * The loads pair with nothing: intents are written plainly, and this file's comment says why the order of looks is
 * enough.
 */
function isNamed(dead: CpuArea, object: usize): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    if (cpu == dead.id) continue;
    for (let level: u32 = 0; level < LEVELS; level++) {
      const intents = changetype<usize>(intentsAt(cpuArea(cpu), level));
      if (intentObject(acquire64(intents)) == object || intentObject(acquire64(intents + 8)) == object) return true;
    }
  }
  return false;
}

/** Whether a context that interrupted this one on the dead CPU has the object in an intent: then it is about that one. */
function isNamedAbove(dead: CpuArea, level: u32, object: usize): bool {
  for (let above = level + 1; above < LEVELS; above++) {
    const intents = intentsAt(dead, above);
    if (intentObject(intents.first) == object || intentObject(intents.second) == object) return true;
  }
  return false;
}

/**
 * Whether an element is in the bucket of this hash: by its address, not by its key. Inside a read section.
 * The loads pair as those of findElement (maps/table/bucket.ts).
 */
function isInTable(map: MapHeader, hash: u32, element: usize): bool {
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    if (placeOfElement(bucket, control, element) != 0) return true;
    if (isUnchanged(bucket, control)) return false;
  }
}

/** Whether free elements lie on lists of the CPUs that others may take from. */
function hasLists(map: MapHeader): bool {
  return map.supply == SUPPLY_POOL || map.supply == SUPPLY_LRU;
}

/**
 * Whether a pool's list holds the object; the walk is done again if the list changed under it.
 * The loads pair with pushTagged; a list that changed meanwhile is walked again.
 */
function isInPool(map: MapHeader, object: usize): u32 {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    if (mapCpu(map, cpu).spare == object) return KEPT;
    let looks: u32 = 0;
    while (true) {
      const head = acquire64(poolWord(map, cpu));
      let each = topOf(head);
      for (let step: u32 = 0; each != 0 && each != object && step <= map.maxEntries; step++) each = acquire(each);
      if (acquire64(poolWord(map, cpu)) == head) {
        if (each == object) return KEPT;
        break;
      }
      if (++looks > 64) return UNCLEAR;
    }
  }
  return LOST;
}

/** Whether a header says that its object has gone to a CPU's own list. One that is in the pool, or was, does not say so. */
function isFreed(header: u64): bool {
  return (<u32>(header >> 32) & FREED) != 0;
}

/**
 * Who has an element that the dead CPU has in an intent of `level`: KEPT (another CPU or context, or the map), LOST (nobody) or
 * UNCLEAR. Inside a read section.
 * The loads of the header pair with nothing: this file's comment says why the order of looks is enough.
 */
export function whoHas(dead: CpuArea, level: u32, map: MapHeader, cache: Cache, intent: u64): u32 {
  const object = intentObject(intent);
  if (!mayBeElement(map, cache, object) || isNamedAbove(dead, level, object)) return KEPT;
  for (let look: u32 = 0; look < LOOKS; look++) {
    const header = acquire64(object);
    // In use by the map it names one of the map's caches.
    if ((intent & TAKES) != 0 ? isFreed(header) : !isElementCache(map, <u32>header)) return KEPT;
    if (isNamed(dead, object)) continue;
    if (isInTable(map, acquire(object + ELEMENT_HASH), object)) return KEPT;
    const pooled = hasLists(map) ? isInPool(map, object) : LOST;
    if (pooled != LOST) return pooled;
    if (isNamed(dead, object)) continue;
    if (acquire64(object) == header) return LOST;
  }
  return UNCLEAR;
}
