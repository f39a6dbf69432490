/**
 * A value is held exactly or refused: every codec with every odd value, as a key, as a value, inside of others. Keys that `Map`
 * takes for one are one.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import fc from "fast-check";
import { Arena } from "../../arena/arena.ts";
import { AnyctxError, ERRNO } from "../../error.ts";
import { ANY, type ArenaMap, NOEXIST } from "../map.ts";
import {
  array,
  bytes,
  type Codec,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  none,
  string,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "./codec.ts";
import { json } from "./json.ts";
import { SCALARS } from "./scalar.ts";

const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 3 });

const CODECS: Readonly<Record<string, Codec<never>>> = {
  ...SCALARS,
  "bytes(3)": bytes(3),
  "string(8)": string(8),
  "array(u8, 2)": array(u8, 2),
  "array(string(4), 2)": array(string(4), 2),
  "struct({ a: u32, b: i64 })": struct({ a: u32, b: i64 }),
  "struct of struct and array": struct({ a: struct({ x: f64, y: i16 }), b: array(struct({ s: string(4) }), 2) }),
} as never;

const ODD: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  "",
  "7",
  "a\0b",
  "\0",
  "é",
  "\ud83d",
  "nine char",
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  0.1,
  0.5,
  7.9,
  -1,
  127,
  128,
  -128,
  -129,
  255,
  256,
  65535,
  65536,
  -32768,
  -32769,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 7,
  2 ** 53,
  1e40,
  5e-324,
  0n,
  -1n,
  2n ** 63n,
  -(2n ** 63n) - 1n,
  2n ** 64n - 1n,
  2n ** 64n,
  2n ** 64n + 5n,
  Symbol("s"),
  () => 1,
  new Date(0),
  new Number(5),
  [],
  [1, 2],
  [1, 2, 3],
  [1],
  Object.assign(new Array(3), { 0: 1, 2: 2 }),
  ["a", "b"],
  ["a\0", "b"],
  [-0, 1],
  {},
  { a: 1 },
  { a: 1, b: 2n },
  { a: 1, b: 2 },
  { a: 1, b: 2n, c: 3 },
  { a: -0, b: 0n },
  { a: { x: -0, y: -1 }, b: [{ s: "a" }, { s: "b" }] },
  { a: { x: Number.NaN, y: 40000 }, b: [{ s: "a" }, { s: "b" }] },
  { a: { x: 1, y: 1 }, b: [{ s: "a\0" }, { s: "b" }] },
  { a: { x: 1, y: 1 }, b: [{ s: "a" }] },
  Uint8Array.of(1, 2, 3),
  Uint8Array.of(1, 2),
  Uint8ClampedArray.of(1, 2, 3),
  Int8Array.of(1, 2, 3),
  new Uint8Array(new SharedArrayBuffer(3)),
  new DataView(new ArrayBuffer(3)),
  new ArrayBuffer(3),
  Object.create(Uint8Array.prototype),
  new Proxy(Uint8Array.of(1, 2, 3), {}),
  vm.runInNewContext("Uint8Array.of(1, 2, 3)"),
  vm.runInNewContext("[1, 2]"),
];

const odd = fc.oneof(fc.constantFrom(...ODD), fc.anything({ withBigInt: true, withTypedArray: true }));

let maps = 0;
function makeMap(
  key: Codec<never>,
  value: Codec<never>,
  type: "hash" | "percpu_hash" = "hash",
): ArenaMap<unknown, unknown> {
  return arena.createMap({ type, name: `map${maps++}`, key, value, maxEntries: 100 }) as never;
}

function destroy(map: ArenaMap<unknown, unknown>): void {
  map.close();
  arena.destroyMap(map.info.name);
}

/** As it comes back: of whichever realm and memory it was. */
function same(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Uint8Array.from(value as Uint8Array);
  if (Array.isArray(value)) return Array.from(value, same);
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, same(each)]))
    : value;
}

/** Whether something was done, or refused as it should be. */
function did(act: () => unknown, what: string): boolean {
  try {
    act();
    return true;
  } catch (error) {
    assert.ok(error instanceof AnyctxError && error.code === "EINVAL", `${what}: ${error}`);
    assert.match(error.message, /^The (key|value) of map "\w+" is refused: /);
    return false;
  }
}

/** -0 is 0 in a key, however deep. */
function asKey(value: unknown): unknown {
  if (typeof value === "number") return value === 0 ? 0 : value;
  if (Array.isArray(value)) return value.map(asKey);
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value)
    ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asKey(each)]))
    : value;
}

