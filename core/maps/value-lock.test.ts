/** Locks in values: what BPF_F_LOCK does with hashes and arrays, who waits for whom, and what a dead holder leaves. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { Arena } from "../../src/arena/arena.ts";
import { ERRNO } from "../../src/error.ts";
import { array, bytes, spinLock, struct, u32, u64 } from "../../src/maps/codec/codec.ts";
import { ANY, EXIST, LOCK, NOEXIST } from "../../src/maps/map.ts";
import { LAYOUT } from "../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../testing.ts";

const VALUE = struct({ before: u32, lock: spinLock, after: u64 });
const KINDS = [{ type: "hash", prealloc: false }, { type: "hash", prealloc: true }, { type: "array" }] as const;

const value = (number: number) => ({ before: number, after: BigInt(number) });

async function make(kind: (typeof KINDS)[number], options: object = {}) {
  const arena = await makeArena({ cpus: 3, ...options });
  const map = arena.createMap({ ...kind, name: "map", key: u32, value: VALUE, maxEntries: 4 });
  return { arena, map };
}

/** The word of a key's lock, where it lies. */
function lockOf(
  arena: Arena,
  map: { readonly info: { readonly address: number; readonly kind: { readonly type: string } } },
  key: number,
): Int32Array {
  const room = arena.allocate(8);
  new Uint32Array(arena.memory.buffer, room, 1)[0] = key;
  const lookup = map.info.kind.type === "array" ? arena.core.arrayLookup : arena.core.hashLookup;
  return new Int32Array(arena.memory.buffer, (lookup(map.info.address, room) >>> 0) + 4, 1);
}

const titleOf = (kind: (typeof KINDS)[number]): string =>
  "prealloc" in kind && kind.prealloc ? "preallocated hash" : kind.type;

for (const kind of KINDS)
  for (const profile of ["anyctx", "linux"] as const)
    test(`${titleOf(kind)}, profile ${profile}: updates under the lock are in place, have Linux's errors, and never touch the lock`, async () => {
      const { arena, map } = await make(kind, { profile });
      const isHash = kind.type === "hash";
      if (isHash) {
        assert.equal(map.update(1, value(1), LOCK | EXIST), -ERRNO.ENOENT);
        assert.equal(map.getLocked(1), undefined);
        assert.equal(map.update(1, value(1), LOCK | NOEXIST), 0);
        assert.equal(map.update(2, value(2), LOCK), 0);
        assert.equal(map.update(2, value(2), LOCK | NOEXIST), -ERRNO.EEXIST);
        assert.equal(map.update(2, value(2), NOEXIST), -ERRNO.EEXIST);
      } else {
        assert.equal(map.update(1, value(1), LOCK | NOEXIST), -ERRNO.EEXIST);
        assert.equal(map.update(4, value(1), LOCK), -ERRNO.E2BIG);
        assert.equal(map.update(1, value(1), LOCK), 0);
        assert.equal(map.getLocked(4), undefined);
      }
      for (const flags of [LOCK | 3, 8, LOCK | 8]) assert.equal(map.update(1, value(9), flags), -ERRNO.EINVAL);
      const lock = lockOf(arena, map, 1);
      assert.equal(map.update(1, value(3), LOCK | EXIST), 0);
      assert.equal(lockOf(arena, map, 1).byteOffset, lock.byteOffset);
      assert.deepEqual([map.get(1), map.getLocked(1), lock[0]], [value(3), value(3), 0]);
      // Somebody has it: what does not ask for it neither waits nor changes it, and nobody is shown it.
      lock[0] = 2;
      assert.deepEqual(map.get(1), value(3));
      if (!isHash) assert.equal(map.update(1, value(4), ANY), 0);
      assert.equal(lockOf(arena, map, 1)[0], 2);
      for (const { values } of map.dump())
        assert.deepEqual([...(values[0] as Uint8Array).subarray(4, 8)], [0, 0, 0, 0]);
      lock[0] = 0;
      // An update without it replaces a hash's element, with a free lock.
      assert.equal(map.update(1, value(5), ANY), 0);
      assert.equal(lockOf(arena, map, 1).byteOffset === lock.byteOffset, !isHash);
      assert.deepEqual([map.getLocked(1), lockOf(arena, map, 1)[0]], [value(5), 0]);
    });

