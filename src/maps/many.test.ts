/** Batches: as entry by entry, in whatever arrays they come. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arena } from "../arena/arena.ts";
import { bytes, f32, f64, i8, i16, i32, i64, none, string, u8, u16, u32, u64 } from "./codec/codec.ts";
import { SCALAR_ARRAYS } from "./codec/scalar.ts";
import type { ArenaMap } from "./map.ts";

const arena = await Arena.create({ maximumBytes: 128 << 20, cpus: 2, seed: 9 });
const SCALARS = { u8, u16, u32, u64, i8, i16, i32, i64, f32, f64 } as const;
type Name = keyof typeof SCALARS;
const NAMES = Object.keys(SCALARS) as Name[];
const isBig = (name: Name): boolean => name === "u64" || name === "i64";
const numberOf = (name: Name, value: number): number | bigint => (isBig(name) ? BigInt(value) : value);

let maps = 0;
function makeMap(
  key: Name,
  value: Name,
  type: "hash" | "array" = "hash",
  prealloc = false,
): ArenaMap<unknown, unknown> {
  const options = { type, name: `map${maps++}`, key: SCALARS[key], value: SCALARS[value], maxEntries: 5000, prealloc };
  return arena.createMap(options as never) as never;
}

function typed(name: Name, values: readonly (number | bigint)[]): ArrayLike<unknown> {
  const { array } = SCALAR_ARRAYS[name];
  return Object.assign(new array(values.length), values);
}

/** All entries of a map with at most 101, copied at once. */
function scanned(map: ArenaMap<unknown, unknown>, key: Name, value: Name): Map<unknown, unknown> {
  const room = Array<number | bigint>(110);
  const [keys, values] = [typed(key, room.fill(numberOf(key, 1))), typed(value, room.fill(numberOf(value, 1)))];
  const { count, next } = map.scan(keys as unknown[], values as unknown[]);
  assert.equal(next, 0);
  return new Map(Array.from({ length: count }, (_, index) => [keys[index], values[index]]));
}

for (const key of NAMES)
  test(`batches of ${key} keys do what single calls do, with every word as value`, () => {
    for (const value of NAMES) {
      const map = makeMap(key, value, "hash", value === "u8");
      const model = new Map<unknown, unknown>();
      const step = fc.record({
        kind: fc.constantFrom("set" as const, "get" as const, "delete" as const),
        keys: fc.array(fc.nat(100), { maxLength: 40 }),
        asTyped: fc.boolean(),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
          for (const { kind, keys, asTyped } of steps) {
            const plain = keys.map((each) => numberOf(key, each));
            const given = (asTyped ? typed(key, plain) : plain) as ArrayLike<unknown>;
            const values = keys.map((each) => numberOf(value, each % 7));
            if (kind === "set") {
              assert.equal(map.setMany(given, asTyped ? typed(value, values) : values), map);
              for (const [index, each] of plain.entries()) model.set(each, values[index]);
            } else if (kind === "delete") {
              const there = plain.filter((each) => model.delete(each)).length;
              assert.equal(map.deleteMany(given), there);
            } else {
              const want = plain.map((each) => model.get(each));
              assert.deepEqual(map.getMany(given), want);
              const into = (
                asTyped
                  ? typed(
                      value,
                      values.map(() => numberOf(value, 9)),
                    )
                  : Array(keys.length)
              ) as unknown[];
              const found = new Uint8Array(keys.length);
              assert.equal(map.getMany(given, into, found), want.filter((each) => each !== undefined).length);
              for (const [index, each] of want.entries()) {
                assert.equal(found[index], each === undefined ? 0 : 1);
                assert.equal(into[index], each ?? (asTyped ? numberOf(value, 9) : undefined));
              }
            }
          }
          assert.equal(map.size, model.size);
          assert.deepEqual(scanned(map, key, value), model);
        }),
        { numRuns: 8 },
      );
      map.close();
      arena.destroyMap(map.info.name);
    }
  });

test("a batch of any length, larger than every room: also where memory is out", async () => {
  const small = await Arena.create({ maximumBytes: 8 << 20, cpus: 1, seed: 1 });
  const map = small.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 20_000 });
  const keys = Uint32Array.from({ length: 10_000 }, (_, index) => index * 3);
  const values = BigUint64Array.from(keys, (key) => BigInt(key) * 2n);
  map.setMany(keys, values);
  small.setLimit(0);
  const into = new BigUint64Array(10_000);
  assert.equal(map.getMany(keys, into), 10_000);
  assert.deepEqual(into, values);
  assert.equal(map.deleteMany(keys), 10_000);
  assert.equal(map.size, 0);
});

