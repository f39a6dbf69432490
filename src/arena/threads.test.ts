/** Real threads on one map: what one thread must see of the others, and what is left when they are done. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { AnyctxError } from "../error.ts";
import { bytes, type Codec, string, u32, u64 } from "../maps/codec/codec.ts";
import { elementSets } from "../maps/memory-use.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { Arena } from "./arena.ts";
import { cacheStatistics } from "./statistics.ts";

const { NO_COMMON_LRU } = CONSTANTS;

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
  const elements = arena.word(arena.findMap(name).address + LAYOUT.MapHeader.elements);
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

for (const [name, options] of [
  ["dynamic", {}],
  ["preallocated", { prealloc: true }],
  ["with a list for each CPU", { flags: NO_COMMON_LRU }],
] as const)
  test(`LRU, ${name}: threads that put in more than there is room for are never refused, and read what they wrote`, async () => {
    const arena = await Arena.create({ cpus: 3, maximumBytes: 64 << 20 });
    const map = arena.createMap({
      type: "lru_hash",
      name: "map",
      key: u32,
      value: bytes(24),
      maxEntries: 999,
      ...options,
    });
    const body = `
      const map = arena.openMap("map");
      const seen = { refused: 0, lost: 0, foreign: 0, hits: 0 };
      let random = input;
      for (let step = 0; step < 60000; step++) {
        random = Math.imul(random, 1103515245) + 12345 >>> 0;
        const key = (random >>> 8) % 3000;
        const value = map.get(key);
        if (value !== undefined) seen.hits++;
        if (value !== undefined && value.some((byte) => byte !== (key & 255))) seen.foreign++;
        if (map.update(key, new Uint8Array(24).fill(key & 255)) !== 0) seen.refused++;
        // No other thread puts in a thousand keys meanwhile, or else it would be right.
        if (step % 16 === 0 && map.get(key) === undefined) seen.lost++;
        if (step % 5 === 0) map.delete((random >>> 12) % 3000);
      }
      return seen;`;
    const seen = await Promise.all([1, 2].map((seed) => runWorker(arena, body, seed)));
    for (const { refused, foreign, lost, hits } of seen as Record<string, number>[]) {
      assert.deepEqual({ refused, foreign }, { refused: 0, foreign: 0 });
      assert.ok((lost ?? 0) < 40 && (hits ?? 0) > 1000, `${lost} lost, ${hits} hits`);
    }
    assert.ok(map.size <= 999 && map.size > 300, `${map.size}`);
    assert.equal([...map].length, map.size);
    map.clear();
    assert.equal(map.size, 0);
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

test("variable: values of other lengths take each other's place while others read: each is whole, and its key's", async () => {
  const arena = await Arena.create({ cpus: 4, maximumBytes: 128 << 20 });
  const map = arena.createMap({ type: "hash", name: "map", key: string(), value: string(), maxEntries: 1000 });
  // A value says its key, its length and nothing else; lengths are of all classes, and of runs of pages.
  const shared = `
    const map = arena.openMap("map");
    const lengths = [0, 3, 40, 90, 200, 700, 1500, 5000, 20000];
    const keyOf = (number) => "key".repeat(1 + number % 7) + number;
    const valueOf = (key, length) => (key + ":" + length + ":").padEnd(length + key.length + 8, "v");
    let random = input;
    const next = (limit) => (random = Math.imul(random, 1103515245) + 12345 >>> 0, (random >>> 8) % limit);`;
  const writer = `${shared}
    for (let step = 0; step < 60000; step++) {
      const key = keyOf(next(40));
      if (next(4) === 0) map.delete(key);
      else map.set(key, valueOf(key, lengths[next(lengths.length)]));
    }`;
  const reader = `${shared}
    let wrong = 0, found = 0;
    const check = (key, value) => {
      const [said, length] = value.split(":", 2);
      found++;
      if (said !== key || value !== valueOf(key, Number(length))) wrong++;
    };
    // On a busy machine the writers may come late.
    const end = Date.now() + 60000;
    for (let step = 0; step < 60000 || (found <= 1000 && Date.now() < end); step++) {
      const key = keyOf(next(40));
      const value = map.get(key);
      if (value !== undefined) check(key, value);
      if (step % 200 === 0) for (const [each, its] of map) check(each, its);
    }
    return { wrong, found: found > 1000 };`;
  const work = [runWorker(arena, writer, 1), runWorker(arena, writer, 2), runWorker(arena, reader, 3)];
  const [, , seen] = await Promise.all(work);
  assert.deepEqual(seen, { wrong: 0, found: true });
  map.clear();
  assert.equal(map.size, 0);
  for (let round = 0; round < 4; round++) arena.trim();
  const owned = elementSets(arena, map.info.address).reduce((sum, set) => sum + arena.core.allocatorOwned(set), 0);
  assert.equal(owned, 0, "all of it is back");
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

/**
 * Threads that share too few processors: who holds a lock, or is in a read section, may not be running for as long as a
 * waiter is patient, and maps that wait for a reader take up memory.
 */
