/** Emptying a hash: all that is there goes, of every size of table, in every context, and in a full memory too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../../src/arena/arena.ts";
import { string, u32 } from "../../../src/maps/codec/codec.ts";
import { json } from "../../../src/maps/codec/json.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, KIND_LRU_HASH, KIND_PERCPU_HASH, SUPPLY_CACHE, SUPPLY_POOL } = CONSTANTS;

/** Clears a whole map, some buckets and elements at a time; how many calls it took. */
function clear(map: RawMap): number {
  const { core } = map.arena;
  const room = map.arena.allocate(8);
  const at = LAYOUT.CpuArea.scanNext;
  let calls = 0;
  for (let from = 0; from !== 0 || calls === 0; from = map.arena.word(core.currentArea() + at)) {
    assert.equal(core.hashClear(map.address, from, room, 8), 0);
    calls++;
  }
  core.freeBytes(room);
  return calls;
}

for (const [name, sizes] of [
  ["dynamic hash", { kind: KIND_HASH, supply: SUPPLY_CACHE }],
  ["preallocated hash", { kind: KIND_HASH, supply: SUPPLY_POOL }],
  ["per-CPU hash", { kind: KIND_PERCPU_HASH, supply: SUPPLY_CACHE }],
  ["LRU hash", { kind: KIND_LRU_HASH, supply: SUPPLY_CACHE }],
] as const)
  test(`${name}: nothing is left of any number of keys, while the table shrinks, and it can be filled again`, async () => {
    for (const level of [LEVEL.task, LEVEL.nmi])
      for (const keySize of [4, 20])
        for (const count of [0, 1, 7, 300, 5000]) {
          const arena = await makeArena();
          const map = new RawMap(arena, { ...sizes, keySize, maxEntries: 8192 });
          for (let round = 0; round < 2; round++) {
            for (let key = 0; key < count; key++) assert.equal(map.update(key, key & 0x7f), 0);
            arena.core.contextSet(level, 0);
            const calls = clear(map);
            arena.core.contextSet(LEVEL.task, 0);
            assert.equal(map.count(), 0, `${count} keys of ${keySize} bytes`);
            assert.deepEqual(map.scan(0, 1 << 16).entries, []);
            if (count === 5000) assert.ok(calls > 1);
          }
        }
  });

test("a memory that is full of keys is emptied, whatever fits the room of a thread", async () => {
  for (const length of [500, 6000]) {
    using arena = await Arena.create({ maximumBytes: 4 << 20, cpus: 2, seed: 3 });
    const map = arena.createMap({ type: "hash", name: "map", key: string(), value: u32, maxEntries: 1_000_000 });
    for (let key = 0; map.update("z".repeat(length) + key, 1) === 0; key++);
    arena.setLimit(0);
    assert.ok(map.size > 50);
    assert.throws(() => [...map.keys()], { code: "ENOMEM" }, "otherwise this shows nothing");
    map.clear();
    assert.equal(map.size, 0);
    arena.setLimit(1 << 30);
    assert.equal(map.update("again", 1), 0);
  }
});

test("what a map does not let a thread delete clear does not, nor once it is closed", async () => {
  using arena = await Arena.create({ maximumBytes: 8 << 20 });
  const map = arena.createMap({ type: "hash", name: "map", key: string(), value: json(), maxEntries: 10 });
  map.set("a", 1);
  map.close();
  assert.throws(() => map.clear(), { code: "EBADF" });
  const readOnly = arena.createMap({ type: "hash", name: "only", key: u32, value: u32, maxEntries: 10, flags: 8 });
  assert.throws(() => readOnly.clear(), { code: "EPERM" });
});
