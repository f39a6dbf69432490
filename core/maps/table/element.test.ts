/** Where elements come from: a pool's CPUs in turn, a spare for what is replaced, and headers that say whose each is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB, E2BIG, ENOMEM, MAP_BYTES, MAP_CPU_BYTES } = CONSTANTS;
const { SET_BYTES, CACHE_BYTES } = CONSTANTS;
const CPUS = 3;

/** The free elements of a CPU's pool list, first to last. */
function pooled(map: RawMap, cpu: number): number[] {
  const { arena } = map;
  const free: number[] = [];
  let element = arena.word(map.address + MAP_BYTES + cpu * MAP_CPU_BYTES + LAYOUT.MapCpu.pool);
  for (; element !== 0; element = arena.word(element)) free.push(element);
  return free;
}

function spareOf(map: RawMap, cpu: number): number {
  return map.arena.word(map.address + MAP_BYTES + cpu * MAP_CPU_BYTES + LAYOUT.MapCpu.spare);
}

/** The element of a key that is there. */
function elementOf(map: RawMap, key: number): number {
  return map.lookup(key) - map.field("valueOffset");
}

/** Elements that a CPU may have in its cache in front of the pool. */
function perCpu(maxEntries: number): number {
  return Math.min(Math.max(Math.floor(maxEntries / (CPUS * 4)), 2), CONSTANTS.MOST_POOLED);
}

/** The elements in a CPU's cache, first to last. */
function cached(map: RawMap, cpu: number): number[] {
  const cache = map.field("elements") + SET_BYTES + cpu * CACHE_BYTES;
  const free: number[] = [];
  for (let element = map.arena.word(cache); element !== 0; element = map.arena.word(element)) free.push(element);
  assert.equal(map.arena.word(cache + LAYOUT.Cache.freeCount), free.length);
  return free;
}

test("a pool is shared out evenly, in the order of addresses, with a spare and some for its cache for each CPU", async () => {
  const arena = await makeArena({ cpus: CPUS });
  for (const maxEntries of [1, 2, 3, 7, 100]) {
    const map = new RawMap(arena, { kind: KIND_HASH, supply: SUPPLY_POOL, maxEntries, name: `${maxEntries}` });
    const shares = [0, 1, 2].map((cpu) => pooled(map, cpu));
    const spares = [0, 1, 2].map((cpu) => spareOf(map, cpu));
    assert.deepEqual(
      shares.map((share) => share.length),
      [0, 1, 2].map((cpu) => Math.floor((maxEntries + CPUS - 1 - cpu) / CPUS) + perCpu(maxEntries)),
    );
    const all = [...shares.flat(), ...spares];
    const bytes = map.field("valueOffset") + map.field("valueStride");
    assert.deepEqual(
      all,
      all.map((_, index) => map.field("storage") + index * bytes),
    );
  }
});

test("a CPU takes from its own list first, then from the others'; what it deletes goes to its cache, then to its own list", async () => {
  const arena = await makeArena({ cpus: CPUS });
  for (const cpu of [1, 2]) arena.takeCpu(cpu);
  const map = new RawMap(arena, { kind: KIND_HASH, supply: SUPPLY_POOL, maxEntries: 7 });
  const shares = [0, 1, 2].map((cpu) => pooled(map, cpu));
  arena.switchCpu(1);
  const taken = Array.from({ length: 7 }, (_, key) => {
    assert.equal(map.update(key, key), 0);
    return elementOf(map, key);
  });
  const [, own = [], next = []] = shares;
  assert.deepEqual(taken, [...own, ...next].slice(0, 7));
  assert.equal(map.update(7, 7), -E2BIG);
  arena.switchCpu(2);
  for (const key of [0, 3]) assert.equal(map.delete(key), 0);
  assert.deepEqual(cached(map, 2), [taken[3], taken[0]]);
  assert.deepEqual(pooled(map, 2), next.slice(7 - own.length));
  // One more than its cache may have: half of them go to the list, the last freed first.
  assert.equal(map.delete(5), 0);
  assert.deepEqual(cached(map, 2), [taken[0]]);
  assert.deepEqual(pooled(map, 2), [taken[3], taken[5], ...next.slice(7 - own.length)]);
  assert.equal(map.update(100, 1), 0);
  assert.equal(elementOf(map, 100), taken[0]);
});

test("what is deleted under the bucket's lock goes to the CPU's cache too", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const map = new RawMap(arena, { kind: KIND_HASH, supply: SUPPLY_POOL, maxEntries: 100 });
  assert.equal(map.update(1, 5), 0);
  const [element, before] = [elementOf(map, 1), cached(map, 0)];
  assert.equal(arena.core.hashCompareDelete(map.address, map.key(1), map.value(5)), 0);
  assert.deepEqual(cached(map, 0), [element, ...before]);
});

test("a full preallocated map replaces large values by its spares, in any context", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const map = new RawMap(arena, { kind: KIND_HASH, supply: SUPPLY_POOL, valueSize: 40, maxEntries: 4 });
  for (let key = 0; key < 4; key++) assert.equal(map.update(key, 1), 0);
  for (const level of Object.values(LEVEL)) {
    arena.core.contextSet(level, 0);
    const [spare, old] = [spareOf(map, 0), elementOf(map, 2)];
    assert.equal(map.update(2, level + 5), 0);
    assert.deepEqual([elementOf(map, 2), spareOf(map, 0), map.get(2)], [spare, old, [level + 5]]);
  }
  // An interrupted operation has the spare: the pool has more than the entries take.
  const spare = map.address + MAP_BYTES + LAYOUT.MapCpu.spare;
  new Uint32Array(arena.memory.buffer, spare, 1)[0] = 0;
  assert.deepEqual([map.update(2, 1), map.get(2)], [0, [1]]);
});

for (const [name, supply] of [
  ["cache", SUPPLY_CACHE],
  ["pool", SUPPLY_POOL],
  ["slab", SUPPLY_SLAB],
] as const)
  test(`${name}: an element in use names its CPU's cache and the operation that put it in`, async () => {
    const arena = await makeArena({ cpus: CPUS });
    arena.takeCpu(1);
    const map = new RawMap(arena, { kind: KIND_HASH, supply, valueSize: 24, maxEntries: 600 });
    const operations = new Set<number>();
    for (let key = 0; key < 200; key++) {
      arena.switchCpu(key % 2);
      assert.equal(map.update(key, 1), 0);
      const element = elementOf(map, key);
      assert.equal(arena.word(element), map.field("elements") + SET_BYTES + (key % 2) * CACHE_BYTES);
      operations.add(arena.word(element + 4) * 2 + (key % 2));
    }
    assert.equal(operations.size, 200);
  });

test("elements straight from the slab cannot be had where no work may run, and come back after a grace period", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const map = new RawMap(arena, { kind: KIND_HASH, supply: SUPPLY_SLAB, valueSize: 24, maxEntries: 100 });
  const owned = (): number => arena.core.allocatorOwned(map.field("elements"));
  for (const level of [LEVEL.hardirq, LEVEL.nmi]) {
    arena.core.contextSet(level, 0);
    assert.equal(map.update(1, 1), -ENOMEM);
    arena.settle();
  }
  for (let key = 0; key < 50; key++) assert.equal(map.update(key, 1), 0);
  assert.equal(owned(), 50);
  for (let key = 0; key < 50; key++) assert.equal(map.delete(key), 0);
  assert.equal(owned(), 0);
});
