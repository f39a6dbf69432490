/**
 * The benchmark by which Linux's allocator was made: what programs' use of maps costs, of maps whose elements exist from the start
 * and of such that make them as they are asked for, in one run side by side, and the memory that it takes.
 */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Arena, type ArenaHandle } from "../arena/arena.ts";
import { mapStatistics } from "../arena/statistics.ts";
import { readObject } from "../bpf/object/object.ts";
import { type LoadedObject, loadSpec, type ProgramImage } from "../load/load.ts";
import type { ArenaMap } from "../maps/map.ts";
import { inMode, type MapPerfMode, WORKLOADS, type Workload } from "./map-perf-workloads.ts";
import { askAll, hashAlike, meanCost } from "./side-by-side.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** Bytes of a map's memory while a workload runs; `live`: of the entries that are in it. */
export interface MemoryFigures {
  readonly live: number;
  readonly average: number;
  readonly peak: number;
}

export interface MapPerfRow {
  readonly name: string;
  readonly doc: string;
  readonly threads: number;
  /** Nanoseconds an operation takes a thread. */
  readonly nanoseconds: Readonly<Partial<Record<MapPerfMode, Spread>>>;
  /** Throughput of the dynamic map to that of the preallocated one: of each round. */
  readonly dynamicToPreallocated?: Spread;
  readonly memory?: Readonly<Partial<Record<MapPerfMode, MemoryFigures>>>;
}

/** What a thread is started with, and asked. */
export interface MapPerfStart {
  readonly arena: ArenaHandle;
  readonly slot: number;
  readonly images: readonly ProgramImage[];
  readonly turn: SharedArrayBuffer;
}
export interface MapPerfTask {
  readonly program: string;
  readonly milliseconds: number;
  /** How many threads take turns. */
  readonly inTurn?: number;
}

const MILLISECONDS_PER_ROUND = 20;
const MILLISECONDS_PER_LOOK = 2;
/** More threads say nothing new, and the programs' keys are for as many. */
const MOST_THREADS = 4;
/** The first slot of the threads that work: an even one, and none of this thread. */
const FIRST_SLOT = 2;
const PREFIXES = 512;
const ARENA_BYTES = 1 << 28;

/** It ships with the package; seen from `src/bench` and from `dist/bench` alike. */
export const MAP_PERF_OBJECT: string = fileURLToPath(new URL("../../examples/bpf/map_perf.bpf.o", import.meta.url));

/** A worker always runs compiled, also where this module runs from source: Node 20 loads no .ts in a worker. */
const WORKER = new URL("../../dist/bench/map-perf-worker.js", import.meta.url);

export type BytesMap = ArenaMap<Uint8Array, Uint8Array | Uint8Array[]>;

/** Puts in what a workload finds. @param put is given each key in bytes of its own for as long as it takes */
export function fill(
  { keySize, maxEntries }: { readonly keySize: number; readonly maxEntries: number },
  { filled }: Workload,
  put: (key: Uint8Array) => void,
): void {
  const keys = new Uint32Array(keySize / 4);
  const bytes = new Uint8Array(keys.buffer);
  const count = { empty: 0, full: maxEntries, prefixes: PREFIXES }[filled];
  for (let index = 0; index < count; index++) {
    if (filled === "prefixes") keys.set([8 + (index % 25), Math.floor(Math.random() * 2 ** 32)]);
    else keys[0] = index;
    put(bytes);
  }
}

export function fillMap(map: BytesMap, workload: Workload, cpus: number): void {
  if (map.info.kind.keys !== "index") map.clear();
  const value = new Uint8Array(8).fill(1);
  const values = map.info.kind.perCpu ? Array.from({ length: cpus }, () => value) : value;
  fill(map.info, workload, (key) => void map.set(key, values));
}

/** Looks at a map's memory until it is told to end. */
function watch(arena: Arena, map: BytesMap): () => MemoryFigures {
  const seen: { entries: number; bytes: number }[] = [];
  const look = (): void => void seen.push(mapStatistics(arena, map.info));
  look();
  const timer = setInterval(look, MILLISECONDS_PER_LOOK);
  return () => {
    clearInterval(timer);
    const mean = (what: (each: (typeof seen)[number]) => number): number =>
      seen.reduce((sum, each) => sum + what(each), 0) / seen.length;
    const { preallocatedBytes } = mapStatistics(arena, map.info);
    return {
      live: (mean(({ entries }) => entries) * preallocatedBytes) / map.info.maxEntries,
      average: mean(({ bytes }) => bytes),
      peak: Math.max(...seen.map(({ bytes }) => bytes)),
    };
  };
}

