import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { cacheOn, insertUntilRefused, LEVEL, makeArena, makeHash } from "../testing.ts";

test("contexts nest: an NMI in a hardirq in a softirq in a task, each counted where it was", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  const { core } = arena;
  const softirq = core.contextEnter(LEVEL.softirq);
  const hardirq = core.contextEnter(LEVEL.hardirq);
  const nmi = core.contextEnter(LEVEL.nmi);
  assert.equal(insertUntilRefused(map, 0, 100).inserted, 4);
  core.contextLeave(nmi);
  assert.equal(insertUntilRefused(map, 100, 100).inserted, 0, "back in the hardirq nothing has been refilled");
  assert.equal(core.workPending(), 1);
  core.contextLeave(hardirq);
  assert.equal(core.workPending(), 0, "back in the softirq interrupts are on: the work has run");
  assert.equal(insertUntilRefused(map, 200, 100).inserted, 100);
  core.contextLeave(softirq);
  assert.deepEqual(cacheOn(arena, map).misses, { task: 0, softirq: 0, irqsOff: 0, hardirq: 1, nmi: 1 });
});

test("a hardirq in a section with interrupts off leaves them off", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  arena.core.contextSet(LEVEL.task, 1);
  const below = arena.core.contextEnter(LEVEL.hardirq);
  insertUntilRefused(map, 0, 100);
  arena.core.contextLeave(below);
  assert.equal(arena.core.workPending(), 1);
  assert.equal(insertUntilRefused(map, 100, 100).inserted, 0);
});

test("deferred work is raised once, however often it is asked for", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  arena.core.contextSet(LEVEL.hardirq, 0);
  for (let turn = 0; turn < 50; turn++) insertUntilRefused(map, turn * 10, 10);
  arena.core.contextSet(LEVEL.task, 0);
  assert.equal(arena.core.interruptsCameOn(), 1);
  assert.equal(arena.core.interruptsCameOn(), 0);
});

test("on RT nothing runs when interrupts come on; the CPU's thread does it", async () => {
  const arena = await makeArena({ realTime: true });
  const map = makeHash(arena);
  assert.equal(insertUntilRefused(map, 0, 100).inserted, 4);
  assert.equal(arena.core.interruptsCameOn(), 0);
  assert.equal(arena.core.workThreadRuns(), 1);
  assert.equal(insertUntilRefused(map, 100, 100).inserted, 48);
  assert.equal(cacheOn(arena, map).misses.task, 2);
});

test("a batch of seven into an idle arena succeeds, also where one element is cached at first", async () => {
  for (const valueSize of [8, 264, 1000, 4000]) {
    const arena = await makeArena();
    const map = makeHash(arena, { valueSize, maxEntries: 64 });
    assert.deepEqual(insertUntilRefused(map, 0, 7), { inserted: 7, errno: 0 }, `values of ${valueSize} bytes`);
  }
});

test("a thread that is always in NMI context is refilled by another one, through its inbox", async () => {
  const arena = await makeArena({ maximumBytes: 64 << 20 });
  const map = makeHash(arena, { maxEntries: 50_000 });
  const entry = new URL("../../dist/index.js", import.meta.url).href;
  const source = `
    const { parentPort, workerData } = await import("node:worker_threads");
    const { Arena } = await import(${JSON.stringify(entry)});
    const arena = await Arena.attach(workerData, 1);
    const map = arena.openMap("map");
    arena.core.contextSet(3, 0);
    const value = new Uint8Array(8);
    let inserted = 0, refused = 0;
    const until = performance.now() + 20000;
    // Like an audio callback: a few inserts now and then, and what is refused is tried again later.
    while (inserted < 20000 && performance.now() < until) {
      if (map.update(inserted, value) === 0) inserted++;
      else { refused++; const pause = performance.now() + 0.05; while (performance.now() < pause); }
    }
    arena.core.contextSet(0, 0);
    parentPort.postMessage({ inserted, refused });`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: arena.handle(),
  });
  let served = 0;
  let done = false;
  const result = new Promise<{ inserted: number }>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  }).finally(() => {
    done = true;
  });
  while (!done) {
    served += arena.core.serveCpu(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await result).inserted, 20_000);
  assert.ok(served > 4, `${served} batches for 20,000 elements`);
  assert.equal(map.size, 20_000);
});
