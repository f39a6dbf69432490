/** What an allocator's caches hold now. Reads shared memory without a lock: a snapshot that may be a few off. */

import { CONTEXTS } from "../events/record.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import type { Arena } from "./arena.ts";
import { type Misses, noMisses } from "./statistics.ts";

/** Objects of one class on one CPU. Counts are objects. */
export interface ObjectCacheStatistics {
  readonly cpu: number;
  /** Bytes of an object that can be used. */
  readonly size: number;
  readonly free: number;
  readonly low: number;
  readonly high: number;
  /** Reserved by `prefill`, and not used yet. */
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

const CLASSES_OF_ANY_SIZE = 11;

export function allocatorStatistics(arena: Arena, address: number, name: string): AllocatorStatistics {
  const { core } = arena;
  const field = (offset: number): number => arena.word(address + offset);
  const objectSize = field(LAYOUT.ObjectAllocator.size);
  const caches: ObjectCacheStatistics[] = [];
  const inUse: { size: number; count: number }[] = [];
  for (let index = 0; index < (objectSize === 0 ? CLASSES_OF_ANY_SIZE : 1); index++) {
    const ofClass = Array.from({ length: arena.cpus }, (_, cpu) =>
      readCache(arena, address + CONSTANTS.CACHES_AT + (index * arena.cpus + cpu) * CONSTANTS.CACHE_BYTES, cpu),
    );
    const count = ofClass.reduce((sum, cache) => sum + cache.owned - idle(cache), 0);
    if (count !== 0) inUse.push({ size: ofClass[0]?.size ?? 0, count });
    caches.push(...ofClass);
  }
  return {
    name,
    objectSize: objectSize === 0 ? undefined : objectSize,
    perCpu: field(LAYOUT.ObjectAllocator.perCpu) !== 0,
    bytes: core.allocatorBytes(address) >>> 0,
    limitBytes: field(LAYOUT.ObjectAllocator.limit),
    refused: field(LAYOUT.ObjectAllocator.refused),
    inUse,
    caches,
  };
}

/** Objects that a cache holds and nobody uses. */
function idle(cache: ObjectCacheStatistics): number {
  const { free, extra, byGp, waiting, byRcu, waitingRcu, inbox, surplus, promised } = cache;
  return free + extra + byGp + waiting + byRcu + waitingRcu + inbox + surplus + promised;
}

/** Objects of a list; at most `most`, since the list may change under us. */
function chainLength(arena: Arena, first: number, most: number): number {
  let length = 0;
  for (let object = first; object !== 0 && length < most; object = arena.word(object)) length++;
  return length;
}

function readCache(arena: Arena, address: number, cpu: number): ObjectCacheStatistics {
  const field = (offset: number): number => arena.word(address + offset);
  const misses = noMisses();
  for (const [row, context] of CONTEXTS.entries()) misses[context] = field(LAYOUT.Cache.missTask + row * 4);
  return {
    cpu,
    size: field(LAYOUT.Cache.unit) - HEADER_BYTES,
    free: field(LAYOUT.Cache.freeCount),
    low: field(LAYOUT.Cache.low),
    high: field(LAYOUT.Cache.high),
    promised: field(LAYOUT.Cache.prefilled),
    extra: field(LAYOUT.Cache.extraCount),
    byGp: field(LAYOUT.Cache.byGpCount),
    waiting: field(LAYOUT.Cache.waitingCount),
    byRcu: field(LAYOUT.Cache.byRcuCount),
    waitingRcu: field(LAYOUT.Cache.waitingRcuCount),
    inbox: chainLength(arena, field(LAYOUT.Cache.inbox), field(LAYOUT.Cache.owned)),
    surplus: field(LAYOUT.Cache.depotCount),
    owned: field(LAYOUT.Cache.owned) | 0,
    refills: field(LAYOUT.Cache.refills),
    trims: field(LAYOUT.Cache.trims),
    misses,
  };
}

const HEADER_BYTES = 8;