test("what cannot be held is refused before anything happens; what fails says where", () => {
  const map = makeMap("u32", "u8");
  for (const [keys, values] of [
    [
      [1, 2, 3.5],
      [1, 2, 3],
    ],
    [
      [1, 2, 3],
      [1, 2, 256],
    ],
    [[1, 2, 3], new Uint16Array([1, 2, 256])],
    [
      [1, 2, 3],
      [1, 2],
    ],
    [undefined, [1]],
    [[1], undefined],
    [5, [1]],
  ] as unknown as readonly [never, never][]) {
    assert.throws(() => map.setMany(keys, values), { code: "EINVAL" });
    assert.equal(map.size, 0);
  }
  assert.throws(() => map.setMany([1, -1], [1, 1]), {
    message: /^The key 1 of 2 for map "map\d+" is refused: u32 holds/,
  });
  assert.throws(() => map.getMany([1], new Uint16Array(1)), {
    code: "EINVAL",
    message: /need Uint8Array or an array, not Uint16Array/,
  });
  assert.throws(() => map.getMany([1, 2], new Uint8Array(1)), { code: "EINVAL", message: /as many values/ });
  assert.throws(() => map.getMany([1, 2], new Uint8Array(2), new Uint8Array(1)), { code: "EINVAL" });
  const full = arena.createMap({ type: "hash", name: "full", key: u32, value: u8, maxEntries: 3 });
  assert.throws(() => full.setMany([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]), {
    code: "E2BIG",
    message: /set entry 3 of 5 of map "full"/,
  });
  assert.deepEqual([...full.keys()].sort(), [1, 2, 3]);
  const slots = makeMap("u32", "u16", "array");
  slots.setMany([0, 4999], [7, 8]);
  assert.deepEqual(slots.getMany([0, 4999, 5000]), [7, 8, undefined]);
  assert.throws(() => slots.setMany([1, 5000], [1, 1]), { code: "E2BIG", message: /entry 1 of 2/ });
  assert.equal(slots.deleteMany([1, 2]), 0);
});

test("keys and values that are no words go entry by entry", () => {
  const map = arena.createMap({ type: "hash", name: "texts", key: string(8), value: bytes(20), maxEntries: 100 });
  const value = (byte: number): Uint8Array => new Uint8Array(20).fill(byte);
  map.setMany(["a", "b"], [value(1), value(2)]);
  assert.deepEqual(map.getMany(["b", "c", "a"]), [value(2), undefined, value(1)]);
  assert.equal(map.deleteMany(["a", "c"]), 1);
  const refused = { code: "EINVAL", message: /^Entry 1 of 3: The key of map "texts" is refused/ };
  assert.throws(() => map.setMany(["d", "far too long", "e"], Array(3).fill(value(3))), refused);
  assert.deepEqual([map.has("d"), map.has("e")], [true, false]);
  for (const use of [() => map.getMany(["d", "\0", "e"]), () => map.deleteMany(["d", "\0", "e"])])
    assert.throws(use, refused);
  const perCpu = arena.createMap({ type: "percpu_hash", name: "copies", key: u32, value: u64, maxEntries: 10 });
  perCpu.setMany([1], [[1n, 2n]]);
  assert.deepEqual(perCpu.getMany([1, 2]), [[1n, 2n], undefined]);
  const queue: ArenaMap<undefined, number> = arena.createMap({
    type: "queue",
    name: "queue",
    key: none,
    value: u32,
    maxEntries: 5,
  });
  queue.setMany([undefined, undefined], [1, 2]);
  assert.equal(queue.take(undefined), 1);
});

test("reading what was given may close the map: then nothing of the arena is touched", () => {
  const map = makeMap("u32", "u32");
  const keys = {
    length: 2,
    get 0(): number {
      map.close();
      return 1;
    },
    1: 2,
  };
  assert.throws(() => map.setMany(keys as never, [1, 2]), { code: "EBADF" });
  assert.throws(() => map.getMany([1]), { code: "EBADF" });
});

