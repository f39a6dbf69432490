/**
 * Steps of the control plane that fail or have to wait: what failed is undone, and what was put off is looked at again, by
 * identity, before it acts. Other threads are further `Arena`s on the same memory, each with a core instance and a CPU.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { makeArena, makeHash } from "../../core/testing.ts";
import type { AnyctxError } from "../error.ts";
import { none, string, u32, u64 } from "../maps/codec/codec.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { Arena } from "./arena.ts";

const CONTROL_LOCK = CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.controlLock;
const REAPER_AT = CONSTANTS.STALLED_AT + 4;

function words(arena: Arena, address: number): Uint32Array {
  return new Uint32Array(arena.memory.buffer, address, 1);
}

/** A CPU has the control plane's lock. */
function plantControlLock(arena: Arena, cpu: number): void {
  words(arena, CONTROL_LOCK)[0] = cpu + 1;
}

async function attachOther(arena: Arena) {
  const thread = arena.handle();
  return { thread, arena: await Arena.attach(thread) };
}

function assertNothingLeft(arena: Arena): void {
  for (const { name } of arena.maps()) arena.destroyMap(name);
  for (const allocator of arena.allocators()) allocator.destroy();
  for (let round = 0; round < 4; round++) arena.trim();
  const { core } = arena;
  arena.detach();
  core.trimSlabs();
  assert.equal(core.pagesInUse(), 0);
}

test("an attach that fails gives its slot back, however often: for want of memory", async () => {
  const arena = await makeArena({ cpus: 3 });
  arena.setLimit(0);
  // What the class of an attach's own memory has left.
  assert.throws(
    () => {
      for (;;) arena.allocate(CONSTANTS.LARGEST_CLASS - CONSTANTS.HEADER_BYTES);
    },
    { code: "ENOMEM" },
  );
  for (let turn = 0; turn < 5; turn++) await assert.rejects(Arena.attach(arena.handle()), { code: "ENOMEM" });
  arena.setLimit(64 << 20);
  const others = [await attachOther(arena), await attachOther(arena)];
  for (const other of others) other.arena.detach();
  assertNothingLeft(arena);
});

test("an attach that fails gives its slot back, however often: for a dead thread's lock", async () => {
  const arena = await makeArena({ cpus: 3 });
  const victim = await attachOther(arena);
  plantControlLock(arena, victim.arena.cpu);
  for (let turn = 0; turn < 5; turn++) await assert.rejects(Arena.attach(arena.handle()), { code: "ETIMEDOUT" });
  assert.deepEqual(arena.reap(victim.thread), [victim.arena.cpu]);
  const others = [await attachOther(arena), await attachOther(arena)];
  for (const other of others) other.arena.detach();
  assertNothingLeft(arena);
});

test("a reap that has to wait frees the dead thread's slot and nobody else's", async () => {
  const arena = await makeArena({ cpus: 4 });
  const second = await attachOther(arena);
  const dead = await attachOther(arena);
  const { cpu } = dead.arena;
  // Another thread is reaping it: this one has to wait.
  const reaper = words(arena, arena.core.cpuAreaAddress(cpu) + REAPER_AT);
  reaper[0] = second.arena.cpu + 1;
  assert.deepEqual(arena.reap(dead.thread), []);
  reaper[0] = 0;
  assert.deepEqual(second.arena.reap(dead.thread), [cpu]);
  const living = await attachOther(arena);
  assert.equal(living.arena.cpu, cpu, "the slot has a new holder");
  const map = makeHash(living.arena, { name: "living" });
  arena.poll();
  assert.deepEqual(arena.reap(dead.thread), []);
  const owner = arena.core.cpuAreaAddress(cpu) + LAYOUT.CpuArea.owner;
  assert.equal(arena.word(owner), living.thread.token);
  map.set(1, new Uint8Array(8));
  for (const other of [living, second]) other.arena.detach();
  assertNothingLeft(arena);
});

