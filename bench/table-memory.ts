/** What a hash takes of the memory, what growing costs, and how long the longest insert takes meanwhile. */
import { type Arena, mapStatistics } from "../src/index.ts";
import { CONSTANTS, LAYOUT } from "../src/wasm/face.ts";
import { type Comparison, compareSides } from "./sides.ts";
import {
  checkAll,
  createLoopArena,
  createTable,
  destroyTable,
  keyOf,
  type LoopArena,
  type Table,
  time,
  writeKeys,
} from "./table-loop.ts";

/** Bytes of shared memory, of all that a map takes: its table, and its elements, those in the caches included. */
export interface MemoryRow {
  readonly name: string;
  readonly entries: number;
  readonly maxEntries: number;
  readonly bytes: number;
  readonly bytesPerEntry: number;
  /** Of these: buckets and directory. */
  readonly tableBytesPerEntry: number;
  /** What the arena has fewer pages for afterwards: with what is free in pages that were begun. */
  readonly pageBytesPerEntry: number;
  readonly percentOfPreallocated: number;
}

const MEMORY_CASES: readonly (readonly [entries: number, maxEntries: number])[] = [
  [1000, 1000],
  [1_000_000, 1_000_000],
  [10_000_000, 10_000_000],
  [1000, 1_000_000],
];
export const MEMORY_STEPS: number = MEMORY_CASES.length;
const ARENA = { maximumBytes: 2 ** 31, cpus: 3 };
type Field = keyof (typeof LAYOUT)["MapHeader"];

function fieldOf(arena: Arena, { info }: Table, name: Field): number {
  return arena.word(info.address + LAYOUT.MapHeader[name]);
}

/** Bytes of one element as it lies in memory. */
function elementBytes(arena: Arena, table: Table): number {
  return fieldOf(arena, table, "valueOffset") + table.info.valueStride;
}

function memoryRow({ arena, loops }: LoopArena, entries: number, maxEntries: number): MemoryRow {
  const keys = writeKeys(arena, 0, entries);
  arena.trim();
  const pages = arena.core.pagesInUse();
  const table = createTable(arena, { maxEntries });
  checkAll(loops.fill(table.info.address, keys, entries));
  // What is due and was not done by the inserts themselves.
  arena.poll();
  const { bytes, preallocatedBytes } = mapStatistics(arena, table.info);
  const elements = arena.core.allocatorOwned(fieldOf(arena, table, "elements")) * elementBytes(arena, table);
  const pageBytes = (arena.core.pagesInUse() - pages) * CONSTANTS.PAGE_BYTES;
  arena.core.freeBytes(keys);
  destroyTable(arena, table);
  return {
    name: `${entries.toLocaleString("en")} of max_entries ${maxEntries.toLocaleString("en")}`,
    entries,
    maxEntries,
    bytes,
    bytesPerEntry: bytes / entries,
    tableBytesPerEntry: (bytes - elements) / entries,
    pageBytesPerEntry: pageBytes / entries,
    percentOfPreallocated: (100 * bytes) / preallocatedBytes,
  };
}

export async function measureMemory(core: WebAssembly.Module, done: () => void): Promise<MemoryRow[]> {
  const loop = await createLoopArena(core, ARENA);
  return MEMORY_CASES.map(([entries, maxEntries]) => {
    const row = memoryRow(loop, entries, maxEntries);
    done();
    return row;
  });
}

/** More than any table takes to grow, a few buckets a tick. */
const MOST_TICKS = 10_000_000;

/**
 * Lets a table have its largest size before anything is in it: the deferred work is told of elements that are not there, and
 * then that the table is never to be smaller.
 */
function growBeforehand(arena: Arena, { info }: Table): void {
  const word = (name: Field): Uint32Array =>
    new Uint32Array(arena.memory.buffer, info.address + LAYOUT.MapHeader[name], 1);
  const [places, least, most, root] = [word("places"), word("leastBuckets"), word("mostBuckets"), word("root")];
  const largest = most[0] ?? 0;
  places[0] = info.maxEntries;
  for (let tick = 0; (root[0] ?? 0) < largest; tick++) {
    if (tick > MOST_TICKS) throw new Error(`the table stays at ${root[0]} of ${largest} buckets`);
    arena.core.timerTick();
  }
  places[0] = 0;
  least[0] = largest;
}

/** From empty to `entries`, of a table that had its size from the start and of one that grows. */
export async function compareGrowth(core: WebAssembly.Module, entries: number, rounds: number): Promise<Comparison> {
  const { arena, loops } = await createLoopArena(core, ARENA);
  const keys = writeKeys(arena, 0, entries);
  const fill = (isGrown: boolean): number => {
    const table = createTable(arena, { maxEntries: entries });
    if (isGrown) growBeforehand(arena, table);
    const taken = time(() => loops.fill(table.info.address, keys, entries));
    destroyTable(arena, table);
    arena.poll();
    return taken;
  };
  const name = `from empty to ${entries.toLocaleString("en")}`;
  const measure = [() => fill(true), () => fill(false)] as const;
  return compareSides({ name, unit: "ms", first: "size from the start", second: "grows", measure }, rounds, 1);
}

