/** What an arena's maps and caches hold now. Reads shared memory without a lock: a snapshot that may be a few off. */
import type { Context } from "../events/record.ts";
import { CONTEXTS } from "../events/record.ts";
import type { MapInfo } from "../maps/map.ts";
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
  if (map.kind.indexed || arena.word(map.address + arena.layout.mapSupply) !== SUPPLY.cache) return [];
  const kinds: ("elements" | "values")[] = map.kind.perCpu ? ["elements", "values"] : ["elements"];
  return kinds.flatMap((objects) => {
    const { layout } = arena;
    const first = arena.word(map.address + (objects === "elements" ? layout.mapElements : layout.mapValues));
    return Array.from({ length: arena.cpus }, (_, cpu) =>
      readCache(arena, first + cpu * layout.cacheBytes, map.name, objects, cpu),
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
  const { layout } = arena;
  const field = (offset: number): number => arena.word(address + offset);
  const misses = noMisses();
  for (const [row, context] of CONTEXTS.entries()) misses[context] = field(layout.cacheMisses + row * 4);
  return {
    map,
    objects,
    cpu,
    unit: field(layout.cacheUnit),
    free: field(layout.cacheFreeCount),
    low: field(layout.cacheLow),
    high: field(layout.cacheHigh),
    waiting: field(layout.cacheByGpCount) + field(layout.cacheWaitingCount),
    trimmed: field(layout.cacheByGpCount),
    inFlight: field(layout.cacheWaitingTarget) !== 0,
    promised: field(layout.cachePromised),
    extra: field(layout.cacheExtraCount),
    surplus: field(layout.cacheSurplus),
    refills: field(layout.cacheRefills),
    trims: field(layout.cacheTrims),
    steals: field(layout.cacheSteals),
    reused: field(layout.cacheReused),
    gracePeriods: field(layout.cacheGracePeriods),
    waitingAge: field(layout.cacheWaitingAge),
    misses,
  };
}

export function mapStatistics(arena: Arena, map: MapInfo): MapStatistics {
  const { core, layout } = arena;
  if (map.kind.indexed) {
    const bytes = map.maxEntries * map.valueStride * map.copies;
    return { entries: map.maxEntries, bytes, preallocatedBytes: bytes };
  }
  const field = (offset: number): number => arena.word(map.address + offset);
  const buckets = (field(layout.mapBucketMask) + 1) * BUCKET_BYTES;
  const elementBytes = field(layout.mapValueOffset) + (map.kind.perCpu ? HEADER_BYTES : map.valueStride);
  const valueBytes = map.kind.perCpu ? map.valueStride * map.copies : 0;
  const pool = (map.maxEntries + arena.cpus) * (elementBytes + valueBytes);
  const owned = core.allocatorOwned(field(layout.mapElements)) * elementBytes;
  const values = core.allocatorOwned(field(layout.mapValues)) * (map.valueStride + HEADER_BYTES) * map.copies;
  const dynamic = field(layout.mapSupply) !== SUPPLY.pool;
  return {
    entries: core.mapCount(map.address),
    bytes: buckets + (dynamic ? owned + values : pool),
    preallocatedBytes: buckets + pool,
  };
}