for (const [name, codec] of Object.entries(CODECS)) {
  test(`${name}: a value comes back as it was or is refused, and update says so without a throw`, () => {
    const map = makeMap(u32 as never, codec);
    const check = (value: unknown): void => {
      map.delete(1);
      const isHeld = did(() => map.set(1, value), name);
      assert.equal(map.size, isHeld ? 1 : 0);
      if (isHeld) assert.deepStrictEqual(map.get(1), same(value));
      assert.equal(map.update(2, value), isHeld ? 0 : -ERRNO.EINVAL);
      map.delete(2);
    };
    for (const value of ODD) check(value);
    fc.assert(fc.property(odd, check), { numRuns: 300 });
    destroy(map);
  });

  test(`${name}: a key is found as it was, once, or is refused by every method`, () => {
    const map = makeMap(codec, u32 as never);
    const check = (key: unknown): void => {
      map.clear();
      const isHeld = did(() => map.set(key, 1), name);
      for (const use of [() => map.get(key), () => map.has(key), () => map.getMany([key] as never)])
        if (isHeld) use();
        else assert.throws(use, { code: "EINVAL" });
      assert.equal(map.update(key, 2), isHeld ? 0 : -ERRNO.EINVAL);
      assert.deepStrictEqual([...map], isHeld ? [[asKey(same(key)), 2]] : []);
      if (isHeld) assert.ok(map.delete(key));
      else assert.throws(() => map.delete(key), { code: "EINVAL" });
    };
    for (const key of ODD) check(key);
    fc.assert(fc.property(odd, check), { numRuns: 300 });
    destroy(map);
  });

  test(`${name}: the values of all CPUs are held or refused`, () => {
    const map = makeMap(u32 as never, codec, "percpu_hash");
    for (const value of [...ODD, ...ODD.map((each) => [each, each])]) {
      map.delete(1);
      if (did(() => map.set(1, value), name)) assert.deepStrictEqual(map.get(1), same(value));
      else assert.equal(map.size, 0);
    }
    destroy(map);
  });
}

test("numbers as keys are those of Map: -0 is 0, and NaN is one key, whatever its bits", () => {
  const nans = [
    Number.NaN,
    -Number.NaN,
    new Float64Array(new BigUint64Array([0x7ff8_0000_0000_0001n]).buffer)[0] as number,
  ];
  for (const codec of [f32, f64] as const) {
    const map = makeMap(codec as never, u32 as never);
    const model = new Map<number, number>();
    for (const [index, key] of [0, -0, ...nans, 1, Number.POSITIVE_INFINITY].entries()) {
      map.set(key, index);
      model.set(key, index);
    }
    assert.deepStrictEqual(new Map(map), model);
    for (const key of [0, -0, ...nans]) assert.equal(map.get(key), model.get(key));
    assert.ok([...map.keys()].some((key) => Object.is(key, 0)));
    map.setMany([-0, ...nans], [7, 8, 8, 8]);
    assert.deepEqual(map.getMany(new (codec === f32 ? Float32Array : Float64Array)([0, nans[2] as number])), [7, 8]);
    destroy(map);
  }
  for (const codec of [u8, u16, u32, i8, i16, i32]) {
    const map = makeMap(codec as never, f64 as never);
    map.set(-0, -0);
    assert.deepStrictEqual([...map], [[0, -0]]);
    assert.ok(map.has(0));
    destroy(map);
  }
});

test("flags of update are 32 bits or -EINVAL; it never throws", () => {
  const map = makeMap(u32 as never, u32 as never);
  const flags: readonly unknown[] = [
    2 ** 32,
    2 ** 32 + 1,
    -1,
    0.5,
    Number.NaN,
    1n,
    0n,
    "x",
    "0",
    null,
    {},
    [],
    Symbol("s"),
    true,
    3,
    8,
  ];
  for (const each of flags) assert.equal(map.update(1, 1, each as never), -ERRNO.EINVAL, String(each as never));
  assert.equal(map.size, 0);
  assert.equal(map.update(1, 1, undefined), 0);
  assert.equal(map.update(1, 1, ANY), 0);
  assert.equal(map.update(1, 1, NOEXIST), -ERRNO.EEXIST);
  const evil = {
    get a(): never {
      throw new RangeError("mine");
    },
    b: 1n,
  };
  const structs = makeMap(struct({ a: u32, b: u64 }) as never, struct({ a: u32, b: u64 }) as never);
  assert.equal(structs.update(evil, { a: 1, b: 1n }), -ERRNO.EINVAL);
  assert.equal(structs.update({ a: 1, b: 1n }, evil), -ERRNO.EINVAL);
  assert.throws(() => structs.set({ a: 1, b: 1n }, evil), { code: "EINVAL", message: /field a: it cannot be read/ });
});

