/** Formatting an arena: from an empty memory to a superblock with everything behind it. */
import { publish } from "./base/atomics";
import { roundUp } from "./base/bytes";
import { EINVAL, ENOMEM } from "./base/errno";
import { LAYOUT_VERSION, MAGIC, SUPERBLOCK, SUPERBLOCK_BYTES, Superblock, superblock } from "./base/superblock";
import { AREA_BYTES, cpuArea } from "./cpu/area";
import { formatDeadBuckets, SEGMENT_BYTES } from "./maps/table/table";
import { DESCRIPTOR_BYTES, linkRun, PAGE_BYTES, PAGE_SHIFT } from "./mem/pages";
import { formatSlab } from "./mem/slab";
import { formatEpochs } from "./rcu/epoch";

export const WASM_PAGE_BYTES: usize = 65536;
export const PAGES_PER_WASM_PAGE: u32 = <u32>(WASM_PAGE_BYTES / PAGE_BYTES);
export const MOST_CPUS: u32 = 1024;
export const MOST_WASM_PAGES: u32 = 65535;

export const DESCRIPTORS: usize = SUPERBLOCK + SUPERBLOCK_BYTES;

/** Where the arena's own tables lie, one behind the other: CPU areas, dead buckets, the first page that is anybody's. */
export function areasAt(pages: u32): usize {
  return roundUp(DESCRIPTORS + pages * DESCRIPTOR_BYTES, 64);
}

export function deadBucketsAt(areas: usize, cpus: u32): usize {
  return roundUp(areas + cpus * AREA_BYTES, 64);
}

export function firstPageAt(deadBuckets: usize): usize {
  return roundUp(deadBuckets + SEGMENT_BYTES, PAGE_BYTES);
}

/**
 * Formats the memory, which never grows: 65535 pages of 64 KiB at most. Call once, before any other thread has it.
 * The publication of the magic pairs with checkArena of whoever attaches: everything behind the superblock is there.
 * @param cpus CPU slots
 * @param seed of the CPUs' random numbers
 * @returns 0, EINVAL or ENOMEM (positive)
 */
export function arenaFormat(cpus: u32, seed: u32): i32 {
  const wasmPages = <u32>memory.size();
  if (cpus == 0 || cpus > MOST_CPUS || wasmPages > MOST_WASM_PAGES) return EINVAL;
  const pages = wasmPages * PAGES_PER_WASM_PAGE;
  const areas = areasAt(pages);
  const deadBuckets = deadBucketsAt(areas, cpus);
  const firstPage = <u32>(firstPageAt(deadBuckets) >> PAGE_SHIFT);
  if (firstPage >= pages) return ENOMEM;
  const block = superblock();
  block.version = LAYOUT_VERSION;
  block.cpus = cpus;
  block.pages = pages;
  block.firstPage = firstPage;
  block.limitPages = pages;
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
  linkRun(firstPage, pages - firstPage);
  publish(changetype<usize>(block) + offsetof<Superblock>("magic"), MAGIC);
  return 0;
}
