/**
 * What an allocation and a free cost: from WebAssembly, where programs are, and from JavaScript, beside the least that
 * an allocator can be (a pop and a push), and on two threads. Every round measures every row in turn.
 */
import type { Address, ObjectAllocator } from "../arena/allocator.ts";
import { Arena } from "../arena/arena.ts";
import {
  type BareList,
  BURST,
  CHURN_LARGEST,
  CHURN_LIVE,
  CHURN_SMALLEST,
  type Loops,
  linkBareList,
  makeBareList,
  makeLoops,
} from "./alloc-module.ts";
import { type AllocRatio, compare, type RatioRow, type Taken } from "./alloc-ratios.ts";
import { type AllocThreads, HAND_OVER_BOUND, startThreads, type ThreadCosts } from "./alloc-threads.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface AllocRow {
  readonly name: string;
  readonly doc: string;
  /** Nanoseconds per allocation and free. */
  readonly nanoseconds: Spread | undefined;
  /** Why it was not measured. */
  readonly skipped: string | undefined;
}

export interface AllocFigures {
  readonly rows: readonly AllocRow[];
  readonly ratios: readonly AllocRatio[];
  /** Most bytes that the allocator owned while objects went from one CPU to the other. */
  readonly handOverBytes: number;
  /** What it may own at most, however many objects are handed over. */
  readonly handOverBound: number;
  readonly handOverObjects: number;
}

/** Bytes of the objects of pairs and bursts. */
export const SIZE = 64;
export const PAIRS = 400_000;

/** What is measured: a row of the table. */
export interface Subject {
  readonly name: string;
  readonly doc: string;
  /** Nanoseconds per pair; a text is why it cannot be measured. */
  readonly measure: (() => number) | string;
}

/** What the subjects share. */
interface Setting {
  readonly arena: Arena;
  readonly fixed: ObjectAllocator;
  readonly any: ObjectAllocator;
  readonly loops: Loops;
  readonly bare: BareList;
  readonly bareLoops: Loops;
  readonly list: number;
  readonly table: number;
  readonly live: number;
}

/** Nanoseconds per pair. */
export function time(pairs: number, run: () => void): number {
  const begin = performance.now();
  run();
  return ((performance.now() - begin) * 1e6) / pairs;
}

async function makeSetting(arena: Arena): Promise<Setting> {
  const { memory, core } = arena;
  const list = arena.allocate((BURST + 2) * 64);
  // An object's second word names the list: its first line is the head's.
  linkBareList(memory, list, BURST + 1);
  const bare = await makeBareList(memory);
  const any = arena.createAllocator({ any: true, name: "bench any" });
  const live = arena.allocate(CHURN_LIVE * 4);
  const words = new Uint32Array(memory.buffer, live, CHURN_LIVE);
  for (let index = 0; index < CHURN_LIVE; index++) words[index] = any.allocate(SIZE);
  return {
    arena,
    fixed: arena.createAllocator({ objectSize: SIZE, name: "bench fixed" }),
    any,
    loops: await makeLoops(memory, core),
    bare,
    bareLoops: await makeLoops(memory, bare),
    list,
    table: arena.allocate(BURST * 4),
    live,
  };
}

const BURSTS = Math.floor(PAIRS / BURST);

function wasmSubjects({ fixed, any, loops, bareLoops, list, table, live }: Setting): Subject[] {
  return [
    {
      name: "pair",
      doc: `${SIZE} bytes, allocated and freed at once, called from WebAssembly`,
      measure: () => time(PAIRS, () => loops.pairs(fixed.address, SIZE, PAIRS)),
    },
    {
      name: "pair, any size",
      doc: "the same from an allocator for any size",
      measure: () => time(PAIRS, () => loops.pairs(any.address, SIZE, PAIRS)),
    },
    {
      name: "bare list, called",
      doc: "a pop and a push with no allocator around them, called like one",
      measure: () => time(PAIRS, () => bareLoops.pairs(list, SIZE, PAIRS)),
    },
    {
      name: "bare list, inline",
      doc: "the same in the loop itself, without a call",
      measure: () => time(PAIRS, () => loops.listPairs(list, PAIRS)),
    },
    {
      name: "burst",
      doc: `${BURST} allocated, then ${BURST} freed`,
      measure: () => time(BURSTS * BURST, () => loops.bursts(fixed.address, SIZE, table, BURSTS)),
    },
    {
      name: "bare burst, called",
      doc: "the same with the bare list",
      measure: () => time(BURSTS * BURST, () => bareLoops.bursts(list, SIZE, table, BURSTS)),
    },
    {
      name: "bare burst, inline",
      doc: "the same without a call",
      measure: () => time(BURSTS * BURST, () => loops.listBursts(list, table, BURSTS)),
    },
    {
      name: "churn",
      doc: `one of ${CHURN_LIVE} objects of ${CHURN_SMALLEST} to ${CHURN_LARGEST} bytes replaced by one of another size`,
      measure: () => time(PAIRS, () => loops.churn(any.address, live, PAIRS, 1)),
    },
  ];
}

