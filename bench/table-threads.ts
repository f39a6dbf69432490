/** Two threads on one hash, each with keys of its own, against one of them alone. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Arena } from "../src/index.ts";
import { type Comparison, compareSides, type Measure } from "./sides.ts";
import { checkAll, createLoopArena, createTable, type LoopCore, type TableOptions, writeKeys } from "./table-loop.ts";

interface Case extends TableOptions {
  readonly name: string;
  /** Keys of each thread, a power of two: of gets they are in the map, of pairs other keys are there, as many as here. */
  readonly keys: number;
  readonly loop: Exclude<keyof LoopCore, "fill" | "fillAndEmpty"> | "getsFromScript";
}

const MILLION = 1 << 20;
const CASES: readonly Case[] = [
  { name: "get of 1 K, by argument", maxEntries: 2048, keys: 512, loop: "getsByArgument" },
  { name: "get of 1 K, from TypeScript", maxEntries: 2048, keys: 512, loop: "getsFromScript" },
  { name: "get of 1 M, by argument", maxEntries: MILLION, keys: MILLION / 2, loop: "getsByArgument" },
  // 512 keys of each thread lie in 128 lines of buckets, which the threads take from each other; 64 K do not.
  { name: "pair of 512 keys, fixed, by argument", maxEntries: 2048, keys: 512, loop: "pairsByArgument" },
  { name: "pair of 512 keys, grows, by argument", maxEntries: MILLION, keys: 512, loop: "pairsByArgument" },
  { name: "pair of 64 K keys, by argument", maxEntries: MILLION, keys: 1 << 16, loop: "pairsByArgument" },
  { name: "LRU of 100 K, get", maxEntries: 100_000, keys: 1 << 15, loop: "getsThroughMemory", type: "lru_hash" },
  { name: "LRU of 100 K, new key", maxEntries: 100_000, keys: 1 << 15, loop: "newKeysThroughMemory", type: "lru_hash" },
  { name: "LRU of 1 K, new key", maxEntries: 1024, keys: 512, loop: "newKeysThroughMemory", type: "lru_hash" },
];
const THREADS = 2;
const OPERATIONS = 1 << 20;

/** Rounds before those that count: each thread compiles for itself. */
const WARM_UP = 3;

export const THREAD_STEPS: number = CASES.length;

/** A pair's keys must not be there: what stays has other ones. */
const isPair = ({ loop }: Case): boolean => loop.startsWith("pairs");

async function startWorkers(arena: Arena, core: WebAssembly.Module, name: string, each: Case): Promise<Worker[]> {
  return Promise.all(
    Array.from({ length: THREADS }, async (_, thread) => {
      const keys = writeKeys(arena, thread * each.keys, each.keys, "mixed");
      const workerData = { handle: { ...arena.handle(), core }, name, keys, mask: each.keys - 1 };
      const worker = new Worker(new URL("./table-worker.mjs", import.meta.url), {
        workerData: { ...workerData, operations: OPERATIONS },
      });
      await once(worker, "message");
      return worker;
    }),
  );
}

async function compareCase(core: WebAssembly.Module, each: Case, rounds: number): Promise<Comparison> {
  const { arena, loops } = await createLoopArena(core, { maximumBytes: 1 << 30, cpus: THREADS + 2 });
  const table = createTable(arena, each);
  const filled = THREADS * each.keys;
  const there = writeKeys(arena, isPair(each) ? filled : 0, filled);
  checkAll(loops.fill(table.info.address, there, filled));
  const workers = await startWorkers(arena, core, table.info.name, each);
  /** Million operations a second of the first `threads` together. */
  const side = (threads: number): Measure => {
    const chosen = workers.slice(0, threads);
    return async () => {
      const begin = performance.now();
      const answers = chosen.map((worker) => once(worker, "message") as Promise<[number]>);
      for (const worker of chosen) worker.postMessage(each.loop);
      const failed = await Promise.all(answers);
      const taken = performance.now() - begin;
      checkAll(failed.reduce((sum, [count]) => sum + count, 0));
      return (threads * OPERATIONS) / taken / 1000;
    };
  };
  const measure = [side(1), side(THREADS)] as const;
  const { name } = each;
  const sides = { name, unit: "M/s", first: "one thread", second: "two threads", measure } as const;
  const compared = await compareSides(sides, rounds, WARM_UP);
  await Promise.all(workers.map((worker) => worker.terminate()));
  return compared;
}

export async function compareThreads(
  core: WebAssembly.Module,
  rounds: number,
  done: () => void,
): Promise<Comparison[]> {
  const rows: Comparison[] = [];
  for (const each of CASES) {
    rows.push(await compareCase(core, each, rounds));
    done();
  }
  return rows;
}
