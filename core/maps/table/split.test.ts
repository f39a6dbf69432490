/** Tables that grow and shrink: against a set of keys, and each bucket against what its number and depth say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { bucketsOf, LEVEL, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, SUPPLY_CACHE, SUPPLY_POOL, SLOT_COUNT, SLOT_SHIFT, DEAD, SHIFT_MASK, OVERFLOW } = CONSTANTS;
const { ELEMENTS, ELEMENT_HASH, ELEMENT_NEXT, ELEMENTS_PER_BUCKET_LARGE, SEGMENT_BUCKETS, NOEXIST } = CONSTANTS;

/** A table goes by places, of which a CPU has some that it does not use. */
const SLACK = 3 * CONSTANTS.BATCH;

/** How many buckets the root says there are. */
function bucketCount(map: RawMap): number {
  return map.field("root");
}

/** Checks that every element is in the one bucket that has its hash, and the buckets are those below the root's number. */
function checkTable(map: RawMap): { chained: number; elements: number } {
  const { arena } = map;
  let [chained, elements] = [0, 0];
  for (const [index, bucket] of bucketsOf(map).entries()) {
    const control = arena.word(bucket);
    assert.equal((control & DEAD) !== 0, index >= bucketCount(map), `bucket ${index} of ${bucketCount(map)}`);
    if ((control & DEAD) !== 0) continue;
    const depth = 32 - (control & SHIFT_MASK);
    const check = (element: number): void => {
      elements++;
      const hash = arena.word(element + ELEMENT_HASH);
      assert.equal(BigInt(hash) % (1n << BigInt(depth)), BigInt(index), "each element is at home");
    };
    for (let slot = 0; slot < SLOT_COUNT; slot++)
      if ((control & (1 << (SLOT_SHIFT + slot))) !== 0) check(arena.word(bucket + ELEMENTS + slot * 4));
    for (let each = arena.word(bucket + OVERFLOW); each !== 0; each = arena.word(each + ELEMENT_NEXT)) {
      check(each);
      chained++;
    }
  }
  assert.equal(elements, map.count());
  return { chained, elements };
}

/** Every key of a walk. */
function walk(map: RawMap): number[] {
  const keys: number[] = [];
  let from = 0;
  do {
    const { result, entries, next } = map.scan(from, 4096);
    assert.ok(result >= 0);
    keys.push(...entries.map(([key]) => key));
    from = next;
  } while (from !== 0);
  return keys;
}

for (const keySize of [4, 8, 12])
  test(`keys of ${keySize} bytes: a table grows with its elements and shrinks with them, and has every key all the while`, async () => {
    const arena = await makeArena();
    const map = new RawMap(arena, { kind: KIND_HASH, keySize, maxEntries: 100_000 });
    const [least, most] = [map.field("leastBuckets"), map.field("mostBuckets")];
    assert.deepEqual([bucketCount(map), least, most], [SEGMENT_BUCKETS, SEGMENT_BUCKETS, 20_000]);
    const sizes = fc.array(fc.integer({ min: 0, max: 12_000 }), { minLength: 3, maxLength: 5 });
    let largest = 0;
    let chained = 0;
    fc.assert(
      fc.property(sizes, (wanted) => {
        let size = map.count();
        for (const next of wanted) {
          for (; size < next; size++) assert.equal(map.update(size, 1, NOEXIST), 0);
          for (; size > next; size--) assert.equal(map.delete(size - 1), 0);
          chained += checkTable(map).chained;
          largest = Math.max(largest, bucketCount(map));
          const buckets = bucketCount(map);
          assert.ok(buckets >= Math.min(most, (size - SLACK) / ELEMENTS_PER_BUCKET_LARGE), `${buckets} for ${size}`);
          assert.ok(buckets <= Math.max(least, (size + SLACK) / 1.5 + 1), `${buckets} for ${size}`);
          assert.deepEqual(
            walk(map).sort((a, b) => a - b),
            Array.from({ length: size }, (_, key) => key),
          );
          for (let key = 0; key < 13_000; key += 97) assert.equal(map.lookup(key) !== 0, key < size, `key ${key}`);
        }
      }),
      { numRuns: 6 },
    );
    assert.ok(largest > 1000 && chained > 0, `${largest} buckets, ${chained} elements on chains`);
  });

test("deletes that give places back shrink the table to what is taken then, before the next ones do", async () => {
  const map = new RawMap(await makeArena(), { kind: KIND_HASH, maxEntries: 100_000 });
  for (let key = 0; key < 6000; key++) map.update(key, 1);
  for (let key = 0; key < 6000; key++) {
    const [taken, buckets] = [map.field("places"), bucketCount(map)];
    assert.equal(map.delete(key), 0);
    if (map.field("places") === taken || buckets === SEGMENT_BUCKETS) continue;
    assert.ok(taken >= Math.floor(1.5 * buckets), `${buckets} buckets for ${taken} places, key ${key}`);
  }
});

test("a table has no more buckets than there are numbers for, however many entries it may have", async () => {
  const map = new RawMap(await makeArena(), { kind: KIND_HASH, maxEntries: 0x10000000 });
  assert.equal(map.field("mostBuckets"), CONSTANTS.INDEX_MASK + 1);
});

