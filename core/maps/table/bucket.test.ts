/**
 * One bucket with more keys than slots, against a set of keys: after each step its cache line and chain contain exactly
 * these, a key that stays keeps its place, and every change moves the sequence on.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { keysTogether, LEVEL, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, SUPPLY_CACHE, SUPPLY_POOL, SLOT_COUNT, SLOT_SHIFT, TAG_SHIFT, TAGS, ELEMENTS, OVERFLOW } = CONSTANTS;
const { ELEMENT_NEXT, ELEMENT_HASH, ELEMENT_KEY, EBUSY, ETIMEDOUT, ENOENT, NOEXIST, EEXIST, OWNER_SHIFT } = CONSTANTS;
const KEYS = 20;

interface Content {
  /** Keys by slot, of slots in use. */
  readonly slots: ReadonlyMap<number, number>;
  readonly chain: readonly number[];
  readonly sequence: number;
}

/** A slot's tag. */
function tagOf({ arena }: RawMap, bucket: number, slot: number): Uint16Array {
  return new Uint16Array(arena.memory.buffer, bucket + TAGS + slot * 2, 1);
}

/** What the bucket contains; a tag is part of its element's hash, and nobody has the lock. */
function contentOf(map: RawMap, bucket: number): Content {
  const { arena } = map;
  const control = arena.word(bucket);
  const keyOf = (element: number): number => arena.word(element + ELEMENT_KEY);
  assert.equal(control >>> OWNER_SHIFT, 0, "unlocked");
  const slots = new Map<number, number>();
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if ((control & (1 << (SLOT_SHIFT + slot))) === 0) continue;
    const element = arena.word(bucket + ELEMENTS + slot * 4);
    assert.equal(tagOf(map, bucket, slot)[0], (arena.word(element + ELEMENT_HASH) >>> TAG_SHIFT) & 0xffff);
    slots.set(slot, keyOf(element));
  }
  const chain: number[] = [];
  const places: number[] = [];
  for (let element = arena.word(bucket + OVERFLOW); element !== 0; element = arena.word(element + ELEMENT_NEXT)) {
    chain.push(keyOf(element));
    places.push(placeOf(arena.word(element + ELEMENT_HASH)));
  }
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
    "split order",
  );
  return { slots, chain, sequence: arena.word(bucket + 4) };
}

/** A hash with its bits reversed: chains are in this order. */
function placeOf(hash: number): number {
  return Number.parseInt([...hash.toString(2).padStart(32, "0")].reverse().join(""), 2);
}

/** Inserts or deletes the key of that number. */
const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(KEYS - 1)), { minLength: 20, maxLength: 80, size: "max" });

/** What a step makes of the bucket before it: first free slot, else the chain, in any order. */
function expectedContent({ slots, chain }: Content, insert: boolean, key: number): Omit<Content, "sequence"> {
  const left = new Map([...slots].filter(([, each]) => each !== key));
  if (!insert) return { slots: left, chain: chain.filter((each) => each !== key) };
  if (left.size < slots.size || chain.includes(key)) return { slots, chain };
  const free = Array.from({ length: SLOT_COUNT }, (_, slot) => slot).find((slot) => !slots.has(slot));
  return free === undefined ? { slots, chain: [key, ...chain] } : { slots: new Map([...slots, [free, key]]), chain };
}

for (const keySize of [4, 8, 12])
  for (const supply of [SUPPLY_CACHE, SUPPLY_POOL])
    test(`keys of ${keySize} bytes, ${supply === SUPPLY_POOL ? "preallocated" : "dynamic"}: slots first, then the chain`, async () => {
      const arena = await makeArena();
      fc.assert(
        fc.property(steps, fc.constantFrom(8, 24), (sequence, valueSize) => {
          const map = new RawMap(arena, { kind: KIND_HASH, keySize, valueSize, maxEntries: KEYS, supply });
          const { keys, bucket } = keysTogether(map, KEYS);
          const model = new Map<number, number>();
          for (const [turn, [insert, number]] of sequence.entries()) {
            const key = keys[number] as number;
            const before = contentOf(map, bucket);
            const isThere = model.has(key);
            assert.equal(insert ? map.update(key, turn) : map.delete(key), insert || isThere ? 0 : -ENOENT);
            if (insert) model.set(key, turn);
            else model.delete(key);
            const { sequence: after, ...content } = contentOf(map, bucket);
            const expected = expectedContent(before, insert, key);
            assert.deepEqual([...content.slots].sort(), [...expected.slots].sort());
            assert.deepEqual([...content.chain].sort(), [...expected.chain].sort());
            // A large value is replaced by a new element; a small one changes nothing of the bucket.
            const changes = insert === isThere ? isThere && valueSize > 8 : true;
            assert.equal(after - before.sequence, changes && (insert || isThere) ? 1 : 0, `step ${turn}`);
          }
          for (const key of keys) {
            const value = model.get(key);
            assert.deepEqual(map.get(key), value === undefined ? -ENOENT : [value]);
            assert.equal(map.lookup(key) !== 0, value !== undefined);
            assert.equal(map.update(key, 1, NOEXIST), value === undefined ? 0 : -EEXIST);
          }
          assert.equal(contentOf(map, bucket).chain.length, KEYS - SLOT_COUNT);
          arena.core.closeMap(map.address, arena.cpu);
          arena.destroyMap("raw");
        }),
        { numRuns: 15 },
      );
    });

