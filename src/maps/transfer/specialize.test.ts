/** A map's own operations against those that all maps share: the same bytes, the same answers; and a runtime that makes no code of text. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { Arena } from "../../arena/arena.ts";
import type { Codec } from "../codec/accessor.ts";
import { array, bytes, f32, f64, i8, i16, i32, i64, string, struct, u8, u16, u32, u64 } from "../codec/codec.ts";
import { MapEntries } from "../entries.ts";
import type { ArenaMap } from "../map.ts";
import { SPECIALIZED } from "./specialize.ts";

const arena = await Arena.create({ maximumBytes: 256 << 20, cpus: 2, seed: 1 });

/** A codec with values of its. */
type Pair = readonly [Codec<unknown>, fc.Arbitrary<unknown>];
const pair = <T>(codec: Codec<T>, values: fc.Arbitrary<T>): Pair => [codec as Codec<unknown>, values];

const SCALARS: readonly Pair[] = [
  pair(u8, fc.integer({ min: 0, max: 255 })),
  pair(u16, fc.integer({ min: 0, max: 65535 })),
  pair(u32, fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  pair(i8, fc.integer({ min: -128, max: 127 })),
  pair(i16, fc.integer({ min: -32768, max: 32767 })),
  pair(i32, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  pair(u64, fc.bigInt(0n, 2n ** 64n - 1n)),
  pair(i64, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
  pair(f32, fc.float()),
  pair(f64, fc.double()),
];
const text = fc.string({ unit: fc.constantFrom("a", "Z", "ü", "€", "😀"), maxLength: 10 });
const LEAVES: readonly Pair[] = [
  ...SCALARS,
  pair(string(40), text),
  pair(string(64), text),
  pair(string(16), fc.string({ unit: fc.constantFrom("a", "Z", "ü", "😀"), maxLength: 4 })),
  pair(string(8), fc.string({ unit: fc.constantFrom("a", "~", "\u{1}"), maxLength: 8 })),
  pair(string(7), fc.string({ unit: fc.constantFrom("a", "~"), maxLength: 7 })),
  pair(bytes(5), fc.uint8Array({ minLength: 5, maxLength: 5 })),
];

/** Leaves, and structs and arrays of them, one level deep or two. */
function pairs(depth: number): fc.Arbitrary<Pair> {
  const leaf = fc.constantFrom(...LEAVES);
  if (depth === 0) return leaf;
  const part = pairs(depth - 1);
  const structs = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts): Pair => {
    const fields = Object.fromEntries(parts.map(([codec], index) => [`field ${index}`, codec]));
    const values = Object.fromEntries(parts.map(([, value], index) => [`field ${index}`, value]));
    return pair(struct(fields) as Codec<unknown>, fc.record(values, { noNullPrototype: true }));
  });
  const arrays = fc.tuple(part, fc.integer({ min: 1, max: 4 })).map(([[codec, value], length]): Pair => {
    const values = fc.array(value, { minLength: length, maxLength: length });
    return pair(array(codec, length) as Codec<unknown>, values);
  });
  return fc.oneof(leaf, structs, arrays);
}

/** Of one word and of two, put together here and by the shared operations. */
const NAMES = ["", "a", "ab", "abcdefgh", "abcdefgi", "ü", "aü", "b"];

let made = 0;
function makeMap(key: Codec<unknown>, value: Codec<unknown>): ArenaMap<unknown, unknown> {
  const name = `map ${made++}`;
  return arena.createMap({ type: "hash", name, key, value, maxEntries: 16 });
}

const shared = MapEntries.prototype;

test("every codec: a map's own operations do what the shared ones do, to the byte", () => {
  const cases = fc
    .tuple(pairs(2), pairs(2))
    .chain(([key, value]) => fc.tuple(fc.constant(key[0]), fc.constant(value[0]), key[1], value[1], value[1]));
  fc.assert(
    fc.property(cases, ([keyCodec, valueCodec, key, first, second]) => {
      const map = makeMap(keyCodec, valueCodec);
      for (const name of SPECIALIZED) assert.ok(Object.hasOwn(map, name), `${name} is the map's own`);
      map.set(key, first);
      const [own] = [...map.dump()];
      assert.deepEqual(shared.get.call(map, key), map.get(key));
      assert.deepEqual(map.get(key), first);
      shared.set.call(map, key, first);
      assert.deepEqual([...map.dump()], [own]);
      assert.equal(shared.update.call(map, key, second), 0);
      assert.deepEqual([...map], [[[...map.keys()][0], map.get(key)]]);
      assert.deepEqual(map.get(key), second);
      assert.equal(map.update(key, first, 1), -17);
      assert.ok(map.has(key) && shared.has.call(map, key));
      assert.ok(map.delete(key) && !map.delete(key) && !map.has(key));
      assert.equal(map.get(key), undefined);
      const { name } = map.info;
      map.close();
      for (const each of SPECIALIZED) assert.ok(!Object.hasOwn(map, each), `${each} went with the map`);
      arena.destroyMap(name);
    }),
    { numRuns: 200 },
  );
});

test("texts: what was set last is deleted, whatever came in between", () => {
  const operation = fc.tuple(fc.constantFrom("set", "delete", "get", "has", "add", "walk"), fc.constantFrom(...NAMES));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const name = `map ${made++}`;
      const map = arena.createMap({ type: "hash", name, key: string(8), value: u32, maxEntries: 16 });
      const model = new Map<string, number>();
      for (const [what, key] of operations) {
        if (what === "set") assert.ok(map.set(key, 1) && model.set(key, 1));
        else if (what === "add") model.set(key, map.add(key, 1) as number);
        else if (what === "walk") assert.deepEqual([...map].sort(), [...model].sort());
        else if (what === "get") assert.equal(map.get(key), model.get(key));
        else assert.equal(map[what as "has"](key), model[what as "has"](key), `${what} ${key}`);
      }
      assert.deepEqual([...map].sort(), [...model].sort());
      map.close();
      arena.destroyMap(name);
    }),
    { numRuns: 300 },
  );
});

