/**
 * What the core's tests share: maps of raw bytes in a small arena, the state of their caches, and what the core has inside
 * that it does not export.
 */
import { execFileSync } from "node:child_process";
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

const COMPILER_OPTIONS = [
  ["core/entry.ts", "--outFile", "entry.wasm", "--runtime", "stub", "--use", "abort="],
  ["--enable", "threads", "--enable", "simd", "--importMemory", "--sharedMemory"],
  ["--initialMemory", "4", "--maximumMemory", "65536", "--noExportMemory", "--disableWarning", "201"],
].flat();

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
 * @returns makes an instance on a new memory that may grow to so many bytes
 */
export function compileInside<Functions>(entry: string): (maximumBytes?: number) => Inside<Functions> {
  const options = ["--input-type=module", "--eval", COMPILE, "--", ...COMPILER_OPTIONS];
  const module = new WebAssembly.Module(new Uint8Array(execFileSync(process.execPath, options, { input: entry })));
  return (maximumBytes = 4 << 20) => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: maximumBytes / 65536, shared: true });
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const words = (address: number, count = 1): Uint32Array => new Uint32Array(memory.buffer, address, count);
    return { core: exports as Functions, memory, words };
  };
}
