/** One thread of the allocator's benchmark: runs pairs, or one half of handing objects from one CPU to another. */
import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../arena/arena.ts";
import { BURST, makeLoops } from "./alloc-module.ts";
import type { AllocAnswer, AllocStart, AllocTask } from "./alloc-threads.ts";

const start = workerData as AllocStart;
const arena = await Arena.attach(start.arena);
const loops = await makeLoops(arena.memory, arena.core);
/** Words 0 and 1: batches that were handed over, and that were taken. */
const ring = new Int32Array(arena.memory.buffer, start.ring, 2);

const slotOf = (batch: number): number => start.ring + 64 + (batch & (start.slots - 1)) * BURST * 4;

const SPINS = 200;

/** Waits until a counter is no longer `value`: a little on its own, then asleep, so that it disturbs nobody. */
function leave(counter: number, value: number): void {
  for (let turn = 0; turn < SPINS; turn++) if (Atomics.load(ring, counter) !== value) return;
  while (Atomics.load(ring, counter) === value) Atomics.wait(ring, counter, value, 10);
}

function set(counter: number, value: number): void {
  Atomics.store(ring, counter, value);
  Atomics.notify(ring, counter);
}

function produce(batches: number): number {
  let most = 0;
  for (let batch = 0; batch < batches; batch++) {
    leave(1, batch - start.slots);
    loops.fill(start.allocator, start.size, slotOf(batch));
    set(0, batch + 1);
    if ((batch & 63) === 0) most = Math.max(most, arena.core.allocatorBytes(start.allocator));
  }
  return most;
}

function consume(batches: number): number {
  for (let batch = 0; batch < batches; batch++) {
    leave(0, batch);
    loops.drain(slotOf(batch));
    set(1, batch + 1);
  }
  return 0;
}

function both(batches: number): number {
  loops.bursts(start.allocator, start.size, slotOf(0), batches);
  return 0;
}

function pairs(batches: number): number {
  loops.pairs(start.allocator, start.size, batches * BURST);
  return 0;
}

const WORK: Readonly<Record<AllocTask["work"], (batches: number) => number>> = { produce, consume, both, pairs };

parentPort?.on("message", ({ work, batches }: AllocTask) => {
  const begin = performance.now();
  const bytes = WORK[work](batches);
  const answer: AllocAnswer = { nanoseconds: ((performance.now() - begin) * 1e6) / (batches * BURST), bytes };
  parentPort?.postMessage(answer);
});