function pairsFromJavaScript({ arena: { core }, fixed }: Setting): void {
  const { address } = fixed;
  for (let index = 0; index < PAIRS; index++) core.objectFree(core.objectAllocate(address, SIZE, 0));
}

function pairsOfClass({ fixed }: Setting): void {
  for (let index = 0; index < PAIRS; index++) fixed.free(fixed.allocate(SIZE) as Address);
}

function callsOfNothing({ bare }: Setting): void {
  for (let index = 0; index < PAIRS; index++) bare.nothing(bare.nothing(index, SIZE, 0), 0, 0);
}

/** As the churn in WebAssembly, on anything with an allocation and a free. */
export function churn(
  live: { [index: number]: number },
  pairs: number,
  allocate: (size: number) => number,
  free: (address: number) => void,
): void {
  let seed = 1;
  for (let index = 0; index < pairs; index++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const place = (seed >>> 8) % CHURN_LIVE;
    free(live[place] ?? 0);
    live[place] = allocate(CHURN_SMALLEST + ((seed >>> 21) % (CHURN_LARGEST - CHURN_SMALLEST + 1)));
  }
}

function scriptSubjects(setting: Setting): Subject[] {
  const { arena, any, live } = setting;
  const words = new Uint32Array(arena.memory.buffer, live, CHURN_LIVE);
  const allocate = (size: number): number => any.allocate(size);
  const free = (address: number): void => {
    any.free(address as Address);
  };
  return [
    {
      name: "pair from JavaScript",
      doc: "the core's functions called from JavaScript",
      measure: () => time(PAIRS, () => pairsFromJavaScript(setting)),
    },
    {
      name: "pair, ObjectAllocator",
      doc: "allocate() and free() of the class",
      measure: () => time(PAIRS, () => pairsOfClass(setting)),
    },
    {
      name: "two empty calls",
      doc: "two calls from JavaScript of a WebAssembly function that does nothing",
      measure: () => time(PAIRS, () => callsOfNothing(setting)),
    },
    {
      name: "churn, ObjectAllocator",
      doc: "the churn from JavaScript",
      measure: () => time(PAIRS, () => churn(words, PAIRS, allocate, free)),
    },
  ];
}

/** The rows that two threads measure at once. */
const THREAD_ROWS: readonly { readonly key: keyof ThreadCosts; readonly name: string; readonly doc: string }[] = [
  { key: "onePairs", name: "pair, one thread", doc: "the pair on a thread of its own" },
  {
    key: "twoPairs",
    name: "pair, two threads",
    doc: "on two threads at once, each its own CPU: time per pair of both",
  },
  { key: "oneBursts", name: "burst, one thread", doc: "the burst on a thread of its own" },
  { key: "handOver", name: "hand over", doc: "one thread allocates, the other frees, in batches of a burst" },
];

function measureRound(subjects: readonly Subject[], taken: Taken): void {
  for (const { name, measure } of subjects)
    if (typeof measure !== "string") taken.set(name, [...(taken.get(name) ?? []), measure()]);
}

async function measureThreads(threads: AllocThreads, taken: Taken): Promise<number> {
  const costs = await threads.measure();
  for (const { key, name } of THREAD_ROWS) taken.set(name, [...(taken.get(name) ?? []), costs[key]]);
  return costs.handOverBytes;
}

/** Other allocators in the same rounds, and which of their rows are compared with ours. */
export interface Rivals {
  readonly subjects: readonly Subject[];
  readonly ratios: readonly RatioRow[];
}

/**
 * @param rounds runs of each row, in turn, after two that warm up
 * @param progress called with the share that is done, 0 to 1
 * @param rivals none by default: what the package measures needs nothing else installed
 */
export async function measureAlloc(
  rounds = 11,
  progress: (share: number) => void = () => undefined,
  rivals: Rivals = { subjects: [], ratios: [] },
): Promise<AllocFigures> {
  const arena = await Arena.create({ maximumBytes: 1 << 28, cpus: 3 });
  const setting = await makeSetting(arena);
  const subjects = [...wasmSubjects(setting), ...scriptSubjects(setting), ...rivals.subjects];
  const threads = startThreads(arena);
  const taken: Taken = new Map();
  let handOverBytes = 0;
  try {
    for (let round = -2; round < rounds; round++) {
      if (round === 0) taken.clear();
      measureRound(subjects, taken);
      handOverBytes = Math.max(handOverBytes, await measureThreads(threads, taken));
      progress((round + 3) / (rounds + 2));
    }
  } finally {
    await threads.stop();
  }
  const rows = [...subjects, ...THREAD_ROWS.map((each) => ({ ...each, measure: "" }))].map(({ name, doc, measure }) => {
    const values = taken.get(name);
    return {
      ...{ name, doc, nanoseconds: values === undefined ? undefined : spreadOf(values) },
      skipped: values === undefined && typeof measure === "string" ? measure : undefined,
    };
  });
  return {
    rows,
    ratios: compare(taken, rivals.ratios),
    handOverBytes,
    handOverBound: HAND_OVER_BOUND,
    handOverObjects: threads.objects,
  };
}
