/**
 * The headline: what update+delete costs BPF programs on a dynamic hash, on a preallocated one, and on what a dynamic
 * hash was before per-CPU caches: the slab under its lock, an atomic count, and one grace-period callback for each
 * element. One compiled program, three maps, measured in turn in the same run; as in Linux's map_perf_test every CPU
 * runs it at once on keys of its own in one map, and once more on one CPU alone.
 *
 * A grace period of the third column ends with a timer tick, as it does on a kernel whose CPUs do not go idle: 4 ms at
 * the usual HZ=250. The other two columns get the same ticks.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Arena, type ArenaHandle } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { type CompiledProgram, compileProgram } from "../bpf/jit/compile.ts";
import { linkProgram } from "../bpf/link.ts";
import { specOfInstructions } from "../bpf/object/spec.ts";
import { u32, u64 } from "../maps/codec/codec.ts";
import { LAYOUT } from "../wasm/face.ts";
import { askAll, hashAlike, meanCost } from "./side-by-side.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export type MapMode = "dynamic" | "preallocated" | "before";

export const MAP_MODES: readonly MapMode[] = ["dynamic", "preallocated", "before"];

/** Ratios are throughput of the first to the second, medians of the rounds' own ratios. */
export interface HeadlineRow {
  readonly threads: number;
  readonly dynamicToPreallocated: Spread;
  readonly dynamicToBefore: Spread;
  /** Nanoseconds per update+delete pair on each thread. */
  readonly nanoseconds: Readonly<Record<MapMode, Spread>>;
}

export interface Headline {
  /** Medians with all threads at once. */
  readonly dynamicToPreallocated: number;
  readonly dynamicToBefore: number;
  readonly threads: number;
  /** CPU slots of the arena: what a map may have in its caches, and when it counts exactly, goes by them. */
  readonly cpus: number;
  /** Whether update and delete of the map have a fast path there: only then its side is what the design can do. */
  readonly fastPath: Readonly<Record<MapMode, boolean>>;
  /** One thread alone, then all of them. */
  readonly rows: readonly HeadlineRow[];
}

/** Entries of each map, and keys of each CPU in turn: a program's working set. */
const ENTRIES = 1000;
const KEYS_SHIFT = 6;
/** More threads than this say nothing new and take longer to start. */
const MAXIMUM_THREADS = 8;
export const PAIRS_PER_RUN = 1024;
const MILLISECONDS_PER_ROUND = 30;

/** update+delete of the CPU's own keys in turn, PAIRS_PER_RUN times. */
function source(map: number): string {
  return `
    call 8
    r7 = r0
    r7 <<= ${KEYS_SHIFT}
    r6 = 0
  next:
    r1 = r6
    r1 &= ${(1 << KEYS_SHIFT) - 1}
    r1 |= r7
    *(u32 *)(r10 - 4) = r1
    *(u64 *)(r10 - 16) = r6
    r1 = map(${map}) ll
    r2 = r10
    r2 += -4
    r3 = r10
    r3 += -16
    r4 = 0
    call 2
    r1 = map(${map}) ll
    r2 = r10
    r2 += -4
    call 3
    r6 += 1
    if r6 < ${PAIRS_PER_RUN} goto next
    r0 = 0
    exit`;
}

/** What a thread of the benchmark is started with, asked, and answers. */
export interface HeadlineStart {
  readonly arena: ArenaHandle;
  readonly programs: readonly CompiledProgram[];
}
export interface HeadlineTask {
  /** Index into MAP_MODES. */
  readonly mode: number;
  readonly milliseconds: number;
}
/** Nanoseconds per pair. */
export type HeadlineAnswer = number;

/** A worker always runs compiled, also where this module runs from source: Node 20 loads no .ts in a worker. */
const WORKER = new URL("../../dist/bench/headline-worker.js", import.meta.url);

/** A mode's map and the program that uses it. */
interface Side {
  readonly address: number;
  readonly program: CompiledProgram;
  readonly hasFastPath: boolean;
}

