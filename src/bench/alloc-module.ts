/**
 * Loops in WebAssembly around an allocator's two functions, as a program or a module of one's own calls them: from
 * another instance, on the same memory. And the least that an allocator can be, a list without a header: what is
 * compared with is a pop and a push.
 */
import { ByteWriter, encodeModule, OP, TYPE, type WasmFunction } from "../wasm/encode.ts";

/** Objects of a burst: so many are allocated, then all freed. */
export const BURST = 64;
/** Objects that a churn keeps alive, and their sizes. */
export const CHURN_LIVE = 5000;
export const CHURN_SMALLEST = 16;
export const CHURN_LARGEST = 256;

export interface Loops {
  /** Allocates and frees, `pairs` times. */
  pairs(allocator: number, size: number, pairs: number): void;
  /** BURST allocations into a table, then BURST frees, `rounds` times. */
  bursts(allocator: number, size: number, table: number, rounds: number): void;
  /** The two halves of a burst. */
  fill(allocator: number, size: number, table: number): void;
  drain(table: number): void;
  /** Frees one of CHURN_LIVE objects and allocates one of another size, `pairs` times. */
  churn(allocator: number, table: number, pairs: number, seed: number): void;
  /** Pops and pushes in the loop itself, without a call. */
  listPairs(list: number, pairs: number): void;
  listBursts(list: number, table: number, rounds: number): void;
}

/** What a loop calls: an allocator of the core, or the list below. */
export interface Callees {
  readonly objectAllocate: CallableFunction;
  readonly objectFree: CallableFunction;
}

export interface BareList extends Callees {
  /** An empty function with the parameters of an allocation. */
  nothing(allocator: number, size: number, flags: number): number;
}

type Code = readonly number[];

const MORE = { drop: 0x1a, i32Store: 0x36 } as const;

const get = (local: number): Code => [OP.localGet, local];
const set = (local: number): Code => [OP.localSet, local];
const constant = (value: number): Code => [OP.i32Const, ...new ByteWriter().s32(value).bytes()];
const load = (offset = 0): Code => [OP.i32Load, 2, offset];
const store = (offset = 0): Code => [MORE.i32Store, 2, offset];
const add = (value: number): Code => [...constant(value), OP.i32Add];

/** Runs `body` as often as the local says, at least once; the local counts down. */
function times(local: number, ...body: readonly Code[]): Code {
  const count = [...get(local), ...constant(1), OP.i32Sub, OP.localTee, local];
  return [OP.loop, TYPE.empty, ...body.flat(), ...count, OP.brIf, 0, OP.end];
}

/** Indexes of the two imports. */
const ALLOCATE = 0;
const FREE = 1;

const allocate = (allocator: number, size: number): Code => [
  ...get(allocator),
  ...get(size),
  ...constant(0),
  OP.call,
  ALLOCATE,
];
const free: Code = [OP.call, FREE];

/** `work` for BURST consecutive words from `table` on, `at` and `left` being locals of the loop. */
function overTable(table: number, at: number, left: number, ...work: readonly Code[]): Code {
  const step = [...get(at), ...add(4), ...set(at)];
  return [...get(table), ...set(at), ...constant(BURST), ...set(left), ...times(left, ...work, step)];
}

function define(parameters: number, locals: number, ...code: readonly Code[]): WasmFunction {
  const words = (count: number): number[] => new Array<number>(count).fill(TYPE.i32);
  return {
    type: { parameters: words(parameters), results: [] },
    locals: words(locals),
    code: Uint8Array.from(code.flat()),
  };
}

function fillTable(allocator: number, size: number, table: number, at: number, left: number): Code {
  return overTable(table, at, left, get(at), allocate(allocator, size), store());
}

function drainTable(table: number, at: number, left: number): Code {
  return overTable(table, at, left, get(at), load(), free);
}

/** Pops from the list at local `list` into local `object`. */
const pop = (list: number, object: number): Code => [
  ...[...get(list), ...load(), ...set(object)],
  ...[...get(list), ...get(object), ...load(), ...store()],
];
const push = (list: number, object: number): Code => [
  ...[...get(object), ...get(list), ...load(), ...store()],
  ...[...get(list), ...get(object), ...store()],
];