test("what a program has left between fields and behind texts is in no key and no value of ours", async () => {
  const fields = struct({ a: u8, b: u32, c: struct({ d: u16, e: u64 }) });
  const other = await Arena.create({ maximumBytes: 64 << 20 });
  const options = { type: "hash", name: "padded", key: fields, value: fields, maxEntries: 10 } as const;
  const map = other.createMap(options);
  const raw = other.openMapAs("padded", bytes(24), bytes(24));
  const [mine, theirs] = [0, 1].map((a) => ({ a, b: 2, c: { d: 3, e: 4n } })) as [Entry, Entry];
  map.set(mine, mine);
  const clean = raw.get([...raw.keys()][0] as Uint8Array) as Uint8Array;
  const dirty = clean.map((byte, index) => (index === 0 ? 1 : [1, 2, 3, 10, 15].includes(index) ? 0xee : byte));
  raw.set(dirty, dirty);
  for (const [key, value] of map) {
    assert.deepEqual(key, value);
    assert.deepEqual(map.get(mine), mine);
    assert.equal(map.has(mine), true);
    map.set(mine, mine);
    assert.deepEqual(raw.get(clean), clean);
  }
  // What a program has written is what it reads as.
  const one = other.createMap({ ...options, name: "numbered", key: u32 });
  const rawOne = other.openMapAs("numbered", u32, bytes(24));
  rawOne.set(1, dirty);
  assert.equal(one.compareExchange(1, mine, theirs), false);
  assert.equal(one.compareExchange(1, theirs, mine), true);
  assert.deepEqual(rawOne.get(1), clean);
  const names = other.createMap({ type: "array", name: "names", key: u32, value: string(8), maxEntries: 1 });
  other.openMapAs("names", u32, bytes(8)).set(0, Uint8Array.from(Buffer.from("ab\0rest!")));
  assert.deepEqual([names.compareExchange(0, "ab", "c"), names.get(0)], [true, "c"]);
  other.detach();
});

interface Entry {
  readonly a: number;
  readonly b: number;
  readonly c: { readonly d: number; readonly e: bigint };
}

test("names of fields are text, whatever they are", () => {
  const names = ["__proto__", 'a"b', "a\nb", "constructor", "`$`", "valueOf", "0"];
  for (const name of names) {
    const codec = struct(Object.defineProperty({}, name, { value: u32, enumerable: true }) as { a: Codec<number> });
    const map = makeMap(u32 as Codec<unknown>, codec as Codec<unknown>);
    const value = Object.defineProperty({}, name, { value: 7, enumerable: true, configurable: true, writable: true });
    map.set(1, value);
    assert.equal(Object.getOwnPropertyDescriptor(map.get(1), name)?.value, 7, name);
    assert.equal(Object.getPrototypeOf(map.get(1)), Object.prototype, name);
  }
});

test("where no code may be made of text, maps have the shared operations", () => {
  const entry = new URL("../../../dist/index.js", import.meta.url).href;
  const source = `
    const { Arena, u32, struct, string } = await import(${JSON.stringify(entry)});
    const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 1 });
    const map = arena.createMap({ type: "hash", name: "m", key: string(8), value: struct({ a: u32 }), maxEntries: 10 });
    map.set("one", { a: 1 }).set("two", { a: 2 });
    map.add("one", "a", 5);
    console.log(Object.hasOwn(map, "get"), JSON.stringify([...map].sort()), map.delete("two"), map.size);`;
  const flags = ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", source];
  const said = execFileSync(process.execPath, flags, { encoding: "utf8" });
  assert.equal(said.trim(), 'false [["one",{"a":6}],["two",{"a":2}]] true 1');
});