test("a reap names a thread: not the token 0, not this thread itself, not a slot by what it was", async () => {
  const handle = (await makeArena()).handle();
  const arena = await Arena.attach(handle);
  for (const token of [0, -1, 1.5, 2 ** 31, CONSTANTS.LEAVING, handle.token])
    assert.throws(() => arena.reap({ token }), { code: "EINVAL" });
  const other = await makeArena({ cpus: 2 });
  const dead = await attachOther(other);
  const { core } = other;
  assert.equal(core.reapCpu(dead.arena.cpu, dead.thread.token + 1), -2, "ENOENT: it is another's");
  assert.equal(core.reapCpu(dead.arena.cpu, dead.thread.token), 0);
  assert.equal(core.reapCpu(dead.arena.cpu, dead.thread.token), -2);
});

test("a reaper that died: once it is reaped itself, others may reap what it was reaping", async () => {
  const arena = await makeArena({ cpus: 3 });
  const first = await attachOther(arena);
  const reaper = await attachOther(arena);
  words(arena, arena.core.cpuAreaAddress(first.arena.cpu) + REAPER_AT)[0] = reaper.arena.cpu + 1;
  assert.deepEqual(arena.reap(first.thread), []);
  assert.deepEqual(arena.reap(reaper.thread), [reaper.arena.cpu]);
  assert.deepEqual(arena.reap(first.thread), [first.arena.cpu]);
  assertNothingLeft(arena);
});

