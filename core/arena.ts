/** Formatting an arena: from an empty memory to a superblock with everything behind it. */
import { publish } from "./base/atomics";
import { roundUp } from "./base/bytes";
import { EINVAL, ENOMEM } from "./base/errno";
import { LAYOUT_VERSION, MAGIC, SUPERBLOCK, SUPERBLOCK_BYTES, Superblock, superblock } from "./base/superblock";
import { AREA_BYTES, cpuArea } from "./cpu/area";
import { formatDeadBuckets, SEGMENT_BYTES } from "./maps/table";
import { adoptPages, DESCRIPTOR_BYTES, PAGE_BYTES, PAGE_SHIFT } from "./mem/pages";
import { formatSlab } from "./mem/slab";
import { formatEpochs } from "./rcu/epoch";

export const WASM_PAGE_BYTES: usize = 65536;
export const PAGES_PER_WASM_PAGE: u32 = <u32>(WASM_PAGE_BYTES / PAGE_BYTES);
export const MOST_CPUS: u32 = 1024;
export const MOST_WASM_PAGES: u32 = 65535;

export const DESCRIPTORS: usize = SUPERBLOCK + SUPERBLOCK_BYTES;

/** Where the arena's own tables lie, one behind the other: CPU areas, dead buckets, the first page that is anybody's. */
export function areasAt(maximumPages: u32): usize {
  return roundUp(DESCRIPTORS + maximumPages * DESCRIPTOR_BYTES, 64);
}

export function deadBucketsAt(areas: usize, cpus: u32): usize {
  return roundUp(areas + cpus * AREA_BYTES, 64);
}

export function firstPageAt(deadBuckets: usize): usize {
  return roundUp(deadBuckets + SEGMENT_BYTES, PAGE_BYTES);
}

/**
 * Formats the memory. Call once, before any other thread has it.
 * The publication of the magic pairs with checkArena of whoever attaches: everything behind the superblock is there.
 * @param cpus CPU slots
 * @param maximumWasmPages the memory's maximum, in WebAssembly's pages of 64 KiB (65535 at most)
 * @param seed of the CPUs' random numbers
 * @returns 0, EINVAL or ENOMEM (positive)
 */
export function arenaFormat(cpus: u32, maximumWasmPages: u32, seed: u32): i32 {
  if (cpus == 0 || cpus > MOST_CPUS || maximumWasmPages > MOST_WASM_PAGES) return EINVAL;
  const maximumPages = maximumWasmPages * PAGES_PER_WASM_PAGE;
  const areas = areasAt(maximumPages);
  const deadBuckets = deadBucketsAt(areas, cpus);
  const first = firstPageAt(deadBuckets);
  const wasmPages = <u32>(roundUp(first + PAGE_BYTES, WASM_PAGE_BYTES) / WASM_PAGE_BYTES);
  if (wasmPages > maximumWasmPages) return ENOMEM;
  if (wasmPages > <u32>memory.size() && memory.grow(wasmPages - memory.size()) < 0) return ENOMEM;
  const block = superblock();
  block.version = LAYOUT_VERSION;
  block.cpus = cpus;
  block.maximumPages = maximumPages;
  block.limitPages = maximumPages;
  block.descriptors = <u32>DESCRIPTORS;
  block.areas = <u32>areas;
  block.deadBuckets = <u32>deadBuckets;
  formatDeadBuckets();
  formatEpochs();
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    cpuArea(cpu).id = cpu;
    cpuArea(cpu).random = (seed + cpu * 0x9e3779b9) | 1;
  }
  formatSlab();
  const existing = <u32>memory.size() * PAGES_PER_WASM_PAGE;
  const firstPage = <u32>(first >> PAGE_SHIFT);
  adoptPages(firstPage, existing - firstPage);
  publish(changetype<usize>(block) + offsetof<Superblock>("magic"), MAGIC);
  return 0;
}
