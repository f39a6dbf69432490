/**
 * The superblock: the one structure at a fixed address, from which every other one is found. The first 64 KiB of the
 * memory hold nothing, so that null and small offsets from it never reach an object.
 *
 * ```
 * 0        64 KiB       +4 KiB                      +32 B a page    +1 KiB a CPU   +16 KiB
 * | guard  | superblock | page descriptors ......... | CPU areas .... | dead buckets | pages ...
 * ```
 */
import { addAndFetch } from "./atomics";

export const SUPERBLOCK: usize = 65536;
export const SUPERBLOCK_BYTES: usize = 4096;
export const MAGIC: u32 = 0x58435941; // "AYCX"
/** Goes up with every change of a structure in shared memory. */
export const LAYOUT_VERSION: u32 = 10;

export const PROFILE_ANYCTX: u32 = 0;
/** As Linux 6.18: allocation with interrupts off, always a new element, watermarks by Linux's element size. */
export const PROFILE_LINUX: u32 = 1;

/** Allocation classes of the slab, as `kmalloc` has them, in the two flavours plain and per-CPU. */
export const CLASS_COUNT: u32 = 11;
/** Free runs of pages, by the power of two of their length. */
export const RUN_BINS: u32 = 19;

/**
 * Three cache lines: what hardly ever changes and everybody reads, what is behind the pages' lock, what is behind the control
 * plane's. So a lock that is taken does not take what others read along.
 */
@unmanaged
export class Superblock {
  /** Written last by `arenaFormat`: whoever sees it sees a whole arena. */
  magic: u32;
  version: u32;
  cpus: u32;
  /** All that the memory has, those of the arena's own tables included. */
  pages: u32;
  /** The first page that is not of the arena's own tables. */
  firstPage: u32;
  descriptors: u32;
  areas: u32;
  /** A segment of dead buckets (maps/table/table.ts); never written after format. */
  deadBuckets: u32;
  /** PREEMPT_RT: deferred work belongs to a thread of its own. */
  realTime: u32;
  /** Every non-LRU hash becomes dynamic (the seed's sysctl). */
  forceDynamic: u32;
  /** Semantics that programs can see: PROFILE_ANYCTX or PROFILE_LINUX. Read when a map is created. */
  profile: u32;
  /** Watermarks of allocators created from now on: 0 fixed, 1 adaptive. */
  adaptive: u32;
  /** Pages that may be in use at once: the arena's "memory cgroup". */
  limitPages: u32;
  /** Atomic: serial numbers that have been given out (nextSerial). */
  serials: u32;
  reserved1: u64;

  /** Owner CPU + 1, or 0. Guards pages, bins and page descriptors of free runs. */
  pagesLock: u32;
  /** Pages handed to callers, under `pagesLock`. */
  usedPages: u32;
  /** Runs of pages that were freed while `pagesLock` could not be had; linked through their first word. Atomic. */
  returnedRuns: u32;
  reserved8: u32;
  reserved2: u64;
  reserved3: u64;
  reserved4: u64;
  reserved5: u64;
  reserved6: u64;
  reserved7: u64;

  /** Owner CPU + 1, or 0. Guards the lists of maps and allocators, and what belongs to CPUs (mem/managed.ts). */
  controlLock: u32;
  /** First map; linked through MapHeader.next. */
  maps: u32;
  /** Maps that wait for a grace period before their memory goes back; under `controlLock`. */
  dyingMaps: u32;
  /** Every allocator, maps' and users': first CPU's caches, linked through Cache.nextSet, under `controlLock`. */
  cacheSets: u32;
}

/**
 * Grace-period epochs (rcu/epoch.ts), one for each flavour, alone in their cache line: read by every reader, written
 * once a grace period.
 */
export const EPOCH_WORDS: usize = SUPERBLOCK + 192;
/** Bins of free page runs: RUN_BINS words. */
export const BINS: usize = SUPERBLOCK + 256;
/** 2 * CLASS_COUNT slab classes, a cache line each (mem/slab.ts): plain ones first. */
export const SLAB_CLASSES: usize = SUPERBLOCK + 512;

export function superblock(): Superblock {
  return changetype<Superblock>(SUPERBLOCK);
}

/**
 * A number that no map and no allocator had before: an address is used again, a serial is not. Spread over 32 bits, so that what
 * else comes to lie at the address is hardly taken for it; never 0.
 * The count pairs with nothing: whoever gets it is alone with it.
 */
export function nextSerial(): u32 {
  const word = SUPERBLOCK + offsetof<Superblock>("serials");
  const serial = <u32>addAndFetch(word, 1) * 0x9e3779b1;
  return serial != 0 ? serial : <u32>addAndFetch(word, 1) * 0x9e3779b1;
}
