/** Sides of a comparison on threads of their own: asked one after the other, all threads at once. */
import type { Worker } from "node:worker_threads";
import type { Arena } from "../arena/arena.ts";
import { LAYOUT } from "../wasm/face.ts";

/** Answers of every thread, in their order. */
export function askAll<Task, Answer>(workers: readonly Worker[], task: Task): Promise<Answer[]> {
  return Promise.all(workers.map((worker) => ask<Task, Answer>(worker, task)));
}

function ask<Task, Answer>(worker: Worker, task: Task): Promise<Answer> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (answer: Answer) => {
      worker.off("error", reject);
      resolve(answer);
    });
    worker.postMessage(task);
  });
}

/** Of threads side by side the throughputs add up: what one costs is the harmonic mean. */
export function meanCost(costs: readonly number[]): number {
  return costs.length / costs.reduce((sum, cost) => sum + 1 / cost, 0);
}

/** All maps hash as the first does: which keys share a bucket, and so what threads cost each other, is chance otherwise. */
export function hashAlike(arena: Arena, addresses: readonly number[]): void {
  const [first, ...others] = addresses.map(
    (address) => new BigUint64Array(arena.memory.buffer, address + LAYOUT.MapHeader.multiplier, 1),
  );
  for (const other of others) other[0] = first?.[0] ?? 1n;
}