for (const kind of KINDS)
  test(`${titleOf(kind)}: who finds a lock had waits for a bounded time, an NMI for less, and its own CPU's not at all`, async () => {
    const { arena, map } = await make(kind);
    map.update(1, value(1), LOCK);
    const { core } = arena;
    const lock = lockOf(arena, map, 1);
    const other = arena.takeCpu();
    core.spinLock(lock.byteOffset);
    assert.equal(lock[0], other + 1);
    assert.equal(core.spinLock(lock.byteOffset), -ERRNO.EDEADLK, "a context has one lock at a time");
    const here = core.contextEnter(LEVEL.nmi);
    assert.equal(map.update(1, value(2), LOCK), -ERRNO.EBUSY, "this CPU has it, further down");
    core.contextLeave(here);
    arena.switchCpu(0);
    const below = core.contextEnter(LEVEL.nmi);
    assert.equal(map.update(1, value(2), LOCK), -ERRNO.EBUSY, "an NMI waits its share");
    assert.throws(() => map.getLocked(1), { code: "EBUSY" });
    core.contextLeave(below);
    const began = Date.now();
    assert.equal(map.update(1, value(2), LOCK), -ERRNO.ETIMEDOUT);
    const first = Date.now() - began;
    assert.throws(() => map.getLocked(1), { code: "ETIMEDOUT" });
    assert.ok(first < 5000 && Date.now() - began < first + 200, "who is known not to let go is not waited for again");
    assert.deepEqual([map.get(1), arena.word(core.currentArea() + LAYOUT.CpuArea.interruptsOff)], [value(1), 0]);
    // Reaped, it has it no more.
    assert.equal(core.reapCpu(other, arena.word(core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
    assert.equal(lock[0], 0);
    assert.equal(map.update(1, value(2), LOCK), 0);
    assert.deepEqual(map.getLocked(1), value(2));
    // A word that a program has spoilt names nobody.
    lock[0] = 77;
    assert.equal(map.update(1, value(3), LOCK), -ERRNO.ETIMEDOUT);
  });

test("an element that is used again keeps a lock that is had, and begins with a free one otherwise", async () => {
  const { arena, map } = await make(KINDS[1]);
  map.update(1, value(1), LOCK);
  const lock = lockOf(arena, map, 1);
  for (const left of [99, 1, -1]) {
    lock[0] = left;
    map.delete(1);
    for (let key = 1; key <= 4; key++) assert.equal(map.update(key, value(key), NOEXIST), 0);
    for (let key = 1; key <= 4; key++) assert.equal(lockOf(arena, map, key)[0], 0);
    map.clear();
    map.update(1, value(1), LOCK);
    if (lockOf(arena, map, 1).byteOffset !== lock.byteOffset) break;
  }
  const had = lockOf(arena, map, 1);
  assert.equal(arena.core.spinLock(had.byteOffset), 0);
  map.delete(1);
  for (let key = 1; key <= 4; key++) map.update(key, value(key), NOEXIST);
  const again = [1, 2, 3, 4].find((key) => lockOf(arena, map, key).byteOffset === had.byteOffset);
  assert.ok(again !== undefined);
  assert.equal(had[0], 1);
  arena.core.spinUnlock(had.byteOffset);
  assert.deepEqual(map.getLocked(again), value(again));
});

test("values with locks: one each, of hashes and arrays, in structs; keys and others have none", async () => {
  const arena = await makeArena();
  const refused = (options: object, message: RegExp): void =>
    assert.throws(
      () => arena.createMap({ type: "hash", name: "bad", key: u32, value: VALUE, maxEntries: 4, ...options } as never),
      {
        code: "EINVAL",
        message,
      },
    );
  refused({ key: struct({ lock: spinLock, number: u32 }) }, /key/);
  refused({ type: "lru_hash" }, /cannot have a lock: it is lru_hash/);
  refused({ type: "percpu_array" }, /cannot have a lock: it is percpu_array/);
  refused({ flags: 128 }, /cannot have a lock: programs/);
  refused({ expireAfter: 100 }, /cannot expire: they have a lock/);
  assert.equal(arena.maps().length, 0);
  assert.throws(() => struct({ a: spinLock, b: struct({ c: spinLock }) }), { code: "EINVAL", message: /one lock/ });
  assert.throws(() => array(VALUE, 2), { code: "EINVAL", message: /one lock/ });
  const plain = arena.createMap({ type: "hash", name: "plain", key: u32, value: u64, maxEntries: 4 });
  assert.equal(plain.update(1, 1n, LOCK), -ERRNO.EINVAL);
  assert.throws(() => plain.getLocked(1), { code: "EINVAL", message: 'The values of map "plain" have no lock' });
  const map = arena.createMap({
    type: "hash",
    name: "map",
    key: u32,
    value: struct({ in: VALUE, n: u32 }),
    maxEntries: 4,
  });
  assert.equal(map.info.lock, 4);
  map.set(1, { in: value(1), n: 7 });
  assert.deepEqual(map.getLocked(1), { in: value(1), n: 7 });
  assert.throws(() => map.set(1, { in: { ...value(1), lock: undefined }, n: 7 } as never), { code: "EINVAL" });
  using opened = arena.openMap("map");
  assert.deepEqual(opened.get(1), { in: value(1), n: 7 });
  // Numbers beside the lock, and whole values but for it.
  const numbers = arena.createMap({ type: "hash", name: "numbers", key: u32, value: VALUE, maxEntries: 4 });
  assert.equal(numbers.add(1, "before", 5), 5);
  lockOf(arena, numbers, 1)[0] = 2;
  assert.equal(numbers.compareExchange(1, { before: 5, after: 0n }, value(6)), true);
  assert.deepEqual(numbers.get(1), value(6));
  assert.deepEqual(numbers.take(1), value(6));
  // What another thread reads as bytes.
  const raw = arena.openMapAs("numbers", bytes(4), bytes(16));
  raw.update(Uint8Array.of(1, 0, 0, 0), new Uint8Array(16).fill(255), LOCK);
  assert.deepEqual([...(raw.get(Uint8Array.of(1, 0, 0, 0)) ?? [])].slice(4, 8), [0, 0, 0, 0]);
});

/** Changes values under their locks, and sees none that is half changed. */
const WORKER = `
  const { workerData, parentPort } = await import("node:worker_threads");
  const { Arena, LOCK, ANY } = await import(${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)});
  const arena = await Arena.attach(workerData.handle);
  const map = arena.openMap("map");
  const start = new Int32Array(workerData.start);
  Atomics.add(start, 0, 1);
  while (Atomics.load(start, 0) < 2);
  let torn = 0, failed = 0;
  for (let turn = 0; turn < workerData.turns; turn++) {
    const key = turn % 4, number = workerData.number * 1e6 + turn;
    if (map.update(key, { numbers: Array(64).fill(number) }, LOCK) !== 0) failed++;
    if (workerData.deletes && turn % 7 === 0) map.delete(key);
    const seen = map.getLocked(key);
    if (seen !== undefined && seen.numbers.some((each) => each !== seen.numbers[0])) torn++;
  }
  parentPort.postMessage({ torn, failed });
  arena.detach();`;

for (const kind of KINDS)
  test(`${titleOf(kind)}: threads that read and write values of 256 bytes under their locks see each as a whole`, async () => {
    const arena = await makeArena({ cpus: 3 });
    const codec = struct({ lock: spinLock, numbers: array(u32, 64) });
    arena.createMap({ ...kind, name: "map", key: u32, value: codec, maxEntries: 16 });
    const url = new URL(`data:text/javascript,${encodeURIComponent(WORKER)}`);
    const start = new SharedArrayBuffer(4);
    const workers = [1, 2].map(
      (number) =>
        new Worker(url, {
          workerData: { handle: arena.handle(), number, start, turns: 20_000, deletes: kind.type === "hash" },
        }),
    );
    const results = await Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0] as unknown));
    assert.deepEqual(results, [
      { torn: 0, failed: 0 },
      { torn: 0, failed: 0 },
    ]);
  });