interface Bench {
  readonly arena: Arena;
  readonly maps: ReadonlyMap<string, BytesMap>;
  readonly workers: readonly Worker[];
}

/** Figures of one workload on some threads. */
async function measureRow(bench: Bench, workload: Workload, threads: number, rounds: number): Promise<MapPerfRow> {
  const { name, doc, modes, operations, inTurn } = workload;
  const workers = bench.workers.slice(0, threads);
  const taken = new Map<MapPerfMode, number[]>(modes.map((mode) => [mode, []]));
  const memory = new Map<MapPerfMode, MemoryFigures[]>(modes.map((mode) => [mode, []]));
  for (let round = 0; round < rounds; round++)
    for (const mode of modes) {
      const map = bench.maps.get(inMode(workload.map, workload, mode)) as BytesMap;
      if (round === 0) fillMap(map, workload, bench.arena.cpus);
      const task: MapPerfTask = {
        ...{ program: inMode(workload.program, workload, mode), milliseconds: MILLISECONDS_PER_ROUND },
        ...(inTurn && { inTurn: threads }),
      };
      const end = workload.memory && watch(bench.arena, map);
      const costs = await askAll<MapPerfTask, number>(workers, task);
      if (end) memory.get(mode)?.push(end());
      taken.get(mode)?.push(meanCost(costs) / operations);
    }
  const [preallocated, dynamic] = [taken.get("preallocated"), taken.get("dynamic")];
  return {
    ...{ name, doc, threads },
    nanoseconds: Object.fromEntries([...taken].map(([mode, costs]) => [mode, spreadOf(costs)])),
    ...(preallocated &&
      dynamic && {
        dynamicToPreallocated: spreadOf(preallocated.map((cost, index) => cost / (dynamic[index] as number))),
      }),
    ...(workload.memory && {
      memory: Object.fromEntries([...memory].map(([mode, figures]) => [mode, overall(figures)])),
    }),
  };
}

function overall(rounds: readonly MemoryFigures[]): MemoryFigures {
  const mean = (what: (each: MemoryFigures) => number): number =>
    rounds.reduce((sum, each) => sum + what(each), 0) / rounds.length;
  return {
    live: mean(({ live }) => live),
    average: mean(({ average }) => average),
    peak: Math.max(...rounds.map(({ peak }) => peak)),
  };
}

function start(arena: Arena, { programs }: LoadedObject, threads: number): Worker[] {
  const turn = new SharedArrayBuffer(4);
  return Array.from({ length: threads }, (_, index) => {
    const workerData: MapPerfStart = { arena: arena.handle(), slot: FIRST_SLOT + index, images: programs, turn };
    return new Worker(WORKER, { workerData });
  });
}

/** @param progress called with the share that is done, 0 to 1 */
export async function measureMapPerf(rounds: number, progress: (share: number) => void): Promise<MapPerfRow[]> {
  const threads = Math.min(availableParallelism(), MOST_THREADS) & ~1 || 1;
  const arena = await Arena.create({ maximumBytes: ARENA_BYTES, cpus: FIRST_SLOT + threads });
  const loaded = loadSpec(arena, readObject(await readFile(MAP_PERF_OBJECT), MAP_PERF_OBJECT), { verify: true });
  const maps = new Map(loaded.maps.map(({ spec, map }) => [spec.name, map]));
  for (const { map, modes } of WORKLOADS.filter(({ modes }) => modes.length > 1))
    hashAlike(
      arena,
      modes.map((mode) => (maps.get(inMode(map, { modes } as Workload, mode)) as BytesMap).info.address),
    );
  const workers = start(arena, loaded, threads);
  const counts = threads === 1 ? [1] : [1, threads];
  const rows: MapPerfRow[] = [];
  try {
    for (const workload of WORKLOADS)
      for (const count of counts) {
        if (workload.inTurn && count === 1) continue;
        rows.push(await measureRow({ arena, maps, workers }, workload, count, rounds));
        progress(rows.length / (WORKLOADS.length * counts.length));
      }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
    arena.detach();
  }
  return rows;
}
