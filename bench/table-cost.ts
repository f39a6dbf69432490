/** What operations on a hash cost on one thread: in WebAssembly, from TypeScript beside a native Map, and of per-CPU hashes. */
import { Arena, type ArenaMap, u32, u64 } from "../src/index.ts";
import { type Comparison, compareSides, type Measure, type Pair } from "./sides.ts";
import {
  checkAll,
  createLoopArena,
  createTable,
  destroyTable,
  keyOf,
  type LoopArena,
  type LoopCore,
  type TableOptions,
  time,
  writeKeys,
} from "./table-loop.ts";

const OPERATIONS = 1 << 19;
const ARENA = { maximumBytes: 1 << 30, cpus: 4 };
const NANOSECONDS = 1e6;

/** A case: keys in turn, on a map that holds some already. */
interface Case {
  readonly name: string;
  readonly maxEntries: number;
  /** Keys that are in the map from the start. */
  readonly filled: number;
  /** Keys that the loop goes through, a power of two. */
  readonly keys: number;
  readonly loop: Exclude<keyof LoopCore, "fill" | "fillAndEmpty">;
}

const MILLION = 1 << 20;
/** A table of this size is there from the start; one of a million entries grows. */
const FIXED = 1024;

const WAYS = [
  { way: "by argument", pairs: "pairsByArgument", gets: "getsByArgument" },
  { way: "through memory", pairs: "pairsThroughMemory", gets: "getsThroughMemory" },
] as const;

const CASES: readonly Case[] = WAYS.flatMap(({ way, pairs, gets }): Case[] => [
  { name: `pair of 512 keys, fixed, ${way}`, maxEntries: FIXED, filled: 0, keys: 512, loop: pairs },
  { name: `pair of 512 keys, grows, ${way}`, maxEntries: MILLION, filled: 0, keys: 512, loop: pairs },
  { name: `get of 1 K, fixed, ${way}`, maxEntries: FIXED, filled: 1000, keys: 512, loop: gets },
  { name: `get of 1 K, grows, ${way}`, maxEntries: MILLION, filled: 1000, keys: 512, loop: gets },
  { name: `get of 1 M, grows, ${way}`, maxEntries: MILLION, filled: MILLION, keys: MILLION, loop: gets },
]);

/** Gives a map to a measurement, and takes it away afterwards. */
function withTable(loop: LoopArena, options: TableOptions, filled: number): { address: number; done: () => void } {
  const table = createTable(loop.arena, options);
  const { address } = table.info;
  const keys = writeKeys(loop.arena, 0, filled);
  checkAll(loop.loops.fill(address, keys, filled));
  loop.arena.core.freeBytes(keys);
  return { address, done: () => destroyTable(loop.arena, table) };
}

async function compareCase(loop: LoopArena, each: Case, rounds: number): Promise<Comparison> {
  const { name, maxEntries, filled, keys } = each;
  const [dynamic, preallocated] = [false, true].map((prealloc) => withTable(loop, { maxEntries, prealloc }, filled));
  if (dynamic === undefined || preallocated === undefined) throw new Error("there are two sides");
  const inTurn = writeKeys(loop.arena, 0, keys, "mixed");
  const side = (address: number): Measure => {
    const run = (): number => loop.loops[each.loop](address, inTurn, keys - 1, OPERATIONS, loop.room);
    return () => (time(run) * NANOSECONDS) / OPERATIONS;
  };
  const measure = [side(dynamic.address), side(preallocated.address)] as const;
  const compared = await compareSides({ name, unit: "ns", first: "dynamic", second: "preallocated", measure }, rounds);
  loop.arena.core.freeBytes(inTurn);
  dynamic.done();
  preallocated.done();
  return compared;
}

type Progress = () => void;

/** Dynamic beside preallocated, in WebAssembly. */
export async function compareInWasm(core: WebAssembly.Module, rounds: number, done: Progress): Promise<Comparison[]> {
  const loop = await createLoopArena(core, ARENA);
  const rows: Comparison[] = [];
  for (const each of CASES) {
    rows.push(await compareCase(loop, each, rounds));
    done();
  }
  return rows;
}

/** Entries of a per-CPU hash that are set, and then deleted, in a batch. */
const BULK = 1000;

