/** Arrays of both kinds against a JavaScript array: bounds, flags, copies, and walks with little room. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { makeArena, RawMap } from "../testing.ts";

const { KIND_ARRAY, KIND_PERCPU_ARRAY, E2BIG, EEXIST, EINVAL, ENOENT, ENOSPC, NOEXIST, EXIST, PAGE_BYTES } = CONSTANTS;
const CPUS = 2;
const KINDS = [
  ["array", KIND_ARRAY],
  ["per-CPU array", KIND_PERCPU_ARRAY],
] as const;

/** What an update returns; the flags are looked at first. */
function expectedErrno(index: number, flags: number, maxEntries: number): number {
  if (flags > EXIST) return -EINVAL;
  if (index >= maxEntries) return -E2BIG;
  return flags === NOEXIST ? -EEXIST : 0;
}

const sizes = fc.record({
  valueSize: fc.constantFrom(1, 3, 4, 8, 9, 100),
  maxEntries: fc.constantFrom(1, 2, 7, 1000),
});
const update = fc.record({
  index: fc.oneof(fc.nat(8), fc.constantFrom(999, 1000, 0x7fffffff, 0xffffffff)),
  byte: fc.nat(255),
  flags: fc.constantFrom(0, 0, NOEXIST, EXIST, 3, 0xffffffff),
});

for (const [name, kind] of KINDS)
  test(`${name}: every index below max_entries is there, none beyond, and only its own value changes`, async () => {
    const arena = await makeArena({ cpus: CPUS });
    fc.assert(
      fc.property(sizes, fc.array(update, { maxLength: 30 }), ({ valueSize, maxEntries }, updates) => {
        const map = new RawMap(arena, { kind, valueSize, maxEntries });
        const model = new Map<number, number[]>();
        for (const { index, byte, flags } of updates) {
          const values = Array.from({ length: map.copies }, (_, cpu) => byte ^ cpu);
          const expected = expectedErrno(index, flags, maxEntries);
          assert.equal(map.update(index, values, flags), expected);
          if (expected === 0) model.set(index, values);
        }
        for (let index = 0; index < Math.min(maxEntries, 10); index++)
          assert.deepEqual(map.get(index), model.get(index) ?? Array<number>(map.copies).fill(0));
        for (const index of [maxEntries, maxEntries + 1, 0xffffffff])
          assert.deepEqual([map.get(index), map.lookup(index)], [-ENOENT, 0]);
        assert.deepEqual([map.delete(0), map.delete(maxEntries)], [-EINVAL, -EINVAL]);
        assert.equal(map.count(), maxEntries);
        arena.core.closeMap(map.address, arena.cpu);
        arena.destroyMap("raw");
      }),
      { numRuns: 60 },
    );
  });

test("values lie behind each other, rounded up to 8 bytes", async () => {
  const map = new RawMap(await makeArena(), { kind: KIND_ARRAY, valueSize: 12, maxEntries: 5 });
  const first = map.lookup(0);
  assert.equal(first % 8, 0);
  assert.deepEqual(
    [1, 2, 3, 4].map((index) => map.lookup(index)),
    [first + 16, first + 32, first + 48, first + 64],
  );
});

test("per-CPU array: a program reads and writes its own CPU's copy, a page or more from the others'", async () => {
  const arena = await makeArena({ cpus: CPUS });
  arena.takeCpu(1);
  for (const valueSize of [4, 12, 9000]) {
    const map = new RawMap(arena, { kind: KIND_PERCPU_ARRAY, valueSize, maxEntries: 3, name: `${valueSize}` });
    const found: number[] = [];
    for (const cpu of [0, 1]) {
      arena.switchCpu(cpu);
      assert.equal(arena.core.percpuArrayUpdate(map.address, map.key(2), map.value(cpu + 5), 0), 0);
      assert.equal(arena.core.percpuArrayUpdate(map.address, map.key(3), map.value(9), 0), -E2BIG);
      found.push(map.lookup(2));
    }
    const [first = 0, second = 0] = found;
    assert.equal(second - first, map.field("copyStride"));
    assert.equal(map.field("copyStride") % PAGE_BYTES, 0);
    assert.deepEqual([map.byteAt(first), map.byteAt(second)], [5, 6]);
    assert.deepEqual(
      [map.get(0), map.get(1), map.get(2)],
      [
        [0, 0],
        [0, 0],
        [5, 6],
      ],
    );
  }
});

test("per-CPU array: a copy takes the pages that its values need, and no more", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const pages = ([valueSize, maxEntries]: readonly [number, number]): number => {
    const map = new RawMap(arena, {
      kind: KIND_PERCPU_ARRAY,
      valueSize,
      maxEntries,
      name: `${valueSize} ${maxEntries}`,
    });
    return map.field("copyStride") / PAGE_BYTES;
  };
  const whole = PAGE_BYTES / 8;
  const sizes = [
    [8, 1],
    [8, whole - 1],
    [8, whole],
    [8, whole + 1],
    [4, 2 * whole],
    [9000, 3],
  ] as const;
  assert.deepEqual(sizes.map(pages), [1, 1, 1, 2, 2, 2]);
});

for (const [name, kind] of KINDS)
  test(`${name}: a walk gives every index once in order, as many at a time as there is room for`, async () => {
    const arena = await makeArena({ cpus: CPUS });
    const map = new RawMap(arena, { kind, valueSize: 12, maxEntries: 10 });
    for (let index = 0; index < 10; index++) map.update(index, index * 3);
    const entryBytes = 8 + 16 * map.copies;
    assert.equal(arena.core.mapEntryBytes(map.address), entryBytes);
    assert.equal(map.scan(0, entryBytes - 1).result, -ENOSPC);
    for (const from of [10, 11, 0xffffffff]) assert.equal(map.scan(from, 10 * entryBytes).result, -EINVAL);
    for (const room of [1, 3, 5, 10, 50]) {
      const walked: (readonly number[])[] = [];
      let from = 0;
      do {
        const { result, entries, next } = map.scan(from, room * entryBytes + 7);
        assert.equal(result, Math.min(room, 10 - from));
        walked.push(...entries);
        assert.equal(next, from + result < 10 ? from + result : 0);
        from = next;
      } while (from !== 0);
      assert.deepEqual(
        walked,
        Array.from({ length: 10 }, (_, index) => [index, ...Array<number>(map.copies).fill(index * 3)]),
      );
    }
  });

test("after an index comes the next, after none and what is beyond the end the first, after the last none", async () => {
  const arena = await makeArena();
  const map = new RawMap(arena, { kind: CONSTANTS.KIND_ARRAY, maxEntries: 3 });
  const into = arena.allocate(8);
  const after = (key: number): number => {
    const result = arena.core.arrayNextKey(map.address, key, into);
    return result === 0 ? arena.word(into) : result;
  };
  assert.deepEqual([after(0), after(map.key(0)), after(map.key(1))], [0, 1, 2]);
  assert.deepEqual([after(map.key(2)), after(map.key(3)), after(map.key(0xffffffff))], [-CONSTANTS.ENOENT, 0, 0]);
});