test("two threads reap one handle at once: one of them frees the slot, and the next holder keeps it", async () => {
  const arena = await makeArena({ cpus: 4, maximumBytes: 64 << 20 });
  const entry = new URL("../../dist/index.js", import.meta.url).href;
  const turns = new SharedArrayBuffer(8);
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.entry).then(async ({ Arena }) => {
      const arena = await Arena.attach(workerData.thread);
      const turn = new Int32Array(workerData.turns);
      parentPort.on("message", (token) => {
        Atomics.add(turn, 0, 1);
        while (Atomics.load(turn, 0) % 2 === 1);
        const free = arena.reap({ token });
        arena.poll();
        parentPort.postMessage(free);
      });
      parentPort.postMessage("ready");
    });`;
  const workerData = { entry, thread: arena.handle(), turns };
  const worker = new Worker(source, { eval: true, workerData });
  await once(worker, "message");
  const turn = new Int32Array(turns);
  for (let round = 0; round < 100; round++) {
    const dead = await attachOther(arena);
    worker.postMessage(dead.thread.token);
    while (Atomics.load(turn, 0) % 2 === 0);
    Atomics.add(turn, 0, 1);
    const mine = arena.reap(dead.thread);
    const [theirs] = (await once(worker, "message")) as [number[]];
    arena.poll();
    assert.deepEqual([...mine, ...theirs], [dead.arena.cpu], "freed once");
    const next = await attachOther(arena);
    arena.poll();
    assert.equal(arena.word(arena.core.cpuAreaAddress(next.arena.cpu) + LAYOUT.CpuArea.owner), next.thread.token);
    next.arena.detach();
  }
  await worker.terminate();
});

test("who detaches under a dead thread's lock leaves nothing open: the next that can have the lock finishes it", async () => {
  const arena = await makeArena({ cpus: 3 });
  const map = makeHash(arena, { valueSize: 1000, maxEntries: 2000 });
  for (let key = 0; key < 2000; key++) map.set(key, new Uint8Array(1000));
  map.close();
  const leaver = await attachOther(arena);
  const theirs = leaver.arena.openMap<number, Uint8Array>("map");
  assert.equal(theirs.size, 2000);
  leaver.arena.allocate(50_000);
  const victim = await attachOther(arena);
  plantControlLock(arena, victim.arena.cpu);
  const { cpu } = leaver.arena;
  leaver.arena.detach();
  const owner = arena.core.cpuAreaAddress(cpu) + LAYOUT.CpuArea.owner;
  assert.equal(arena.word(owner), CONSTANTS.LEAVING);
  assert.throws(() => arena.reap(cpu), { code: "EINVAL" });
  arena.reap(victim.thread);
  assert.equal(arena.word(owner), 0, "left for good");
  assertNothingLeft(arena);
});

test("a slot that was left under a dead thread's lock can be taken where no other is free", async () => {
  const arena = await makeArena({ cpus: 2 });
  const map = makeHash(arena);
  map.close();
  const leaver = await attachOther(arena);
  leaver.arena.openMap("map");
  plantControlLock(arena, arena.cpu);
  const { cpu } = leaver.arena;
  leaver.arena.detach();
  words(arena, CONTROL_LOCK)[0] = 0;
  const next = await attachOther(arena);
  assert.equal(next.arena.cpu, cpu);
  next.arena.detach();
  assertNothingLeft(arena);
});

test("a thread that may not wait waits for no memory: batches, records and walks have its own room", async () => {
  const arena = await makeArena({ cpus: 2 });
  const other = await attachOther(arena);
  const numbers = arena.createMap({ type: "hash", name: "numbers", key: u32, value: u32, maxEntries: 4000 });
  const ring = arena.createMap({ type: "ringbuf", name: "ring", key: none, value: none, maxEntries: 32_768 });
  const texts = (["hash", "ordered"] as const).map((type) => {
    const map = arena.createMap({ type, name: `${type} texts`, key: string(), value: u32, maxEntries: 10 });
    return map.set("x".repeat(10_000), 1);
  });
  const keys = Uint32Array.from({ length: 2000 }, (_, index) => index);
  for (const key of keys) numbers.set(key, key);
  for (const length of [1, 4000, 5000]) ring.output(new Uint8Array(length));
  arena.context("nmi");
  // As if another thread were stopped with it: whoever waits for it does so for half a second.
  plantControlLock(arena, other.arena.cpu);
  const begin = performance.now();
  assert.equal(numbers.getMany(keys, new Uint32Array(2000)), 2000);
  assert.equal(numbers.scan(new Uint32Array(4000), new Uint32Array(4000)).count, 2000);
  assert.equal(numbers.deleteMany(keys), 2000);
  assert.deepEqual(
    ring.takeRecords().map((record) => record.length),
    [1, 4000],
  );
  assert.throws(() => ring.takeRecords(), { code: "ENOMEM" });
  for (const map of texts) assert.throws(() => [...map], { code: "ENOMEM" });
  const took = performance.now() - begin;
  assert.ok(took < 200, `${took} ms`);
  words(arena, CONTROL_LOCK)[0] = 0;
  arena.context("task");
  assert.equal(ring.takeRecords()[0]?.length, 5000);
  for (const map of texts) assert.equal([...map].length, 1);
});

test("creating under a dead thread's lock: nothing is there, and nothing is lost once the thread is reaped", async () => {
  const arena = await makeArena({ cpus: 2 });
  const victim = await attachOther(arena);
  plantControlLock(arena, victim.arena.cpu);
  const message = /if it is dead, reap it/;
  for (let turn = 0; turn < 3; turn++) {
    assert.throws(() => makeHash(arena), { code: "ETIMEDOUT", message });
    assert.throws(() => arena.createAllocator({ objectSize: 64, prefill: 10 }), { code: "ETIMEDOUT", message });
  }
  assert.deepEqual(arena.reap(victim.thread), [victim.arena.cpu]);
  assert.deepEqual(arena.maps(), []);
  assert.deepEqual(arena.allocators(), []);
  makeHash(arena).close();
  assertNothingLeft(arena);
});

test("destroying under a dead thread's lock: nothing has happened, and it can be tried again", async () => {
  const arena = await makeArena({ cpus: 2 });
  makeHash(arena).close();
  const allocator = arena.createAllocator({ objectSize: 64 });
  const victim = await attachOther(arena);
  plantControlLock(arena, victim.arena.cpu);
  assert.throws(() => arena.destroyMap("map"), { code: "ETIMEDOUT" });
  assert.throws(() => allocator.destroy(), { code: "ETIMEDOUT" });
  assert.throws(() => arena.allocators(), { code: "ETIMEDOUT" });
  assert.ok(allocator.allocate() > 0);
  arena.reap(victim.thread);
  assert.equal(arena.findMap("map").name, "map");
  assert.throws(() => allocator.destroy(), { code: "EBUSY", message: /objects are allocated/ });
  arena.destroyMap("map");
  assert.throws(() => arena.destroyMap("map"), { code: "ENOENT", message: 'There is no map "map" in the arena' });
});

test("an allocator that somebody reads is not freed under his hands, and lives on", async () => {
  const arena = await makeArena({ cpus: 2 });
  const other = await attachOther(arena);
  const allocator = arena.createAllocator({ objectSize: 64, name: "read" });
  const theirs = other.arena.openAllocator(allocator.address);
  const { core } = arena;
  other.arena.core.readEnter();
  assert.equal(core.destroyObjectAllocator(allocator.address), -16, "EBUSY");
  assert.equal(theirs.statistics().name, "read");
  assert.deepEqual(
    arena.allocators().map(({ name }) => name),
    ["read"],
  );
  other.arena.core.readLeave();
  allocator.destroy();
  assert.throws(() => theirs.statistics(), { code: "EBADF", message: "The allocator is destroyed" });
  assert.deepEqual(arena.allocators(), []);
  other.arena.detach();
  assertNothingLeft(arena);
});

test("two thousand allocators are listed, newest first", async () => {
  const arena = await makeArena({ cpus: 1, maximumBytes: 256 << 20 });
  const made = Array.from({ length: 2000 }, () => arena.createAllocator({ objectSize: 64 }).address);
  assert.deepEqual(
    arena.allocators().map(({ address }) => address),
    made.reverse(),
  );
});

test("lists and statistics beside threads that create and destroy: no trap, nothing foreign", async () => {
  const arena = await makeArena({ cpus: 3 });
  const entry = new URL("../../dist/index.js", import.meta.url).href;
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.entry).then(async ({ Arena, u32, u64 }) => {
      const arena = await Arena.attach(workerData.thread);
      const until = performance.now() + 1500;
      let made = 0;
      while (performance.now() < until) {
        try {
          const allocator = arena.createAllocator({ any: true, name: "any" });
          arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 100 }).close();
          arena.destroyMap("map");
          while (true) {
            try { allocator.destroy(); break; } catch (error) { if (error.code !== "EBUSY") throw error; }
          }
          made++;
        } catch (error) {
          if (!["ENOENT", "EEXIST"].includes(error.code)) throw error;
        }
      }
      arena.detach();
      parentPort.postMessage(made);
    });`;
  const worker = new Worker(source, { eval: true, workerData: { entry, thread: arena.handle() } });
  let made: number | undefined;
  const ended = once(worker, "message").then(([count]: number[]) => {
    made = count;
  });
  let seen = 0;
  while (made === undefined) {
    for (let turn = 0; turn < 20; turn++) {
      for (const { name } of arena.maps()) assert.equal(name, "map");
      for (const allocator of arena.allocators())
        try {
          const { name, caches } = allocator.statistics();
          assert.ok(name === "any" || name === "", name);
          assert.equal(caches.length, 11 * 3);
          seen++;
        } catch (error) {
          assert.equal((error as AnyctxError).code, "EBADF");
        }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  assert.ok(made > 10 && seen > 10, `${made} made, ${seen} seen`);
  assertNothingLeft(arena);
});

test("a map is destroyed by its name, whichever map that is now", async () => {
  const arena = await makeArena({ cpus: 2 });
  const other = await attachOther(arena);
  const create = { type: "hash", name: "map", key: u32, value: u64, maxEntries: 100 } as const;
  arena.createMap(create).close();
  const { address } = arena.findMap("map");
  other.arena.destroyMap("map");
  for (let round = 0; round < 3; round++) arena.poll();
  const theirs = other.arena.createMap(create);
  assert.equal(theirs.info.address, address, "the memory is used again");
  arena.destroyMap("map");
  assert.throws(() => arena.findMap("map"), { code: "ENOENT" });
  theirs.close();
  other.arena.detach();
  assertNothingLeft(arena);
});
