/** Walks and `clear` where the arena has no memory left: they need none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../arena/arena.ts";
import { bytes, u32 } from "../codec/codec.ts";
import type { MapType } from "../kinds.ts";
import type { ArenaMap } from "../map.ts";

const VALUES = [8, 300, 5000, 70_000];

function keyOf(index: number, size: number): Uint8Array {
  const key = new Uint8Array(size);
  new DataView(key.buffer).setUint32(0, index);
  return key;
}

/** Inserts until nothing more fits; how many that were. */
function fill(map: ArenaMap<Uint8Array, Uint8Array>, keySize: number, valueSize: number): number {
  let count = 0;
  while (count < 200 && map.update(keyOf(count, keySize), new Uint8Array(valueSize).fill(count)) === 0) count++;
  return count;
}

/** No page may be taken any more. */
function closeMemory(arena: Arena): void {
  arena.setLimit(0);
  assert.throws(() => arena.allocate(100_000), { code: "ENOMEM" });
}

for (const valueSize of VALUES)
  for (const keySize of [4, 200])
    for (const prealloc of [false, true])
      test(`hash, keys of ${keySize} and values of ${valueSize} bytes, ${prealloc ? "preallocated" : "dynamic"}: walked and cleared without memory`, async () => {
        const arena = await Arena.create({ maximumBytes: 32 << 20, cpus: 1, seed: 1 });
        const [key, value] = [bytes(keySize), bytes(valueSize)];
        const map = arena.createMap({ type: "hash", name: "map", key, value, maxEntries: 200, prealloc });
        const count = fill(map, keySize, valueSize);
        assert.ok(count >= 100, `${count} entries`);
        closeMemory(arena);
        const seen = new Map([...map].map(([each, of]) => [new DataView(each.buffer).getUint32(0), of]));
        assert.deepEqual(
          [...seen.keys()].sort((a, b) => a - b),
          Array.from({ length: count }, (_, index) => index),
        );
        for (const [index, of] of seen) assert.deepEqual(of, new Uint8Array(valueSize).fill(index));
        const used = arena.core.pagesInUse();
        map.clear();
        assert.equal(map.size, 0);
        assert.ok(arena.core.pagesInUse() <= used);
      });

for (const [type, copies] of [
  ["array", 1],
  ["percpu_array", 3],
  ["percpu_hash", 3],
] as const satisfies readonly (readonly [MapType, number])[])
  test(`${type}: entries larger than the thread's room are walked one by one`, async () => {
    const arena = await Arena.create({ maximumBytes: 32 << 20, cpus: 3, seed: 1 });
    const map = arena.createMap({ type, name: "map", key: u32, value: bytes(3000), maxEntries: 20 }) as ArenaMap<
      number,
      Uint8Array | Uint8Array[]
    >;
    const copiesOf = (key: number): Uint8Array | Uint8Array[] => {
      const all = Array.from({ length: copies }, (_, cpu) => new Uint8Array(3000).fill(key * 3 + cpu));
      return copies === 1 ? (all[0] as Uint8Array) : all;
    };
    for (let key = 0; key < 20; key++) map.set(key, copiesOf(key));
    closeMemory(arena);
    const entries = [...map].sort(([a], [b]) => a - b);
    assert.deepEqual(
      entries,
      Array.from({ length: 20 }, (_, key) => [key, copiesOf(key)]),
    );
    const dumped = [...map.dump()];
    assert.deepEqual(
      dumped.map(({ values }) => values.length),
      Array(20).fill(copies),
    );
  });

test("keys so large that a bucket's do not fit the thread's room need memory for a walk, and say so", async () => {
  const arena = await Arena.create({ maximumBytes: 32 << 20, cpus: 1, seed: 1 });
  const map = arena.createMap({ type: "hash", name: "map", key: bytes(9000), value: bytes(8), maxEntries: 8 });
  for (let index = 0; index < 8; index++) map.set(keyOf(index, 9000), new Uint8Array(8).fill(index));
  assert.equal([...map].length, 8);
  arena.setLimit(0);
  assert.throws(() => [...map], { code: "ENOMEM", message: /Cannot walk map "map"/ });
  arena.setLimit(32 << 20);
  map.clear();
  assert.equal(map.size, 0);
});

test("a walk of a closed map is refused", async () => {
  const arena = await Arena.create({ cpus: 1 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: bytes(8), maxEntries: 8 });
  map.close();
  assert.throws(() => [...map], { code: "EBADF" });
  assert.throws(() => map.clear(), { code: "EBADF" });
});
