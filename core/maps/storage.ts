/**
 * Runs of pages that a map has beside its descriptor: buckets, their directory, a pool or an array's values, a pool's values, an LRU
 * map's slots. Each is named
 * by a field of the descriptor from before it is used until it goes back.
 */
import { drainAllocator } from "../alloc/allocator";
import { setAt } from "../alloc/set";
import { CpuArea } from "../cpu/area";
import { runPlaced, transferOf } from "../cpu/intent";
import { allocatePages, freePages, PAGE_BYTES } from "../mem/pages";
import { MapHeader, mapSet } from "./map";

/** Buckets, pools and values lie behind 32-bit addresses. */
const LARGEST_STORAGE: u64 = 0xf0000000;

export function storageField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("storage");
}

export function wholeField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("wholeStorage");
}

export function directoryField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("directoryStorage");
}

export function valueStorageField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("valueStorage");
}

export function ringField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("ring");
}

/** Gives all that a map's caches have back. Its elements are in them; no reader is left. */
export function drainSets(area: CpuArea, map: MapHeader): void {
  for (let index: u32 = 0; index < map.sets; index++) {
    const set = mapSet(map, index);
    if (setAt(set).formatted != 0) drainAllocator(area, set);
  }
}

/** Puts a zeroed run of pages for `bytes` bytes into a map's field. False: memory is out. */
export function allocateStorage(field: usize, bytes: u64): bool {
  if (bytes > LARGEST_STORAGE) return false;
  const length = <u32>((bytes + <u64>PAGE_BYTES - 1) / <u64>PAGE_BYTES);
  const address = allocatePages(length);
  if (address == 0) return false;
  memory.fill(address, 0, <usize>length * PAGE_BYTES);
  store<u32>(field, <u32>address);
  runPlaced();
  return true;
}

/** Gives back the run of pages in a map's field, if there is one. */
function freeStorage(area: CpuArea, field: usize): void {
  const address: usize = load<u32>(field);
  if (address == 0) return;
  transferOf(area).run = <u32>address;
  store<u32>(field, 0);
  freePages(address);
}

/** Whether a run of pages is one that a field of the map's names. */
export function isStorageOf(map: MapHeader, run: u32): bool {
  if (map.wholeStorage == run || map.directoryStorage == run || map.ring == run) return true;
  return map.storage == run || map.valueStorage == run;
}

/** Gives all of a map's runs back but its descriptor. */
export function freeAllStorage(area: CpuArea, map: MapHeader): void {
  freeStorage(area, wholeField(map));
  freeStorage(area, directoryField(map));
  freeStorage(area, storageField(map));
  freeStorage(area, valueStorageField(map));
  freeStorage(area, ringField(map));
}