test("a walk over a table that grows and shrinks gives every key that stays once", async () => {
  const arena = await makeArena();
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 100_000 });
  for (let key = 0; key < 2000; key++) map.update(key, 1);
  for (const change of [1, -1]) {
    const before = bucketCount(map);
    const seen = new Map<number, number>();
    let [from, step] = [0, 0];
    do {
      const { entries, next } = map.scan(from, 16 * 40);
      for (const [key] of entries) seen.set(key, (seen.get(key) ?? 0) + 1);
      for (let index = 0; index < 100 && step < 10_000; index++, step++) {
        const key = 10_000 + step;
        assert.equal(change > 0 ? map.update(key, 1) : map.delete(key), 0);
      }
      from = next;
    } while (from !== 0);
    for (let key = 0; key < 2000; key++) assert.equal(seen.get(key), 1, `key ${key}`);
    assert.ok([...seen.values()].every((times) => times === 1));
    assert.ok((bucketCount(map) - before) * change > 100, `${before} buckets before, ${bucketCount(map)} after`);
    for (; change > 0 && step < 10_000; step++) map.update(10_000 + step, 1);
  }
});

test("a table of a segment or less, and a preallocated one, has its size from the start", async () => {
  const arena = await makeArena();
  const rows = [
    [1, SUPPLY_CACHE, 2],
    [20, SUPPLY_CACHE, 8],
    [1024, SUPPLY_CACHE, 256],
    [10_000, SUPPLY_POOL, 4096],
  ] as const;
  for (const [maxEntries, supply, buckets] of rows) {
    const map = new RawMap(arena, { kind: KIND_HASH, maxEntries, supply, name: `${maxEntries}` });
    for (let key = 0; key < maxEntries; key++) assert.equal(map.update(key, 1), 0);
    assert.deepEqual([bucketCount(map), map.field("mostBuckets")], [buckets, buckets]);
    assert.equal(checkTable(map).elements, maxEntries);
  }
});

test("where no work may run the table waits, with longer chains, and grows when interrupts come on", async () => {
  const arena = await makeArena();
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 100_000 });
  assert.equal(arena.core.mapPrefill(map.address, 3000), 0);
  arena.core.contextSet(LEVEL.nmi, 0);
  for (let key = 0; key < 3000; key++) assert.equal(map.update(key, 1), 0);
  assert.equal(bucketCount(map), SEGMENT_BUCKETS);
  assert.equal(arena.core.workPending(), 1);
  arena.core.contextSet(LEVEL.task, 0);
  arena.core.interruptsCameOn();
  for (let turn = 0; turn < 100 && arena.core.workPending() !== 0; turn++) arena.core.timerTick();
  assert.ok(bucketCount(map) >= 3000 / ELEMENTS_PER_BUCKET_LARGE - 16, `${bucketCount(map)} buckets`);
  checkTable(map);
});

test("out of memory leaves a table that works, and what it took goes back with the map", async () => {
  const arena = await makeArena();
  const pages = arena.core.pagesInUse();
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 100_000 });
  for (let key = 0; key < 1000; key++) map.update(key, 1);
  assert.equal(arena.core.mapPrefill(map.address, 4000), 0);
  arena.core.setLimit(arena.core.pagesInUse());
  for (let key = 1000; key < 4000; key++) assert.equal(map.update(key, 1), 0);
  assert.equal(bucketCount(map), SEGMENT_BUCKETS);
  assert.ok(checkTable(map).chained > 1000);
  for (let key = 0; key < 4000; key++) assert.ok(map.lookup(key) !== 0);
  arena.core.setLimit(0xffff);
  for (let key = 4000; key < 8000; key++) assert.equal(map.update(key, 1), 0);
  assert.ok(bucketCount(map) > 1400);
  checkTable(map);
  arena.core.closeMap(map.address, arena.cpu);
  arena.destroyMap("raw");
  for (let turn = 0; turn < 4; turn++) arena.core.timerTick();
  assert.equal(arena.core.reapMaps(), 0);
  arena.core.trimSlabs();
  const kept = arena.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.usedPages) - pages;
  assert.ok(kept <= 2, `${kept} pages kept`);
});

test("of a dead migrator's table its directory is read to its end, and what lies behind that is none of it", async () => {
  const arena = await makeArena({ cpus: 2 });
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: 2 * 3 * SEGMENT_BUCKETS });
  for (let key = 0; key < map.field("maxEntries"); key++) assert.equal(map.update(key, 1), 0);
  assert.deepEqual([map.field("mostBuckets"), map.field("segments")], [2 * SEGMENT_BUCKETS, 2]);
  const behind = new Uint32Array(arena.memory.buffer, map.field("directory") + 8, 1);
  const migrator = new Uint32Array(arena.memory.buffer, map.address + LAYOUT.MapHeader.migrator, 1);
  const victim = arena.takeCpu();
  arena.switchCpu(0);
  [behind[0], migrator[0]] = [map.address, victim + 1];
  assert.equal(arena.core.reapCpu(victim, arena.word(arena.core.cpuAreaAddress(victim) + LAYOUT.CpuArea.owner)), 0);
  assert.deepEqual([map.field("segments"), migrator[0]], [2, 0]);
  behind[0] = 0;
});
