/**
 * The descriptor of a map. Its address is what a program holds as a map pointer. Everything up to `count` is written at
 * creation and only read afterwards. Behind it lie the map's name, what the map keeps for each CPU, and its sets of caches.
 */
import { setBytes } from "../alloc/set";
import { roundUp } from "../base/bytes";
import { superblock } from "../base/superblock";

/** BPF_F_NO_PREALLOC of Linux's uapi. */
export const NO_PREALLOC: u32 = 1;

/** BPF_F_NO_COMMON_LRU: each CPU makes room among its own entries. */
export const NO_COMMON_LRU: u32 = 2;

/** BPF_F_ZERO_SEED, which is taken and does nothing: the seed is the arena's. */
export const ZERO_SEED: u32 = 64;

/** Update flags of Linux's uapi: create or replace (0), create only, replace only. */
export const NOEXIST: u32 = 1;
export const EXIST: u32 = 2;
/** BPF_F_INNER_MAP of creation: as an inner map it may have another max_entries than the others. */
export const INNER_MAP: u32 = 4096;

/** BPF_F_LOCK: under the lock in the value (maps/value-lock.ts). */
export const LOCK: u32 = 4;

/** Where a hash's elements come from (maps/table/element.ts). */
export const SUPPLY_CACHE: u32 = 0;
export const SUPPLY_POOL: u32 = 1;
export const SUPPLY_SLAB: u32 = 2;
/** As SUPPLY_CACHE, of an LRU map (maps/hash/lru-slots.ts): given by the kind, not at creation. */
export const SUPPLY_LRU: u32 = 3;

/** Linux's bound on what it allocates at once: KMALLOC_MAX_SIZE. */
export const LARGEST_OBJECT: u32 = 4194304;
/** Linux's bound on key and value of an entry: KMALLOC_MAX_SIZE less the header of a hash's element. */
export const LARGEST_ENTRY: u32 = LARGEST_OBJECT - 48;
/** Linux's bound on a per-CPU value: PCPU_MIN_UNIT_SIZE. */
export const LARGEST_PERCPU_VALUE: u32 = 32768;

/** MapHeader.fastKey: the key is of several words of 8 bytes, and given by its address. */
export const KEY_OF_WORDS: u32 = 16;
/** Longest key of which that is so: longer ones are copied and compared by calls. */
const LONGEST_WORDS: u32 = 64;

/** What `fastKey` is for keys of a size. */
export function fastKeyFor(keySize: u32): u32 {
  if (keySize == 4 || keySize == 8) return keySize;
  return keySize != 0 && (keySize & 7) == 0 && keySize <= LONGEST_WORDS ? KEY_OF_WORDS : 0;
}

export const NAME_BYTES: u32 = 64;

@unmanaged
export class MapHeader {
  // The first cache line: what every operation of a hash reads.
  kind: u32;
  /** The flags of creation as map info shows them; forceDynamic adds NO_PREALLOC. */
  flags: u32;
  /** 0: keys and values have lengths of their own (maps/table/entry.ts), or there are no keys. */
  keySize: u32;
  valueSize: u32;
  /** Hash: the first buckets, and which of them are found without the directory: those below, all or none. A hint. */
  buckets: u32;
  contiguous: u32;
  /** Value size rounded up to 8: bytes of one value as it lies in memory. */
  valueStride: u32;
  /** Hash: offset of the value (per-CPU: of the pointer to it) in an element. */
  valueOffset: u32;
  /** Hash: how many buckets there are, and the mask that covers their numbers: a hint. The migrator's. */
  root: u64;
  /** Hash: random and odd (base/bytes.ts). */
  multiplier: u64;
  /** Hash: the segments' addresses (maps/table/table.ts). */
  directory: u32;
  /** The map's first set of caches: a hash's elements, whatever their supply; one of many, if they are of many sizes. */
  elements: u32;
  /** Hash: 4, 8 or KEY_OF_WORDS as maps/hash/fast.ts serves its keys, 0 if the map always takes the slow path. */
  fastKey: u32;
  /** Hash, small values: 1 if an update overwrites the value where it lies. */
  inPlace: u32;

