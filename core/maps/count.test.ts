/** How many elements a map has and may have: at small sizes exactly, at others up to what each context may not see yet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { LEVEL, makeArena, RawMap } from "../testing.ts";

const { KIND_HASH, KIND_PERCPU_HASH, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB, E2BIG, ENOMEM, FOLD } = CONSTANTS;
const CPUS = 2;
/** The largest map that counts exactly with its elements from the caches. */
const LARGEST_EXACT = 2 * CPUS * FOLD + 1;

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
    for (const maxEntries of [1, 2, 7, LARGEST_EXACT - 1, LARGEST_EXACT, LARGEST_EXACT + 1, 1000]) {
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

test("up to its bound a map counts in one word, beyond it each CPU for itself, in batches", async () => {
  const arena = await makeArena({ cpus: CPUS });
  arena.takeCpu(1);
  for (const maxEntries of [LARGEST_EXACT, LARGEST_EXACT + 1, 1000]) {
    const map = new RawMap(arena, { kind: KIND_HASH, maxEntries, name: `${maxEntries}` });
    const isExact = maxEntries === LARGEST_EXACT;
    assert.equal(map.field("exactCount"), isExact ? 1 : 0);
    for (let key = 0; key < Math.min(maxEntries, 400); key++) {
      arena.switchCpu(key % CPUS);
      assert.equal(map.update(key, 1), 0);
      const behind = key + 1 - map.field("count");
      assert.ok(isExact ? behind === 0 : behind >= 0 && behind < CPUS * FOLD, `${behind} behind`);
    }
    assert.ok(map.field("count") >= 64, "batches of 32 are brought up to date");
  }
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
    assert.deepEqual([map.count(), map.field("count")], [inserted, inserted]);
    arena.settle();
    assert.equal(fill(map, [LEVEL.task], 100), 20 - inserted);
  }
});
