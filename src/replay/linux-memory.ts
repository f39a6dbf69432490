/**
 * What a map takes in Linux on 64 bits (`kernel/bpf/hashtab.c`, `arraymap.c`, `memalloc.c`, 6.18), by what it is for. `run --json` and
 * `advise --json` say it by the same names. The caches' own fields, a few hundred bytes a CPU, are left out.
 */
import type { Arena } from "../arena/arena.ts";
import type { MapInfo } from "../maps/info.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";

/** Bytes of a hash. */
export interface LinuxBytes {
  /** The map's own struct. */
  readonly fixed: number;
  readonly buckets: number;
  /** Elements with an entry, as the slab hands them out; preallocated: all of max_entries. */
  readonly elements: number;
  /** Preallocated: an element more for each CPU, and the pointer to it. */
  readonly extraElements: number;
  /** Dynamic: what the CPUs' caches have beyond the entries, values too. */
  readonly caches: number;
  /** Values of a per-CPU hash, for every possible CPU. */
  readonly values: number;
  readonly total: number;
  /** What fdinfo shows as `memlock`: a formula, which knows no caches and no slab sizes. */
  readonly memlock: number;
}

/** Of one map, both ways. */
export interface LinuxMemory {
  /** Left out of a trie of prefixes, which is always dynamic. */
  readonly preallocated?: LinuxBytes;
  /** Left out where the hash was not dynamic here: then nobody knows what its caches would hold. */
  readonly dynamic?: LinuxBytes;
}

/** Of one object of a hash's allocators, in bytes. */
export interface LinuxUnits {
  /** An element as `elem_size` says, and as the slab hands it out with the allocator's header. */
  readonly element: number;
  readonly slabElement: number;
  /** A per-CPU hash's value on all CPUs, without and with what leads to it; 0: there is none. */
  readonly value: number;
  readonly slabValue: number;
}

/** What a dynamic hash has: its entries, and objects that it owns, cached ones included. */
export interface DynamicState {
  readonly entries: number;
  readonly ownedElements: number;
  readonly ownedValues: number;
}

export const NOTHING_OWNED: DynamicState = { entries: 0, ownedElements: 0, ownedValues: 0 };

/** `struct bpf_htab`. */
const FIXED = 896;
/** `struct htab_elem` without the key. */
const ELEMENT_HEADER = 48;
/** `struct bucket`. */
const BUCKET = 16;
const POINTER = 8;
/** The header that an allocator's object has in front. */
const OBJECT_HEADER = 8;
/** The wrapper of a per-CPU object: header and pointer. */
const PERCPU_WRAPPER = 16;
/** `struct lpm_trie`, as the slab hands it out, and a node without its prefix and value. Measured on 6.18, as memlock of tries is. */
const TRIE = 512;
const TRIE_NODE = 24;
/** The u32 in a prefix that says how many bits it has: a node has it anyway. */
const PREFIX_LENGTH = 4;
const PAGE = 4096;
const CLASSES = [16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096] as const;

function roundUp(bytes: number, step: number): number {
  return Math.ceil(bytes / step) * step;
}

export function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, least)));
}

/** Bytes that the slab takes for an object. */
function slabBytes(unit: number): number {
  return CLASSES.find((size) => size >= unit) ?? powerOfTwo(unit);
}

type HashShape = Pick<MapInfo, "kind" | "keySize" | "valueSize" | "maxEntries">;

export function linuxUnits({ kind, keySize, valueSize }: HashShape, cpus: number): LinuxUnits {
  if (kind.keys === "prefix") {
    const node = TRIE_NODE + keySize - PREFIX_LENGTH + valueSize;
    return { element: node, slabElement: slabBytes(node + OBJECT_HEADER), value: 0, slabValue: 0 };
  }
  const own = roundUp(valueSize, 8);
  const element = ELEMENT_HEADER + roundUp(keySize, 8) + (kind.perCpu ? POINTER : own);
  const value = kind.perCpu ? own * cpus : 0;
  return {
    element,
    slabElement: slabBytes(element + OBJECT_HEADER),
    value,
    slabValue: kind.perCpu ? PERCPU_WRAPPER + value : 0,
  };
}