  // The second: the rest of what does not change.
  /** The second set, 0 if there is none: a per-CPU hash's values. */
  values: u32;
  maxEntries: u32;
  supply: u32;
  /** Array: the values. Preallocated hash: the pool. */
  storage: u32;
  /** Per-CPU kinds: distance between two CPUs' copies of a value. */
  copyStride: u32;
  /** Per-CPU hash: 1 if an element keeps its value until it goes back to the slab (maps/percpu-value.ts). */
  keepsValues: u32;
  /** Preallocated per-CPU hash: all the values' copies. */
  valueStorage: u32;
  /** How to read keys and values, for whoever opens the map by name: text the control plane wrote. */
  description: u32;
  descriptionBytes: u32;
  /** Under `controlLock`. */
  next: u32;
  /** Epochs, normal and tasks-trace, after which a destroyed map's memory may go. */
  dyingTarget: u32;
  dyingTraceTarget: u32;
  /** 1: an update keeps interrupts off from the allocation to the end, as Linux does under the bucket lock. */
  interruptsOff: u32;
  /** The allocator whose account pays for the elements, 0: nobody (alloc/account.ts). */
  account: u32;
  /** Sets of caches that the map has. */
  sets: u32;
  /** Hash: all buckets of a table that stays as it is, 0: its segments are made one by one. */
  wholeStorage: u32;

  // The third.
  /** Hash: where the directory lies, if it is of more than one segment. */
  directoryStorage: u32;
  /** Hash: between how many buckets the table is. */
  leastBuckets: u32;
  mostBuckets: u32;
  /** The directory of one segment. */
  segment: u32;
  /** Tells the map from one that lies here before or after it (base/superblock.ts). */
  serial: u32;
  /** The access flags of creation: what the system call and programs may do (maps/access.ts). */
  access: u32;
  /** map_extra of creation: what it means the kind says. Of an arena map the lower half. */
  extra: u32;
  extraHigh: u32;
  /** 1 once the system call may not write any more (maps/access.ts). Atomic. */
  frozen: u32;
  /** LRU: the elements by their slots, and how many of them each CPU has to itself, 0: all share all (maps/hash/lru-slots.ts). */
  ring: u32;
  lruShare: u32;
  /** LRU: entries that a CPU sets aside at once, 0: none (maps/hash/lru-batch.ts). */
  lruBatch: u32;
  /** Map of maps: what its inner maps are like (maps/inner.ts); 0: there are none. */
  innerKind: u32;
  innerKeySize: u32;
  innerValueSize: u32;
  innerFlags: u32;

  // The fourth: what is written.
  /** Atomic: places that are given out, of maxEntries (maps/count.ts). */
  places: u32;
  /** Hash: owner CPU + 1, or 0: who makes the table larger or smaller (maps/table/work.ts). What follows is the migrator's. */
  migrator: u32;
  /** Hash: segments that the directory names, from the first on. */
  segments: u32;
  /** Hash: a segment that the directory names no longer, 0 for none, and the epoch from which on nobody is in it. */
  retired: u32;
  retiredTarget: u32;
  /** Trie, ordered map: the first node, 0 if there is none. Atomic. */
  treeRoot: u32;
  /** The same: owner CPU + 1, or 0. Guards the nodes and what follows. */
  treeLock: u32;
  /** The same: entries, and how many there will be once the change under way has been shown (maps/tree/reap.ts). */
  treeCount: u32;
  treePending: u32;
  /** Map of maps: max_entries of inner arrays. */
  innerEntries: u32;
  /** Whether entries of maps of maps name this map (maps/inner.ts). Under the control plane's lock. */
  held: u32;
  /** LRU, all share all: 0 if no element lies on a CPU's list, as far as is known (maps/table/element.ts). Atomic. */
  pooled: u32;
  /** Trie, ordered map: changes so far (maps/tree/ordered-walk.ts). Atomic. */
  treeChanges: u64;

