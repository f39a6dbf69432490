/** What an allocator's caches hold now. Reads shared memory without a lock: a snapshot that may be a few off. */
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import type { Reader } from "../wasm/reader.ts";
import { setBytes } from "../wasm/sets.ts";
import { type CacheState, type Misses, readCaches } from "./caches.ts";

/** Objects of one class on one CPU. Counts are objects. */
export interface ObjectCacheStatistics {
  readonly cpu: number;
  /** Bytes of an object that can be used. */
  readonly size: number;
  readonly free: number;
  readonly low: number;
  readonly high: number;
  /** Prefilled, and not used yet. */
  readonly promised: number;
  /** Freed while the cache was in use further down on the CPU. */
  readonly extra: number;
  /** Trimmed objects whose grace periods have not begun, and those whose have. A refill takes from both. */
  readonly byGp: number;
  readonly waiting: number;
  /** What `freeRcu` freed: before its grace period begins, and while it lasts. */
  readonly byRcu: number;
  readonly waitingRcu: number;
  /** Brought by a helper thread for a CPU that never refills itself. */
  readonly inbox: number;
  /** Beyond what may wait for a grace period, on a list for all CPUs: counted with CPU 0. */
  readonly surplus: number;
  /** Taken from the slab minus given back. An object may be freed on another CPU: sums over CPUs are what counts. */
  readonly owned: number;
  readonly refills: number;
  readonly trims: number;
  /** Allocations that found nothing, by context. */
  readonly misses: Misses;
}

export interface AllocatorStatistics {
  readonly name: string;
  /** Payload bytes of every object, undefined for any size. */
  readonly objectSize: number | undefined;
  readonly perCpu: boolean;
  /** Bytes owned, in use or cached, headers and copies included; and how many may be. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** Requests to the slab that the limit refused. */
  readonly refused: number;
  /** Objects that are allocated, by size; sizes of which there are none are left out. */
  readonly inUse: readonly { readonly size: number; readonly count: number }[];
  /** By size, then CPU. */
  readonly caches: readonly ObjectCacheStatistics[];
}

export function allocatorStatistics(reader: Reader, address: number, name: string): AllocatorStatistics {
  const field = (of: keyof (typeof LAYOUT)["ObjectAllocator"]): number =>
    reader.word(address + LAYOUT.ObjectAllocator[of]);
  const size = field("size");
  const debugBytes = field("debugBytes");
  const bytes = setBytes(reader.cpus);
  const caches: ObjectCacheStatistics[] = [];
  const inUse: { size: number; count: number }[] = [];
  for (let index = 0; index < (size === 0 ? CONSTANTS.CLASS_COUNT : 1); index++) {
    const ofClass = readCaches(reader, address + CONSTANTS.SETS_AT + index * bytes);
    const count = ofClass.reduce((sum, cache) => sum + ownedBy(cache) - idle(cache), 0);
    const described = ofClass.map((cache) => describe(cache, debugBytes));
    if (count !== 0) inUse.push({ size: described[0]?.size ?? 0, count });
    caches.push(...described);
  }
  return {
    name,
    objectSize: size === 0 ? undefined : size - debugBytes,
    perCpu: field("perCpu") !== 0,
    bytes: reader.core.allocatorBytes(address) >>> 0,
    limitBytes: field("limit"),
    refused: field("refused"),
    inUse,
    caches,
  };
}

function ownedBy(cache: CacheState): number {
  return cache.field("owned") | 0;
}

/** Objects that a cache has and nobody uses. */
function idle({ lists }: CacheState): number {
  return Object.values(lists).reduce((sum, length) => sum + length, 0);
}

/** @param debugBytes what the debug mode has behind each object */
function describe(cache: CacheState, debugBytes: number): ObjectCacheStatistics {
  const { cpu, unit, field, lists, misses } = cache;
  const { free = 0, extra = 0, byGp = 0, waiting = 0, byRcu = 0, waitingRcu = 0, inbox = 0 } = lists;
  return {
    cpu,
    size: unit - CONSTANTS.HEADER_BYTES - debugBytes,
    free,
    low: field("low"),
    high: field("high"),
    promised: lists["prefilled"] ?? 0,
    extra,
    byGp,
    waiting,
    byRcu,
    waitingRcu,
    inbox,
    surplus: lists["depot"] ?? 0,
    owned: ownedBy(cache),
    refills: field("refills"),
    trims: field("trims"),
    misses,
  };
}
