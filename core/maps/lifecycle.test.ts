/** Creation and destruction of every kind: what is refused, and that nothing is left of what failed or was destroyed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../src/arena/arena.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { createRaw, makeArena, RawMap, type RawSizes } from "../testing.ts";

const { KIND_HASH, KIND_ARRAY, KIND_PERCPU_HASH, KIND_PERCPU_ARRAY, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB } =
  CONSTANTS;
const { EINVAL, E2BIG, ENOMEM, ENOENT, LARGEST_ENTRY, LARGEST_PERCPU_VALUE, SUPERBLOCK, PAGE_BYTES } = CONSTANTS;
const KINDS: readonly (readonly [name: string, kind: number, supply: number])[] = [
  ["hash, dynamic", KIND_HASH, SUPPLY_CACHE],
  ["hash, preallocated", KIND_HASH, SUPPLY_POOL],
  ["hash, from the slab", KIND_HASH, SUPPLY_SLAB],
  ["per-CPU hash, dynamic", KIND_PERCPU_HASH, SUPPLY_CACHE],
  ["per-CPU hash, preallocated", KIND_PERCPU_HASH, SUPPLY_POOL],
  ["array", KIND_ARRAY, SUPPLY_CACHE],
  ["per-CPU array", KIND_PERCPU_ARRAY, SUPPLY_CACHE],
];
const HASHES = [KIND_HASH, KIND_PERCPU_HASH];
const PERCPU = [KIND_PERCPU_HASH, KIND_PERCPU_ARRAY];
const ALL = [...HASHES, KIND_ARRAY, KIND_PERCPU_ARRAY];

function pagesInUse({ core }: Arena): number {
  core.trimSlabs();
  return core.pagesInUse();
}

/** Waits for grace periods and gives back what is cached. */
function settle(arena: Arena): number {
  for (let round = 0; round < 4; round++) arena.trim();
  return pagesInUse(arena);
}

/** Kinds, key size, value size, max_entries, and what creating such a map returns: an errno, or 0 if there is a map. */
const REFUSED: readonly (readonly [
  kinds: readonly number[],
  key: number,
  value: number,
  most: number,
  errno: number,
])[] = [
  [ALL, 0, 8, 8, EINVAL],
  [ALL, 4, 0, 8, EINVAL],
  [ALL, 4, 8, 0, EINVAL],
  [HASHES, 4, 8, 0x10000001, E2BIG],
  [[KIND_ARRAY, KIND_PERCPU_ARRAY], 4, 8, 0xffffffff, ENOMEM],
  [HASHES, 4, LARGEST_ENTRY - 4, 1, E2BIG],
  [ALL, 4, 0xffffffff, 1, E2BIG],
  [[KIND_ARRAY], 4, LARGEST_ENTRY + 48, 1, 0],
  [HASHES, 0xffffffff, 8, 1, E2BIG],
  [HASHES, LARGEST_ENTRY - 8, 8, 1, E2BIG],
  [HASHES, 3, 5, 1, 0],
  [[KIND_HASH], LARGEST_ENTRY - 9, 8, 1, 0],
  [[KIND_ARRAY, KIND_PERCPU_ARRAY], 3, 8, 1, EINVAL],
  [[KIND_ARRAY, KIND_PERCPU_ARRAY], 8, 8, 1, EINVAL],
  [[KIND_HASH, KIND_ARRAY], 4, LARGEST_ENTRY - 5, 1, 0],
  [PERCPU, 4, LARGEST_PERCPU_VALUE + 1, 1, E2BIG],
  [PERCPU, 4, LARGEST_PERCPU_VALUE, 1, 0],
  [[0, 3, 15, 18, 0xffffffff], 4, 8, 1, EINVAL],
];

test("sizes and kinds that cannot be are refused as Linux refuses them, and take nothing", async () => {
  const arena = await makeArena();
  const before = pagesInUse(arena);
  for (const [kinds, keySize, valueSize, maxEntries, errno] of REFUSED)
    for (const kind of kinds) {
      const what = `kind ${kind}, key ${keySize}, value ${valueSize}, ${maxEntries} entries`;
      const address = arena.core.createMap(kind, keySize, valueSize, maxEntries, 0, SUPPLY_CACHE, 1, 0) >>> 0;
      assert.equal(address < SUPERBLOCK ? address : 0, errno, what);
      if (errno === 0) arena.core.discardMap(address);
      assert.equal(pagesInUse(arena), before, what);
    }
});

