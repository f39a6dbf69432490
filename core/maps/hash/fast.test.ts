/** The fast path does what the slow one does: two maps that differ in nothing but which path they may take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { string, u32 } from "../../../src/maps/codec/codec.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { cacheTotals, LEVEL, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, KIND_PERCPU_HASH, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB, NOEXIST, EXIST, E2BIG } = CONSTANTS;
const { KEY_OF_WORDS } = CONSTANTS;
const CPUS = 2;

test("the fast path is for hashes with keys of 4 or 8 bytes or of up to eight words, dynamic or preallocated, plain or per-CPU, of any size", async () => {
  const rows = [
    [4, KIND_HASH, SUPPLY_CACHE, 1000, 4],
    [8, KIND_HASH, SUPPLY_CACHE, 1000, 8],
    [12, KIND_HASH, SUPPLY_CACHE, 1000, 0],
    [2, KIND_HASH, SUPPLY_CACHE, 1000, 0],
    [16, KIND_HASH, SUPPLY_CACHE, 1000, KEY_OF_WORDS],
    [64, KIND_PERCPU_HASH, SUPPLY_POOL, 1000, KEY_OF_WORDS],
    [72, KIND_HASH, SUPPLY_CACHE, 1000, 0],
    [4, KIND_PERCPU_HASH, SUPPLY_CACHE, 1000, 4],
    [4, KIND_HASH, SUPPLY_POOL, 1000, 4],
    [8, KIND_PERCPU_HASH, SUPPLY_POOL, 1000, 8],
    [4, KIND_HASH, SUPPLY_SLAB, 1000, 0],
    [4, KIND_HASH, SUPPLY_CACHE, 1, 4],
  ] as const;
  const arena = await makeArena({ cpus: CPUS });
  for (const [keySize, kind, supply, maxEntries, fastKey] of rows) {
    const name = [keySize, kind, supply, maxEntries].join();
    assert.equal(new RawMap(arena, { kind, keySize, supply, maxEntries, name }).field("fastKey"), fastKey, name);
  }
  const linux = await makeArena({ cpus: CPUS, profile: "linux" });
  assert.equal(new RawMap(linux, { kind: KIND_HASH, maxEntries: 1000 }).field("fastKey"), 0, "profile linux");
});

type Step = { readonly key: number; readonly cpu: number; readonly level: number } & (
  | { readonly flags: number; readonly byte: number }
  | { readonly remove: true }
);
const place = { key: fc.nat(600), cpu: fc.nat(CPUS - 1), level: fc.constantFrom(0, 0, 0, 1, 2, 3) };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ ...place, flags: fc.constantFrom(0, 0, NOEXIST, EXIST, 3), byte: fc.nat(255) }) },
  { weight: 1, arbitrary: fc.record({ ...place, remove: fc.constant(true as const) }) },
);

for (const keySize of [4, 8, 16])
  for (const valueSize of [8, 12])
    test(`keys of ${keySize}, values of ${valueSize} bytes: results, entries, counts and caches are those of the slow path`, async () => {
      const arena = await makeArena({ cpus: CPUS });
      arena.takeCpu(1);
      const make = (name: string): RawMap => {
        return new RawMap(arena, { kind: KIND_HASH, keySize, valueSize, maxEntries: 300, name });
      };
      fc.assert(
        fc.property(fc.array(step, { minLength: 300, maxLength: 600, size: "max" }), (steps) => {
          const [fast, slow] = [make("fast"), make("slow")];
          assert.equal(fast.field("fastKey"), keySize <= 8 ? keySize : KEY_OF_WORDS);
          slow.setField("fastKey", 0);
          for (const [turn, each] of steps.entries()) {
            arena.switchCpu(each.cpu);
            const [result, expected] = [fast, slow].map((map) => {
              arena.core.contextSet(each.level, 0);
              const outcome = "remove" in each ? map.delete(each.key) : map.update(each.key, each.byte, each.flags);
              arena.settle();
              return outcome;
            });
            assert.equal(result, expected, `step ${turn}`);
          }
          for (let key = 0; key <= 600; key++) assert.deepEqual(fast.get(key), slow.get(key), `key ${key}`);
          assert.equal(fast.count(), slow.count());
          assert.deepEqual(cacheTotals(arena, fast.address), cacheTotals(arena, slow.address));
          for (const name of ["fast", "slow"]) {
            for (const cpu of [0, 1]) arena.core.closeMap(arena.findMap(name).address, cpu);
            arena.destroyMap(name);
          }
        }),
        { numRuns: 15 },
      );
    });

test("deletes on the fast path bring what is too much back to the slab, as those on the slow one", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const totals = [true, false].map((isFast) => {
    const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 1000, name: `${isFast}` });
    if (!isFast) map.setField("fastKey", 0);
    for (let key = 0; key < 600; key++) assert.equal(map.update(key, 1), 0);
    for (let key = 0; key < 600; key++) {
      assert.equal(map.delete(key), 0);
      const { free = 0, high = 0 } = cacheTotals(arena, map.address);
      assert.ok(free <= high, `${free} free after key ${key}`);
    }
    return cacheTotals(arena, map.address);
  });
  assert.deepEqual(totals[0], totals[1]);
});

test("inserts, overwrites and deletes take the fast path: only the slow one renews what an operation may wait", async () => {
  for (const supply of [SUPPLY_CACHE, SUPPLY_POOL])
    for (const keySize of [4, 8, 16]) {
      const arena = await makeArena({ cpus: CPUS });
      const map = new RawMap(arena, { kind: KIND_HASH, supply, keySize, maxEntries: 1000 });
      for (let key = 0; key < 60; key++) map.update(key, 1);
      // Free elements between the two watermarks.
      for (let key = 40; key < 60; key++) map.delete(key);
      const left = new Uint32Array(arena.memory.buffer, arena.core.currentArea() + LAYOUT.CpuArea.spinsLeft, 1);
      const isFast = (operate: () => number): boolean => {
        left[0] = 7;
        assert.equal(operate(), 0);
        return left[0] === 7;
      };
      const inserts = isFast(() => map.update(100, 1));
      const overwrites = isFast(() => map.update(100, 2));
      const deletes = isFast(() => map.delete(100));
      assert.deepEqual([inserts, overwrites, deletes], [true, true, true], `${supply}, keys of ${keySize}`);
      map.setField("fastKey", 0);
      assert.ok(!isFast(() => map.update(100, 1)));
    }
});

test("the last places of a map are given out by the slow path: never one too many", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 400 });
  for (let key = 0; key < 400; key++) assert.equal(map.update(key, 1), 0);
  assert.equal(map.update(400, 1), -E2BIG);
  for (let key = 0; key < 400; key += 2) assert.equal(map.delete(key), 0);
  assert.equal(map.count(), 200);
  for (let key = 1000; key < 1200; key++) assert.equal(map.update(key, 1), 0);
  assert.equal(map.update(1200, 1), -E2BIG);
});

test("an interrupted operation's cache is left alone: the slow path takes what is set aside", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 1000 });
  for (let key = 0; key < 60; key++) map.update(key, 1);
  const cache = map.field("elements") + CONSTANTS.SET_BYTES;
  const words = new Uint32Array(arena.memory.buffer, cache, CONSTANTS.CACHE_BYTES / 4);
  const before = words[1];
  words[2] = 1;
  arena.core.contextSet(LEVEL.nmi, 0);
  assert.equal(map.delete(1), 0);
  assert.deepEqual([words[1], words[2]], [before, 1], "the free list is the interrupted operation's");
  words[2] = 0;
  arena.settle();
  assert.deepEqual([map.count(), map.lookup(1)], [59, 0]);
});

test("keys of several words: each word counts", async () => {
  const arena = await makeArena();
  const names = Array.from({ length: 300 }, (_, index) => `${"x".repeat(index % 21)}${index}`);
  const map = arena.createMap({ type: "hash", name: "map", key: string(24), value: u32, maxEntries: 300 });
  for (const [index, name] of names.entries()) assert.equal(map.update(name, index, NOEXIST), 0);
  for (const [index, name] of names.entries()) assert.equal(map.get(name), index);
  for (const name of names) assert.equal(map.get(`${name}y`.slice(0, 24)), undefined);
  for (const name of names) assert.ok(map.delete(name) && !map.delete(name));
  assert.equal(map.size, 0);
});
