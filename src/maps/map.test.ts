import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arena } from "../arena/arena.ts";
import { ERRNO } from "../error.ts";
import { bytes, u32, u64 } from "./codec/codec.ts";
import { ANY, type ArenaMap, EXIST, NOEXIST } from "./map.ts";

const arena = await Arena.create({ maximumBytes: 256 << 20, cpus: 2, seed: 7 });

type Supply = "dynamic" | "preallocated" | "before";
const SUPPLIES: readonly Supply[] = ["dynamic", "preallocated", "before"];

let maps = 0;
function makeMap(
  supply: Supply,
  keySize: number,
  valueSize: number,
  maxEntries: number,
): ArenaMap<Uint8Array, Uint8Array> {
  return arena.createMap({
    type: "hash",
    name: `map${maps++}`,
    key: bytes(keySize),
    value: bytes(valueSize),
    maxEntries,
    prealloc: supply === "preallocated",
    withoutCache: supply === "before",
  });
}

function destroy(map: ArenaMap<Uint8Array, unknown>): void {
  map.close();
  arena.destroyMap(map.info.name);
}

/** Bytes whose every position depends on the number, so that a torn or short copy shows. */
function pattern(number: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (number >> ((index % 4) * 8)) ^ (index >> 2));
}

type Operation =
  | { kind: "get"; key: number }
  | { kind: "delete"; key: number }
  | { kind: 0 | 1 | 2; key: number; value: number };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant("get" as const), key: fc.nat(60) }),
  fc.record({ kind: fc.constant("delete" as const), key: fc.nat(60) }),
  fc.record({
    kind: fc.constantFrom(ANY, NOEXIST, EXIST) as fc.Arbitrary<0 | 1 | 2>,
    key: fc.nat(60),
    value: fc.nat(),
  }),
);

/** What Linux returns, on a plain Map. */
function expected(model: Map<number, number>, step: Operation, maxEntries: number): number | undefined {
  if (step.kind === "get") return model.get(step.key);
  if (step.kind === "delete") return model.delete(step.key) ? 1 : 0;
  const exists = model.has(step.key);
  if (step.kind === NOEXIST && exists) return -ERRNO.EEXIST;
  if (step.kind === EXIST && !exists) return -ERRNO.ENOENT;
  if (!exists && model.size >= maxEntries) return -ERRNO.E2BIG;
  model.set(step.key, step.value);
  return 0;
}

for (const supply of SUPPLIES)
  test(`${supply}: any sequence of operations does what a plain map does`, () => {
    const sizes = fc.record({
      keySize: fc.constantFrom(1, 4, 7, 8, 12, 16, 33),
      valueSize: fc.constantFrom(1, 3, 4, 8, 9, 16, 100, 5000),
      maxEntries: fc.constantFrom(1, 5, 40, 300),
    });
    fc.assert(
      fc.property(sizes, fc.array(operation, { maxLength: 200 }), ({ keySize, valueSize, maxEntries }, steps) => {
        const map = makeMap(supply, keySize, valueSize, maxEntries);
        const model = new Map<number, number>();
        try {
          for (const step of steps) {
            const key = pattern(step.key, keySize);
            const want = expected(model, step, maxEntries);
            if (step.kind === "get") {
              assert.deepEqual(map.get(key), want === undefined ? undefined : pattern(want, valueSize));
            } else if (step.kind === "delete") assert.equal(map.delete(key), want === 1);
            else assert.equal(map.update(key, pattern(step.value, valueSize), step.kind), want);
          }
          assert.equal(map.size, model.size);
          const entries = new Map([...map].map(([key, value]) => [key.join(), value]));
          assert.equal(entries.size, model.size);
          for (const [key, value] of model)
            assert.deepEqual(entries.get(pattern(key, keySize).join()), pattern(value, valueSize));
        } finally {
          destroy(map);
        }
      }),
      { numRuns: 150 },
    );
  });

test("flags beyond EXIST are refused for new and for existing keys, on the fast path and the slow one", () => {
  for (const supply of SUPPLIES)
    for (const keySize of [4, 8, 12]) {
      const map = makeMap(supply, keySize, 8, 1000);
      // Enough keys that the cache is between its watermarks, where the fast path is taken.
      for (let key = 0; key < 100; key++) map.set(pattern(key, keySize), pattern(key, 8));
      for (const flags of [3, 7, 0xffffffff])
        for (const key of [5, 500])
          assert.equal(map.update(pattern(key, keySize), pattern(9, 8), flags), -ERRNO.EINVAL, `${supply} ${keySize}`);
      assert.deepEqual(map.get(pattern(5, keySize)), pattern(5, 8));
      assert.equal(map.get(pattern(500, keySize)), undefined);
      destroy(map);
    }
});

