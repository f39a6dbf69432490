/**
 * What the core's tests share: maps of raw bytes in a small arena, the state of their caches, and what the core has inside
 * that it does not export.
 */
import { execFileSync } from "node:child_process";
import { type Address, type AllocateFlags, isAddress, type ObjectAllocator } from "../src/arena/allocator.ts";
import { Arena, type ArenaOptions } from "../src/arena/arena.ts";
import { type CacheStatistics, cacheStatistics } from "../src/arena/statistics.ts";
import { bytes, u32 } from "../src/maps/codec/codec.ts";
import type { MapType } from "../src/maps/kinds.ts";
import type { ArenaMap } from "../src/maps/map.ts";
import { CONSTANTS, LAYOUT } from "../src/wasm/face.ts";
import { tableSegments } from "../src/wasm/table.ts";
import { CORE_OPTIONS } from "../tools/make/core-options.ts";

export const LEVEL = { task: 0, softirq: 1, hardirq: 2, nmi: 3 } as const;

/** Allocators are in debug mode, unless a test is about sizes and counts. */
export function makeArena(options: ArenaOptions = {}): Promise<Arena> {
  return Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 1, debug: true, ...options });
}

/** Allocates an object that is sure to be there. */
export function take(allocator: ObjectAllocator, size?: number, flags?: AllocateFlags): Address {
  const result = allocator.allocate(size, flags);
  if (!isAddress(result)) throw new Error(`errno ${result}`);
  return result;
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

/** What all of a map's caches have together, as each kind of list. */
export function cacheTotals(arena: Arena, address: number): Readonly<Record<string, number>> {
  const info = arena.maps().find((each) => each.address === address);
  if (info === undefined) throw new Error("the map is not there");
  const totals: Record<string, number> = {};
  for (const cache of cacheStatistics(arena, info))
    for (const [name, value] of Object.entries(cache))
      if (typeof value === "number" && name !== "cpu") totals[name] = (totals[name] ?? 0) + value;
  return totals;
}

export interface RawSizes {
  /** A KIND_ constant. */
  readonly kind: number;
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly maxEntries: number;
  readonly flags?: number;
  /** A SUPPLY_ constant, a hash's only. */
  readonly supply?: number;
  readonly name?: string;
}

/** Functions of the core for one kind of map. */
const RAW_CALLS = {
  [CONSTANTS.KIND_HASH]: ["hashUpdate", "hashGet", "hashDelete", "hashLookup"],
  [CONSTANTS.KIND_PERCPU_HASH]: ["percpuHashUpdateAll", "percpuHashGet", "hashDelete", "percpuHashLookup"],
  [CONSTANTS.KIND_LRU_HASH]: ["hashUpdate", "lruGet", "hashDelete", "lruLookup"],
  [CONSTANTS.KIND_LRU_PERCPU_HASH]: ["percpuHashUpdateAll", "lruGet", "hashDelete", "lruPercpuLookup"],
  [CONSTANTS.KIND_ARRAY]: ["arrayUpdate", "arrayGet", "arrayDelete", "arrayLookup"],
  [CONSTANTS.KIND_PERCPU_ARRAY]: ["percpuArrayUpdateAll", "percpuArrayGet", "arrayDelete", "percpuArrayLookup"],
} as const;

/** One walk's step: how many entries or -errno, keys (their first word) with all copies' first bytes, where to go on. */
export interface RawStep {
  readonly result: number;
  readonly entries: readonly (readonly [key: number, ...values: number[]])[];
  readonly next: number;
}

/**
 * A map by the core's own functions, errno and all. A key is a number in its first word with zeroes behind it; a value is
 * its byte, over and over; a per-CPU value one for each CPU.
 */
export class RawMap {
  readonly arena: Arena;
  readonly address: number;
  readonly copies: number;
  readonly #calls: (typeof RAW_CALLS)[keyof typeof RAW_CALLS];
  readonly #key: number;
  readonly #value: number;

  constructor(arena: Arena, sizes: RawSizes) {
    this.arena = arena;
    this.#calls = RAW_CALLS[sizes.kind as keyof typeof RAW_CALLS];
    this.address = createRaw(arena, sizes);
    if (this.address < CONSTANTS.SUPERBLOCK) throw new Error(`errno ${this.address}`);
    this.copies = this.#calls[0].endsWith("All") ? arena.cpus : 1;
    this.#key = arena.allocate(64);
    this.#value = arena.allocate(this.field("valueStride") * this.copies);
  }

  field(name: keyof typeof LAYOUT.MapHeader): number {
    return this.arena.word(this.address + LAYOUT.MapHeader[name]);
  }

  setField(name: keyof typeof LAYOUT.MapHeader, value: number): void {
    new Uint32Array(this.arena.memory.buffer, this.address + LAYOUT.MapHeader[name], 1)[0] = value;
  }

  /** The address of a key for the core. */
  key(key: number): number {
    new Uint32Array(this.arena.memory.buffer, this.#key, 1)[0] = key;
    return this.#key;
  }

  /** The address of values for the core: of all copies, or of one. */
  value(...values: readonly number[]): number {
    const stride = this.field("valueStride");
    for (const [copy, byte] of values.entries())
      new Uint8Array(this.arena.memory.buffer, this.#value + copy * stride, this.field("valueSize")).fill(byte);
    return this.#value;
  }

  update(key: number, values: number | readonly number[], flags = 0): number {
    const list = typeof values === "number" ? Array<number>(this.copies).fill(values) : values;
    return this.arena.core[this.#calls[0]](this.address, this.key(key), this.value(...list), flags);
  }

  /** The values, all of whose bytes are the same; or -errno. */
  get(key: number): number[] | number {
    const result = this.arena.core[this.#calls[1]](this.address, this.key(key), this.#value);
    if (result !== 0) return result;
    return Array.from({ length: this.copies }, (_, copy) =>
      this.byteAt(this.#value + copy * this.field("valueStride")),
    );
  }

  delete(key: number): number {
    return this.arena.core[this.#calls[2]](this.address, this.key(key));
  }

  /** The address of the value that a program would get, 0 if there is none. */
  lookup(key: number): number {
    return this.arena.core[this.#calls[3]](this.address, this.key(key)) >>> 0;
  }

  /** The byte that a value is made of. */
  byteAt(address: number): number {
    const bytes = new Uint8Array(this.arena.memory.buffer, address, this.field("valueSize")).slice();
    const [first = 0] = bytes;
    if (!bytes.every((byte) => byte === first)) throw new Error(`a value of different bytes: ${bytes.join()}`);
    return first;
  }

  count(): number {
    return this.arena.core.mapCount(this.address);
  }

  /** One step of a walk into so many bytes. */
  scan(from: number, bytes: number): RawStep {
    const { arena } = this;
    const into = arena.allocate(bytes + 8);
    const result = arena.core.mapScan(this.address, from, into, bytes);
    const stride = this.field("valueStride");
    const entryBytes = arena.core.mapEntryBytes(this.address);
    const entries = Array.from({ length: Math.max(0, result) }, (_, index): [number, ...number[]] => {
      const entry = into + index * entryBytes;
      const values = entry + entryBytes - this.copies * stride;
      const bytesOf = Array.from({ length: this.copies }, (_, copy) => this.byteAt(values + copy * stride));
      return [arena.word(entry), ...bytesOf];
    });
    const behind = new Uint8Array(arena.memory.buffer, into + bytes, 8).some((byte) => byte !== 0);
    arena.core.freeBytes(into);
    if (behind) throw new Error(`a walk has written behind its ${bytes} bytes`);
    return { result, entries, next: arena.word(arena.core.currentArea() + LAYOUT.CpuArea.scanNext) };
  }
}

/** The addresses of a hash's buckets, in the order of their numbers. */
export function bucketsOf({ arena, address }: RawMap): number[] {
  return tableSegments((at) => arena.word(at), address).flatMap((segment) =>
    Array.from({ length: segment.buckets }, (_, index) => segment.address + index * CONSTANTS.BUCKET_BYTES),
  );
}

/** Whether a bucket has any key. */
function isUsed({ arena }: RawMap, bucket: number): boolean {
  return (arena.word(bucket) & Number(CONSTANTS.SLOT_MASK)) !== 0;
}

/** The first `count` keys that lie in the bucket of key 0, and the bucket's address. The map is empty, and is so again. */
export function keysTogether(map: RawMap, count: number): { keys: number[]; bucket: number } {
  const keys: number[] = [];
  const bucketOf = (key: number): number => {
    map.update(key, 0);
    const bucket = bucketsOf(map).find((each) => isUsed(map, each));
    map.delete(key);
    return bucket as number;
  };
  const bucket = bucketOf(0);
  for (let key = 0; keys.length < count; key++) if (bucketOf(key) === bucket) keys.push(key);
  return { keys, bucket };
}

/** Creates and publishes a map; its address, or an errno as it is or negated. */
export function createRaw(arena: Arena, sizes: RawSizes): number {
  const { kind, keySize = 4, valueSize = 8, maxEntries, flags = 0, supply = 0, name = "raw" } = sizes;
  const address = arena.core.createMap(kind, keySize, valueSize, maxEntries, flags, supply, 1, 0) >>> 0;
  if (address < CONSTANTS.SUPERBLOCK) return address;
  const bytes = new Uint8Array(arena.memory.buffer, address + CONSTANTS.HEADER_SIZE, CONSTANTS.NAME_BYTES);
  bytes.set(Buffer.from(name));
  return arena.core.publishMap(address) || address;
}

/**
 * Reads an entry's text, writes the compiled module. In a process of its own, without tsx: that takes seven seconds to
 * transform the compiler, which compiles in a third of one.
 */
const COMPILE = `
  import { readFileSync, writeFileSync } from "node:fs";
  import asc from "assemblyscript/asc";
  const textOf = (path) => { try { return readFileSync(path, "utf8"); } catch { return null; } };
  const entry = readFileSync(0, "utf8");
  const { error } = await asc.main(process.argv.slice(1), {
    stderr: process.stderr,
    readFile: (path) => (path === "core/entry.ts" ? entry : textOf(path)),
    writeFile: (path, contents) => { if (path === "entry.wasm") writeFileSync(1, contents); },
  });
  if (error !== null) process.exit(1);
`;

/** Functions of the core's inside, and the memory that they work on. */
export interface Inside<Functions> {
  readonly core: Functions;
  readonly memory: WebAssembly.Memory;
  /** The words from an address on, of the memory as it is now. */
  words(address: number, count?: number): Uint32Array;
}

/**
 * Compiles an entry of the test's own, which exports what the core does not. Every check of the core's traps in it, those
 * of fast paths too (core/base/check.ts).
 * @param entry text of a file in core/, as `export { push } from "./base/stack";`
 * @returns makes an instance on a new memory of so many bytes
 */
export function compileInside<Functions>(entry: string): (bytes?: number) => Inside<Functions> {
  const files = ["core/entry.ts", "--outFile", "entry.wasm"];
  const options = ["--input-type=module", "--eval", COMPILE, "--", ...files, ...CORE_OPTIONS];
  const module = new WebAssembly.Module(new Uint8Array(execFileSync(process.execPath, options, { input: entry })));
  return (bytes = 4 << 20) => {
    const pages = bytes / 65536;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const words = (address: number, count = 1): Uint32Array => new Uint32Array(memory.buffer, address, count);
    return { core: exports as Functions, memory, words };
  };
}
