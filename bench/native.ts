/**
 * A hash of ours beside native concurrent maps: u64 to u64, the same numbers on both sides. Our loop runs in WebAssembly
 * with the core inside it, the others' in C++ (bench/native.cpp), both in turn in each round.
 *
 * Keys are drawn uniformly from twice the capacity, so half of what is looked for is there; the table begins half full.
 * Native maps grow as they need; ours has room for all keys, as what lives goes a little beyond the capacity.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Spread, spreadOf } from "../src/bench/statistics.ts";
import { Arena, u64 } from "../src/index.ts";
import { compileWithCore } from "./compile.ts";

/** Shares of 100; the rest are updates of keys that may not be there. */
interface Mix {
  readonly name: string;
  readonly gets: number;
  readonly inserts: number;
  readonly removes: number;
}

const MIXES: readonly Mix[] = [
  { name: "reads", gets: 98, inserts: 1, removes: 1 },
  { name: "exchange", gets: 10, inserts: 40, removes: 40 },
];
const CAPACITIES = [1 << 20, 1 << 10];
const THREADS = [1, 2];
const OPERATIONS = 2_000_000;

interface NativeRow {
  readonly mix: string;
  readonly capacity: number;
  readonly threads: number;
  /** Million operations a second, of all threads together. */
  readonly ours: Spread;
  readonly native: Readonly<Record<string, Spread>>;
  /** Ours to the best native map of the same round. */
  readonly ratio: Spread | undefined;
}

export interface NativeFigures {
  readonly rows: readonly NativeRow[];
  /** Native maps that are not measured, and why. */
  readonly skipped: Readonly<Record<string, string>>;
}

/** The loop, in the core's language: appended to the core's door (tools/make/compile.ts). */
const LOOP = `
import { hashUpdate as updateKey } from "./maps/hash/hash";
import { hashDelete as removeKey } from "./maps/hash/delete";
import { hashGet as getKey } from "./maps/hash/lookup";

export function runMix(map: u32, room: u32, seed: u64, operations: u32, keys: u64, gets: u32, inserts: u32, removes: u32): u64 {
  let state = seed;
  let found: u64 = 0;
  for (let index: u32 = 0; index < operations; index++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    store<u64>(room, (state >> 8) % keys);
    const kind = (<u32>(state & 255) * 100) >> 8;
    if (kind < gets) {
      if (getKey(map, room, room + 8) == 0) found += load<u64>(room + 8);
    } else if (kind < gets + inserts) {
      store<u64>(room + 8, state);
      updateKey(map, room, room + 8, 0);
    } else if (kind < gets + inserts + removes) {
      removeKey(map, room);
    } else {
      store<u64>(room + 8, state);
      updateKey(map, room, room + 8, 2);
    }
  }
  return found;
}

export function fillHalf(map: u32, room: u32, keys: u64): void {
  for (let key: u64 = 0; key < keys; key += 4) {
    store<u64>(room, key);
    store<u64>(room + 8, key);
    updateKey(map, room, room + 8, 0);
  }
}
`;

export const compileNativeLoop = (): WebAssembly.Module => compileWithCore(LOOP);

const LIBRARIES: readonly { readonly name: string; readonly define: string; readonly link: readonly string[] }[] = [
  { name: "boost::concurrent_flat_map", define: "USE_BOOST", link: [] },
  { name: "tbb::concurrent_hash_map", define: "USE_TBB", link: ["-ltbb"] },
  { name: "libcuckoo", define: "USE_CUCKOO", link: [] },
];

/** One measured pass: million operations a second, and what thread 0 found. */
interface Pass {
  readonly millions: number;
  readonly found: bigint;
}

type Place = Omit<NativeRow, "ours" | "native" | "ratio" | "mix"> & { readonly mix: Mix };
const seedOf = (round: number): number => 1 + 1000 * round;

/** Compiles the C++ side for each library that is installed; a reason for each that is not. */
function compileNative(folder: string): { programs: Map<string, string>; skipped: Record<string, string> } {
  const programs = new Map<string, string>();
  const skipped: Record<string, string> = {};
  const source = new URL("./native.cpp", import.meta.url).pathname;
  for (const { name, define, link } of LIBRARIES) {
    const program = join(folder, define);
    const options = ["-O3", "-march=native", "-std=c++17", `-D${define}`, "-o", program, source, ...link, "-pthread"];
    const { error, status } = spawnSync("g++", options, { stdio: "ignore" });
    if (error !== undefined) skipped[name] = "there is no g++";
    else if (status !== 0) skipped[name] = "its headers are not installed, or too old";
    else programs.set(name, program);
  }
  return { programs, skipped };
}