test("a full map with overflowing buckets finds, walks and deletes every key", () => {
  for (const supply of SUPPLIES) {
    const map = makeMap(supply, 4, 24, 8192);
    for (let key = 0; key < 8192; key++) map.set(pattern(key, 4), pattern(key * 7, 24));
    assert.equal(map.update(pattern(8192, 4), pattern(0, 24)), -ERRNO.E2BIG);
    // Replacing works in a full map, also for values that need a new element.
    for (let key = 0; key < 8192; key += 3) map.set(pattern(key, 4), pattern(key * 5, 24));
    const seen = new Set<string>();
    for (const [key] of map) seen.add(key.join());
    assert.equal(seen.size, 8192);
    for (let key = 0; key < 8192; key++) {
      assert.deepEqual(map.get(pattern(key, 4)), pattern(key * (key % 3 === 0 ? 5 : 7), 24));
      assert.equal(map.delete(pattern(key, 4)), true);
    }
    assert.equal(map.size, 0);
    destroy(map);
  }
});

test("a walk whose first bucket takes more room than it began with sees every key", () => {
  for (const supply of SUPPLIES) {
    const map = makeMap(supply, 4, 5000, 5);
    for (let key = 0; key < 5; key++) map.set(pattern(key, 4), pattern(key, 5000));
    assert.equal([...map.keys()].length, 5);
    destroy(map);
  }
});

test("per-CPU hash: one value a CPU, zero on those that did not write", () => {
  for (const prealloc of [false, true]) {
    const name = `percpu${prealloc}`;
    const map = arena.createMap({ type: "percpu_hash", name, key: u32, value: u64, maxEntries: 100, prealloc });
    map.set(1, [10n, 20n]);
    assert.deepEqual(map.get(1), [10n, 20n]);
    assert.throws(() => map.set(1, [1n]), { code: "EINVAL" });
    for (let key = 0; key < 100; key++) map.set(key, [BigInt(key), BigInt(key * 2)]);
    assert.equal(map.update(100, [0n, 0n]), -ERRNO.E2BIG);
    assert.deepEqual(new Map(map).get(77), [77n, 154n]);
    for (let key = 0; key < 100; key++) assert.equal(map.delete(key), true);
    map.set(5, [1n, 2n]);
    assert.deepEqual([...map], [[5, [1n, 2n]]]);
    map.close();
    arena.destroyMap(name);
  }
});

test("arrays: every index exists, none beyond, none can be deleted", () => {
  const map: ArenaMap<number, bigint> = arena.createMap({
    type: "array",
    name: "array",
    key: u32,
    value: u64,
    maxEntries: 5,
  });
  assert.equal(map.size, 5);
  assert.equal(map.get(4), 0n);
  map.set(4, 9n);
  assert.deepEqual([...map.values()], [0n, 0n, 0n, 0n, 9n]);
  assert.equal(map.get(5), undefined);
  assert.equal(map.update(5, 1n), -ERRNO.E2BIG);
  assert.equal(map.update(1, 1n, NOEXIST), -ERRNO.EEXIST);
  assert.equal(map.update(1, 1n, 7), -ERRNO.EINVAL);
  assert.equal(map.delete(1), false);
  assert.throws(() => map.set(5, 1n), { code: "E2BIG" });
  const copies = arena.createMap({ type: "percpu_array", name: "copies", key: u32, value: u64, maxEntries: 3 });
  copies.set(2, [3n, 4n]);
  assert.deepEqual(
    [...copies.values()],
    [
      [0n, 0n],
      [0n, 0n],
      [3n, 4n],
    ],
  );
});

test("every map gives all of its memory back", () => {
  arena.poll();
  arena.core.trimSlabs();
  const before = arena.core.pagesInUse();
  for (const supply of SUPPLIES) {
    const map = makeMap(supply, 4, 300, 20_000);
    for (let key = 0; key < 15_000; key++) map.set(pattern(key, 4), pattern(key, 300));
    for (let key = 0; key < 9_000; key++) map.delete(pattern(key, 4));
    destroy(map);
  }
  for (let round = 0; round < 4; round++) arena.poll();
  // 15,000 elements of 512 bytes were 469 pages; of each class one empty slab may be kept until it is asked for.
  assert.ok(arena.core.pagesInUse() <= before + 11, `${arena.core.pagesInUse()} pages, ${before} before`);
  arena.core.trimSlabs();
  assert.equal(arena.core.pagesInUse(), before);
});
