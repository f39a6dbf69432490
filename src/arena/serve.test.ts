import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { LEVEL, makeArena, makeHash } from "../../core/testing.ts";
import { AnyctxError } from "../error.ts";
import { LAYOUT } from "../wasm/face.ts";
import type { Arena } from "./arena.ts";

const ENTRY = new URL("../../dist/index.js", import.meta.url).href;

/** A worker that attaches, with the statements of `body` inside; what it posts last is what it came to. */
function start(arena: Arena, body: string): Worker {
  const source = `
    const { parentPort, workerData } = await import("node:worker_threads");
    const { Arena, ERRNO } = await import(${JSON.stringify(ENTRY)});
    const arena = await Arena.attach(workerData);
    const map = arena.openMap("map");
    const value = new Uint8Array(8);
    ${body}
    arena.detach();`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: arena.handle() });
}

/** What an audio callback does, 375 times a second: five new keys, none tried again. */
const AUDIO = `
  map.prefill(256);
  arena.context("nmi");
  let outOfMemory = 0, busy = 0, key = 1_000_000;
  const tick = new Int32Array(new SharedArrayBuffer(4));
  const begin = performance.now();
  for (let callback = 0; callback < 375 * 3; callback++) {
    const rest = begin + callback * 128 / 48 - performance.now();
    if (rest > 0) Atomics.wait(tick, 0, 0, rest);
    for (let index = 0; index < 5; index++) {
      const result = map.update(key++, value);
      if (result === -ERRNO.ENOMEM) outOfMemory++;
      else if (result !== 0) busy++;
    }
  }
  parentPort.postMessage({ outOfMemory, busy });`;

const BUSY = `
  const until = performance.now() + 3500;
  for (let round = 0; performance.now() < until; round++)
    for (let key = 0; key < 1000; key++) { map.update(key, value); map.delete(key); }`;

test("a thread in NMI context gets what it needs from one that serves, beside two busy ones", async () => {
  const arena = await makeArena({ cpus: 4 });
  const map = makeHash(arena, { maxEntries: 50_000 });
  const service = arena.serve();
  const busy = [start(arena, BUSY), start(arena, BUSY)];
  const audio = start(arena, AUDIO);
  const ended = busy.map((worker) => once(worker, "exit"));
  const [result] = (await once(audio, "message")) as [{ outOfMemory: number; busy: number }];
  service.stop();
  assert.equal(result.outOfMemory, 0);
  // While others put in and take out, what is counted is no moment's.
  await Promise.all(ended);
  assert.equal(map.size >= 3 * 375 * 5 - result.busy, true, `${map.size} entries, ${result.busy} refused`);
  assert.ok(service.batches > 2, `${service.batches} batches`);
});

test("without one that serves it runs out", async () => {
  const arena = await makeArena({ cpus: 2 });
  makeHash(arena, { maxEntries: 50_000 });
  const audio = start(arena, AUDIO.replace("375 * 3", "375"));
  const [result] = (await once(audio, "message")) as [{ outOfMemory: number }];
  assert.ok(result.outOfMemory > 1000, `${result.outOfMemory}`);
});

test("a service ends by stop, and when its thread detaches", async () => {
  const arena = await makeArena();
  const service = arena.serve();
  service.stop();
  service.stop();
  const other = await makeArena();
  other.serve();
  other.detach();
  // Were a timer left, this process would not end: node:test would say so.
});

test("a thread that serves brings nothing while it may not lock, and goes on afterwards", async (t) => {
  const arena = await makeArena({ cpus: 2 });
  makeHash(arena, { maxEntries: 50_000 });
  const service = arena.serve();
  t.after(() => service.stop());
  arena.context("nmi");
  const audio = start(arena, AUDIO.replace("375 * 3", "375"));
  await once(audio, "message");
  assert.equal(service.batches, 0);
  arena.context("task");
  const next = start(arena, AUDIO.replace("375 * 3", "375").replace("1_000_000", "2_000_000"));
  await once(next, "message");
  assert.ok(service.batches > 0);
});

test("a context has a name, and no other", async () => {
  const arena = await makeArena();
  const level = (): number => arena.word(arena.core.currentArea() + LAYOUT.CpuArea.level);
  for (const name of ["nmi", "hardirq", "softirq", "task"] as const) {
    arena.context(name);
    assert.equal(level(), LEVEL[name]);
  }
  for (const wrong of ["NMI", "irq", "toString", 3, undefined])
    assert.throws(
      () => arena.context(wrong as "nmi"),
      (error) =>
        error instanceof AnyctxError && error.code === "EINVAL" && /task, softirq, hardirq and nmi/.test(error.message),
    );
});

test("work that an interrupt raised runs when the thread is a task again", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  arena.context("hardirq");
  for (let key = 0; key < 10; key++) map.update(key, new Uint8Array(8));
  assert.equal(arena.core.workPending(), 1);
  arena.context("softirq");
  assert.equal(arena.core.workPending(), 0);
});

test("what takes the arena's locks is refused where a thread may not wait, and says so", async () => {
  const arena = await makeArena();
  const other = arena.handle();
  const map = makeHash(arena);
  const allocator = arena.createAllocator({ objectSize: 64 });
  const { name } = map.info;
  const calls: readonly (() => unknown)[] = [
    () => makeHash(arena),
    () => arena.openMap(name),
    () => arena.findMap(name),
    () => arena.destroyMap(name),
    () => arena.createAllocator({ objectSize: 32 }),
    () => arena.allocators(),
    () => allocator.trim(),
    () => allocator.destroy(),
    () => arena.trim(),
    () => arena.reap(other),
    () => arena.serve(),
  ];
  for (const context of ["hardirq", "nmi"] as const) {
    arena.context(context);
    for (const call of calls)
      assert.throws(call, { code: "EPERM", message: new RegExp(`^Cannot [a-z ]+ in the context ${context}: `) });
    assert.equal(map.update(1, new Uint8Array(8)), 0);
  }
  arena.context("softirq");
  assert.deepEqual(arena.reap(other), []);
  arena.openMap(name).close();
  allocator.destroy();
  arena.destroyMap(name);
});
