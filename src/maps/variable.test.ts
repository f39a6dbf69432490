/** Maps whose keys and values have lengths of their own, as TypeScript sees them: what a Map has, at any length. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arena } from "../arena/arena.ts";
import { cacheStatistics, mapStatistics } from "../arena/statistics.ts";
import { ERRNO } from "../error.ts";
import { array, bytes, type Codec, string, struct, u32, u64 } from "./codec/codec.ts";
import { type Json, json } from "./codec/json.ts";
import { ArenaMap } from "./map.ts";

/** Its name in the registry is variable_hash. */
const makeArena = (): Promise<Arena> => Arena.create({ maximumBytes: 128 << 20, cpus: 2, seed: 9 });

function makeMap<K, V>(arena: Arena, key: Codec<K>, value: Codec<V>, name = "map"): ArenaMap<K, V> {
  return arena.createMap({ type: "hash", name, key, value, maxEntries: 10_000 });
}

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.constantFrom("", "\0", "a\0b", "\ud800", "é".repeat(700), "x".repeat(5000), "y".repeat(40_000)),
);

test("any text as key and value: the same as of a Map, walked, changed and removed", async () => {
  const arena = await makeArena();
  const map = makeMap(arena, string(), string());
  fc.assert(
    fc.property(fc.array(fc.tuple(anyText, anyText), { maxLength: 40 }), fc.array(anyText), (entries, removed) => {
      map.clear();
      const model = new Map<string, string>();
      for (const [key, value] of entries) {
        map.set(key, value);
        model.set(key, value);
      }
      for (const key of removed) assert.equal(map.delete(key), model.delete(key));
      assert.deepEqual(new Map(map), model);
      assert.deepEqual(new Set(map.keys()), new Set(model.keys()));
      assert.equal(map.size, model.size);
      for (const [key, value] of model) {
        assert.equal(map.get(key), value);
        assert.equal(map.has(key), true);
      }
      assert.equal(map.get("is not there"), undefined);
      assert.equal(map.has("is not there"), false);
    }),
    { numRuns: 60 },
  );
});

test("in profile linux, which has no such maps, they are as in the other one: no first entry of a size fails", async () => {
  for (const type of ["hash", "ordered"] as const) {
    using arena = await Arena.create({ maximumBytes: 64 << 20, profile: "linux" });
    const map = arena.createMap({ type, name: "map", key: string(), value: string(), maxEntries: 10_000 });
    for (let length = 0; length < 20_000; length += 97)
      assert.equal(map.update(`${length}`, "x".repeat(length)), 0, `${type}, ${length}`);
  }
});

test("bytes and JSON of any length, and codecs of a fixed size beside them", async () => {
  const arena = await makeArena();
  const binary = makeMap(arena, bytes(), bytes(), "binary");
  binary.set(Uint8Array.of(), Uint8Array.of(1, 0, 2));
  binary.set(Uint8Array.of(0), Uint8Array.of());
  assert.deepEqual(binary.get(Uint8Array.of()), Uint8Array.of(1, 0, 2));
  assert.deepEqual(binary.get(Uint8Array.of(0)), Uint8Array.of());
  assert.equal(binary.get(Uint8Array.of(0, 0)), undefined);
  const document = makeMap(arena, u32, json(), "documents");
  const value: Json = { list: [1, "zwei", null, { deep: true }], text: "x".repeat(3000) };
  document.set(7, value);
  assert.deepEqual(document.get(7), value);
  assert.deepEqual([...document], [[7, value]]);
  assert.throws(() => document.set(-1, null), { code: "EINVAL", message: /The key of map "documents"/ });
  const player = struct({ level: u32, score: u64 });
  const players = makeMap(arena, string(), player, "players");
  players.set("Ada", { level: 3, score: 9n });
  assert.deepEqual(players.get("Ada"), { level: 3, score: 9n });
});

test("another thread's place opens it as it was created, with its codecs or without", async () => {
  const arena = await makeArena();
  makeMap(arena, string(), json()).set("key", { a: 1 });
  const other = await Arena.attach(arena.handle());
  assert.deepEqual(other.openMap("map").get("key"), { a: 1 });
  assert.deepEqual(other.openMap("map", { key: string(), value: json<{ a: number }>() }).get("key")?.a, 1);
  assert.deepEqual(other.openMap("map", { type: "hash", key: string(), value: json() }).get("key"), { a: 1 });
  assert.throws(() => other.openMap("map", { key: string(8), value: json() }), { code: "EINVAL", message: /as key/ });
  assert.equal(other.findMap("map").kind.type, "variable_hash");
  assert.throws(() => other.openMap("map", { type: "queue" as never, key: string(), value: json() }), {
    code: "EINVAL",
  });
});

test("changed as a whole: compareExchange, getOrInsert and compute; numbers are not added to", async () => {
  const map = makeMap(await makeArena(), string(), string());
  assert.equal(map.getOrInsert("k", "first"), "first");
  assert.equal(map.compareExchange("k", "other", "second"), false);
  assert.equal(map.compareExchange("k", "first", "second, and longer".repeat(50)), true);
  assert.equal(
    map.compute("k", (value) => value?.slice(0, 6)),
    "second",
  );
  assert.equal(map.compareExchange("k", "second", undefined), true);
  assert.equal(map.compareExchange("k", undefined, ""), true);
  assert.equal(map.get("k"), "");
  assert.throws(() => map.add("k", 1 as never), {
    code: "EINVAL",
    message: /it is variable_hash, which cannot do that/,
  });
  assert.throws(() => map.scan([], [], 0), { code: "EINVAL" });
  assert.equal(map.prefill(1), -ERRNO.EINVAL);
  map.setMany(["a", "b"], ["1", "2"]);
  assert.deepEqual(map.getMany(["b", "x", "a"]), ["2", undefined, "1"]);
  assert.equal(map.deleteMany(["a", "b", "c"]), 2);
  assert.deepEqual([...map.dump()], [{ key: new TextEncoder().encode("k"), values: [new Uint8Array(0)] }]);
});

