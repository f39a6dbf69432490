/** A map of any kind for tests, with keys and values that it takes. */
import type { Arena } from "../arena/arena.ts";
import { innerMaps } from "../arena/inner-maps.ts";
import { none, string, struct, u32, u64 } from "./codec/codec.ts";
import type { MapKind } from "./kinds.ts";
import type { ArenaMap } from "./map.ts";

export type AnyMap = ArenaMap<unknown, unknown>;

export interface SampleMap {
  /** Its name is `map`. */
  readonly map: AnyMap;
  /** A key or a value for each number. */
  readonly keyFor: (number: number) => unknown;
  readonly valueFor: (number: number) => unknown;
}

/** The least that a buffer of records may have. */
const BUFFER_BYTES = 4096;

/** @param more options besides: `prealloc` */
export function sampleMap(arena: Arena, kind: MapKind, entries: number, more: object = {}): SampleMap {
  const { type, keys, variable, inner, perCpu, records, system } = kind;
  const like = arena.createMap({ type: "hash", name: `inner ${type}`, key: u32, value: u32, maxEntries: 4 });
  const holdsNothing = Object.keys(system).length === 0;
  const key = {
    none,
    prefix: struct({ length: u32, bits: u32 }),
    bytes: variable ? string() : u32,
    index: u32,
    owner: u64,
  }[keys];
  const value = inner ? innerMaps(arena, like) : records || kind.pages ? none : holdsNothing ? u32 : u64;
  const options = { type, name: "map", key, value, maxEntries: records ? BUFFER_BYTES : entries, ...more };
  const keyFor = {
    none: () => undefined,
    prefix: (number: number) => ({ length: number * 4, bits: 0x5a5a5a5a }),
    bytes: (number: number) => (variable ? "k".repeat(number) : number),
    index: (number: number) => number,
    owner: BigInt,
  }[keys];
  const valueFor = (number: number): unknown =>
    inner ? like : perCpu ? Array(arena.cpus).fill(BigInt(number)) : holdsNothing ? number : BigInt(number);
  return { map: arena.createMap(options as never) as unknown as AnyMap, keyFor, valueFor };
}
