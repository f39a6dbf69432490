import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRNO } from "../../src/error.ts";
import { LAYOUT } from "../../src/wasm/face.ts";
import { cacheOn, insertUntilRefused, LEVEL, makeArena, makeHash } from "../testing.ts";

const ENOMEM = -ERRNO.ENOMEM;

/** Unit sizes here are 24 bytes plus the value: header 8, chain and hash 8, key 8. */
const unitOf = (valueSize: number): number => 24 + Math.ceil(valueSize / 8) * 8;

/** low, high and the objects one refill adds: Linux's, but for the high one of units of at most 256, which is 96 there. */
const WATERMARKS = [
  { valueSize: 8, low: 32, high: 160, batch: 48, initial: 4 },
  { valueSize: 232, low: 32, high: 160, batch: 48, initial: 4 },
  { valueSize: 240, low: 31, high: 93, batch: 45, initial: 1 },
  { valueSize: 272, low: 27, high: 83, batch: 42, initial: 1 },
  { valueSize: 488, low: 16, high: 48, batch: 24, initial: 1 },
  { valueSize: 1000, low: 8, high: 24, batch: 12, initial: 1 },
  { valueSize: 2024, low: 4, high: 12, batch: 6, initial: 1 },
  { valueSize: 4072, low: 2, high: 6, batch: 3, initial: 1 },
  { valueSize: 4080, low: 1, high: 5, batch: 3, initial: 1 },
  { valueSize: 8168, low: 1, high: 3, batch: 1, initial: 1 },
  { valueSize: 100_000, low: 1, high: 3, batch: 1, initial: 1 },
];

for (const { valueSize, low, high, batch, initial } of WATERMARKS)
  test(`a unit of ${unitOf(valueSize)} bytes starts with ${initial}, refills ${batch} below ${low}, trims above ${high}`, async () => {
    const arena = await makeArena();
    const map = makeHash(arena, { valueSize });
    const fresh = cacheOn(arena, map);
    assert.deepEqual([fresh.unit, fresh.low, fresh.high, fresh.free], [unitOf(valueSize), low, high, initial]);
    // With interrupts off exactly what is cached can be had; one refill runs when they come on.
    arena.core.contextSet(LEVEL.task, 1);
    assert.deepEqual(insertUntilRefused(map, 0, 400), { inserted: initial, errno: ENOMEM });
    assert.equal(arena.core.interruptsCameOn(), 1);
    assert.deepEqual(insertUntilRefused(map, 1000, 400), { inserted: batch, errno: ENOMEM });
    assert.deepEqual(cacheOn(arena, map).misses, { task: 0, softirq: 0, irqsOff: 2, hardirq: 0, nmi: 0 });
  });

test("in task and softirq context an insert fails only when the memory is out", async () => {
  const arena = await makeArena({ maximumBytes: 4 << 20 });
  const map = makeHash(arena, { valueSize: 1000, maxEntries: 100_000 });
  arena.core.contextSet(LEVEL.softirq, 0);
  const { inserted, errno } = insertUntilRefused(map, 0, 100_000);
  assert.equal(errno, ENOMEM);
  assert.ok(inserted > 1000, `only ${inserted} inserts in 4 MiB`);
  assert.equal(cacheOn(arena, map).misses.softirq, 1);
  // Still whole: what is deleted can be inserted again.
  assert.equal(map.delete(0), true);
  assert.equal(map.update(0, new Uint8Array(1000)), 0);
});

for (const level of ["hardirq", "nmi"] as const)
  test(`in ${level} context nothing refills; afterwards the raised work runs once`, async () => {
    const arena = await makeArena();
    const map = makeHash(arena);
    arena.core.contextSet(LEVEL[level], 0);
    assert.deepEqual(insertUntilRefused(map, 0, 100), { inserted: 4, errno: ENOMEM });
    assert.deepEqual(insertUntilRefused(map, 0, 100), { inserted: 4, errno: ENOMEM }, "existing keys are overwritten");
    assert.equal(cacheOn(arena, map).misses[level], 2);
    arena.core.contextSet(LEVEL.task, 0);
    assert.equal(arena.core.workPending(), 1);
    assert.equal(arena.core.interruptsCameOn(), 1);
    assert.equal(cacheOn(arena, map).free, 48);
  });

test("crossing the high watermark trims to the middle; the trimmed wait for a grace period and are reused first", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  insertUntilRefused(map, 0, 300);
  const full = cacheOn(arena, map);
  let trims = 0;
  for (let key = 0; key < 300; key++) {
    map.delete(key);
    const { free, trims: now } = cacheOn(arena, map);
    assert.ok(free <= 160);
    if (now > trims) assert.equal(free, 96, "trimmed to (32 + 160) / 2");
    trims = now;
  }
  // 300 objects in use and `full.free` cached: each trim takes 65 of them off.
  assert.equal(trims, Math.floor((300 + full.free - 96) / 65));
  const emptied = cacheOn(arena, map);
  insertUntilRefused(map, 0, 150);
  assert.ok(cacheOn(arena, map).reused > emptied.reused, "a refill takes back what waits");
});

test("a reader on another CPU holds the grace period up, an idle CPU does not", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  arena.takeCpu(1);
  arena.core.readEnter();
  arena.switchCpu(0);
  insertUntilRefused(map, 0, 700);
  for (let key = 0; key < 700; key++) map.delete(key);
  arena.poll();
  const held = cacheOn(arena, map);
  assert.equal(held.gracePeriods, 0, "the reader may still be in what was trimmed");
  assert.ok(held.waiting < 2 * held.high + 16, "no more waits than may");
  assert.ok(held.surplus > 100, "the rest is anybody's");
  arena.switchCpu(1);
  assert.equal(insertUntilRefused(map, 5000, 100).inserted, 100);
  assert.ok(cacheOn(arena, map, 1).steals > 50, "another CPU's refill takes it before it asks the slab");
  arena.core.readLeave();
  arena.switchCpu(0);
  for (let round = 0; round < 40; round++) {
    insertUntilRefused(map, 1000, 100);
    for (let key = 1000; key < 1100; key++) map.delete(key);
  }
  assert.ok(cacheOn(arena, map).gracePeriods > 0);
});

test("bursts of 64 come and go without a refill or a trim once the cache has seen a few", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  const burst = (): void => {
    assert.equal(insertUntilRefused(map, 0, 64).inserted, 64);
    for (let key = 0; key < 64; key++) assert.equal(map.delete(key), true);
  };
  for (let count = 0; count < 5; count++) burst();
  const { refills, trims } = cacheOn(arena, map);
  for (let count = 0; count < 100; count++) burst();
  const after = cacheOn(arena, map);
  assert.deepEqual([after.refills, after.trims], [refills, trims]);
});

test("an object freed on another CPU than it came from stays accounted for", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  arena.takeCpu(1);
  for (let round = 0; round < 20; round++) {
    arena.switchCpu(0);
    insertUntilRefused(map, 0, 500);
    arena.switchCpu(1);
    for (let key = 0; key < 500; key++) map.delete(key);
    const held = [0, 1].reduce(
      (sum, cpu) =>
        sum + cacheOn(arena, map, cpu).free + cacheOn(arena, map, cpu).waiting + cacheOn(arena, map, cpu).surplus,
      0,
    );
    const elements = arena.word(map.info.address + LAYOUT.MapHeader.elements);
    assert.equal(arena.core.allocatorOwned(elements), held, "free + waiting + in use (0) == owned");
  }
});
