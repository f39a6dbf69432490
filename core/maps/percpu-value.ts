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
import { clearIntent, nameObject } from "../cpu/intent";
import { HEADER_BYTES } from "../mem/slab";
import { letWorkRun } from "./deferred";
import { MapHeader, SUPPLY_POOL } from "./map";

/**
 * The object that is an element's value, 0 if the element keeps it for life. The element goes on naming it: readers that
 * found the element may still follow.
 */
export function valueObject(map: MapHeader, element: usize): usize {
  return map.copyStride == 0 || map.supply == SUPPLY_POOL ? 0 : load<u32>(element + map.valueOffset) - HEADER_BYTES;
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
 * for life. Until the caller has published the element, `hand` holds the value. False: -ENOMEM.
 */
export function attachValue(
  area: CpuArea,
  map: MapHeader,
  element: usize,
  value: usize,
  allCpus: bool,
  intent: usize,
): bool {
  if (map.supply != SUPPLY_POOL) {
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
