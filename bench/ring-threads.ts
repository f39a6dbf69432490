/** Records that other threads put into a ring, taken out here in batches. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { RingBuffer } from "ringbuf.js";
import { Arena, none } from "../src/index.ts";
import type { Measure, Pair } from "./sides.ts";

const RECORD_BYTES = 64;
const RECORDS = 400_000;
const RING_BYTES = 1 << 20;
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
  const arena = await Arena.create({ maximumBytes: 2 ** 26, seed: 1 });
  const name = "ring of threads";
  const ours = arena.createMap({ type: "ringbuf", name, key: none, value: none, maxEntries: RING_BYTES });
  const storage = RingBuffer.getStorageForCapacity(RING_BYTES, Uint8Array);
  const theirs = new RingBuffer(storage, Uint8Array);
  const workers = await Promise.all(
    Array.from({ length: PRODUCERS }, () =>
      startProducer({ handle: arena.handle(), name, storage, bytes: RECORD_BYTES }),
    ),
  );
  /** Nanoseconds a record, of so many producers together. */
  const through =
    (ring: "arena" | "ringbuf", producers: number, take: () => number): Measure =>
    () => {
      const begin = performance.now();
      for (const worker of workers.slice(0, producers)) worker.postMessage({ ring, count: RECORDS / producers });
      for (let taken = 0; taken < RECORDS; ) taken += take();
      return ((performance.now() - begin) * 1e6) / RECORDS;
    };
  const batch = new Uint8Array(BATCH_BYTES);
  const take = (): number => ours.takeRecords().length;
  const one = through("arena", 1, take);
  const rival = through("ringbuf", 1, () => theirs.pop(batch) / RECORD_BYTES);
  return {
    pairs: [
      {
        ...{ name: "ring: a record of 64 bytes from a thread", first: "ringbuf", second: "ringbuf.js", unit: "ns" },
        measure: [one, rival],
      },
      {
        ...{ name: "ring: the same from two", first: "two threads", second: "one thread", unit: "ns" },
        measure: [through("arena", PRODUCERS, take), one],
      },
    ],
    end: () => Promise.all(workers.map((worker) => worker.terminate())),
  };
}