/** Microseconds. Each insert does the same in every round: the shortest of its times is what it takes. */
export interface InsertTimes {
  readonly name: string;
  readonly median: number;
  /** Of a thousand, and of a hundred thousand, all but one are shorter. */
  readonly perThousand: number;
  readonly perHundredThousand: number;
  readonly longest: number;
  /** The longest of any round, with all that came in between on the CPU. */
  readonly longestSeen: number;
}

/** Single inserts into a table that grows, beside one that need not. */
export interface InsertFigures {
  readonly entries: number;
  readonly rounds: number;
  /** Microseconds between two readings of the clock that differ. */
  readonly clockResolution: number;
  readonly rows: readonly InsertTimes[];
}

const MICROSECONDS = 1000;

function clockResolution(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < 100_000; index++) {
    const begin = performance.now();
    let end = begin;
    while (end === begin) end = performance.now();
    least = Math.min(least, end - begin);
  }
  return least * MICROSECONDS;
}

/** The shortest of the times of each insert, and the longest of all. */
interface Inserts {
  readonly shortest: Float64Array;
  longestSeen: number;
}

type Insert = (key: number) => number;

/** Times a call for each key, and keeps the shortest times. */
function timeEach(insert: Insert, keys: Uint32Array, into: Inserts): void {
  const { shortest } = into;
  let failed = 0;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as number;
    const begin = performance.now();
    const result = insert(key);
    const taken = (performance.now() - begin) * MICROSECONDS;
    if (result !== 0) failed++;
    if (taken < (shortest[index] as number)) shortest[index] = taken;
    if (taken > into.longestSeen) into.longestSeen = taken;
  }
  checkAll(failed);
}

interface InsertCase {
  readonly name: string;
  /** Whether the table has its size from the start. */
  readonly isGrown: boolean;
  /** Whether nobody has used the memory before, so that the system has yet to give its pages. */
  readonly inNewMemory: boolean;
}

const INSERT_CASES: readonly InsertCase[] = [
  { name: "the table grows", isGrown: false, inNewMemory: false },
  { name: "size from the start", isGrown: true, inNewMemory: false },
  { name: "the table grows, in new memory", isGrown: false, inNewMemory: true },
  { name: "size from the start, in new memory", isGrown: true, inNewMemory: true },
];

/** One round of a case, in an arena of its own. */
async function timeCase(
  core: WebAssembly.Module,
  { isGrown, inNewMemory }: InsertCase,
  keys: Uint32Array,
  into: Inserts,
): Promise<void> {
  const { arena } = await createLoopArena(core, ARENA);
  const insertInto = ({ info }: Table): Insert => {
    const { address } = info;
    return (key) => arena.core.hashUpdate4(address, key, 1n, 0);
  };
  if (!inNewMemory) {
    const first = createTable(arena, { maxEntries: keys.length });
    checkAll(keys.reduce((failed, key) => failed + (insertInto(first)(key) === 0 ? 0 : 1), 0));
    destroyTable(arena, first);
    arena.trim();
  }
  const table = createTable(arena, { maxEntries: keys.length });
  if (isGrown) growBeforehand(arena, table);
  timeEach(insertInto(table), keys, into);
}

function insertTimes(name: string, { shortest, longestSeen }: Inserts): InsertTimes {
  const sorted = shortest.slice().sort();
  const allBut = (oneOf: number): number => sorted[Math.ceil(sorted.length * (1 - 1 / oneOf)) - 1] ?? Number.NaN;
  return {
    name,
    median: allBut(2),
    perThousand: allBut(1000),
    perHundredThousand: allBut(100_000),
    longest: sorted.at(-1) ?? Number.NaN,
    longestSeen,
  };
}

export async function measureInserts(
  core: WebAssembly.Module,
  entries: number,
  rounds: number,
): Promise<InsertFigures> {
  const keys = Uint32Array.from({ length: entries }, (_, index) => keyOf(index));
  const none = (): Inserts => ({ shortest: new Float64Array(entries).fill(Number.POSITIVE_INFINITY), longestSeen: 0 });
  const taken = INSERT_CASES.map((each) => ({ each, inserts: none() }));
  const alone = none();
  for (let round = 0; round < rounds; round++) {
    timeEach(() => 0, keys, alone);
    for (const { each, inserts } of taken) await timeCase(core, each, keys, inserts);
  }
  const rows = taken.map(({ each, inserts }) => insertTimes(each.name, inserts));
  return { entries, rounds, clockResolution: clockResolution(), rows: [...rows, insertTimes("nothing", alone)] };
}
