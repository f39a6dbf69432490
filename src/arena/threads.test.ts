/** Real threads on one map: what one thread must see of the others, and what is left when they are done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { bytes, u32, u64 } from "../maps/codec.ts";
import { Arena } from "./arena.ts";
import { cacheStatistics } from "./statistics.ts";

/** Workers run compiled: Node 20 loads no .ts there. */
const ENTRY = new URL("../../dist/index.js", import.meta.url).href;

/** Runs a worker's body with `arena` (attached) and `input`; resolves with what it returns. */
function runWorker(arena: Arena, body: string, input: unknown): Promise<unknown> {
  const source = `
    const { parentPort, workerData } = await import("node:worker_threads");
    const { Arena, NOEXIST } = await import(${JSON.stringify(ENTRY)});
    const arena = await Arena.attach(workerData.arena);
    const input = workerData.input;
    const result = await (async () => { ${body} })();
    arena.detach();
    parentPort.postMessage(result);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { arena: arena.handle(), input },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function assertEverythingBack(arena: Arena, name: string): void {
  const caches = cacheStatistics(arena, arena.findMap(name));
  const held = caches.reduce((sum, cache) => sum + cache.free + cache.waiting + cache.extra + cache.surplus, 0);
  const elements = arena.word(arena.findMap(name).address + arena.layout.mapElements);
  assert.equal(arena.core.allocatorOwned(elements), held + arena.core.mapCount(arena.findMap(name).address));
}

for (const prealloc of [false, true])
  test(`${prealloc ? "preallocated" : "dynamic"}: threads that add and delete the same keys lose and keep nothing`, async () => {
    const arena = await Arena.create({ cpus: 3, maximumBytes: 64 << 20 });
    const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 5000, prealloc });
    const body = `
      const map = arena.openMap("map");
      let balance = 0;
      let random = input;
      for (let step = 0; step < 150000; step++) {
        random = Math.imul(random, 1103515245) + 12345 >>> 0;
        const key = (random >>> 8) % 300;
        if (random & 1 << 7) { if (map.update(key, BigInt(key), NOEXIST) === 0) balance++; }
        else if (map.delete(key)) balance--;
        const value = map.get(key);
        if (value !== undefined && value !== BigInt(key)) throw new Error("key " + key + " has " + value);
      }
      return balance;`;
    const balances = await Promise.all([1, 2].map((seed) => runWorker(arena, body, seed)));
    const live = balances.reduce<number>((sum, balance) => sum + Number(balance), 0);
    assert.equal(map.size, live);
    assert.equal([...map].length, live);
    if (!prealloc) assertEverythingBack(arena, "map");
  });

test("a large value is never seen half written or under another key, a key that stays is never missed", async () => {
  const arena = await Arena.create({ cpus: 3, maximumBytes: 64 << 20 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: bytes(4096), maxEntries: 64 });
  for (let key = 0; key < 8; key++) map.set(key, new Uint8Array(4096).fill(key << 4));
  // Every value is one byte repeated: the key in its upper half, a step in its lower. What is replaced is reused at
  // once for another key, so a reader that is late copies foreign bytes unless it notices.
  const writer = `
    const map = arena.openMap("map");
    for (let step = 0; step < 30000; step++)
      for (let key = 0; key < 8; key++) map.set(key, new Uint8Array(4096).fill(key << 4 | step & 15));`;
  const reader = `
    const map = arena.openMap("map");
    let missed = 0, torn = 0, foreign = 0;
    for (let step = 0; step < 200000; step++) {
      const key = step & 7;
      const value = map.get(key);
      if (value === undefined) missed++;
      else if (value[0] !== value[4095] || value[0] !== value[2048]) torn++;
      else if (value[0] >> 4 !== key) foreign++;
    }
    return { missed, torn, foreign };`;
  const [, seen] = await Promise.all([runWorker(arena, writer, 0), runWorker(arena, reader, 0)]);
  assert.deepEqual(seen, { missed: 0, torn: 0, foreign: 0 });
});

test("a walk sees every key that stays exactly once while others come and go", async () => {
  const arena = await Arena.create({ cpus: 3, maximumBytes: 64 << 20 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 4000 });
  for (let key = 0; key < 1000; key++) map.set(key, 1n);
  const writer = `
    const map = arena.openMap("map");
    for (let round = 0; round < 60; round++) {
      for (let key = 1000; key < 3500; key++) map.set(key, 2n);
      for (let key = 1000; key < 3500; key++) map.delete(key);
    }`;
  let running = true;
  const done = runWorker(arena, writer, 0).finally(() => {
    running = false;
  });
  for (let walks = 0; running || walks < 3; walks++) {
    const seen = new Map<number, number>();
    for (const key of map.keys()) seen.set(key, (seen.get(key) ?? 0) + 1);
    for (let key = 0; key < 1000; key++) assert.equal(seen.get(key), 1, `key ${key}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  assert.equal(map.size, 1000);
});