test("addMany: as many additions one by one, of words and of others", () => {
  const key = fc.nat(7);
  const steps = fc.array(fc.tuple(key, fc.integer({ min: -1000, max: 1000 })), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 4 }), (batches) => {
      const words = makeMap("u32", "i32") as unknown as ArenaMap<number, number>;
      const floats = makeMap("u16", "f64") as unknown as ArenaMap<number, number>;
      const model = new Map<number, number>();
      for (const batch of batches) {
        for (const [each, amount] of batch) model.set(each, (model.get(each) ?? 0) + amount);
        const [keys, amounts] = [batch.map(([each]) => each), batch.map(([, amount]) => amount)];
        words.addMany(Uint32Array.from(keys), Int32Array.from(amounts));
        floats.addMany(keys, amounts);
      }
      assert.deepEqual([...words].sort(), [...model].sort());
      assert.deepEqual([...floats].sort(), [...model].sort());
      for (const map of [words, floats]) {
        map.close();
        arena.destroyMap(map.info.name);
      }
    }),
    { numRuns: 30 },
  );
  const small = makeMap("u32", "u8") as unknown as ArenaMap<number, number>;
  assert.throws(() => small.addMany([1, 2, 1], [200, 1, 100]), { code: "ERANGE", message: /entry 2 of 3/ });
  assert.deepEqual([...small].sort(), [
    [1, 200],
    [2, 1],
  ]);
  const named = arena.createMap({ type: "hash", name: "named", key: string(8), value: u32, maxEntries: 8 });
  named.addMany(["a", "b", "a"], [1, 2, 3]);
  assert.deepEqual([...named].sort(), [
    ["a", 4],
    ["b", 2],
  ]);
});

test("addMany takes what add takes, and refuses the others before anything happens", () => {
  const most = 2n ** 64n - 1n;
  const rows: readonly [Name, unknown, readonly unknown[]][] = [
    ["u8", 200, [-1, 50, -200, -0]],
    ["u32", 2 ** 32 - 1, [-(2 ** 32 - 1), 2 ** 32 - 1, -7]],
    ["u64", most, [-most, most, -(2n ** 63n)]],
    ["i8", -128, [255, -255, 200]],
    ["i64", -(2n ** 63n), [most, -most]],
    ["f32", 1, [0.1, 1e300, Number.NaN]],
    ["f64", 1, [0.1, -0]],
  ];
  for (const [name, first, amounts] of rows) {
    const [many, single] = [makeMap("u32", name), makeMap("u32", name)];
    const keys = amounts.map(() => 5);
    for (const map of [many, single]) map.set(5, first);
    for (const amount of amounts) single.add(5, amount as never);
    many.addMany(keys, amounts as never);
    assert.deepEqual(many.get(5), single.get(5), name);
  }
  const map = makeMap("u32", "u32") as unknown as ArenaMap<number, number>;
  map.set(1, 10);
  map.addMany([1, 1], Int32Array.of(-3, -3));
  assert.equal(map.get(1), 4);
  for (const wrong of [0.5, 1n, "1", undefined, 2 ** 53])
    assert.throws(() => map.addMany([1, 1], [-1, wrong] as never), {
      code: "EINVAL",
      message: /^The amount 1 of 2: Only a whole number can be added to u32 of map "map\d+", not /,
    });
  assert.throws(() => map.addMany([1, -1], [-1, -1]), { code: "EINVAL", message: /^The key 1 of 2/ });
  assert.equal(map.get(1), 4);
  assert.throws(() => map.addMany([1, 1], [-4, -1]), { code: "ERANGE", message: /^Entry 1 of 2: .* -1$/ });
  assert.equal(map.get(1), 0);
});

test("arrays that cannot be written to are refused before anything is read", () => {
  const map = makeMap("u32", "u32").setMany([1, 2], [10, 20]);
  const texts = arena.createMap({ type: "hash", name: "frozen", key: string(8), value: u32, maxEntries: 8 });
  texts.set("a", 1);
  const message = / need an array that can be written to, not one that is frozen$/;
  const sealed = Object.seal([0, 0]);
  const closed = Object.preventExtensions(Object.assign(new Array<number>(2), { 0: 7 }));
  for (const places of [Object.freeze([8, 9]) as number[], closed]) {
    const before = [...places];
    const found = Uint8Array.of(7, 7);
    assert.throws(() => map.getMany([1, 2], places, found), { code: "EINVAL", message });
    assert.throws(() => texts.getMany(["a", "a"], places, found), { code: "EINVAL", message });
    assert.throws(() => map.scan(places, new Uint32Array(2)), { code: "EINVAL", message });
    assert.throws(() => map.scan(new Uint32Array(2), places), { code: "EINVAL", message });
    assert.deepEqual([[...places], [...found]], [before, [7, 7]]);
  }
  assert.equal(map.getMany([1, 2], sealed), 2);
  assert.deepEqual(sealed, [10, 20]);
  assert.equal(map.getMany([], Object.freeze([]) as never), 0);
});

