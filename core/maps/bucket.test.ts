/**
 * One bucket with more keys than slots, against a set of keys: after each step its cache line and chain contain exactly
 * these, a key that stays keeps its place, and every change moves the sequence on.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { LEVEL, makeArena, RawMap } from "../testing.ts";

const { KIND_HASH, SUPPLY_CACHE, SUPPLY_POOL, SLOT_COUNT, TAGS, ELEMENTS, OVERFLOW } = CONSTANTS;
const { ELEMENT_NEXT, ELEMENT_HASH, ELEMENT_KEY, EBUSY, ETIMEDOUT, ENOENT, NOEXIST, EEXIST } = CONSTANTS;
const KEYS = 20;

interface Content {
  /** Keys by slot, of slots in use. */
  readonly slots: ReadonlyMap<number, number>;
  readonly chain: readonly number[];
  readonly sequence: number;
}

/** A map all of whose keys are in its first bucket. */
function oneBucket(map: RawMap): RawMap {
  map.setField("bucketMask", 0);
  return map;
}

/** What the bucket contains; a tag is its element's hash, and nobody has the lock. */
function contentOf(map: RawMap): Content {
  const { arena } = map;
  const bucket = map.field("buckets");
  const control = arena.word(bucket);
  const keyOf = (element: number): number => arena.word(element + ELEMENT_KEY);
  assert.equal(control >>> 6, 0, "unlocked");
  const slots = new Map<number, number>();
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if ((control & (1 << slot)) === 0) continue;
    const element = arena.word(bucket + ELEMENTS + slot * 4);
    assert.equal(arena.word(bucket + TAGS + slot * 4), arena.word(element + ELEMENT_HASH));
    slots.set(slot, keyOf(element));
  }
  const chain: number[] = [];
  for (let element = arena.word(bucket + OVERFLOW); element !== 0; element = arena.word(element + ELEMENT_NEXT))
    chain.push(keyOf(element));
  return { slots, chain, sequence: arena.word(bucket + 4) };
}

/** Inserts or deletes the key of that number. */
const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(KEYS - 1)), { minLength: 20, maxLength: 80, size: "max" });

/** What a step makes of the bucket before it: first free slot, else the head of the chain. */
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
          const map = oneBucket(new RawMap(arena, { kind: KIND_HASH, keySize, valueSize, maxEntries: KEYS, supply }));
          const model = new Map<number, number>();
          for (const [turn, [insert, key]] of sequence.entries()) {
            const before = contentOf(map);
            const isThere = model.has(key);
            assert.equal(insert ? map.update(key, turn) : map.delete(key), insert || isThere ? 0 : -ENOENT);
            if (insert) model.set(key, turn);
            else model.delete(key);
            const { sequence: after, ...content } = contentOf(map);
            const expected = expectedContent(before, insert, key);
            assert.deepEqual([[...content.slots].sort(), content.chain], [[...expected.slots].sort(), expected.chain]);
            // A large value is replaced by a new element; a small one changes nothing of the bucket.
            const changes = insert === isThere ? isThere && valueSize > 8 : true;
            assert.equal(after - before.sequence, changes && (insert || isThere) ? 1 : 0, `step ${turn}`);
          }
          for (let key = 0; key < KEYS; key++) {
            const value = model.get(key);
            assert.deepEqual(map.get(key), value === undefined ? -ENOENT : [value]);
            assert.equal(map.lookup(key) !== 0, value !== undefined);
            assert.equal(map.update(key, 1, NOEXIST), value === undefined ? 0 : -EEXIST);
          }
          assert.equal(contentOf(map).chain.length, KEYS - SLOT_COUNT);
          arena.core.closeMap(map.address, arena.cpu);
          arena.destroyMap("raw");
        }),
        { numRuns: 15 },
      );
    });

for (const keySize of [8, 12])
  test(`keys of ${keySize} bytes whose hashes are equal are told apart by their bytes, on every path`, async () => {
    const arena = await makeArena();
    const map = oneBucket(new RawMap(arena, { kind: KIND_HASH, keySize, maxEntries: 1000 }));
    assert.equal(map.field("fastKey"), keySize === 8 ? 8 : 0);
    for (let key = 0; key < SLOT_COUNT; key++) map.update(key, key);
    // As if all of them had the hash of the last slot's: tags and elements say so.
    const bucket = map.field("buckets");
    const last = SLOT_COUNT - 1;
    const hash = arena.word(bucket + TAGS + last * 4);
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      new Uint32Array(arena.memory.buffer, bucket + TAGS + slot * 4, 1)[0] = hash;
      const element = arena.word(bucket + ELEMENTS + slot * 4);
      new Uint32Array(arena.memory.buffer, element + ELEMENT_HASH, 1)[0] = hash;
    }
    assert.deepEqual([map.get(last), map.byteAt(map.lookup(last))], [[last], last]);
    assert.deepEqual([map.delete(last), map.get(last), map.lookup(last)], [0, -ENOENT, 0]);
    assert.deepEqual([...contentOf(map).slots.values()], [0, 1, 2, 3, 4]);
    assert.deepEqual([map.update(last, 9), map.get(last), map.count()], [0, [9], SLOT_COUNT]);
    assert.deepEqual([map.update(last, 8), map.get(last), map.count()], [0, [8], SLOT_COUNT]);
    const values = Array.from({ length: SLOT_COUNT }, (_, slot) => {
      return map.byteAt(arena.word(bucket + ELEMENTS + slot * 4) + map.field("valueOffset"));
    });
    assert.deepEqual(values, [0, 1, 2, 3, 4, 8]);
  });

test("while the bucket is locked lookups answer, and an update or delete waits as long as its context may", async () => {
  const arena = await makeArena();
  const map = oneBucket(new RawMap(arena, { kind: KIND_HASH, maxEntries: KEYS }));
  for (let key = 0; key < 10; key++) map.update(key, key);
  const control = new Uint32Array(arena.memory.buffer, map.field("buckets"), 1);
  const [unlocked = 0] = control;
  const owners = [
    ["this CPU itself, further down", 0, LEVEL.task, EBUSY],
    ["another CPU, in an NMI", 1, LEVEL.nmi, EBUSY],
    ["another CPU, dead", 1, LEVEL.task, ETIMEDOUT],
  ] as const;
  for (const [name, cpu, level, errno] of owners) {
    control[0] = unlocked | ((cpu + 1) << 8);
    arena.core.contextSet(level, 0);
    assert.equal(map.update(1, 5), -errno, name);
    if (errno === EBUSY)
      assert.deepEqual([map.update(12, 5), map.delete(1), map.delete(9)], Array(3).fill(-errno), name);
    assert.deepEqual([map.get(1), map.get(9), map.get(12)], [[1], [9], -ENOENT], name);
    control[0] = unlocked;
    arena.settle();
  }
  assert.deepEqual([map.update(1, 5), map.get(1), map.count()], [0, [5], 10]);
});
