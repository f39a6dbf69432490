/**
 * What a runtime has to be able to do, run in a project that has the package installed (tools/package/runtimes.ts): by its name alone,
 * with workers of the runtime's own. Prints "ok" last.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Arena, AnyctxError, ERRNO, string, struct, u32, u64 } from "anyctx";
import { loadObject } from "anyctx/bpf";

const KEYS = 20_000;

/** Deno ends a thread only where it waits for something, and says before that that it has: a lock tells when it is gone. */
const IS_DENO = "Deno" in globalThis;
const LOCK = "anyctx smoke";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function holdLock() {
  return new Promise((held) => {
    navigator.locks.request(LOCK, () => new Promise(() => held()));
  });
}

function start(arena, task) {
  const handle = arena.handle();
  const worker = new Worker(new URL(import.meta.url), { workerData: { handle, task } });
  return { worker, handle, ended: once(worker, "exit"), heard: once(worker, "message") };
}

/** Tasks of workers, by name. */
const TASKS = {
  /** Writes half of the keys. */
  async fill(arena, first) {
    const map = arena.openMap("map");
    for (let key = first; key < KEYS; key += 2) map.set(key, { packets: BigInt(key), name: `key ${key}` });
    parentPort.postMessage("done");
    arena.detach();
  },
  /** Never ends by itself. */
  async hammer(arena) {
    const map = arena.openMap("map");
    if (IS_DENO) await holdLock();
    parentPort.postMessage("started");
    for (let round = 0; ; round++) {
      map.set(KEYS + (round % 100), { packets: 1n, name: "own" });
      map.delete(KEYS + (round % 100));
      if (IS_DENO && round % 1000 === 0) await pause(0);
    }
  },
  /** As an audio callback: five new keys each 2.7 ms, none tried again. */
  async audio(arena) {
    const map = arena.openMap("events");
    map.prefill(256);
    arena.context("nmi");
    const tick = new Int32Array(new SharedArrayBuffer(4));
    const count = { outOfMemory: 0, busy: 0 };
    for (let callback = 0; callback < 750; callback++) {
      Atomics.wait(tick, 0, 0, 128 / 48);
      for (let index = 0; index < 5; index++) {
        const result = map.update(callback * 5 + index, 1n);
        if (result === -ERRNO.ENOMEM) count.outOfMemory++;
        // Whoever serves grows the table meanwhile: what it is at, an NMI does not wait for.
        if (result === -ERRNO.EBUSY) count.busy++;
      }
    }
    parentPort.postMessage(count);
    arena.detach();
  },
};

async function testMaps(arena) {
  const value = struct({ packets: u64, name: string(16) });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value, maxEntries: 100_000 });
  const workers = [start(arena, ["fill", 0]), start(arena, ["fill", 1])];
  await Promise.all(workers.map(({ heard }) => heard));
  assert.equal(map.size, KEYS);
  assert.deepEqual(map.get(12_345), { packets: 12_345n, name: "key 12345" });
  assert.equal([...map].length, KEYS);
  await Promise.all(workers.map(({ ended }) => ended));
  return map;
}

async function testDeath(arena, map) {
  const { worker, handle, ended, heard } = start(arena, ["hammer"]);
  await heard;
  await pause(50);
  await worker.terminate();
  await ended;
  if (IS_DENO) await navigator.locks.request(LOCK, () => {});
  assert.equal(arena.reap(handle).length, 1);
  map.set(KEYS, { packets: 1n, name: "after" });
  assert.ok(map.delete(KEYS));
}

async function testServe(arena) {
  const map = arena.createMap({ type: "hash", name: "events", key: u32, value: u64, maxEntries: 100_000 });
  const service = arena.serve();
  const { heard, ended } = start(arena, ["audio"]);
  const [{ outOfMemory, busy }] = await heard;
  service.stop();
  assert.equal(outOfMemory, 0);
  assert.equal(map.size + busy, 3750);
  assert.ok(busy < 375, `${busy} met a busy bucket`);
  await ended;
}

async function testCore() {
  const file = new URL(import.meta.resolve("anyctx/core.wasm"));
  const bytes = readFileSync(fileURLToPath(file));
  for (const core of [bytes, await WebAssembly.compile(bytes), file]) {
    const arena = await Arena.create({ maximumBytes: 1 << 24, core });
    arena.detach();
  }
  await assert.rejects(Arena.create({ core: new URL("./none.wasm", file) }), AnyctxError);
}

if (isMainThread) {
  const arena = await Arena.create({ maximumBytes: 1 << 28, cpus: 4 });
  const map = await testMaps(arena);
  await testDeath(arena, map);
  await testServe(arena);
  await testCore();
  assert.equal(typeof loadObject, "function");
  arena.detach();
  console.log("ok");
} else {
  const [name, ...rest] = workerData.task;
  await TASKS[name](await Arena.attach(workerData.handle), ...rest);
}