test("a refusal names the map, the argument, the field and what it may be", () => {
  const map = makeMap(struct({ a: u32 }) as never, array(struct({ s: string(4), n: i8 }), 2) as never);
  assert.throws(() => map.set({ a: 7.9 }, []), {
    message: /The value of map "map\d+" is refused: array\(…, 2\) holds 2 elements, not 0/,
  });
  const value = [
    { s: "a", n: 1 },
    { s: "b", n: 200 },
  ];
  assert.throws(() => map.set({ a: 1 }, value), {
    message: /element 1: field n: i8 holds whole numbers from -128 to 127, not 200$/,
  });
  assert.throws(() => map.get({ a: 7.9 }), {
    message: /The key of map "map\d+" is refused: field a: u32 holds whole numbers from 0 to 4294967295, not 7.9$/,
  });
});

test("clear removes what is there by its bytes, also keys that no codec writes", () => {
  const map = makeMap(string(8) as never, u32 as never);
  const raw = arena.allocate(16);
  for (const text of ["a\0b", "a", "\0\0a", "\xff\xfe"]) {
    const view = new Uint8Array(arena.memory.buffer, raw, 16).fill(0);
    view.set(Buffer.from(text, "latin1"));
    assert.equal(arena.core.hashUpdate(map.info.address, raw, raw + 8, 0), 0);
  }
  assert.equal(map.size, 4);
  map.clear();
  assert.equal(map.size, 0);
});

test("json: what JSON gives back as it was, and nothing else; for values only", () => {
  const map = makeMap(u32 as never, json(200) as never);
  const held = fc.jsonValue().filter((value) => Buffer.byteLength(JSON.stringify(value)) <= 200);
  fc.assert(
    fc.property(held, (value) => {
      const text = JSON.stringify(value);
      // -0 is no JSON: it would come back as 0.
      if (Object.is(value, -0) || text !== JSON.stringify(JSON.parse(text)) || /(^|[[:,])-0([,\]}]|$)/.test(text))
        return;
      if (did(() => map.set(1, value), "json")) assert.deepStrictEqual(map.get(1), JSON.parse(text));
    }),
  );
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  let deep: unknown = 1;
  for (let level = 0; level < 20_000; level++) deep = [deep];
  class Point {
    x = 1;
  }
  const refused = [
    undefined,
    Number.NaN,
    -0,
    1n,
    Symbol("s"),
    () => 1,
    new Date(0),
    new Map(),
    new Set(),
    new Point(),
    [undefined],
    Object.assign(new Array(2), { 1: 1 }),
    { a: undefined },
    { [Symbol("s")]: 1 },
    Object.assign([1], { extra: 1 }),
    cycle,
    deep,
    "x".repeat(199),
    new Uint8Array(2),
    { toJSON: () => 1 },
    Object.defineProperty({}, "hidden", { value: 1 }),
  ];
  for (const value of refused) {
    assert.equal(map.update(2, value), -ERRNO.EINVAL);
    did(() => assert.fail(String(map.set(2, value).size)), "json");
  }
  assert.equal(map.has(2), false);
  for (const value of [
    null,
    true,
    "a\0b",
    "\ud83d",
    { "": [1.5, "é", { __proto__: null, a: null }] },
    [],
    {},
    vm.runInNewContext("({ a: [1] })"),
  ]) {
    map.set(3, value);
    assert.deepEqual(map.get(3), JSON.parse(JSON.stringify(value)));
  }
  for (const key of [json(10), array(json(10), 2), struct({ a: json(10) })])
    assert.throws(() => makeMap(key as never, u32 as never), { code: "EINVAL", message: /json\(\)/ });
  const slots = arena.createMap({ type: "array", name: "slots", key: u32, value: json(20), maxEntries: 2 });
  assert.equal(slots.get(0), null, "what nobody wrote");
  const [, other] = [map, arena.openMap<number, unknown>(map.info.name)];
  assert.deepEqual(other.get(3), { a: [1] });
});

test("none holds undefined, and codecs are refused where they make no sense", () => {
  const queue: ArenaMap<undefined, number> = arena.createMap({
    type: "queue",
    name: "queue",
    key: none,
    value: u32,
    maxEntries: 2,
  });
  assert.throws(() => queue.set(0 as never, 1), { code: "EINVAL" });
  for (const length of [0, -1, 1.5, Number.NaN, 2 ** 31, "4", undefined])
    for (const make of [bytes, string, json, (each: number) => array(u8, each)])
      assert.throws(() => make(length as number), { code: "EINVAL" });
  for (const codec of [undefined, null, {}, "u32", 4, u32.bind]) {
    assert.throws(() => array(codec as never, 2), { code: "EINVAL", message: /needs a codec as element/ });
    assert.throws(() => struct({ field: codec as never }), { code: "EINVAL", message: /needs a codec as field/ });
  }
  assert.throws(() => struct(undefined as never), { code: "EINVAL" });
});
