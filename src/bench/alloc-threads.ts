/** The allocator on two threads: each on its own CPU at once, and objects that one allocates and the other frees. */
import { Worker } from "node:worker_threads";
import type { Arena, ArenaHandle } from "../arena/arena.ts";
import { BURST } from "./alloc-module.ts";

export interface AllocStart {
  readonly arena: ArenaHandle;
  /** Address of the allocator, and what to ask of it. */
  readonly allocator: number;
  readonly size: number;
  /** Two counters, and from 64 bytes on `slots` tables of BURST words, a power of two. */
  readonly ring: number;
  readonly slots: number;
}
export interface AllocTask {
  readonly work: "pairs" | "both" | "produce" | "consume";
  readonly batches: number;
}
export interface AllocAnswer {
  /** Per pair, or per object handed over. */
  readonly nanoseconds: number;
  /** Most bytes that the allocator owned meanwhile; only the producer looks. */
  readonly bytes: number;
}

/** Nanoseconds per pair or object, of both threads together where there are two. */
export interface ThreadCosts {
  readonly onePairs: number;
  readonly twoPairs: number;
  readonly oneBursts: number;
  readonly handOver: number;
  readonly handOverBytes: number;
}

export interface AllocThreads {
  /** Objects that each measurement hands over. */
  readonly objects: number;
  readonly measure: () => Promise<ThreadCosts>;
  readonly stop: () => Promise<void>;
}

const SIZE = 64;
const SLOTS = 16;
const BATCHES = 30_000;
/**
 * Bytes that the allocator may own while objects go from one CPU to the other: those on their way, and what two CPUs' caches
 * and the depot may contain of a class; far below what one measurement hands over (180 MB).
 */
export const HAND_OVER_BOUND: number = 1 << 20;
/** A worker always runs compiled, also where this module runs from source: Node 20 loads no .ts in a worker. */
const WORKER = new URL("../../dist/bench/alloc-worker.js", import.meta.url);

function ask(worker: Worker, work: AllocTask["work"]): Promise<AllocAnswer> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (answer: AllocAnswer) => {
      worker.off("error", reject);
      resolve(answer);
    });
    worker.postMessage({ work, batches: BATCHES } satisfies AllocTask);
  });
}

/** Starts the threads; the arena has two CPUs free. */
export function startThreads(arena: Arena): AllocThreads {
  const allocator = arena.createAllocator({ objectSize: SIZE, name: "bench threads" });
  const ring = arena.allocate(64 + SLOTS * BURST * 4);
  const counters = new Int32Array(arena.memory.buffer, ring, 2);
  const start: Omit<AllocStart, "arena"> = { allocator: allocator.address, size: SIZE, ring, slots: SLOTS };
  const first = new Worker(WORKER, { workerData: { ...start, arena: arena.handle() } });
  const second = new Worker(WORKER, { workerData: { ...start, arena: arena.handle() } });
  const measure = async (): Promise<ThreadCosts> => {
    const onePairs = await ask(first, "pairs");
    const two = await Promise.all([ask(first, "pairs"), ask(second, "pairs")]);
    const oneBursts = await ask(first, "both");
    counters.fill(0);
    const [produced, consumed] = await Promise.all([ask(first, "produce"), ask(second, "consume")]);
    return {
      onePairs: onePairs.nanoseconds,
      // Threads run side by side: their throughputs add up.
      twoPairs: 1 / two.reduce((sum, { nanoseconds }) => sum + 1 / nanoseconds, 0),
      oneBursts: oneBursts.nanoseconds,
      handOver: Math.max(produced.nanoseconds, consumed.nanoseconds),
      handOverBytes: produced.bytes,
    };
  };
  return {
    objects: BATCHES * BURST,
    measure,
    stop: async () => {
      await Promise.all([first.terminate(), second.terminate()]);
    },
  };
}