function runNative(program: string, { mix, capacity, threads }: Place, round: number): Pass {
  const numbers = [threads, capacity, OPERATIONS, mix.gets, mix.inserts, mix.removes, seedOf(round)];
  const { stdout } = spawnSync(program, numbers.map(String), { encoding: "utf8" });
  const [millions = "", found = "0"] = (stdout ?? "").trim().split(" ");
  return { millions: Number(millions), found: BigInt(found) };
}

interface LoopCore {
  fillHalf(map: number, room: number, keys: bigint): void;
}

/** A new arena and map, half full, and a pass of all threads to warm up, then the one that counts. */
async function runOurs(core: WebAssembly.Module, { mix, capacity, threads }: Place, round: number): Promise<Pass> {
  const arena = await Arena.create({ cpus: threads + 2, maximumBytes: 1 << 30, seed: 1 });
  const map = arena.createMap({ type: "hash", name: "map", key: u64, value: u64, maxEntries: 2 * capacity });
  const filler = await Arena.attach({ ...arena.handle(), core });
  const keys = BigInt(2 * capacity);
  (filler.core as unknown as LoopCore).fillHalf(map.info.address, filler.allocate(16), keys);
  const workers = await Promise.all(
    Array.from({ length: threads }, async (_, thread) => {
      const workerData = { handle: { ...arena.handle(), core }, map: "map", operations: OPERATIONS, keys, mix };
      const seed = BigInt(seedOf(round) + thread + 1);
      const worker = new Worker(new URL("./native-worker.mjs", import.meta.url), {
        workerData: { ...workerData, seed },
      });
      await once(worker, "message");
      return worker;
    }),
  );
  const pass = async (): Promise<Pass> => {
    const begin = performance.now();
    const answers = workers.map((worker) => once(worker, "message") as Promise<[bigint]>);
    for (const worker of workers) worker.postMessage("run");
    const [[found = 0n] = []] = await Promise.all(answers);
    return { millions: (threads * OPERATIONS) / (performance.now() - begin) / 1000, found };
  };
  await pass();
  const result = await pass();
  await Promise.all(workers.map((worker) => worker.terminate()));
  return result;
}

/** On one thread every map answers the same; where one does not, it is not the same that is measured. */
function checkAlike({ threads }: Place, passes: ReadonlyMap<string, Pass>): void {
  const found = new Set([...passes.values()].map((pass) => pass.found));
  if (threads === 1 && found.size > 1) throw new Error(`the maps differ in what they find: ${[...found].join(", ")}`);
}

const OURS = "anyctx";

function rowOf({ mix, capacity, threads }: Place, rounds: readonly ReadonlyMap<string, Pass>[]): NativeRow {
  const millions = (name: string): number[] => rounds.map((passes) => passes.get(name)?.millions ?? Number.NaN);
  const others = [...(rounds[0]?.keys() ?? [])].filter((name) => name !== OURS);
  const best = rounds.map((passes) => Math.max(...others.map((name) => passes.get(name)?.millions ?? 0)));
  const ratios = millions(OURS).map((ours, round) => ours / (best[round] as number));
  return {
    mix: mix.name,
    capacity,
    threads,
    ours: spreadOf(millions(OURS)),
    native: Object.fromEntries(others.map((name) => [name, spreadOf(millions(name))])),
    ratio: others.length === 0 ? undefined : spreadOf(ratios),
  };
}

/** Every mix, capacity and number of threads; both sides in each round. */
export async function measureNative(rounds: number, progress: (share: number) => void): Promise<NativeFigures> {
  const folder = mkdtempSync(join(tmpdir(), "anyctx-native-"));
  try {
    const { programs, skipped } = compileNative(folder);
    const core = compileNativeLoop();
    const places = MIXES.flatMap((mix) =>
      CAPACITIES.flatMap((capacity) => THREADS.map((threads): Place => ({ mix, capacity, threads }))),
    );
    const rows: NativeRow[] = [];
    for (const place of places) {
      const measured: Map<string, Pass>[] = [];
      for (let round = 0; round < rounds; round++) {
        const passes = new Map([[OURS, await runOurs(core, place, round)]]);
        for (const [name, program] of programs) passes.set(name, runNative(program, place, round));
        checkAlike(place, passes);
        measured.push(passes);
        progress((rows.length + (round + 1) / rounds) / places.length);
      }
      rows.push(rowOf(place, measured));
    }
    return { rows, skipped };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
