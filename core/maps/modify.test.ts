/** Read-modify-write by the core's own functions: what each answers, and that an entry has what it should have afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { keysTogether, makeArena, RawMap } from "../testing.ts";

const { KIND_HASH, KIND_ARRAY, SUPPLY_CACHE, SUPPLY_POOL, SUBTRACTS, EXCHANGES } = CONSTANTS;
const { EAGAIN, ENOENT, ERANGE, E2BIG, EINVAL } = CONSTANTS;
const U32 = 2;
const U64 = 3;
const VALUE_SIZE = 24;

/** A map with values of three words, and room for changes. */
class Words {
  readonly map: RawMap;
  readonly #room: number;

  constructor(map: RawMap) {
    this.map = map;
    this.#room = map.arena.allocate(16 + VALUE_SIZE);
  }

  /** What the change answers, and the word that it leaves. */
  change(key: number, offset: number, change: number, ...given: readonly bigint[]): [number, bigint] {
    const { arena, address } = this.map;
    const room = new BigUint64Array(arena.memory.buffer, this.#room, 2);
    room.set(given);
    const call = this.map.field("kind") === KIND_ARRAY ? arena.core.arrayChange : arena.core.hashChange;
    return [call(address, this.map.key(key), offset, change, this.#room), room[0] as bigint];
  }

  words(key: number): bigint[] {
    const value = this.map.lookup(key);
    assert.notEqual(value, 0, `key ${key} is there`);
    return [...new BigUint64Array(this.map.arena.memory.buffer, value, VALUE_SIZE / 8)];
  }

  /** Expected and new value: words. */
  compare(key: number, expected: readonly bigint[], value?: readonly bigint[]): number {
    const { arena, address } = this.map;
    const at = arena.allocate(2 * VALUE_SIZE);
    new BigUint64Array(arena.memory.buffer, at, 6).set([...expected, ...(value ?? [])]);
    const address2 = this.map.key(key);
    const { hashCompareUpdate, hashCompareDelete } = arena.core;
    const result =
      value === undefined
        ? hashCompareDelete(address, address2, at)
        : hashCompareUpdate(address, address2, at, at + VALUE_SIZE);
    arena.core.freeBytes(at);
    return result;
  }
}

for (const supply of [SUPPLY_CACHE, SUPPLY_POOL])
  test(`${supply === SUPPLY_POOL ? "preallocated" : "dynamic"} hash: a number is added to, created, exchanged`, async () => {
    const arena = await makeArena();
    const table = new Words(new RawMap(arena, { kind: KIND_HASH, valueSize: VALUE_SIZE, maxEntries: 2, supply }));
    assert.deepEqual(table.change(1, 8, U64, 5n), [0, 5n]);
    assert.deepEqual(table.words(1), [0n, 5n, 0n]);
    assert.deepEqual(table.change(1, 20, U32, 7n), [0, 7n]);
    assert.deepEqual(table.words(1), [0n, 5n, 7n << 32n]);
    assert.deepEqual(table.change(1, 8, U64 | SUBTRACTS, 6n), [-ERANGE, 6n]);
    assert.deepEqual(table.change(1, 8, U64 | SUBTRACTS, 5n), [0, 0n]);
    assert.deepEqual(table.change(1, 20, U32, 2n ** 32n), [-ERANGE, 2n ** 32n]);
    assert.deepEqual(table.change(1, 20, U32 | EXCHANGES, 9n, 6n), [-EAGAIN, 9n]);
    assert.deepEqual(table.change(1, 20, U32 | EXCHANGES, 9n, 7n), [0, 9n]);
    assert.deepEqual(table.words(1), [0n, 0n, 9n << 32n]);
    assert.equal(table.change(2, 0, U64 | EXCHANGES, 1n, 0n)[0], -ENOENT);
    assert.equal(table.change(2, 0, U64 | SUBTRACTS, 1n)[0], -ERANGE, "nothing below zero is created");
    assert.equal(table.map.lookup(2), 0);
    assert.deepEqual(table.change(2, 0, U64, 1n), [0, 1n]);
    assert.deepEqual(table.change(3, 0, U64, 1n), [-E2BIG, 1n]);
  });

test("an array's number is changed in its place; beyond the end there is none", async () => {
  const arena = await makeArena();
  const table = new Words(new RawMap(arena, { kind: KIND_ARRAY, valueSize: VALUE_SIZE, maxEntries: 2 }));
  assert.deepEqual(table.change(1, 4, U32, 5n), [0, 5n]);
  assert.deepEqual(table.change(1, 4, U32 | EXCHANGES, 6n, 5n), [0, 6n]);
  assert.deepEqual(table.change(1, 4, U32 | EXCHANGES, 7n, 5n), [-EAGAIN, 7n]);
  assert.deepEqual(table.words(1), [6n << 32n, 0n, 0n]);
  assert.equal(table.change(2, 0, U64, 1n)[0], -E2BIG);
  assert.equal(table.change(2, 0, U64 | EXCHANGES, 1n, 0n)[0], -ENOENT);
});

for (const supply of [SUPPLY_CACHE, SUPPLY_POOL])
  test(`${supply === SUPPLY_POOL ? "preallocated" : "dynamic"} hash: only the expected value is replaced or deleted, chained or not`, async () => {
    const arena = await makeArena();
    const table = new Words(new RawMap(arena, { kind: KIND_HASH, valueSize: VALUE_SIZE, maxEntries: 40, supply }));
    const { keys } = keysTogether(table.map, 12);
    const value = fc.tuple(fc.bigInt(0n, 2n), fc.bigInt(0n, 2n), fc.bigInt(0n, 2n));
    const steps = fc.array(fc.tuple(fc.nat(11), value, fc.option(value, { nil: undefined })), {
      minLength: 20,
      maxLength: 80,
      size: "max",
    });
    fc.assert(
      fc.property(steps, (sequence) => {
        for (const key of keys) table.map.delete(key);
        const model = new Map<number, bigint[]>();
        for (const [number, expected, next] of sequence) {
          const key = keys[number] as number;
          const before = model.get(key);
          const same = before?.every((word, index) => word === expected[index]) === true;
          assert.equal(table.compare(key, expected, next), before === undefined ? -ENOENT : same ? 0 : -EAGAIN);
          if (same && next === undefined) model.delete(key);
          else if (same && next !== undefined) model.set(key, [...next]);
          else if (before === undefined) {
            assert.equal(table.change(key, 0, U64, 1n)[0], 0);
            model.set(key, [1n, 0n, 0n]);
          }
          for (const [each, words] of model) assert.deepEqual(table.words(each), words);
          assert.equal(table.map.count(), model.size);
        }
      }),
    );
    assert.equal(table.map.update(keys[0] as number, 0, 7), -EINVAL);
  });
