/** A page of somebody's, for bundlers: a map that it shares with a worker. */
import { Arena, u32, u64 } from "anyctx";

async function run() {
  const arena = await Arena.create({ maximumBytes: 1 << 24 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 1000 });
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.postMessage(arena.handle());
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = (event) => reject(new Error(event.message));
  });
  return [...map.values()].reduce((sum, value) => sum + value, 0n);
}

run().then(
  (sum) => {
    window.result = String(sum);
  },
  (error) => {
    window.result = String(error);
  },
);
