/** How many elements a map has and may have: exactly, from whichever CPU and context. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { LEVEL, makeArena, RawMap } from "../testing.ts";

const { KIND_HASH, KIND_PERCPU_HASH, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB, E2BIG, ENOMEM, BATCH } = CONSTANTS;
const { MAP_BYTES, MAP_CPU_BYTES, LEVEL_COUNT_BYTES } = CONSTANTS;
const CPUS = 2;

/** Inserts from each CPU and level in turn until one fails for being full; how many that were. */
function fill(map: RawMap, levels: readonly number[], first = 0): number {
  const { arena } = map;
  for (let key = 0; ; key++) {
    arena.switchCpu(key % CPUS);
    arena.settle();
    arena.core.contextSet(levels[key % levels.length] ?? 0, 0);
    const result = map.update(first + key, 1);
    arena.settle();
    if (result === -E2BIG) return key;
    assert.equal(result, 0, `key ${key}`);
  }
}

const KINDS = [
  ["cache", KIND_HASH, SUPPLY_CACHE],
  ["pool", KIND_HASH, SUPPLY_POOL],
  ["slab", KIND_HASH, SUPPLY_SLAB],
  ["per-CPU, cache", KIND_PERCPU_HASH, SUPPLY_CACHE],
  ["per-CPU, pool", KIND_PERCPU_HASH, SUPPLY_POOL],
] as const;

for (const [name, kind, supply] of KINDS)
  test(`${name}: max_entries keys fit and not one more, from whichever CPU; one that goes makes room for one`, async () => {
    const arena = await makeArena({ cpus: CPUS });
    arena.takeCpu(1);
    for (const maxEntries of [1, 2, 7, 100, 1000]) {
      const map = new RawMap(arena, { kind, supply, maxEntries, name: `${maxEntries}` });
      const levels = supply === SUPPLY_SLAB ? [LEVEL.task] : [LEVEL.task, LEVEL.softirq, LEVEL.hardirq];
      assert.equal(fill(map, levels), maxEntries);
      assert.equal(map.count(), maxEntries);
      for (const cpu of [0, 1]) {
        arena.switchCpu(cpu);
        // Inserted on the other CPU, if there are two.
        assert.equal(map.delete(maxEntries === 1 ? 0 : 1 - cpu), 0);
        assert.equal(map.count(), maxEntries - 1);
        assert.deepEqual([map.update(1_000_000, 1), map.update(1_000_001, 1)], [0, -E2BIG]);
        map.delete(1_000_000);
        assert.equal(map.update(maxEntries === 1 ? 0 : 1 - cpu, 1), 0);
      }
      if (maxEntries > 2) assert.equal(map.update(2, 9), 0, "what is there may be overwritten");
    }
  });

/** What a level of a CPU has: its count and its places. */
function levelOf(map: RawMap, cpu: number, level = LEVEL.task): { live: number; places: number } {
  const counts = map.address + MAP_BYTES + cpu * MAP_CPU_BYTES + LAYOUT.MapCpu.counts + level * LEVEL_COUNT_BYTES;
  const word = (at: number): number => map.arena.word(counts + at) | 0;
  return { live: word(LAYOUT.LevelCount.live), places: word(LAYOUT.LevelCount.places) };
}

test("the more room, the more places a CPU takes at once; near the limit it takes one, and gives too many back", async () => {
  const arena = await makeArena({ cpus: CPUS });
  arena.takeCpu(1);
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 1000 });
  const most = { changes: 0, atOnce: 0 };
  for (let key = 0; key < 1000; key++) {
    arena.switchCpu(key % CPUS);
    const before = map.field("places");
    assert.equal(map.update(key, 1), 0);
    const taken = map.field("places") - before;
    if (taken > 0) most.changes++;
    most.atOnce = Math.max(most.atOnce, taken);
    const sum = levelOf(map, 0).places + levelOf(map, 1).places;
    assert.equal(map.field("places"), sum, "the map's places are those of its CPUs");
    assert.ok(sum >= key + 1 && sum <= 1000);
  }
  assert.deepEqual([most.atOnce, map.field("places")], [BATCH, 1000]);
  assert.ok(most.changes < 60, `${most.changes} of 1,000 inserts took places`);
  arena.switchCpu(0);
  for (let key = 0; key < 900; key++) assert.equal(map.delete(key), 0);
  assert.ok(map.field("places") < 100 + 3 * BATCH, `${map.field("places")} places for 100`);
});

test("places that others have and do not use are found when there are no others", async () => {
  const arena = await makeArena({ cpus: CPUS });
  arena.takeCpu(1);
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 100 });
  for (let key = 0; key < 100; key++) map.update(key, 1);
  for (let key = 0; key < 10; key++) map.delete(key);
  const { live, places } = levelOf(map, 1);
  assert.ok(places > live, "CPU 1 has places that it does not use");
  arena.switchCpu(0);
  for (let key = 0; key < 10; key++) assert.equal(map.update(1000 + key, 1), 0);
  assert.deepEqual([map.update(2000, 1), map.count()], [-E2BIG, 100]);
  assert.equal(levelOf(map, 1).places, levelOf(map, 1).live);
});

test("who is in the middle of an insert keeps the place that it may just have found", async () => {
  const arena = await makeArena({ cpus: CPUS });
  arena.takeCpu(1);
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 100 });
  for (let key = 0; key < 100; key++) map.update(key, 1);
  map.delete(0);
  const cache = map.field("elements") + CONSTANTS.SET_BYTES + CONSTANTS.CACHE_BYTES;
  const intents = new Uint32Array(arena.memory.buffer, arena.core.cpuAreaAddress(1) + LAYOUT.CpuArea.intents, 2);
  intents[1] = cache | Number(BigInt(CONSTANTS.COUNTS) >> 32n);
  arena.switchCpu(0);
  assert.equal(map.update(1000, 1), -E2BIG);
  intents[1] = 0;
  assert.equal(map.update(1000, 1), 0);
});

test("an insert that fails for memory leaves its place to others", async () => {
  for (const kind of [KIND_HASH, KIND_PERCPU_HASH]) {
    const arena = await makeArena({ cpus: CPUS });
    arena.takeCpu(1);
    const map = new RawMap(arena, { kind, maxEntries: 20 });
    arena.core.contextSet(LEVEL.nmi, 0);
    const results = Array.from({ length: 30 }, (_, key) => map.update(key, 1));
    const inserted = results.indexOf(-ENOMEM);
    assert.ok(inserted > 0 && results.slice(inserted).every((result) => result === -ENOMEM));
    assert.deepEqual([map.count(), map.field("places") >= inserted], [inserted, true]);
    arena.settle();
    assert.equal(fill(map, [LEVEL.task], 100), 20 - inserted);
  }
});
