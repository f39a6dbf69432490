/**
 * What two threads cost each other when lock words share a cache line: `node docs/measure/false-sharing.mjs`.
 *
 * A bucket is locked by a compare-exchange and unlocked by a store. The threads never use the same bucket: one takes
 * the even ones, the other the odd ones, in an order of its own. Only the distance between two buckets changes.
 */
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const HEADS = 1024;
const MILLISECONDS = 200;
const ROUNDS = 9;

function lockAndUnlock(words, stride, parity) {
  const end = performance.now() + MILLISECONDS;
  let pairs = 0;
  let state = 12345 + parity;
  while (performance.now() < end) {
    for (let turn = 0; turn < 10_000; turn++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const head = (((state >>> 12) % (HEADS / 2)) * 2 + parity) * (stride / 4);
      if (Atomics.compareExchange(words, head, 0, 1) === 0) Atomics.store(words, head, 0);
    }
    pairs += 10_000;
  }
  return pairs / MILLISECONDS / 1000;
}

function ask(worker, task) {
  return new Promise((resolve) => {
    worker.once("message", resolve);
    worker.postMessage(task);
  });
}

if (isMainThread) {
  const words = new Int32Array(new SharedArrayBuffer(HEADS * 64));
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url)));
  const table = new Map();
  for (let round = 0; round < ROUNDS; round++)
    for (const stride of [8, 64])
      for (const threads of [1, 2]) {
        const tasks = workers.slice(0, threads).map((worker, parity) => ask(worker, { words, stride, parity }));
        const sum = (await Promise.all(tasks)).reduce((total, each) => total + each, 0);
        const name = `${stride} bytes apart, ${threads} thread${threads === 1 ? "" : "s"}`;
        table.set(name, [...(table.get(name) ?? []), sum]);
      }
  for (const [name, values] of table) {
    const sorted = values.sort((a, b) => a - b);
    const [least, median, most] = [0, (ROUNDS - 1) / 2, ROUNDS - 1].map((at) => sorted[at].toFixed(0));
    console.log(`${name}: ${median} million a second (${least} to ${most})`);
  }
  for (const worker of workers) worker.terminate();
} else {
  parentPort.on("message", ({ words, stride, parity }) => parentPort.postMessage(lockAndUnlock(words, stride, parity)));
}