/** A per-CPU hash, preallocated beside dynamic. */
export async function comparePerCpu(core: WebAssembly.Module, rounds: number, done: Progress): Promise<Comparison[]> {
  const loop = await createLoopArena(core, ARENA);
  const { arena, loops, room } = loop;
  const keys = writeKeys(arena, 0, BULK);
  const addresses = [true, false].map(
    (prealloc) => withTable(loop, { maxEntries: 4096, prealloc, type: "percpu_hash" }, 0).address,
  );
  const [preallocated = 0, dynamic = 0] = addresses;
  const both = (side: (address: number) => Measure): Pair["measure"] => [side(preallocated), side(dynamic)];
  const hot = both((address) => () => {
    const run = (): number => loops.pairsThroughMemory(address, keys, 63, OPERATIONS, room);
    return (time(run) * NANOSECONDS) / OPERATIONS;
  });
  const batches = Math.ceil(OPERATIONS / BULK);
  const bulk = both((address) => () => {
    const run = (): number => loops.fillAndEmpty(address, keys, BULK, batches, room);
    return (time(run) * NANOSECONDS) / (batches * BULK);
  });
  const rows: Comparison[] = [];
  for (const [name, measure] of [["pair of 64 keys", hot] as const, ["1,000 set, then deleted", bulk] as const]) {
    rows.push(await compareSides({ name, unit: "ns", first: "preallocated", second: "dynamic", measure }, rounds));
    done();
  }
  return rows;
}

/**
 * Keys that come and go from TypeScript, and those that stay. V8 keeps numbers below 2^31 as they are and makes an object of
 * each larger one, which a Map has to hash: what a Map costs depends on that more than on anything else.
 */
interface Keys {
  readonly name: string;
  readonly inTurn: readonly number[];
  readonly staying: readonly number[];
}

function makeKeys(name: string, keyAt: (index: number) => number): Keys {
  const all = Array.from({ length: 1512 }, (_, index) => keyAt(index));
  return { name, inTurn: all.slice(0, 512), staying: all.slice(512) };
}

const KEYS: readonly Keys[] = [makeKeys("keys below 2^31", (index) => keyOf(index) >>> 1), makeKeys("any u32", keyOf)];

/** The value of all of them: nobody makes a bigint. */
const VALUE = 1n;

// Written twice: one function for both kinds of map would be compiled for both, and slower for each.

function pairsOfArena(map: ArenaMap<number, bigint>, keys: readonly number[]): void {
  for (let index = 0; index < OPERATIONS; index++) {
    const key = keys[index & 511] as number;
    map.set(key, VALUE);
    map.delete(key);
  }
}

function pairsOfMap(map: Map<number, bigint>, keys: readonly number[]): void {
  for (let index = 0; index < OPERATIONS; index++) {
    const key = keys[index & 511] as number;
    map.set(key, VALUE);
    map.delete(key);
  }
}

function nanosecondsOf(run: () => void): number {
  const begin = performance.now();
  run();
  return ((performance.now() - begin) * NANOSECONDS) / OPERATIONS;
}

/** A map of the arena beside a native Map with the same in it. */
function comparePairs(arena: Arena, keys: Keys, [table, maxEntries]: Room, rounds: number): Promise<Comparison> {
  const { inTurn, staying } = keys;
  const name = `${keys.name}, ${table}`;
  const map = arena.createMap({ type: "hash", name, key: u32, value: u64, maxEntries });
  const native = new Map<number, bigint>();
  for (const key of staying) {
    map.set(key, VALUE);
    native.set(key, VALUE);
  }
  if (native.size !== staying.length) throw new Error("two of the keys that stay are the same");
  const measure: Pair["measure"] = [
    () => nanosecondsOf(() => pairsOfArena(map, inTurn)),
    () => nanosecondsOf(() => pairsOfMap(native, inTurn)),
  ];
  return compareSides({ name, unit: "ns", first: "arena", second: "Map", measure }, rounds);
}

type Room = readonly [table: string, maxEntries: number];
const ROOMS: readonly Room[] = [
  ["fixed", 1280],
  ["grows", 1_000_000],
];

/** Pairs of 512 keys from TypeScript, while 1,000 others stay. */
export async function compareFromTypescript(rounds: number, done: Progress): Promise<Comparison[]> {
  const arena = await Arena.create({ ...ARENA, seed: 1 });
  const rows: Comparison[] = [];
  for (const keys of KEYS)
    for (const room of ROOMS) {
      rows.push(await comparePairs(arena, keys, room, rounds));
      done();
    }
  return rows;
}

/** How often the three above call their `done`. */
export const COST_STEPS: number = CASES.length + KEYS.length * ROOMS.length + 2;