/** Parameters allocator, table, pairs, seed; locals size, place. */
const CHURN: readonly Code[] = [
  times(
    2,
    [...get(3), ...constant(1664525), OP.i32Mul, ...add(1013904223), ...set(3)],
    [...get(3), ...constant(8), OP.i32ShrU, ...constant(CHURN_LIVE), OP.i32RemU, ...constant(2), OP.i32Shl],
    [...get(1), OP.i32Add, ...set(5)],
    [...get(3), ...constant(21), OP.i32ShrU, ...constant(CHURN_LARGEST - CHURN_SMALLEST + 1), OP.i32RemU],
    [...add(CHURN_SMALLEST), ...set(4)],
    [...get(5), ...load(), ...free],
    [...get(5), ...allocate(0, 4), ...store()],
  ),
];

const LOOPS: Readonly<Record<keyof Loops, WasmFunction>> = {
  pairs: define(3, 0, times(2, allocate(0, 1), free)),
  bursts: define(4, 2, times(3, fillTable(0, 1, 2, 4, 5), drainTable(2, 4, 5))),
  fill: define(3, 2, fillTable(0, 1, 2, 3, 4)),
  drain: define(1, 2, drainTable(0, 1, 2)),
  churn: define(4, 2, ...CHURN),
  listPairs: define(2, 1, times(1, pop(0, 2), push(0, 2))),
  listBursts: define(
    3,
    3,
    times(
      2,
      overTable(1, 3, 4, pop(0, 5), [...get(3), ...get(5), ...store()]),
      overTable(1, 3, 4, [...get(3), ...load(), ...set(5)], push(0, 5)),
    ),
  ),
};

const WORD = TYPE.i32;
const ALLOCATE_TYPE = { parameters: [WORD, WORD, WORD], results: [WORD] } as const;

async function instantiate(
  functions: readonly WasmFunction[],
  names: readonly string[],
  memory: WebAssembly.Memory,
  callees: Callees | undefined,
): Promise<WebAssembly.Exports> {
  const imports = [
    { module: "core", name: "objectAllocate", type: ALLOCATE_TYPE },
    { module: "core", name: "objectFree", type: { parameters: [WORD], results: [] } },
  ];
  const bytes = encodeModule({
    imports: callees === undefined ? [] : imports,
    constants: [],
    globals: 0,
    functions,
    exports: names.map((name, index) => ({ name, index })),
  });
  const core = { objectAllocate: callees?.objectAllocate, objectFree: callees?.objectFree };
  const { instance } = await WebAssembly.instantiate(bytes, {
    env: { memory },
    core: core as WebAssembly.ModuleImports,
  });
  return instance.exports;
}

/** The loops on a memory, calling an allocator's functions. */
export async function makeLoops(memory: WebAssembly.Memory, callees: Callees): Promise<Loops> {
  const exports = await instantiate(Object.values(LOOPS), Object.keys(LOOPS), memory, callees);
  return exports as unknown as Loops;
}

/** A list with the signatures of an allocator: the handle is the list's head, an object's second word names it. */
export async function makeBareList(memory: WebAssembly.Memory): Promise<BareList> {
  const allocateFromList: WasmFunction = {
    type: ALLOCATE_TYPE,
    locals: [WORD],
    code: Uint8Array.from([...pop(0, 3), ...get(3)]),
  };
  const freeToList = define(1, 1, [...get(0), ...load(4), ...set(1)], push(1, 0));
  const nothing: WasmFunction = { type: ALLOCATE_TYPE, locals: [], code: Uint8Array.from(get(0)) };
  const names = ["objectAllocate", "objectFree", "nothing"];
  return (await instantiate([allocateFromList, freeToList, nothing], names, memory, undefined)) as unknown as BareList;
}

/** Makes a list of `count` objects in memory of the caller: its head at `address`, 64 bytes each behind it. */
export function linkBareList(memory: WebAssembly.Memory, address: number, count: number): void {
  const words = new Uint32Array(memory.buffer, address, (count + 1) * 16);
  words[0] = address + 64;
  for (let index = 1; index <= count; index++) {
    words[index * 16] = index === count ? 0 : address + (index + 1) * 64;
    words[index * 16 + 1] = address;
  }
}
