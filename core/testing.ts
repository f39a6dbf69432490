/** What the core's tests share: maps of raw bytes in a small arena, and the state of their caches. */
import { Arena, type ArenaOptions } from "../src/arena/arena.ts";
import { type CacheStatistics, cacheStatistics } from "../src/arena/statistics.ts";
import { bytes, u32 } from "../src/maps/codec.ts";
import type { MapType } from "../src/maps/kinds.ts";
import type { ArenaMap } from "../src/maps/map.ts";

export const LEVEL = { task: 0, softirq: 1, hardirq: 2, nmi: 3 } as const;

export function makeArena(options: ArenaOptions = {}): Promise<Arena> {
  return Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 1, ...options });
}

export interface HashOptions {
  readonly valueSize?: number;
  readonly maxEntries?: number;
  readonly prealloc?: boolean;
  readonly type?: MapType;
  readonly name?: string;
}

/** A hash with u32 keys and values of any size, all bytes zero. */
export function makeHash(arena: Arena, options: HashOptions = {}): ArenaMap<number, Uint8Array> {
  const { valueSize = 8, maxEntries = 4096, prealloc = false, name = "map" } = options;
  const value = bytes(valueSize);
  return arena.createMap({ type: "hash", name, key: u32, value, maxEntries, prealloc });
}

/** The cache of a map's elements on one CPU. */
export function cacheOn(arena: Arena, map: ArenaMap<number, unknown>, cpu = 0): CacheStatistics {
  const found = cacheStatistics(arena, map.info).find((each) => each.cpu === cpu && each.objects === "elements");
  if (found === undefined) throw new Error(`map ${map.info.name} has no cache on CPU ${cpu}`);
  return found;
}

/** Inserts keys from `first` on until one fails; the number inserted and the errno. */
export function insertUntilRefused(
  map: ArenaMap<number, Uint8Array>,
  first: number,
  most: number,
): { inserted: number; errno: number } {
  const value = new Uint8Array(map.info.valueSize);
  for (let index = 0; index < most; index++) {
    const errno = map.update(first + index, value);
    if (errno !== 0) return { inserted: index, errno };
  }
  return { inserted: most, errno: 0 };
}
