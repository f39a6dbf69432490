/** What a map takes of the shared memory, by kind: a column of the registry (maps/kinds.ts). */
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import type { Reader } from "../wasm/reader.ts";
import { setBytes } from "../wasm/sets.ts";
import { tableSegments } from "../wasm/table.ts";

/** Bytes of shared memory: what the map takes now, and what it would take preallocated. */
export interface MemoryUse {
  readonly bytes: number;
  readonly preallocatedBytes: number;
}

/** What tells how large a map is; `MapInfo` has it. */
export interface MapShape {
  readonly address: number;
  readonly maxEntries: number;
  readonly valueStride: number;
  readonly copies: number;
}

/** All values are there from the start. */
function storageUse(_: Reader, { maxEntries, valueStride, copies }: MapShape): MemoryUse {
  const bytes = maxEntries * valueStride * copies;
  return { bytes, preallocatedBytes: bytes };
}

/** Where the buckets are found: as long as if there were all of them. */
function directoryBytes(mostBuckets: number): number {
  return Math.ceil(mostBuckets / CONSTANTS.SEGMENT_BUCKETS) * 4;
}

/** The buckets that there are now, and where they are found. */
function bucketBytes(reader: Reader, map: number): number {
  const directory = directoryBytes(reader.word(map + LAYOUT.MapHeader.mostBuckets));
  const segments = tableSegments((at) => reader.word(at), map);
  return segments.reduce((sum, { buckets }) => sum + buckets, 0) * CONSTANTS.BUCKET_BYTES + directory;
}

/** Buckets, and elements (of a per-CPU hash their values too): those that the caches own, or the whole pool. */
function hashUse(reader: Reader, map: MapShape): MemoryUse {
  const { address, copies, valueStride, maxEntries } = map;
  const field = (name: keyof (typeof LAYOUT)["MapHeader"]): number => reader.word(address + LAYOUT.MapHeader[name]);
  const mostBuckets = field("mostBuckets");
  const buckets = mostBuckets * CONSTANTS.BUCKET_BYTES + directoryBytes(mostBuckets);
  const hasValues = field("values") !== 0;
  const elementBytes = field("valueOffset") + (hasValues ? CONSTANTS.HEADER_BYTES : valueStride);
  const spares = field("ring") === 0 ? reader.cpus : 0;
  const pool = (maxEntries + spares) * (elementBytes + (hasValues ? valueStride * copies : 0));
  const preallocatedBytes = buckets + pool;
  if (field("supply") === CONSTANTS.SUPPLY_POOL) return { bytes: preallocatedBytes, preallocatedBytes };
  const elements = reader.core.allocatorOwned(field("elements")) * elementBytes;
  const valueBytes = (valueStride + CONSTANTS.HEADER_BYTES) * copies;
  const values = hasValues ? reader.core.allocatorOwned(field("values")) * valueBytes : 0;
  return { bytes: bucketBytes(reader, address) + elements + values, preallocatedBytes };
}

/** As a hash, and what says in which order entries go: one order or one for each CPU, what CPUs set aside, and the slots. */
function lruUse(reader: Reader, map: MapShape): MemoryUse {
  const { bytes, preallocatedBytes } = hashUse(reader, map);
  const orders = reader.word(map.address + LAYOUT.MapHeader.lruShare) === 0 ? 1 : reader.cpus;
  const order = orders * CONSTANTS.ORDER_BYTES + reader.cpus * CONSTANTS.BATCH_BYTES + map.maxEntries * 4;
  return { bytes: bytes + order, preallocatedBytes: preallocatedBytes + order };
}

/** Buckets, and what the caches of each class own. Such a map is never preallocated. */
function classesUse(reader: Reader, shape: MapShape): MemoryUse {
  const bytes = bucketBytes(reader, shape.address) + nodesUse(reader, shape).bytes;
  return { bytes, preallocatedBytes: bytes };
}

/** What the caches of each class own. */
function nodesUse(reader: Reader, { address }: MapShape): MemoryUse {
  const sets = elementSets(reader, address);
  const bytes = sets.map((set) => reader.core.allocatorOwned(set) * reader.word(set + LAYOUT.CacheSet.unit));
  const sum = bytes.reduce((total, each) => total + each, 0);
  return { bytes: sum, preallocatedBytes: sum };
}

/** Sets of caches that a map's elements come from: one, or one for each size. */
export function elementSets(reader: Reader, map: number): number[] {
  const field = (name: "elements" | "values" | "sets"): number => reader.word(map + LAYOUT.MapHeader[name]);
  const count = field("values") === 0 ? field("sets") : 1;
  const bytes = setBytes(reader.cpus);
  return Array.from({ length: count }, (_, index) => field("elements") + index * bytes);
}

/** A bloom filter's bits, of which there are as many as it was created for. */
function filterUse(reader: Reader, { address }: MapShape): MemoryUse {
  const filter = reader.word(address + LAYOUT.MapHeader.storage);
  const bytes = (reader.word(filter + LAYOUT.Filter.mask) + 1) / 8;
  return { bytes, preallocatedBytes: bytes };
}

/** Nodes that the caches own; preallocated it would have one for each entry and each branch between two. */
function trieUse(reader: Reader, { address, maxEntries, valueStride }: MapShape): MemoryUse {
  const field = (name: keyof (typeof LAYOUT)["MapHeader"]): number => reader.word(address + LAYOUT.MapHeader[name]);
  const nodeBytes = field("valueOffset") + valueStride;
  const bytes = reader.core.allocatorOwned(field("elements")) * nodeBytes;
  return { bytes, preallocatedBytes: (2 * maxEntries - 1) * nodeBytes };
}

/** A ring buffer's data, and as much behind it. */
function recordsUse(_: Reader, { maxEntries }: MapShape): MemoryUse {
  return { bytes: 2 * maxEntries, preallocatedBytes: 2 * maxEntries };
}

/** A ring for each CPU, once somebody has opened them. */
function ringsUse(reader: Reader, { address }: MapShape): MemoryUse {
  const isThere = reader.word(address + LAYOUT.MapHeader.storage) !== 0;
  const bytes = isThere ? reader.cpus * reader.word(address + LAYOUT.MapHeader.ringBytes) : 0;
  return { bytes, preallocatedBytes: bytes };
}

/** Runs of pages, and where they lie; preallocated all of them. */
function pagesUse({ core }: Reader, { address, maxEntries }: MapShape): MemoryUse {
  const runs = Math.ceil(maxEntries / CONSTANTS.ARENA_RUN_PAGES);
  const bytes = (count: number): number => runs * 4 + count * CONSTANTS.PAGE_BYTES;
  return { bytes: bytes(core.arenaRunCount(address)), preallocatedBytes: bytes(runs) };
}

export type MemoryUseRule =
  | "pages"
  | "records"
  | "rings"
  | "trie"
  | "nodes"
  | "storage"
  | "hash"
  | "lru"
  | "classes"
  | "filter"
  | "nothing";

const RULES: Readonly<Record<MemoryUseRule, typeof storageUse>> = {
  storage: storageUse,
  hash: hashUse,
  lru: lruUse,
  classes: classesUse,
  nodes: nodesUse,
  nothing: () => ({ bytes: 0, preallocatedBytes: 0 }),
  filter: filterUse,
  trie: trieUse,
  records: recordsUse,
  rings: ringsUse,
  pages: pagesUse,
};

export function memoryUse(rule: MemoryUseRule, reader: Reader, map: MapShape): MemoryUse {
  return RULES[rule](reader, map);
}
