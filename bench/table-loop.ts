/** What bench/table.ts runs inside the core: pairs of update and delete, gets, fills, of a hash u32 to u64. */
import { Arena, type ArenaMap, type ArenaOptions, u32, u64 } from "../src/index.ts";
import { compileWithCore } from "./compile.ts";

/**
 * Keys lie in memory as u32, at any place; `room` has 16 bytes for a key and a value. Through memory a key is stored before
 * each call, as a program stores it on its stack. New keys go on from the first one in memory, which is where the next call begins.
 * Each function returns how many operations did not do what they should.
 */
const LOOP = `
import { hashUpdate as updateKey } from "./maps/hash/hash";
import { hashDelete as removeKey } from "./maps/hash/delete";
import { hashGet as getKey } from "./maps/hash/lookup";
import { hashDelete4 as removeWord, hashGet4 as getWord, hashUpdate4 as updateWord } from "./maps/hash/word";

export function pairsByArgument(map: u32, keys: u32, mask: u32, count: u32, room: u32): u32 {
  let failed: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const key = load<u32>(keys + (index & mask) * 4);
    if (updateWord(map, key, 1, 0) != 0) failed++;
    if (removeWord(map, key) != 0) failed++;
  }
  return failed;
}

export function pairsThroughMemory(map: u32, keys: u32, mask: u32, count: u32, room: u32): u32 {
  let failed: u32 = 0;
  store<u64>(room + 8, 1);
  for (let index: u32 = 0; index < count; index++) {
    store<u32>(room, load<u32>(keys + (index & mask) * 4));
    if (updateKey(map, room, room + 8, 0) != 0) failed++;
    if (removeKey(map, room) != 0) failed++;
  }
  return failed;
}

export function getsByArgument(map: u32, keys: u32, mask: u32, count: u32, room: u32): u32 {
  let failed: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    if (getWord(map, load<u32>(keys + (index & mask) * 4), room + 8) != 0) failed++;
  }
  return failed;
}

export function getsThroughMemory(map: u32, keys: u32, mask: u32, count: u32, room: u32): u32 {
  let failed: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    store<u32>(room, load<u32>(keys + (index & mask) * 4));
    if (getKey(map, room, room + 8) != 0) failed++;
  }
  return failed;
}

export function newKeysThroughMemory(map: u32, keys: u32, mask: u32, count: u32, room: u32): u32 {
  let failed: u32 = 0;
  let next = load<u32>(keys);
  store<u64>(room + 8, 1);
  for (let index: u32 = 0; index < count; index++) {
    next += 0x9e3779b1;
    store<u32>(room, next);
    if (updateKey(map, room, room + 8, 0) != 0) failed++;
  }
  store<u32>(keys, next);
  return failed;
}

export function fill(map: u32, keys: u32, count: u32): u32 {
  let failed: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    if (updateWord(map, load<u32>(keys + index * 4), 1, 0) != 0) failed++;
  }
  return failed;
}

export function fillAndEmpty(map: u32, keys: u32, count: u32, rounds: u32, room: u32): u32 {
  let failed: u32 = 0;
  store<u64>(room + 8, 1);
  for (let round: u32 = 0; round < rounds; round++) {
    for (let index: u32 = 0; index < count; index++) {
      store<u32>(room, load<u32>(keys + index * 4));
      if (updateKey(map, room, room + 8, 0) != 0) failed++;
    }
    for (let index: u32 = 0; index < count; index++) {
      store<u32>(room, load<u32>(keys + index * 4));
      if (removeKey(map, room) != 0) failed++;
    }
  }
  return failed;
}
`;

type InTurn = (map: number, keys: number, mask: number, count: number, room: number) => number;

export interface LoopCore {
  readonly pairsByArgument: InTurn;
  readonly pairsThroughMemory: InTurn;
  readonly getsByArgument: InTurn;
  readonly getsThroughMemory: InTurn;
  readonly newKeysThroughMemory: InTurn;
  readonly fill: (map: number, keys: number, count: number) => number;
  readonly fillAndEmpty: (map: number, keys: number, count: number, rounds: number, room: number) => number;
}

export const compileLoops = (): WebAssembly.Module => compileWithCore(LOOP);

/** An arena that this thread uses through the core with the loops inside. */
export interface LoopArena {
  readonly arena: Arena;
  readonly loops: LoopCore;
  /** Room of 16 bytes for a key and a value. */
  readonly room: number;
}

export async function createLoopArena(core: WebAssembly.Module, options: ArenaOptions): Promise<LoopArena> {
  const creator = await Arena.create({ ...options, seed: 1 });
  const handle = { ...creator.handle(), core };
  creator.detach();
  const arena = await Arena.attach(handle);
  return { arena, loops: arena.core as unknown as LoopCore, room: arena.allocate(16) };
}

/** All over the 32 bits, each number another one: a permutation (multiply by odd numbers, fold). */
export function keyOf(index: number): number {
  const spread = Math.imul(index + 1, 0x9e3779b1);
  return Math.imul(spread ^ (spread >>> 15), 0x85ebca6b) >>> 0;
}

/**
 * Writes keys `first` to `first + count` into the arena, in the order in which they are numbered, or in another one: what is
 * looked up as it was put in finds its elements side by side.
 */
export function writeKeys(
  arena: Arena,
  first: number,
  count: number,
  order: "numbered" | "mixed" = "numbered",
): number {
  const address = arena.allocate(count * 4);
  const keys = new Uint32Array(arena.memory.buffer, address, count);
  for (let index = 0; index < count; index++) keys[index] = keyOf(first + index);
  // The numbers do not matter, only that they are the same at each run.
  if (order === "mixed") {
    let state = 1;
    for (let index = count - 1; index > 0; index--) {
      state = Math.imul(state, 1664525) + 1013904223;
      const other = (state >>> 0) % (index + 1);
      [keys[index], keys[other]] = [keys[other] ?? 0, keys[index] ?? 0];
    }
  }
  return address;
}

export interface TableOptions {
  readonly maxEntries: number;
  readonly prealloc?: boolean;
  readonly type?: "hash" | "percpu_hash" | "lru_hash";
}

let made = 0;

export function createTable(arena: Arena, options: TableOptions): Table {
  const { type = "hash", maxEntries, prealloc = false } = options;
  made++;
  return arena.createMap({ type, name: `table ${made}`, key: u32, value: u64, maxEntries, prealloc });
}
export type Table = ArenaMap<number, unknown>;

export function destroyTable(arena: Arena, table: Table): void {
  table.close();
  arena.destroyMap(table.info.name);
}

/** An operation that fails costs something else than one that does not. */
export function checkAll(failed: number): void {
  if (failed !== 0) throw new Error(`${failed} operations did not do what they should`);
}

/** Milliseconds. */
export function time(run: () => number): number {
  const begin = performance.now();
  const failed = run();
  const taken = performance.now() - begin;
  checkAll(failed);
  return taken;
}