test("a supply that there is not is refused, a per-CPU hash from the slab too", async () => {
  const { core } = await makeArena();
  const create = (kind: number, supply: number): number => core.createMap(kind, 4, 8, 8, 0, supply, 1, 0);
  assert.deepEqual([create(KIND_HASH, SUPPLY_SLAB + 1), create(KIND_HASH, 0xffffffff)], [EINVAL, EINVAL]);
  assert.deepEqual([create(KIND_PERCPU_HASH, SUPPLY_SLAB), create(KIND_PERCPU_HASH, 3)], [EINVAL, EINVAL]);
});

for (const [name, kind, supply] of KINDS) {
  const sizes: RawSizes = { kind, supply, keySize: 4, valueSize: 2000, maxEntries: 40 };

  test(`${name}: creation with memory out at any page leaves nothing behind`, async () => {
    const arena = await makeArena();
    const before = pagesInUse(arena);
    let refused = 0;
    for (let room = 0; ; room++) {
      arena.core.setLimit(before + room);
      const address = createRaw(arena, sizes);
      if (address >= SUPERBLOCK) break;
      assert.equal(address, ENOMEM);
      assert.equal(pagesInUse(arena), before, `${room} pages`);
      refused++;
    }
    assert.ok(refused > 1, "the map takes more than a page");
  });

  test(`${name}: a map that is not published goes at once, one that was when it is closed and no reader is left`, async () => {
    const arena = await makeArena();
    const other = await Arena.attach(arena.handle());
    const before = settle(arena);
    arena.core.discardMap(arena.core.createMap(kind, 4, 2000, 40, 0, supply, 1, 0));
    assert.equal(pagesInUse(arena), before);
    const map = new RawMap(arena, sizes);
    for (let key = 0; key < 40; key++) assert.equal(map.update(key, 1), 0);
    for (const key of [map.key(0), map.value(0)]) arena.core.freeBytes(key);
    const full = pagesInUse(arena);
    assert.ok(full > before);
    other.core.readEnter();
    assert.deepEqual([arena.core.destroyMap(map.address), arena.core.destroyMap(map.address)], [0, -ENOENT]);
    assert.equal(arena.core.findMap(map.address + CONSTANTS.HEADER_SIZE), 0, "nobody finds it");
    arena.core.closeMap(map.address, arena.cpu);
    for (let round = 0; round < 4; round++) arena.poll();
    assert.equal(arena.core.reapMaps(), 1, "a reader may be inside");
    other.core.readLeave();
    assert.equal(settle(arena), before);
    assert.equal(arena.core.reapMaps(), 0);
  });
}

test("a sleepable reader holds a destroyed map up as well", async () => {
  const arena = await makeArena();
  const other = await Arena.attach(arena.handle());
  const map = new RawMap(arena, { kind: KIND_ARRAY, maxEntries: 4 * PAGE_BYTES });
  arena.core.closeMap(map.address, arena.cpu);
  other.core.traceEnter();
  arena.core.destroyMap(map.address);
  settle(arena);
  assert.equal(arena.core.reapMaps(), 1);
  other.core.traceLeave();
  settle(arena);
  assert.equal(arena.core.reapMaps(), 0);
});

test("the seed decides both halves of what keys are multiplied by, which is odd", async () => {
  const arena = await makeArena();
  const halves = [1, 2, 3].map((seed) => {
    const map = arena.core.createMap(KIND_HASH, 4, 8, 8, 0, SUPPLY_CACHE, seed, 0) + LAYOUT.MapHeader.multiplier;
    return [arena.word(map), arena.word(map + 4)] as const;
  });
  for (const half of [0, 1] as const) assert.equal(new Set(halves.map((each) => each[half])).size, 3);
  for (const [low] of halves) assert.equal(low % 2, 1);
});