  // The fifth: arena maps.
  /** The halves of the pointer to the first page. */
  pointerLow: u32;
  pointerHigh: u32;
  /** The run in front of which no page is free, as a hint. */
  pagesFrom: u32;
  /** Owner CPU + 1, or 0: who gives runs back (maps/arena/sweep.ts); how far that is, atomic, and until when it waits. */
  sweeper: u32;
  sweep: u32;
  sweepTarget: u32;
  sweepTraceTarget: u32;
  /** Perf event array: bytes of a CPU's ring (maps/ring/perf-buffer.ts). */
  ringBytes: u32;
  /** Where a lock lies in values, + 1; 0: they have none (maps/value-lock.ts). */
  valueLock: u32;
  /**
   * Hash: how often of late CPUs were in each other's way, and how many buckets there are at least for it (maps/table/work.ts).
   * Hints, which any CPU writes.
   */
  crossings: u32;
  spread: u32;
}

export const HEADER_SIZE: usize = 320;
/** Behind the header: the name, NUL padded; then a MapCpu for each CPU; then the sets. */
export const MAP_BYTES: usize = HEADER_SIZE + <usize>NAME_BYTES;

/** What a map keeps for each CPU: a cache line, and one for the counts. */
@unmanaged
export class MapCpu {
  /** How often this CPU's holder has the map open (maps/registry.ts). */
  opened: u32;
  /** Preallocated hash: the element that the next replacement uses (maps/table/element.ts). Atomic between contexts. */
  spare: u32;
  /** Preallocated hash: tag << 32 | first free element of this CPU's list. Atomic: any CPU may take from it. */
  pool: u64;
  /** Hash: 1 while this CPU's migration is queued, and the next queued one (maps/table/work.ts). Atomic. */
  tableRaised: u32;
  tableNext: u32;
  /** How often this CPU's holder reads the rings of a perf event array (maps/ring/perf-buffer.ts). Atomic. */
  readers: u32;
  reserved1: u32;
  reserved2: u64;
  reserved3: u64;
  reserved4: u64;
  reserved5: u64;
  /** Hash: a LevelCount for each context level (maps/count.ts), 64 bytes. */
  counts: u64;
}

export const MAP_CPU_BYTES: usize = 128;

export function mapAt(address: usize): MapHeader {
  return changetype<MapHeader>(address);
}

/** What a map keeps for a CPU. */
export function mapCpu(map: MapHeader, cpu: u32): MapCpu {
  return changetype<MapCpu>(changetype<usize>(map) + MAP_BYTES + cpu * MAP_CPU_BYTES);
}

/** A map's set of caches by its number: they lie one behind the other, `elements` first. */
export function mapSet(map: MapHeader, index: u32): usize {
  return <usize>map.elements + <usize>index * setBytes();
}

/** Whether an address is that of a cache of elements: not one of values, which a per-CPU hash has as its second set. */
export function isElementCache(map: MapHeader, address: u32): bool {
  const sets = map.values != 0 ? 1 : map.sets;
  return address >= map.elements && address < <u32>mapSet(map, sets);
}

/** Bytes of a key as a walk writes it. */
export function keyBytesOf(map: MapHeader): u32 {
  return <u32>roundUp(map.keySize, 8);
}

/** Bytes of one entry as a walk writes it: the key, then the value, or all CPUs' values. */
export function entryBytesOf(map: MapHeader): u32 {
  const values = map.copyStride != 0 ? superblock().cpus : 1;
  return keyBytesOf(map) + map.valueStride * values;
}

export function mapEntryBytes(address: usize): u32 {
  return entryBytesOf(mapAt(address));
}