function makeSide(arena: Arena, mode: MapMode): Side {
  const { info } = arena.createMap({
    type: "hash",
    name: mode,
    key: u32,
    value: u64,
    maxEntries: ENTRIES,
    prealloc: mode === "preallocated",
    withoutCache: mode === "before",
  });
  const spec = specOfInstructions(mode, assemble(source(info.address)));
  const program = compileProgram(linkProgram(spec, mode, new Map([[mode, { ...info, firstValue: 0 }]])));
  return { address: info.address, program, hasFastPath: arena.word(info.address + LAYOUT.MapHeader.fastKey) !== 0 };
}

/** One round of every mode: nanoseconds per pair and thread. */
async function measureRound(workers: readonly Worker[]): Promise<number[]> {
  const taken: number[] = [];
  for (const mode of MAP_MODES.keys()) {
    const task: HeadlineTask = { mode, milliseconds: MILLISECONDS_PER_ROUND };
    taken.push(meanCost(await askAll<HeadlineTask, HeadlineAnswer>(workers, task)));
  }
  return taken;
}

function makeRow(threads: number, rounds: readonly (readonly number[])[]): HeadlineRow {
  const column = (mode: MapMode): number[] => rounds.map((round) => round[MAP_MODES.indexOf(mode)] ?? Number.NaN);
  const dynamic = column("dynamic");
  const ratioTo = (mode: MapMode): Spread =>
    spreadOf(column(mode).map((nanoseconds, index) => nanoseconds / (dynamic[index] ?? Number.NaN)));
  return {
    threads,
    dynamicToPreallocated: ratioTo("preallocated"),
    dynamicToBefore: ratioTo("before"),
    nanoseconds: {
      dynamic: spreadOf(dynamic),
      preallocated: spreadOf(column("preallocated")),
      before: spreadOf(column("before")),
    },
  };
}

export interface HeadlineOptions {
  /** Runs of each mode, in turn. */
  readonly rounds?: number;
  /** CPU slots of the arena, which the threads share: by default one more than there are threads. */
  readonly cpus?: number;
  /** Called with the share that is done, 0 to 1. */
  readonly progress?: (share: number) => void;
}

/** Measures the headline in an arena of its own, on one thread and on as many as there are CPUs and slots for. */
export async function measureHeadline(options: HeadlineOptions = {}): Promise<Headline> {
  const { rounds = 11, progress = () => undefined } = options;
  const useful = Math.min(availableParallelism(), MAXIMUM_THREADS);
  const { cpus = useful + 1 } = options;
  const all = Math.min(useful, cpus);
  const arena = await Arena.create({ maximumBytes: 1 << 29, cpus });
  const sides = MAP_MODES.map((mode) => [mode, makeSide(arena, mode)] as const);
  hashAlike(
    arena,
    sides.map(([, { address }]) => address),
  );
  const programs = sides.map(([, { program }]) => program);
  const fastPath = Object.fromEntries(sides.map(([mode, { hasFastPath }]) => [mode, hasFastPath]));
  // This thread only watches: its slot is for those that work.
  const handles = Array.from({ length: all }, () => arena.handle());
  arena.detach();
  const workers = handles.map((handle) => {
    const workerData: HeadlineStart = { arena: handle, programs };
    return new Worker(WORKER, { workerData });
  });
  const counts = all === 1 ? [1] : [1, all];
  const rows: HeadlineRow[] = [];
  try {
    // Warm-up: the engine compiles the program and the core twice.
    for (let round = 0; round < 3; round++) await measureRound(workers);
    for (const threads of counts) {
      const taken: number[][] = [];
      for (let round = 0; round < rounds; round++) {
        taken.push(await measureRound(workers.slice(0, threads)));
        progress((rows.length * rounds + round + 1) / (counts.length * rounds));
      }
      rows.push(makeRow(threads, taken));
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  const last = rows.at(-1);
  return {
    dynamicToPreallocated: last?.dynamicToPreallocated.median ?? Number.NaN,
    dynamicToBefore: last?.dynamicToBefore.median ?? Number.NaN,
    threads: all,
    cpus,
    fastPath: fastPath as Record<MapMode, boolean>,
    rows,
  };
}