test("what cannot be: parts without a length, other kinds, pools, keys of JSON; a refused value changes nothing", async () => {
  const arena = await makeArena();
  const refused = { code: "EINVAL" };
  assert.throws(() => array(string(), 2), { ...refused, message: /fixed size as element/ });
  assert.throws(() => struct({ name: string() }), { ...refused, message: /fixed size as name/ });
  const options = { name: "map", key: string(), value: string(), maxEntries: 10 };
  for (const type of ["percpu_hash", "array", "queue"] as const)
    assert.throws(() => arena.createMap({ ...options, type }), { ...refused, message: /only a hash/ });
  const hash = { ...options, type: "hash" } as const;
  assert.throws(() => arena.createMap({ ...hash, prealloc: true }), { ...refused, message: /it is dynamic/ });
  assert.throws(() => arena.createMap({ ...hash, key: json() }), { ...refused, message: /json\(\) in key/ });
  assert.equal(arena.maps().length, 0);
  const map = arena.createMap(hash);
  map.set("k", "v");
  assert.throws(() => map.set("k", 1 as never), { ...refused, message: /string\(\) holds text, not 1/ });
  assert.equal(map.update(1 as never, "v"), -ERRNO.EINVAL);
  assert.equal(map.update("k", "x".repeat(5 << 20)), -ERRNO.E2BIG);
  assert.throws(() => map.set("k", "x".repeat(5 << 20)), { code: "E2BIG", message: /larger than 4 MiB/ });
  assert.equal(map.get("k"), "v");
});

test("a value longer than any before, up to 4 MiB; in a context that may not wait only what there is room for", async () => {
  const arena = await makeArena();
  const map = makeMap(arena, string(), string());
  const other = (await Arena.attach(arena.handle())).openMap<string, string>("map");
  for (const length of [1015, 1016, 1017, 100_000, 4_000_000]) {
    map.set("k", "v".repeat(length));
    assert.equal(other.get("k"), "v".repeat(length));
  }
  const late = await Arena.attach(arena.handle()).catch(() => undefined);
  assert.equal(late, undefined, "both CPUs are held");
  const waiting = makeMap(arena, string(), string(), "waiting");
  arena.core.contextSet(3, 0);
  assert.equal(waiting.update("k", "v".repeat(2000)), -ERRNO.ENOMEM);
  arena.core.contextSet(0, 0);
  assert.equal(waiting.update("k", "v".repeat(2000)), 0);
});

test("it takes what its entries need, and statistics say so; closed it is dead, and gives all of it back", async () => {
  const arena = await makeArena();
  const before = arena.core.pagesInUse();
  const map = makeMap(arena, string(), string());
  const empty = mapStatistics(arena, map.info);
  for (let key = 0; key < 1000; key++) map.set(`key ${key}`, "v".repeat(key % 100));
  map.set("long", "x".repeat(100_000));
  const { bytes: taken, entries, preallocatedBytes } = mapStatistics(arena, map.info);
  assert.deepEqual([entries, preallocatedBytes], [1001, taken]);
  // 24 bytes in front of key and value, classes of 64 to 128 bytes, and what is cached.
  assert.ok(taken - empty.bytes > 100_000 + 1000 * 64 && taken < 131_072 + 1000 * 160 + 200_000, `${taken} bytes`);
  const caches = cacheStatistics(arena, map.info);
  assert.equal(new Set(caches.map(({ unit }) => unit)).size, 20);
  map.close();
  assert.throws(() => map.get("long"), { code: "EBADF" });
  assert.throws(() => map.set("long", ""), { code: "EBADF" });
  assert.throws(() => [...map], { code: "EBADF" });
  assert.equal(map.update("long", ""), -ERRNO.EBADF);
  arena.destroyMap("map");
  for (let round = 0; round < 4; round++) arena.trim();
  assert.ok(arena.core.pagesInUse() <= before, `${arena.core.pagesInUse()} pages, ${before} before`);
});

test("code that runs while a value or key is read may use the map, or close it: nothing foreign is written", async () => {
  const arena = await makeArena();
  const map = makeMap(arena, string(), json(), "map");
  const sly = (act: () => void): Json =>
    new Proxy([1], {
      get(target, name, self) {
        act();
        return Reflect.get(target, name, self);
      },
    });
  map.set(
    "k",
    sly(() => void map.set("other", "inside")),
  );
  assert.deepEqual([map.get("k"), map.get("other")], [[1], "inside"]);
  assert.throws(
    () =>
      map.set(
        "k",
        sly(() => map.close()),
      ),
    { code: "EBADF" },
  );
});

test("from and inspect, as of every map", async () => {
  const arena = await makeArena();
  const options = { type: "hash", name: "map", key: string(), value: bytes(), maxEntries: 10 } as const;
  const map = ArenaMap.from(arena, options, [["k", Uint8Array.of(1)]]);
  assert.deepEqual(map.get("k"), Uint8Array.of(1));
  assert.deepEqual(map.take === undefined, false);
  assert.throws(() => map.take("k"), { code: "EINVAL" });
});
