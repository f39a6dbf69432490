/** What an arena's maps and their caches hold now. Reads shared memory without a lock: a snapshot that may be a few off. */
import { refuse } from "../arguments.ts";
import { AnyctxError } from "../error.ts";
import type { MapInfo } from "../maps/info.ts";
import { elementSets, memoryUse } from "../maps/memory-use.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { inReadSection, type Reader } from "../wasm/reader.ts";
import { type CacheState, type Misses, readCaches } from "./caches.ts";

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
  /** Prefilled, and not used yet. */
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

/** What a map holds, and what it would hold preallocated. Bytes of shared memory. */
export interface MapStatistics {
  readonly entries: number;
  readonly bytes: number;
  readonly preallocatedBytes: number;
}

/** An address that a map may have: in the arena's memory, at a page. */
function isPlace(reader: Reader, address: number): boolean {
  const pages = reader.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.pages);
  return (
    Number.isInteger(address) &&
    address > 0 &&
    address % CONSTANTS.PAGE_BYTES === 0 &&
    address / CONSTANTS.PAGE_BYTES < pages
  );
}

/** What a wrong call may have in their place: an arena's handle, the map itself. */
function checkArguments(call: string, reader: Partial<Reader> | undefined, map: Partial<MapInfo> | undefined): void {
  if (typeof reader?.word !== "function") refuse(call, "an arena", "arena", reader);
  if (typeof map?.address !== "number" || typeof map.kind?.memoryUse !== "string")
    refuse(call, "the info of a map", "map", map);
}

/**
 * Reads of a map that need not be open.
 * @throws {AnyctxError} EBADF: it has been destroyed, and what lies there now is something else
 */
function readLiving<T>(call: string, reader: Reader, map: MapInfo, read: () => T): T {
  checkArguments(call, reader, map);
  return inReadSection(reader.core, () => {
    const field = (name: "serial" | "dyingTarget"): number => reader.word(map.address + LAYOUT.MapHeader[name]);
    if (
      !isPlace(reader, map.address) ||
      map.serial === 0 ||
      field("serial") !== map.serial ||
      field("dyingTarget") !== 0
    )
      throw new AnyctxError("EBADF", `Cannot read the statistics of map "${map.name}": it has been destroyed`);
    return read();
  });
}

/**
 * The caches of a dynamic hash or LRU map; other maps have none. Task context.
 * @param map it need not be open
 * @throws {AnyctxError} EBADF: the map has been destroyed, or the arena is detached
 */
export function cacheStatistics(reader: Reader, map: MapInfo): CacheStatistics[] {
  return readLiving("cacheStatistics", reader, map, () => readCacheStatistics(reader, map));
}

function readCacheStatistics(reader: Reader, map: MapInfo): CacheStatistics[] {
  const field = (name: "sets" | "supply" | "values"): number => reader.word(map.address + LAYOUT.MapHeader[name]);
  const isCached = field("supply") === CONSTANTS.SUPPLY_CACHE || field("supply") === CONSTANTS.SUPPLY_LRU;
  if (field("sets") === 0 || !isCached) return [];
  const elements = elementSets(reader, map.address);
  const values = [field("values")].filter((set) => set !== 0);
  const read = (objects: CacheStatistics["objects"], sets: readonly number[]): CacheStatistics[] =>
    sets.flatMap((set) => readCaches(reader, set).map((cache) => describe(map.name, objects, cache)));
  return [...read("elements", elements), ...read("values", values)];
}

function describe(map: string, objects: "elements" | "values", cache: CacheState): CacheStatistics {
  const { cpu, unit, field, lists, misses } = cache;
  const { free = 0, byGp = 0, waiting = 0, prefilled = 0, extra = 0, depot = 0 } = lists;
  return {
    map,
    objects,
    cpu,
    unit,
    free,
    low: field("low"),
    high: field("high"),
    waiting: byGp + waiting,
    trimmed: byGp,
    inFlight: field("waitingTarget") !== 0,
    promised: prefilled,
    extra,
    surplus: depot,
    refills: field("refills"),
    trims: field("trims"),
    steals: field("steals"),
    reused: field("reused"),
    gracePeriods: field("gracePeriods"),
    waitingAge: field("waitingAge"),
    misses,
  };
}

/** How much is in a map, and how much memory it takes. As `cacheStatistics`. */
export function mapStatistics(reader: Reader, map: MapInfo): MapStatistics {
  return readLiving("mapStatistics", reader, map, () => ({
    entries: reader.core.mapCount(map.address),
    ...memoryUse(map.kind.memoryUse, reader, map),
  }));
}
