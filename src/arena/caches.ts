/** The caches of a set as they are now. Reads shared memory without a lock: a snapshot that may be a few off. */
import { CONTEXTS, type Context } from "../events/record.ts";
import { LAYOUT } from "../wasm/face.ts";
import { OBJECT_LISTS, type ObjectList } from "../wasm/lists.ts";
import type { Reader } from "../wasm/reader.ts";
import { cacheAddress } from "../wasm/sets.ts";

/** Allocations that found nothing, by the context that asked. */
export type Misses = Record<Context, number>;

export function noMisses(): Misses {
  return { task: 0, softirq: 0, irqsOff: 0, hardirq: 0, nmi: 0 };
}

/** In all contexts together. */
export function totalMisses(misses: Misses): number {
  return CONTEXTS.reduce((sum, context) => sum + misses[context], 0);
}

type CacheField = keyof (typeof LAYOUT)["Cache"];

/** One CPU's cache: its fields by name, how long each list is, and what it could not give. */
export interface CacheState {
  readonly cpu: number;
  /** Bytes of one object with its header. */
  readonly unit: number;
  readonly field: (name: CacheField) => number;
  /** Objects on each list of `OBJECT_LISTS`; those of the set are counted with CPU 0. */
  readonly lists: Readonly<Record<string, number>>;
  readonly misses: Misses;
}

/** What a cache could not give so far. */
export function readMisses(reader: Reader, cache: number): Misses {
  const misses = noMisses();
  for (const [row, context] of CONTEXTS.entries())
    misses[context] = reader.word(cache + LAYOUT.Cache.missTask + row * 4);
  return misses;
}

/** The caches of a set at an address, by CPU. */
export function readCaches(reader: Reader, set: number): CacheState[] {
  const unit = reader.word(set + LAYOUT.CacheSet.unit);
  return Array.from({ length: reader.cpus }, (_, cpu) => {
    const address = cacheAddress(set, cpu);
    const field = (name: CacheField): number => reader.word(address + LAYOUT.Cache[name]);
    const misses = readMisses(reader, address);
    const lists = OBJECT_LISTS.map((list) => [list.name, listLength(reader, set, address, cpu, list)] as const);
    return { cpu, unit, field, lists: Object.fromEntries(lists), misses };
  });
}

function listLength(reader: Reader, set: number, cache: number, cpu: number, list: ObjectList): number {
  if (list.of === "set") return cpu === 0 ? reader.word(set + LAYOUT.CacheSet[list.count]) : 0;
  if (list.count !== undefined) return reader.word(cache + LAYOUT.Cache[list.count]);
  // The list may change under us: it has no more objects than the cache owns.
  const most = reader.word(cache + LAYOUT.Cache.owned);
  let length = 0;
  for (let object = reader.word(cache + LAYOUT.Cache[list.head]); object !== 0 && length < most; length++)
    object = reader.word(object);
  return length;
}
