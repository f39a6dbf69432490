/** Walks over a hash with little room: every key once, and -ENOSPC only where one bucket does not fit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { bucketsOf, keysTogether, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, KIND_PERCPU_HASH, ENOSPC, SLOT_MASK, OVERFLOW, ELEMENT_NEXT } = CONSTANTS;

/** The number of a place's bucket among 2^depth that all have the same depth, and the other way round. */
function reversed(index: number, depth: number): number {
  return Number.parseInt([...index.toString(2).padStart(depth, "0")].reverse().join(""), 2);
}

/** Keys in each bucket, in the order of a walk. */
function bucketSizes(map: RawMap): number[] {
  const { arena } = map;
  const buckets = bucketsOf(map);
  return buckets.map((_, place) => {
    const bucket = buckets[reversed(place, Math.log2(buckets.length))] as number;
    let count = (arena.word(bucket) & SLOT_MASK).toString(2).replaceAll("0", "").length;
    let element = arena.word(bucket + OVERFLOW);
    for (; element !== 0; element = arena.word(element + ELEMENT_NEXT)) count++;
    return count;
  });
}

/** What a step from place `from` gives: whole buckets as long as room is left over behind them, and where it stops. */
function expectedStep(sizes: readonly number[], from: number, room: number): { count: number; next: number } {
  const range = 2 ** 32 / sizes.length;
  let count = 0;
  let index = from / range;
  while (index < sizes.length && (sizes[index] ?? 0) < room - count) count += sizes[index++] ?? 0;
  if (index === from / range && index < sizes.length) return { count: -ENOSPC, next: 0 };
  return { count, next: index < sizes.length ? index * range : 0 };
}

const keys = fc.uniqueArray(fc.nat(100_000), { maxLength: 60, size: "max" });

for (const [name, kind] of [
  ["hash", KIND_HASH],
  ["per-CPU hash", KIND_PERCPU_HASH],
] as const)
  test(`${name}: every key is given once with its values, whatever the room`, async () => {
    const arena = await makeArena();
    let full = 0;
    fc.assert(
      fc.property(keys, fc.constantFrom(4, 8, 12), fc.constantFrom(2, 5, 8, 20, 100), (wanted, keySize, room) => {
        const map = new RawMap(arena, { kind, keySize, valueSize: 12, maxEntries: 64 });
        for (const key of wanted)
          map.update(
            key,
            Array.from({ length: map.copies }, (_, cpu) => (key & 0x7f) + cpu),
          );
        const sizes = bucketSizes(map);
        const entryBytes = (keySize === 12 ? 16 : 8) + 16 * map.copies;
        assert.equal(arena.core.mapEntryBytes(map.address), entryBytes);
        const walked = new Map<number, readonly number[]>();
        let from = 0;
        let more = 0;
        do {
          const step = map.scan(from, (room + more) * entryBytes + 5);
          const expected = expectedStep(sizes, from, room + more);
          assert.equal(step.result, expected.count);
          if (step.result === -ENOSPC) {
            full++;
            more++;
            continue;
          }
          assert.equal(step.next, expected.next);
          for (const [key, ...values] of step.entries) {
            assert.ok(!walked.has(key), `key ${key} twice`);
            walked.set(key, values);
          }
          from = step.next;
        } while (from !== 0 || (walked.size === 0 && wanted.length > 0));
        assert.deepEqual([...walked.keys()].sort(), [...wanted].sort());
        for (const [key, values] of walked)
          assert.deepEqual(
            values,
            Array.from({ length: map.copies }, (_, cpu) => (key & 0x7f) + cpu),
          );
        arena.core.closeMap(map.address, arena.cpu);
        arena.destroyMap("raw");
      }),
      { numRuns: 60 },
    );
    assert.ok(full > 0, "some room was too small");
  });

test("an empty hash is walked in one step that gives nothing; room for no entry at all is too small even then", async () => {
  const map = new RawMap(await makeArena(), { kind: KIND_HASH, maxEntries: 100 });
  assert.deepEqual(map.scan(0, 1000), { result: 0, entries: [], next: 0 });
  for (const bytes of [0, 15]) assert.equal(map.scan(0, bytes).result, -ENOSPC);
});

test("a bucket that fills the room to the brim may have been cut off: it comes with the next step or with more room", async () => {
  const map = new RawMap(await makeArena(), { kind: KIND_HASH, maxEntries: 20 });
  const { keys, bucket } = keysTogether(map, 15);
  for (const key of keys) map.update(key, key);
  const index = bucketsOf(map).indexOf(bucket);
  const from = reversed(index, 2) * 2 ** 30;
  for (const room of [1, 8, 14, 15]) assert.equal(map.scan(from, room * 16).result, -ENOSPC, `room for ${room}`);
  const { result, next, entries } = map.scan(from, 16 * 16);
  assert.deepEqual([result, next], [15, 0]);
  assert.deepEqual(entries.map(([key]) => key).sort(), [...keys].sort());
});