test("scan: every entry once, into arrays of any length; others are refused", () => {
  const map = arena.createMap({ type: "hash", name: "scanned", key: u32, value: u64, maxEntries: 50_000 });
  const model = new Map(Array.from({ length: 20_000 }, (_, index) => [index * 7, BigInt(index)]));
  for (const [key, value] of model) map.set(key, value);
  for (const length of [64, 1000, 20_000, 30_000]) {
    const [keys, values] = [new Uint32Array(length), new BigUint64Array(length)];
    const seen = new Map<number, bigint>();
    let next = 0;
    do {
      const step = map.scan(keys, values, next);
      for (let index = 0; index < step.count; index++) {
        const key = keys[index] as number;
        assert.ok(!seen.has(key), `${key} comes twice`);
        seen.set(key, values[index] as bigint);
      }
      next = step.next;
    } while (next !== 0);
    assert.deepEqual(seen, model);
  }
  const list: { keys: number[]; values: bigint[] } = { keys: Array(30_000), values: Array(30_000) };
  assert.equal(map.scan(list.keys, list.values).count, 20_000);
  assert.throws(() => map.scan(new Uint32Array(1), new BigUint64Array(1)), { code: "EINVAL", message: /more than 1/ });
  assert.throws(() => map.scan(new Int32Array(9), new BigUint64Array(9)), { code: "EINVAL", message: /Uint32Array/ });
  assert.throws(() => map.scan("ten places" as never, [1n]), { code: "EINVAL", message: /Keys.*, not string/ });
  for (const place of [-1, 0.5, 2 ** 32])
    assert.throws(() => map.scan([1], [1n], place), { code: "EINVAL", message: new RegExp(`not ${place}$`) });
  const texts = arena.createMap({ type: "hash", name: "no words", key: string(8), value: u32, maxEntries: 8 });
  assert.throws(() => texts.scan([""], [0]), { code: "EINVAL", message: /cannot be scanned/ });
});

test("scan of an array: its indices in their order, and nothing behind them", () => {
  const map = arena.createMap({ type: "array", name: "scanned array", key: u32, value: u16, maxEntries: 100 });
  for (let index = 0; index < 100; index++) map.set(index, index * 3);
  const [keys, values] = [new Uint32Array(70), new Uint16Array(70)];
  assert.deepEqual(map.scan(keys, values), { count: 70, next: 70 });
  assert.deepEqual([keys[69], values[69]], [69, 207]);
  assert.deepEqual(map.scan(keys, values, 70), { count: 30, next: 0 });
  assert.deepEqual([keys[29], values[29], keys[30]], [99, 297, 30]);
  for (const place of [100, 1000, 2 ** 32 - 1])
    assert.throws(() => map.scan(keys, values, place), { code: "EINVAL", message: new RegExp(`not ${place}$`) });
});

for (const name of ["u32", "u64"] as const)
  test(`a table so large that it is read ahead: batches and scans of ${name} keys, as it grows and shrinks`, () => {
    const count = 30_000;
    const map = arena.createMap({
      ...{ type: "hash", name: `far ${name}`, value: u32, maxEntries: count },
      key: SCALARS[name],
    } as never) as unknown as ArenaMap<number | bigint, number>;
    const keys = Array.from({ length: count }, (_, index) => numberOf(name, Math.imul(index, 2654435761) >>> 0));
    const model = new Map(keys.map((key, index) => [key, index]));
    map.setMany(keys, [...model.values()]);
    const absent = keys.map((key) => numberOf(name, (Number(key) ^ 1) >>> 0)).filter((key) => !model.has(key));
    const asked = [...absent.slice(0, 500), ...keys, ...absent.slice(500, 1013)];
    assert.deepEqual(
      map.getMany(asked),
      asked.map((key) => model.get(key)),
    );
    const scanned = (places: number): [unknown, number][] => {
      const found: [unknown, number][] = [];
      const [into, values] = [typed(name, Array(places).fill(numberOf(name, 0))), new Uint32Array(places)];
      for (let next = 0, first = true; first || next !== 0; first = false) {
        const scan = map.scan(into as never, values, next);
        for (let index = 0; index < scan.count; index++) found.push([into[index], values[index] ?? 0]);
        next = scan.next;
      }
      return found;
    };
    const sorted = (entries: Iterable<[unknown, number]>): unknown => [...entries].sort(([, a], [, b]) => a - b);
    assert.deepEqual(sorted(scanned(1000)), sorted(model));
    const gone = keys.filter((_, index) => index % 3 !== 0);
    assert.equal(map.deleteMany([...gone, ...absent.slice(0, 100)]), gone.length);
    for (const key of gone) model.delete(key);
    arena.poll();
    assert.deepEqual(sorted(scanned(100)), sorted(model));
    assert.deepEqual(sorted(map.entries()), sorted(model));
  });
