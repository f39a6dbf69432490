import assert from "node:assert/strict";
import { test } from "node:test";
import { isAddress } from "../../src/arena/allocator.ts";
import { Arena } from "../../src/arena/arena.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { insertUntilRefused, LEVEL, makeArena, makeHash } from "../testing.ts";

/** CPU 1 is in NMI context and CPU 0 its helper: one thread plays both. */
async function makeServed(cpus = 2): Promise<Arena> {
  const arena = await makeArena({ cpus });
  arena.takeCpu(1);
  arena.core.contextSet(LEVEL.nmi, 0);
  return arena;
}

/** Lets the helper do what a thread in NMI context may not. */
function asHelper<T>(arena: Arena, act: () => T): T {
  arena.switchCpu(0);
  const result = act();
  arena.switchCpu(1);
  return result;
}

const serve = (arena: Arena): number => asHelper(arena, () => arena.core.serveCpu(1));

/** A field of the cache of a map's elements on CPU 1. */
function field(arena: Arena, map: number, name: keyof (typeof LAYOUT)["Cache"]): number {
  const set = arena.word(map + LAYOUT.MapHeader.elements);
  return arena.word(set + CONSTANTS.SET_BYTES + CONSTANTS.CACHE_BYTES + LAYOUT.Cache[name]);
}

test("what a helper brought is not brought again before it is used", async () => {
  const arena = await makeServed();
  const map = asHelper(arena, () => makeHash(arena));
  const { address } = map.info;
  insertUntilRefused(map, 0, 1);
  assert.equal(serve(arena), 1);
  const owned = field(arena, address, "owned");
  for (let turn = 1; turn < 4; turn++) {
    insertUntilRefused(map, turn, 1);
    assert.equal(serve(arena), 0, "the inbox has a batch");
  }
  assert.equal(field(arena, address, "owned"), owned);
});

test("a helper brings the last object that a capacity has room for", async () => {
  const arena = await makeServed();
  const capacityBytes = 17 * 64;
  const allocator = asHelper(arena, () => arena.createAllocator({ objectSize: 56, capacityBytes, debug: false }));
  const taken: number[] = [];
  for (let turn = 0; turn < 40; turn++) {
    const address = allocator.allocate();
    if (isAddress(address)) taken.push(address);
    serve(arena);
  }
  const { bytes, caches } = allocator.statistics();
  assert.equal(bytes, capacityBytes);
  const elsewhere = caches.filter(({ cpu }) => cpu !== 1).reduce((sum, { owned }) => sum + owned, 0);
  assert.equal(taken.length, 17 - elsewhere);
});

test("a batch is at least 16 KiB, and follows what was used while the helper was away", async () => {
  const arena = await makeServed();
  const map = asHelper(arena, () => makeHash(arena, { maxEntries: 50_000 }));
  const { address } = map.info;
  const reserve = (): number => field(arena, address, "reserve");
  insertUntilRefused(map, 0, 1);
  serve(arena);
  const first = reserve();
  const set = arena.word(address + LAYOUT.MapHeader.elements);
  assert.equal(first, Math.floor(16384 / arena.word(set + LAYOUT.CacheSet.unit)));
  let next = 1;
  const use = (count: number): number => {
    const { inserted } = insertUntilRefused(map, next, count);
    next += inserted;
    serve(arena);
    return inserted;
  };
  use(first + 3);
  use(first);
  assert.ok(reserve() > 2 * first, `${reserve()} after the helper came when all was used`);
  const most = reserve();
  for (let turn = 0; turn < 2000; turn++) use(5);
  assert.ok(reserve() < most, "what is not needed any more goes");
  assert.ok(reserve() >= first);
});

test("a thread that refills itself again has the fixed watermarks", async () => {
  const arena = await makeServed();
  const map = asHelper(arena, () => makeHash(arena));
  const { address } = map.info;
  const marks = (): number[] =>
    (["low", "high", "batch", "reserve"] as const).map((name) => field(arena, address, name));
  const before = marks();
  insertUntilRefused(map, 0, 1);
  serve(arena);
  assert.notDeepEqual(marks(), before);
  insertUntilRefused(map, 1, 5);
  arena.core.contextSet(LEVEL.task, 0);
  arena.core.interruptsCameOn();
  assert.deepEqual(marks(), before);
  assert.equal(insertUntilRefused(map, 100, 500).inserted, 500);
});

test("one helper at a time; one that died of it is in the way until it is reaped", async () => {
  const arena = await makeServed(4);
  await Arena.attach(arena.handle(), 2);
  const map = asHelper(arena, () => makeHash(arena));
  // As a helper leaves it that dies in the middle: the area's last line has the word, behind two others.
  const word = arena.core.cpuAreaAddress(1) + 1024 - 64 + 8;
  new Uint32Array(arena.memory.buffer, word, 1)[0] = 2 + 1;
  insertUntilRefused(map, 0, 1);
  assert.equal(serve(arena), 0);
  assert.deepEqual(
    asHelper(arena, () => arena.reap(2)),
    [2],
  );
  assert.equal(new Uint32Array(arena.memory.buffer, word, 1)[0], 0);
  assert.equal(serve(arena), 1);
});