function bucketBytes({ maxEntries }: HashShape): number {
  return powerOfTwo(maxEntries) * BUCKET;
}

/** A hash that has all its elements from the start. */
export function preallocatedBytes(info: HashShape, cpus: number): LinuxBytes {
  const { element, value } = linuxUnits(info, cpus);
  const buckets = bucketBytes(info);
  const elements = info.maxEntries * element;
  const hasExtra = !info.kind.perCpu && info.kind.memoryUse !== "lru";
  const extraElements = hasExtra ? cpus * (element + POINTER) : 0;
  const values = info.maxEntries * value;
  const total = FIXED + buckets + elements + extraElements + values;
  return { fixed: FIXED, buckets, elements, extraElements, caches: 0, values, total, memlock: total };
}

/** A trie of prefixes. Nodes between entries count to the caches: nobody asked for them. */
function trieBytes(info: HashShape, cpus: number, { entries, ownedElements }: DynamicState): LinuxBytes {
  const { element, slabElement } = linuxUnits(info, cpus);
  const elements = entries * slabElement;
  const caches = Math.max(0, ownedElements * slabElement - elements);
  const total = TRIE + elements + caches;
  return {
    ...{ fixed: TRIE, buckets: 0, elements, extraElements: 0, caches, values: 0, total },
    memlock: entries * element,
  };
}

/** A dynamic hash (BPF_F_NO_PREALLOC), or a trie of prefixes. */
export function dynamicBytes(info: HashShape, cpus: number, state: DynamicState): LinuxBytes {
  if (info.kind.keys === "prefix") return trieBytes(info, cpus, state);
  const { entries, ownedElements, ownedValues } = state;
  const { element, slabElement, value, slabValue } = linuxUnits(info, cpus);
  const buckets = bucketBytes(info);
  const elements = entries * slabElement;
  const values = entries * slabValue;
  const caches = Math.max(0, ownedElements * slabElement + ownedValues * slabValue - elements - values);
  const total = FIXED + buckets + elements + caches + values;
  const perEntry = element + POINTER + (info.kind.perCpu ? value + 2 * POINTER : 0);
  const memlock = FIXED + buckets + entries * perEntry;
  return { fixed: FIXED, buckets, elements, extraElements: 0, caches, values, total, memlock };
}

/** What a hash of an arena has now; undefined where it is not dynamic. */
export function dynamicState(arena: Arena, info: MapInfo): DynamicState | undefined {
  const supply = arena.word(info.address + LAYOUT.MapHeader.supply);
  return supply === CONSTANTS.SUPPLY_CACHE ? ownedState(arena, info) : undefined;
}

/** The same of a map that is known to be dynamic. */
export function ownedState(arena: Arena, { address, kind }: MapInfo): DynamicState {
  const { core } = arena;
  const owned = (part: "elements" | "values"): number =>
    core.allocatorOwned(arena.word(address + LAYOUT.MapHeader[part]));
  return {
    entries: core.mapCount(address),
    ownedElements: owned("elements"),
    ownedValues: kind.perCpu ? owned("values") : 0,
  };
}

/** A hash of an arena as it is now. */
export function linuxMemory(arena: Arena, info: MapInfo): LinuxMemory {
  const preallocated = preallocatedBytes(info, arena.cpus);
  const state = dynamicState(arena, info);
  return state === undefined ? { preallocated } : { preallocated, dynamic: dynamicBytes(info, arena.cpus, state) };
}

/** Values, or a ring buffer's records, of a map that has their room from the start; a data section, which user space maps, in whole pages. */
export function arrayBytes({ kind, valueSize, maxEntries }: HashShape, cpus: number, isSection: boolean): number {
  if (kind.memoryUse === "records") return maxEntries;
  const bytes = maxEntries * roundUp(valueSize, 8) * (kind.perCpu ? cpus : 1);
  return isSection ? PAGE + roundUp(bytes, PAGE) : bytes;
}
