/** What an overwrite does to the value in memory, and what a full map or a context without memory leaves as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, KIND_PERCPU_HASH, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB } = CONSTANTS;
const { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, NOEXIST, EXIST } = CONSTANTS;
const SUPPLIES = [SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB];

test("a value of up to 8 bytes is overwritten where it lies, a larger one replaced; profile linux replaces all", async () => {
  for (const profile of ["anyctx", "linux"] as const) {
    const arena = await makeArena({ profile });
    for (const supply of profile === "linux" ? [SUPPLY_CACHE, SUPPLY_POOL] : SUPPLIES)
      for (const keySize of [4, 8, 12])
        for (const valueSize of [1, 4, 7, 8, 9, 40]) {
          const name = [supply, keySize, valueSize].join();
          const map = new RawMap(arena, { kind: KIND_HASH, supply, keySize, valueSize, maxEntries: 20, name });
          map.update(1, 1);
          const before = map.lookup(1);
          assert.deepEqual([map.update(1, 2), map.get(1), map.count()], [0, [2], 1], name);
          const inPlace = valueSize <= 8 && profile === "anyctx";
          assert.equal(map.lookup(1) === before, inPlace, `${name}, profile ${profile}`);
          assert.equal(map.byteAt(map.lookup(1)), 2);
        }
  }
});

test("flags say whether the key has to be new or there already", async () => {
  const arena = await makeArena();
  for (const kind of [KIND_HASH, KIND_PERCPU_HASH])
    for (const valueSize of [8, 40]) {
      const map = new RawMap(arena, { kind, valueSize, maxEntries: 20, name: `${kind},${valueSize}` });
      const rows = [
        [EXIST, -ENOENT, -ENOENT],
        [3, -EINVAL, -ENOENT],
        [0xffffffff, -EINVAL, -ENOENT],
        [NOEXIST, 0, 10],
        [NOEXIST, -EEXIST, 10],
        [3, -EINVAL, 10],
        [EXIST, 0, 20],
        [0, 0, 30],
      ] as const;
      let byte = 7;
      for (const [flags, result, left] of rows) {
        byte = left > 0 ? left : byte;
        assert.equal(map.update(5, result === 0 ? byte : 99, flags), result);
        assert.deepEqual(map.get(5), left < 0 ? left : Array<number>(map.copies).fill(left));
      }
      assert.deepEqual([map.delete(5), map.delete(5), map.get(5), map.count()], [0, -ENOENT, -ENOENT, 0]);
    }
});

test("a full map takes no new key and keeps every one that it has; values are overwritten", async () => {
  const arena = await makeArena();
  for (const kind of [KIND_HASH, KIND_PERCPU_HASH])
    for (const supply of SUPPLIES) {
      if (kind === KIND_PERCPU_HASH && supply === SUPPLY_SLAB) continue;
      const map = new RawMap(arena, { kind, supply, valueSize: 40, maxEntries: 30, name: `${kind},${supply}` });
      for (let key = 0; key < 30; key++) assert.equal(map.update(key, key), 0);
      for (const flags of [0, NOEXIST]) assert.equal(map.update(30, 1, flags), -E2BIG);
      assert.equal(map.update(30, 1, EXIST), -ENOENT);
      for (let key = 0; key < 30; key++) assert.equal(map.update(key, key + 1, EXIST), 0, `${kind}, supply ${supply}`);
      for (let key = 0; key < 30; key++) assert.deepEqual(map.get(key), Array<number>(map.copies).fill(key + 1));
      assert.equal(map.count(), 30);
    }
});

test("where nothing can be allocated a new key fails with ENOMEM, and what is there answers and goes", async () => {
  for (const kind of [KIND_HASH, KIND_PERCPU_HASH]) {
    const map = new RawMap(await makeArena(), { kind, valueSize: 40, maxEntries: 1000 });
    const { arena } = map;
    assert.equal(map.update(0, 1), 0);
    arena.core.contextSet(LEVEL.nmi, 0);
    let key = 1;
    while (map.update(key, 1) === 0) key++;
    assert.equal(map.update(key, 1), -ENOMEM);
    assert.deepEqual([map.get(key), map.lookup(key), map.count()], [-ENOENT, 0, key]);
    if (kind === KIND_HASH) assert.equal(map.update(0, 2), -ENOMEM, "a large value needs a new element");
    else assert.equal(map.update(0, 1), 0, "per-CPU values are written in place");
    assert.deepEqual(map.get(0), Array<number>(map.copies).fill(1), "as it was");
    assert.equal(map.delete(0), 0);
    assert.equal(map.update(key, 1), 0, "by what has been given back");
    arena.settle();
  }
});

test("keys are their bytes, all of them: what differs anywhere is another key", async () => {
  const arena = await makeArena();
  for (const keySize of [1, 4, 7, 8, 9, 16, 64]) {
    const map = new RawMap(arena, { kind: KIND_HASH, keySize, maxEntries: 70, name: `${keySize}` });
    const key = map.key(0);
    const bytes = new Uint8Array(arena.memory.buffer, key, keySize);
    const keyWith = (place: number): number => {
      bytes.fill(0xa5);
      if (place >= 0) bytes[place] = 0xa4;
      return key;
    };
    for (let place = -1; place < keySize; place++)
      assert.equal(arena.core.hashUpdate(map.address, keyWith(place), map.value(place + 1), NOEXIST), 0);
    for (let place = -1; place < keySize; place++)
      assert.equal(map.byteAt(arena.core.hashLookup(map.address, keyWith(place)) >>> 0), place + 1, `byte ${place}`);
    assert.equal(map.count(), keySize + 1);
  }
});