async function insist(work: () => void): Promise<void> {
  for (let turn = 0; ; turn++) {
    try {
      work();
      return;
    } catch (error) {
      const isBusy = error instanceof AnyctxError && (error.code === "ETIMEDOUT" || error.code === "ENOMEM");
      if (!isBusy || turn === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

test("maps are destroyed while threads look up, update and walk them in read sections: no trap, no foreign value, no leak", async () => {
  const arena = await Arena.create({ cpus: 3, maximumBytes: 64 << 20 });
  // Whether to stop, and how many maps each thread has used.
  const shared = arena.allocate(12);
  // Every value tells its key, in all kinds of maps: memory of another map would be noticed.
  const body = `
    const words = new Int32Array(arena.memory.buffer, input.shared, 3);
    const seen = { maps: 0, gone: 0, foreign: 0, refused: 0 };
    let random = input.seed;
    const next = (limit) => (random = Math.imul(random, 1103515245) + 12345 >>> 0, (random >>> 8) % limit);
    const valueOf = (map, key) => {
      const value = map.info.kind.perCpu ? Array.from({ length: arena.cpus }, () => BigInt(key)) : undefined;
      return value ?? (map.info.valueSize === 8 ? BigInt(key) : new Uint8Array(map.info.valueSize).fill(key));
    };
    const keyOf = (value) => Number(Array.isArray(value) || value instanceof Uint8Array ? value.at(-1) : value);
    const check = (map, key, value) => { if (value !== undefined && keyOf(value) !== key && keyOf(value) !== 0) seen.foreign++; };
    const use = (map) => {
      for (let turn = 0; turn < 30; turn++) {
        const key = next(60);
        const result = map.update(key, valueOf(map, key));
        if (result !== 0) seen.refused++;
        check(map, key, map.get(key));
        if (turn % 3 === 0) map.delete(next(60));
      }
      for (const [key, value] of map) check(map, key, value);
    };
    while (Atomics.load(words, 0) === 0) {
      arena.core.readEnter();
      try {
        const map = arena.openMap("map " + next(4));
        use(map);
        map.close();
        Atomics.store(words, input.seed, ++seen.maps);
      } catch (error) {
        if (!["ENOENT", "ETIMEDOUT", "ENOMEM"].includes(error.code)) throw error;
        seen.gone++;
      } finally {
        arena.core.readLeave();
      }
    }
    return seen;`;
  const kinds = [
    { type: "hash", value: u64, maxEntries: 3000 },
    { type: "hash", value: bytes(300), maxEntries: 100 },
    { type: "hash", value: bytes(40), maxEntries: 100, prealloc: true },
    { type: "percpu_hash", value: u64, maxEntries: 100 },
    { type: "array", value: u64, maxEntries: 60 },
  ] as const;
  const workers = Promise.all([1, 2].map((seed) => runWorker(arena, body, { shared, seed })));
  const words = new Int32Array(arena.memory.buffer, shared, 3);
  const start = performance.now();
  // On a busy machine the threads need longer until they have met what they are here to meet.
  const isOver = (): boolean => {
    const seconds = (performance.now() - start) / 1000;
    const haveMet = Atomics.load(words, 1) > 50 && Atomics.load(words, 2) > 50;
    return seconds > 1.5 && (haveMet || seconds > 30);
  };
  let made = 0;
  for (; !isOver(); made++) {
    const name = `map ${made % 4}`;
    if (made >= 4) await insist(() => arena.destroyMap(name));
    const kind = kinds[made % kinds.length];
    const value = kind?.value as Codec<unknown>;
    if (kind !== undefined) await insist(() => arena.createMap({ ...kind, name, key: u32, value }).close());
    if (made % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  Atomics.store(words, 0, 1);
  for (const seen of (await workers) as { maps: number; foreign: number; refused: number }[]) {
    assert.deepEqual([seen.foreign, seen.refused], [0, 0]);
    assert.ok(seen.maps > 50, `${seen.maps} maps used of ${made}`);
  }
  for (const { name } of arena.maps()) arena.destroyMap(name);
  for (let round = 0; round < 4; round++) arena.trim();
  const { core } = arena;
  arena.detach();
  core.trimSlabs();
  assert.equal(core.pagesInUse(), 0);
});
