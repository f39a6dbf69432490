/** Which entry an LRU map takes away, in every mode and context, and that it never runs out of room. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena, RawMap, type RawSizes } from "../../testing.ts";

const { KIND_LRU_HASH, KIND_LRU_PERCPU_HASH, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB } = CONSTANTS;
const { EEXIST, EINVAL, ENOENT, ENOTSUPP, EXIST, NO_COMMON_LRU, NO_PREALLOC, NOEXIST } = CONSTANTS;

const KINDS = [
  ["lru_hash", KIND_LRU_HASH],
  ["lru_percpu_hash", KIND_LRU_PERCPU_HASH],
] as const;
const SUPPLIES = [
  ["dynamic", SUPPLY_CACHE],
  ["preallocated", SUPPLY_POOL],
] as const;
const EVERY = KINDS.flatMap(([kindName, kind]) =>
  SUPPLIES.map(([mode, supply]) => ({ name: `${kindName}, ${mode}`, sizes: { kind, supply } })),
);

/** The keys that are there, of those below `end`; asked so that none counts as used. */
function keysOf(map: RawMap, end: number): number[] {
  const { entries } = map.scan(0, 1 << 20);
  const there = new Set(entries.map(([key]) => key));
  return Array.from({ length: end }, (_, key) => key).filter((key) => there.has(key));
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

for (const { name, sizes } of EVERY)
  for (const profile of ["anyctx", "linux"] as const)
    test(`${name}, profile ${profile}: what is left of many keys is the newest, from the first to the last`, async () => {
      for (const [maxEntries, cpus] of [
        [1, 1],
        [2, 2],
        [7, 3],
        [64, 2],
        [300, 79],
      ] as const) {
        const arena = await makeArena({ profile, cpus });
        const map = new RawMap(arena, { ...sizes, maxEntries });
        const last = 3 * maxEntries + 10;
        for (let key = 0; key < last; key++) {
          assert.equal(map.update(key, key & 0xff), 0);
          if (maxEntries > 64 && key % 50 !== 0) continue;
          assert.deepEqual(
            keysOf(map, last),
            range(Math.max(0, key + 1 - maxEntries), key + 1),
            `${maxEntries}: ${key}`,
          );
        }
        assert.equal(map.count(), maxEntries);
      }
    });

test("one CPU of 79 that fills a map of 10,000 keeps what it has put in", async () => {
  const arena = await makeArena({ cpus: 79 });
  const map = new RawMap(arena, { kind: KIND_LRU_HASH, maxEntries: 10_000 });
  arena.core.switchCpu(41);
  for (let key = 0; key < 10_000; key++) {
    assert.equal(map.update(key, 1), 0);
    assert.notEqual(map.lookup(Math.max(0, key - 200)), 0);
  }
  assert.equal(map.count(), 10_000);
  arena.core.switchCpu(0);
});

test("with a list for each CPU a CPU has its share, and takes nothing of the others'", async () => {
  for (const [, supply] of SUPPLIES) {
    const arena = await makeArena({ cpus: 3 });
    const map = new RawMap(arena, { kind: KIND_LRU_HASH, supply, maxEntries: 10, flags: NO_COMMON_LRU });
    assert.equal(map.field("maxEntries"), 12, "as many for each");
    for (let key = 0; key < 3; key++) map.update(key, 1);
    arena.core.switchCpu(2);
    for (let key = 10; key < 30; key++) map.update(key, 1);
    assert.deepEqual(keysOf(map, 30), [0, 1, 2, ...range(26, 30)]);
    // What another CPU deletes goes back to the one whose share it is of.
    for (const key of [0, 1]) map.delete(key);
    arena.core.switchCpu(0);
    for (let key = 40; key < 43; key++) map.update(key, 1);
    assert.deepEqual(keysOf(map, 50), [2, ...range(26, 30), ...range(40, 43)]);
  }
});

test("what a program has looked up survives half as many new keys; a thread's get counts but in profile linux", async () => {
  for (const profile of ["anyctx", "linux"] as const)
    for (const maxEntries of [64, 128, 256])
      for (const ask of ["lookup", "get", "nothing"] as const) {
        const map = new RawMap(await makeArena({ profile }), { kind: KIND_LRU_HASH, maxEntries });
        for (let key = 0; key < maxEntries; key++) map.update(key, 1);
        const hot = range(0, maxEntries / 4);
        for (const key of hot) if (ask !== "nothing") map[ask](key);
        for (let key = 0; key < maxEntries / 2; key++) map.update(1000 + key, 1);
        const left = keysOf(map, maxEntries / 4);
        const counts = ask === "lookup" || (ask === "get" && profile === "anyctx");
        assert.deepEqual(left, counts ? hot : [], `${profile}, ${maxEntries}, ${ask}`);
      }
});

test("one old entry that was looked up is passed over, and the next one goes", async () => {
  // Whether the lists have just been looked through depends on how many have gone before.
  for (const profile of ["anyctx", "linux"] as const)
    for (const flags of [0, NO_COMMON_LRU])
      for (const maxEntries of [3, 8, 40])
        for (const gone of range(1, 6)) {
          const map = new RawMap(await makeArena({ cpus: 1, profile }), { kind: KIND_LRU_HASH, maxEntries, flags });
          const last = maxEntries + gone;
          for (let key = 0; key < last; key++) map.update(key, 1);
          assert.notEqual(map.lookup(gone), 0);
          map.update(last, 1);
          const left = [gone, ...range(gone + 2, last + 1)];
          assert.deepEqual(keysOf(map, last + 1), left, `${profile}, flags ${flags}, ${maxEntries}, ${gone} gone`);
        }
});

test("overwriting counts as use, whatever the value's size; flags say what they say of a hash", async () => {
  for (const profile of ["anyctx", "linux"] as const)
    for (const valueSize of [8, 40]) {
      const map = new RawMap(await makeArena({ profile }), { kind: KIND_LRU_HASH, valueSize, maxEntries: 8 });
      for (let key = 0; key < 7; key++) assert.equal(map.update(key, 1, NOEXIST), 0);
      assert.equal(map.update(0, 2, EXIST), 0);
      assert.equal(map.update(1, 2, NOEXIST), -EEXIST);
      assert.deepEqual([map.update(90, 1, EXIST), map.update(0, 3, 4)], [-ENOENT, -EINVAL]);
      for (let key = 10; key < 16; key++) map.update(key, 1);
      assert.deepEqual(map.get(0), [2], `${profile}, ${valueSize}`);
      assert.deepEqual([map.delete(0), map.delete(0), map.get(0)], [0, -ENOENT, -ENOENT]);
    }
});

test("new keys and overwrites take the fast path: only the slow one renews what an operation may wait", async () => {
  for (const [kind, keySize, valueSize] of [
    [KIND_LRU_HASH, 4, 8],
    [KIND_LRU_HASH, 8, 4],
    [KIND_LRU_HASH, 16, 8],
    [KIND_LRU_PERCPU_HASH, 4, 8],
  ] as const) {
    const arena = await makeArena({ cpus: 1 });
    const map = new RawMap(arena, { kind, keySize, valueSize, maxEntries: 200 });
    // As a program does: of a map with a value for each CPU its own.
    const update = (key: number, value: number, flags = 0): number =>
      arena.core.hashUpdate(map.address, map.key(key), map.value(value), flags);
    // The last of these sets entries aside that go next: some of the first.
    for (let key = 0; key <= 200; key++) assert.equal(map.update(key, 1), 0);
    const left = new Uint32Array(arena.memory.buffer, arena.core.currentArea() + LAYOUT.CpuArea.spinsLeft, 1);
    const isFast = (operate: () => number, result = 0): boolean => {
      left[0] = 7;
      assert.equal(operate(), result);
      return left[0] === 7;
    };
    const name = `${kind}, keys of ${keySize}`;
    const overwrites = range(2, 6).map((key) => isFast(() => update(key, 2, key % 2 === 0 ? EXIST : 0)));
    const inserts = range(500, 504).map((key) => isFast(() => update(key, 3)));
    assert.ok(overwrites.filter(Boolean).length >= 3, `${name}: overwrites`);
    assert.ok(inserts.some(Boolean), `${name}: new keys`);
    assert.ok(!isFast(() => update(500, 3, NOEXIST), -EEXIST), name);
    assert.ok(!isFast(() => update(900, 3, EXIST), -ENOENT), name);
    for (let key = 600; key < 630; key++) assert.equal(map.update(key, 3), 0);
    assert.deepEqual(keysOf(map, 6), range(2, 6), `${name}: what was overwritten is spared`);
    for (const key of range(2, 6)) assert.deepEqual(map.get(key), Array<number>(map.copies).fill(2), name);
    assert.equal(map.count(), 200);
  }
});

test("without memory, in any context, a new key takes an old one's place", async () => {
  for (const { name, sizes } of EVERY)
    for (const level of [LEVEL.task, LEVEL.softirq, LEVEL.hardirq, LEVEL.nmi]) {
      const arena = await makeArena();
      const map = new RawMap(arena, { ...sizes, valueSize: 40, maxEntries: 1000 });
      assert.equal(map.update(5000, 1), 0);
      arena.core.contextSet(level, 1);
      for (let key = 0; key < 3000; key++) assert.equal(map.update(key, key & 0xff), 0, `${name}: ${key}`);
      assert.deepEqual(map.get(2999), Array<number>(map.copies).fill(2999 & 0xff));
      assert.equal(map.count(), keysOf(map, 3000).length);
      arena.settle();
    }
});

test("what makes no LRU map is refused as Linux refuses it", async () => {
  for (const profile of ["anyctx", "linux"] as const) {
    const { core } = await makeArena({ profile });
    const create = (sizes: Partial<RawSizes> & { readonly maxEntries: number }): number =>
      core.createMap(sizes.kind ?? KIND_LRU_HASH, 4, 8, sizes.maxEntries, sizes.flags ?? 0, sizes.supply ?? 0, 1, 0);
    assert.equal(create({ maxEntries: 4, flags: NO_PREALLOC }), ENOTSUPP);
    assert.equal(create({ maxEntries: 4, flags: NO_PREALLOC | NO_COMMON_LRU }), ENOTSUPP);
    assert.equal(create({ maxEntries: 0 }), EINVAL);
    assert.equal(create({ maxEntries: 4, flags: 512 }), EINVAL);
    assert.equal(create({ maxEntries: 4, supply: SUPPLY_SLAB }), EINVAL);
    assert.equal(create({ kind: CONSTANTS.KIND_HASH, maxEntries: 4, flags: NO_COMMON_LRU }), EINVAL);
  }
});

/** Inserts, deletes and looks that count as no use: exactly the oldest goes. */
const STEP = fc.record({
  what: fc.constantFrom("insert", "insert", "insert", "delete", "take" as const),
  key: fc.integer({ min: 0, max: 11 }),
  level: fc.constantFrom(LEVEL.task, LEVEL.softirq, LEVEL.hardirq, LEVEL.nmi),
});

for (const { name, sizes } of EVERY)
  test(`${name}: inserts and deletes leave what a list of the newest would`, async () => {
    const arena = await makeArena({ cpus: 2 });
    let number = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(STEP, { maxLength: 60 }), (maxEntries, steps) => {
        const map = new RawMap(arena, { ...sizes, maxEntries, name: `${number++}` });
        const model = new Map<number, number>();
        for (const [index, { what, key, level }] of steps.entries()) {
          const below = level === LEVEL.task ? 0 : arena.core.contextEnter(level);
          if (what === "insert") {
            assert.equal(map.update(key, index, NOEXIST), model.has(key) ? -EEXIST : 0);
            if (!model.has(key) && model.size === maxEntries) model.delete([...model.keys()][0] as number);
            if (!model.has(key)) model.set(key, index);
          } else if (what === "delete") {
            assert.equal(map.delete(key), model.delete(key) ? 0 : -ENOENT);
          } else {
            const into = map.value();
            const result = arena.core.hashTake(map.address, map.key(key), into);
            assert.equal(result, model.has(key) ? 0 : -ENOENT);
            if (result === 0) assert.equal(map.byteAt(into), model.get(key));
            model.delete(key);
          }
          if (level !== LEVEL.task) arena.core.contextLeave(below);
          assert.deepEqual(
            keysOf(map, 12),
            [...model.keys()].sort((a, b) => a - b),
          );
          assert.equal(map.count(), model.size);
        }
        arena.core.destroyMap(map.address);
      }),
      { numRuns: 60 },
    );
  });
