/**
 * Per-CPU values: one copy for each CPU, `copyStride` apart. An element of a per-CPU hash holds the address of CPU 0's.
 * Writes are in place: only the CPU itself and user space write a copy, as in Linux.
 */

import { allocate } from "../alloc/allocator";
import { cacheGive } from "../alloc/cache";
import { cacheOf } from "../alloc/set";
import { copyBytes, copyOutWords } from "../base/bytes";
import { superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import {
  clearIntent,
  intentCache,
  intentObject,
  intentsAt,
  LEVELS,
  nameObject,
  transferCount,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { HEADER_BYTES } from "../mem/slab";
import { letWorkRun } from "./deferred";
import { isElementCache, MapHeader, SUPPLY_POOL } from "./map";

/** Whether a map has one value for each CPU under a key. */
export function isPerCpu(map: MapHeader): bool {
  return map.copyStride != 0;
}

/**
 * The object that is an element's value and goes when it goes, 0 if the element keeps it. The element goes on naming it: readers that
 * found the element may still follow.
 */
export function valueObject(map: MapHeader, element: usize): usize {
  const isKept = !isPerCpu(map) || map.supply == SUPPLY_POOL || map.keepsValues != 0;
  return isKept ? 0 : load<u32>(element + map.valueOffset) - HEADER_BYTES;
}

/** Whether an element that was gathered from one of a dead CPU's caches of a map names a value; if it was freeing the map, from anybody's. */
function isGatheredWith(dead: CpuArea, map: MapHeader, payload: u32): bool {
  const isFreeing = transferOf(dead).building == changetype<usize>(map);
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    if (cpu != dead.id && !isFreeing) continue;
    if (namesValue(cacheOf(map.elements, cpu).byGp, 0xffffffff, map.valueOffset, payload)) return true;
  }
  return false;
}

/**
 * Whether a value that an intent of a dead CPU names is an element's that the CPU had: it was about to let go of it, or had just
 * got it. The element may be in an intent, on its way to or from the slab, or gathered already.
 */
export function isKeptValue(dead: CpuArea, map: MapHeader, value: usize): bool {
  if (map.keepsValues == 0) return false;
  const payload = <u32>(value + HEADER_BYTES);
  const at: usize = map.valueOffset;
  const cache = cacheOf(map.elements, dead.id);
  for (let level: u32 = 0; level < LEVELS; level++) {
    const intent = intentsAt(dead, level).first;
    const element = intentObject(intent);
    if (intentCache(intent) != changetype<usize>(cache) || element == 0) continue;
    if (load<u32>(element + at) == payload) return true;
  }
  const transfer = transferOf(dead);
  const isMoving = transfer.active != 0 && isElementCache(map, transfer.cache);
  if (isMoving && namesValue(transferFirst(transfer), transferCount(transfer), at, payload)) return true;
  return isGatheredWith(dead, map, payload);
}

/** Whether one of the first `count` elements of a chain names a value. */
function namesValue(first: usize, count: u32, at: usize, payload: u32): bool {
  let element = first;
  for (let left = count; left > 0 && element != 0; left--) {
    if (load<u32>(element + at) == payload) return true;
    element = load<u32>(element);
  }
  return false;
}

/** Gives a value back that `hand` holds. */
export function giveValue(area: CpuArea, map: MapHeader, value: usize, intent: usize): void {
  cacheGive(area, cacheOf(map.values, area.id), value, intent);
  clearIntent(intent);
  letWorkRun(area);
}

/** Takes a value into an intent, for whoever then lets go of the element. */
export function nameValue(area: CpuArea, map: MapHeader, value: usize, intent: usize): void {
  nameObject(intent, value, changetype<usize>(cacheOf(map.values, area.id)), 0);
}

/** Writes this CPU's copy, or all of them from `value`, valueStride apart. */
export function writeCopies(area: CpuArea, map: MapHeader, first: usize, value: usize, allCpus: bool): void {
  if (!allCpus) {
    copyBytes(first + area.id * map.copyStride, value, map.valueSize);
    return;
  }
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    copyBytes(first + cpu * map.copyStride, value + cpu * map.valueStride, map.valueSize);
  }
}

export function writeValue(area: CpuArea, map: MapHeader, element: usize, value: usize, allCpus: bool): void {
  writeCopies(area, map, load<u32>(element + map.valueOffset), value, allCpus);
}

/**
 * Gives a new element its value, written: copies that are not given are zero. An element from a pool has its value
 * for life, one that was used before may have kept it. Until the caller has published the element, `hand` holds the value. False: -ENOMEM.
 */
export function attachValue(
  area: CpuArea,
  map: MapHeader,
  element: usize,
  value: usize,
  allCpus: bool,
  intent: usize,
): bool {
  if (map.supply != SUPPLY_POOL && (map.keepsValues == 0 || load<u32>(element + map.valueOffset) == 0)) {
    const object = allocate(area, cacheOf(map.values, area.id), intent, 0);
    if (object == 0) return false;
    store<u32>(element + map.valueOffset, object + HEADER_BYTES);
  }
  const first: usize = load<u32>(element + map.valueOffset);
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) memory.fill(first + cpu * map.copyStride, 0, map.valueStride);
  writeCopies(area, map, first, value, allCpus);
  return true;
}

/** Copies every CPU's value out, valueStride apart. */
export function copyAllOut(map: MapHeader, first: usize, into: usize): void {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    copyOutWords(into + cpu * map.valueStride, first + cpu * map.copyStride, map.valueStride);
  }
}
