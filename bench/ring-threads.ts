/** Records that other threads put into a ring, taken out here in batches. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { RingBuffer } from "ringbuf.js";
import { Arena, none } from "../src/index.ts";
import type { Measure, Pair } from "./sides.ts";

const RECORD_BYTES = 64;
const RECORDS = 400_000;
const RING_BYTES = 1 << 20;
/** Has room for all records: who puts in is measured without who takes out. */
const WIDE_BYTES = 1 << 25;
/** As many bytes as a look at the arena's ring takes out at once. */
const BATCH_BYTES = 16 * 1024;
const PRODUCERS = 2;

export interface RingThreads {
  readonly pairs: readonly Pair[];
  end(): Promise<unknown>;
}

async function startProducer(workerData: object): Promise<Worker> {
  const worker = new Worker(new URL("./ring-worker.mjs", import.meta.url), { workerData });
  await once(worker, "message");
  return worker;
}

export async function ringThreads(): Promise<RingThreads> {
  const arena = await Arena.create({ maximumBytes: 2 ** 27, seed: 1 });
  const ring = (name: string, maxEntries: number) =>
    arena.createMap({ type: "ringbuf", name, key: none, value: none, maxEntries });
  const ours = ring("ring", RING_BYTES);
  const wide = ring("wide ring", WIDE_BYTES);
  const storage = RingBuffer.getStorageForCapacity(RING_BYTES, Uint8Array);
  const theirs = new RingBuffer(storage, Uint8Array);
  const workers = await Promise.all(
    Array.from({ length: PRODUCERS }, () => startProducer({ handle: arena.handle(), storage, bytes: RECORD_BYTES })),
  );
  /** Nanoseconds a record, from one producer to here. */
  const through =
    (ring: "arena" | "ringbuf", take: () => number): Measure =>
    async () => {
      const [worker] = workers as [Worker];
      const done = once(worker, "message");
      const begin = performance.now();
      worker.postMessage({ ring, count: RECORDS });
      for (let taken = 0; taken < RECORDS; ) taken += take();
      const lasted = performance.now() - begin;
      await done;
      return (lasted * 1e6) / RECORDS;
    };
  /** Nanoseconds a record that so many producers put in together. */
  const into =
    (producers: number): Measure =>
    async () => {
      const begin = performance.now();
      const chosen = workers.slice(0, producers);
      const done = chosen.map((worker) => once(worker, "message"));
      for (const worker of chosen) worker.postMessage({ ring: "wide", count: RECORDS / producers });
      await Promise.all(done);
      const lasted = performance.now() - begin;
      while (wide.takeRecords().length > 0);
      return (lasted * 1e6) / RECORDS;
    };
  const batch = new Uint8Array(BATCH_BYTES);
  return {
    pairs: [
      {
        ...{ name: "ring: a record of 64 bytes from a thread", first: "ringbuf", second: "ringbuf.js", unit: "ns" },
        measure: [
          through("arena", () => ours.takeRecords().length),
          through("ringbuf", () => theirs.pop(batch) / RECORD_BYTES),
        ],
      },
      {
        ...{ name: "ring: a record put in by two threads", first: "two threads", second: "one thread", unit: "ns" },
        measure: [into(PRODUCERS), into(1)],
      },
    ],
    end: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}
