import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { take } from "../../core/testing.ts";
import type { Address } from "./allocator.ts";
import { Arena } from "./arena.ts";

const makeArena = (cpus = 2): Promise<Arena> => Arena.create({ cpus, maximumBytes: 64 << 20, seed: 1, debug: true });

test("what makes no sense is refused with what and why, and leaves nothing behind", async () => {
  const arena = await makeArena();
  arena.core.trimSlabs();
  const before = arena.core.pagesInUse();
  for (const objectSize of [0, -1, 1.5, Number.NaN])
    assert.throws(() => arena.createAllocator({ objectSize }), { code: "EINVAL", message: /objectSize/ });
  assert.throws(() => arena.createAllocator({} as never), { code: "EINVAL" });
  assert.throws(() => arena.createAllocator({ any: true, objectSize: 8 } as never), {
    code: "EINVAL",
    message: /not both/,
  });
  for (const capacityBytes of [-1, Number.NaN])
    assert.throws(() => arena.createAllocator({ objectSize: 8, capacityBytes }), { code: "EINVAL" });
  for (const name of ["x".repeat(64), "a\0b"])
    assert.throws(() => arena.createAllocator({ objectSize: 8, name }), { code: "EINVAL", message: /name/ });
  for (const objectSize of [2 ** 28 + 1, 2 ** 31, 2 ** 32 + 8])
    assert.throws(() => arena.createAllocator({ objectSize }), { code: "E2BIG" });
  assert.throws(() => arena.createAllocator({ objectSize: 2 ** 28, perCpu: true }), { code: "E2BIG" });
  assert.throws(() => arena.createAllocator({ objectSize: 1000, prefill: 1_000_000 }), { code: "ENOMEM" });
  assert.throws(() => arena.createAllocator({ any: true, prefill: { count: 1, size: 5000 } }), { code: "E2BIG" });
  assert.equal(arena.core.pagesInUse(), before);
});

test("prefill at creation: on every CPU of this thread, and from any size too", async () => {
  const arena = await makeArena();
  arena.takeCpu(1);
  const fixed = arena.createAllocator({ objectSize: 100, prefill: 50 });
  const any = arena.createAllocator({ any: true, prefill: { count: 50, size: 100 } });
  for (const allocator of [fixed, any])
    for (const cpu of [0, 1]) {
      arena.switchCpu(cpu);
      arena.core.contextSet(3, 0);
      for (let index = 0; index < 50; index++) assert.ok(allocator.allocate(100) > 0);
      arena.core.contextSet(0, 0);
    }
});

test("an allocator is found by its address, anything else is none", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ objectSize: 24, name: "nodes", capacityBytes: 12_345 });
  const other = await Arena.attach(arena.handle());
  const opened = other.openAllocator(allocator.address);
  assert.equal(opened.name, "nodes");
  const { limitBytes, objectSize, perCpu } = opened.statistics();
  assert.deepEqual({ limitBytes, objectSize, perCpu }, { limitBytes: 12_345, objectSize: 24, perCpu: false });
  const map = arena.allocate(100_000);
  for (const address of [
    0,
    1,
    65_536,
    map,
    allocator.address + 8,
    allocator.address + 16_384,
    2 ** 32 - 16_384,
    -1,
    0.5,
  ])
    assert.throws(() => other.openAllocator(address), { code: "ENOENT" }, `${address}`);
  const { address } = allocator;
  allocator.destroy();
  assert.throws(() => other.openAllocator(address), { code: "ENOENT" });
  assert.deepEqual(
    [opened.address, opened.name, opened.allocate(8)],
    [0, "", -9],
    "who had it open sees that it is gone",
  );
});

test("destroy names how many objects of which size are allocated; after it nothing can be had", async () => {
  const arena = await makeArena();
  arena.core.trimSlabs();
  const before = arena.core.pagesInUse();
  const allocator = arena.createAllocator({ any: true, name: "nodes", debug: false });
  const addresses = [20, 20, 300].map((size) => take(allocator, size));
  assert.throws(() => allocator.destroy(), { code: "EBUSY", message: /"nodes".* 2 of 24 bytes, 1 of 504 bytes/ });
  for (const address of addresses) allocator.free(address);
  allocator.destroy();
  assert.equal(arena.core.pagesInUse(), before);
  assert.ok(allocator.allocate(20) < 0);
  assert.ok(allocator.prefill(1, 20) < 0);
  assert.throws(() => allocator.destroy(), { code: "EBADF" });
  assert.throws(() => allocator.statistics(), { code: "EBADF" });
});

test("what is no address is ignored by free, and has no bytes", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ objectSize: 24, capacityBytes: 0, debug: false });
  const refused = allocator.allocate();
  assert.equal(refused, -12);
  const before = Buffer.from(new Uint8Array(arena.memory.buffer));
  for (const address of [refused, 0, -22] as Address[]) {
    assert.equal(allocator.free(address), -22);
    assert.equal(allocator.freeRcu(address), -22);
    assert.equal(allocator.sizeOf(address), 0);
    assert.throws(() => allocator.bytes(address), { code: "EINVAL" });
  }
  assert.equal(Buffer.compare(before, new Uint8Array(arena.memory.buffer)), 0);
});

/** Workers run compiled: Node 20 loads no .ts there. */
const ENTRY = new URL("../../dist/index.js", import.meta.url).href;

function runWorker(arena: Arena, address: number, seed: number): Promise<number> {
  const source = `
    const { parentPort, workerData } = await import("node:worker_threads");
    const { Arena } = await import(${JSON.stringify(ENTRY)});
    const arena = await Arena.attach(workerData.arena);
    const allocator = arena.openAllocator(workerData.address);
    const live = [];
    let random = workerData.seed, bad = 0;
    for (let step = 0; step < 150000; step++) {
      random = Math.imul(random, 1103515245) + 12345 >>> 0;
      if (random & 1 << 9 && live.length < 500 || live.length === 0) {
        const address = allocator.allocate(1 + (random >>> 12) % 700);
        if (address < 0) { bad++; continue; }
        const canary = workerData.seed << 4 | step & 15;
        if (step % 16 === 0) allocator.bytes(address).fill(canary);
        live.push([address, step % 16 === 0 ? canary : -1]);
      } else {
        const [[address, canary]] = live.splice((random >>> 12) % live.length, 1);
        if (canary !== -1 && !allocator.bytes(address).every((byte) => byte === canary)) bad++;
        if (random & 1 << 10) allocator.free(address); else allocator.freeRcu(address);
      }
    }
    for (const [address] of live) allocator.free(address);
    arena.detach();
    parentPort.postMessage(bad);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { arena: arena.handle(), address, seed },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

test("threads on one allocator: no object is handed out twice, all of them come back", async () => {
  const arena = await makeArena(4);
  arena.core.trimSlabs();
  const before = arena.core.pagesInUse();
  const allocator = arena.createAllocator({ any: true });
  const bad = await Promise.all([1, 2, 3].map((seed) => runWorker(arena, allocator.address, seed)));
  assert.deepEqual(bad, [0, 0, 0]);
  assert.deepEqual(allocator.statistics().inUse, []);
  allocator.destroy();
  assert.equal(arena.core.pagesInUse(), before);
});