for (const keySize of [4, 8, 12])
  test(`keys of ${keySize} bytes whose tags are equal are told apart by their bytes, on every path`, async () => {
    const arena = await makeArena();
    const map = new RawMap(arena, { kind: KIND_HASH, keySize, maxEntries: 1000 });
    assert.equal(map.field("fastKey"), keySize === 12 ? 0 : keySize);
    const { keys, bucket } = keysTogether(map, SLOT_COUNT);
    for (const [slot, key] of keys.entries()) map.update(key, slot);
    // As if all of them had the tag of the last slot's.
    const last = SLOT_COUNT - 1;
    const key = keys[last] as number;
    const [tag = 0] = tagOf(map, bucket, last);
    for (let slot = 0; slot < SLOT_COUNT; slot++) tagOf(map, bucket, slot)[0] = tag;
    const keysLeft = (): number[] =>
      Array.from({ length: SLOT_COUNT }, (_, slot) => slot)
        .filter((slot) => (arena.word(bucket) & (1 << (SLOT_SHIFT + slot))) !== 0)
        .map((slot) => arena.word(arena.word(bucket + ELEMENTS + slot * 4) + ELEMENT_KEY));
    assert.deepEqual([map.get(key), map.byteAt(map.lookup(key))], [[last], last]);
    assert.deepEqual([map.delete(key), map.get(key), map.lookup(key)], [0, -ENOENT, 0]);
    assert.deepEqual(keysLeft(), keys.slice(0, last));
    assert.deepEqual([map.update(key, 9), map.get(key), map.count()], [0, [9], SLOT_COUNT]);
    assert.deepEqual([map.update(key, 8), map.get(key), map.count()], [0, [8], SLOT_COUNT]);
    const values = Array.from({ length: SLOT_COUNT }, (_, slot) => {
      return map.byteAt(arena.word(bucket + ELEMENTS + slot * 4) + map.field("valueOffset"));
    });
    assert.deepEqual(values, [0, 1, 2, 3, 4, 5, 6, 8]);
  });

test("while the bucket is locked lookups answer, and an update or delete waits as long as its context may", async () => {
  const arena = await makeArena();
  const map = new RawMap(arena, { kind: KIND_HASH, maxEntries: KEYS });
  const { keys, bucket } = keysTogether(map, 11);
  const [slotted = 0, , , , , , , , , chained = 0, absent = 0] = keys;
  for (const key of keys.slice(0, 10)) map.update(key, 7);
  const control = new Uint32Array(arena.memory.buffer, bucket, 1);
  const [unlocked = 0] = control;
  const owners = [
    ["this CPU itself, further down", 0, LEVEL.task, EBUSY],
    ["another CPU, in an NMI", 1, LEVEL.nmi, EBUSY],
    ["another CPU, dead", 1, LEVEL.task, ETIMEDOUT],
  ] as const;
  for (const [name, cpu, level, errno] of owners) {
    control[0] = unlocked | ((cpu + 1) << OWNER_SHIFT);
    arena.core.contextSet(level, 0);
    assert.equal(map.update(slotted, 5), -errno, name);
    if (errno === EBUSY)
      assert.deepEqual([map.update(absent, 5), map.delete(slotted), map.delete(chained)], Array(3).fill(-errno), name);
    assert.deepEqual([map.get(slotted), map.get(chained), map.get(absent)], [[7], [7], -ENOENT], name);
    control[0] = unlocked;
    arena.settle();
  }
  assert.deepEqual([map.update(slotted, 5), map.get(slotted), map.count()], [0, [5], 10]);
});
