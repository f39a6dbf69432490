/** What an arena's maps and caches hold now. Reads shared memory without a lock: a snapshot that may be a few off. */

import type { Context } from "../events/record.ts";
import { CONTEXTS } from "../events/record.ts";
import type { MapInfo } from "../maps/map.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { type Arena, SUPPLY } from "./arena.ts";

/** One cache: the objects of one kind of one map on one CPU. Counts are objects. */
export interface CacheStatistics {
  readonly map: string;
  readonly objects: "elements" | "values";
  readonly cpu: number;
  /** Bytes of one object with its header. */
  readonly unit: number;
  readonly free: number;
  readonly low: number;
  readonly high: number;
  /** Trimmed objects that wait for a grace period, to begin or to end. */
  readonly waiting: number;
  /** Those of `waiting` whose grace period has not begun. */
  readonly trimmed: number;
  /** Whether a grace period is in flight for a batch. */
  readonly inFlight: boolean;
  /** Reserved by `prefill`, and not used yet. */
  readonly promised: number;
  /** Freed while the cache was busy further down on the CPU. */
  readonly extra: number;
  /** Objects beyond what may wait, on a list for all CPUs: counted with CPU 0. */
  readonly surplus: number;
  readonly refills: number;
  readonly trims: number;
  /** Objects that refills took from the surplus. */
  readonly steals: number;
  /** Objects that refills took back from those that waited. */
  readonly reused: number;
  readonly gracePeriods: number;
  /** Runs of the deferred work that found the batch in flight held up by a reader: its age. */
  readonly waitingAge: number;
  /** Allocations that found nothing, each an -ENOMEM for whoever asked, by the context they came from. */
  readonly misses: Misses;
}

export type Misses = Record<Context, number>;

/** What a map holds, and what it would hold preallocated. Bytes of shared memory. */
export interface MapStatistics {
  readonly entries: number;
  readonly bytes: number;
  readonly preallocatedBytes: number;
}

const BUCKET_BYTES = 64;
const HEADER_BYTES = 8;

export function noMisses(): Misses {
  return { task: 0, softirq: 0, irqsOff: 0, hardirq: 0, nmi: 0 };
}

/** The caches of a dynamic hash; other maps have none. */
export function cacheStatistics(arena: Arena, map: MapInfo): CacheStatistics[] {
  if (map.kind.indexed || arena.word(map.address + LAYOUT.MapHeader.supply) !== SUPPLY.cache) return [];
  const kinds: ("elements" | "values")[] = map.kind.perCpu ? ["elements", "values"] : ["elements"];
  return kinds.flatMap((objects) => {
    const first = arena.word(
      map.address + (objects === "elements" ? LAYOUT.MapHeader.elements : LAYOUT.MapHeader.values),
    );
    return Array.from({ length: arena.cpus }, (_, cpu) =>
      readCache(arena, first + cpu * CONSTANTS.CACHE_BYTES, map.name, objects, cpu),
    );
  });
}

function readCache(
  arena: Arena,
  address: number,
  map: string,
  objects: "elements" | "values",
  cpu: number,
): CacheStatistics {
  const field = (offset: number): number => arena.word(address + offset);
  const misses = noMisses();
  for (const [row, context] of CONTEXTS.entries()) misses[context] = field(LAYOUT.Cache.missTask + row * 4);
  return {
    map,
    objects,
    cpu,
    unit: field(LAYOUT.Cache.unit),
    free: field(LAYOUT.Cache.freeCount),
    low: field(LAYOUT.Cache.low),
    high: field(LAYOUT.Cache.high),
    waiting: field(LAYOUT.Cache.byGpCount) + field(LAYOUT.Cache.waitingCount),
    trimmed: field(LAYOUT.Cache.byGpCount),
    inFlight: field(LAYOUT.Cache.waitingTarget) !== 0,
    promised: field(LAYOUT.Cache.prefilled),
    extra: field(LAYOUT.Cache.extraCount),
    surplus: field(LAYOUT.Cache.depotCount),
    refills: field(LAYOUT.Cache.refills),
    trims: field(LAYOUT.Cache.trims),
    steals: field(LAYOUT.Cache.steals),
    reused: field(LAYOUT.Cache.reused),
    gracePeriods: field(LAYOUT.Cache.gracePeriods),
    waitingAge: field(LAYOUT.Cache.waitingAge),
    misses,
  };
}

export function mapStatistics(arena: Arena, map: MapInfo): MapStatistics {
  const { core } = arena;
  if (map.kind.indexed) {
    const bytes = map.maxEntries * map.valueStride * map.copies;
    return { entries: map.maxEntries, bytes, preallocatedBytes: bytes };
  }
  const field = (offset: number): number => arena.word(map.address + offset);
  const buckets = (field(LAYOUT.MapHeader.bucketMask) + 1) * BUCKET_BYTES;
  const elementBytes = field(LAYOUT.MapHeader.valueOffset) + (map.kind.perCpu ? HEADER_BYTES : map.valueStride);
  const valueBytes = map.kind.perCpu ? map.valueStride * map.copies : 0;
  const pool = (map.maxEntries + arena.cpus) * (elementBytes + valueBytes);
  const owned = core.allocatorOwned(field(LAYOUT.MapHeader.elements)) * elementBytes;
  const values = core.allocatorOwned(field(LAYOUT.MapHeader.values)) * (map.valueStride + HEADER_BYTES) * map.copies;
  const dynamic = field(LAYOUT.MapHeader.supply) !== SUPPLY.pool;
  return {
    entries: core.mapCount(map.address),
    bytes: buckets + (dynamic ? owned + values : pool),
    preallocatedBytes: buckets + pool,
  };
}
