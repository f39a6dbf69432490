/** `Map`'s shape: what a user of Map expects of a map in shared memory, and what a wrong call is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Arena } from "../arena/arena.ts";
import { innerMaps } from "../arena/inner-maps.ts";
import { ERRNO } from "../error.ts";
import { array, bytes, f32, f64, i32, none, string, struct, u8, u16, u32, u64 } from "./codec/codec.ts";
import { ArenaMap } from "./map.ts";

const makeArena = (): Promise<Arena> => Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 5 });

type Named = typeof numbers & { readonly name: string };

const numbers = { type: "hash", key: u32, value: u64, maxEntries: 10_000 } as const;

test("from: a map with entries, or no map", async () => {
  const arena = await makeArena();
  const map = ArenaMap.from(arena, { ...numbers, name: "map" }, new Map([[1, 2n]]));
  assert.deepEqual([...map], [[1, 2n]]);
  assert.deepEqual([...ArenaMap.from(arena, { ...numbers, name: "copy" }, map)], [[1, 2n]]);
  const perCpu = ArenaMap.from(arena, { ...numbers, type: "percpu_hash", name: "percpu" }, [[1, [2n, 3n]]]);
  assert.deepEqual(perCpu.get(1), [2n, 3n]);
  const before = arena.core.pagesInUse();
  const refused = { ...numbers, name: "refused", maxEntries: 1 };
  assert.throws(
    () =>
      ArenaMap.from(arena, refused, [
        [1, 1n],
        [2, 2n],
      ]),
    { code: "E2BIG" },
  );
  assert.throws(() => ArenaMap.from(arena, refused, [[-1, 1n]]), { code: "EINVAL" });
  for (const entries of [7, [7], [undefined], ["ab"]])
    assert.throws(() => ArenaMap.from(arena, refused, entries as never), { code: "EINVAL" });
  for (const maker of [undefined, 7, {}])
    assert.throws(() => ArenaMap.from(maker as never, refused, []), { code: "EINVAL", message: /arena\.createMap/ });
  assert.throws(() => arena.findMap("refused"), { code: "ENOENT" });
  for (let round = 0; round < 3; round++) arena.trim();
  assert.ok(arena.core.pagesInUse() <= before);
});

test("a map's options may be inherited, or come from a class", async () => {
  const arena = await makeArena();
  class Options {
    readonly type = "hash";
    readonly key = u32;
    readonly value = u64;
    readonly maxEntries = 4;
    get name(): string {
      return "got";
    }
    get prealloc(): boolean {
      return true;
    }
  }
  const { info } = arena.createMap(new Options());
  assert.deepEqual([info.name, info.keySize, info.flags & 1], ["got", 4, 0], "preallocated");
  assert.equal(
    arena
      .createMap(Object.create({ ...numbers, name: "inherited" }) as Named)
      .set(1, 2n)
      .get(1),
    2n,
  );
});

test("toStringTag, forEach's this, iterators that are iterators, and their helpers where there are any", async () => {
  const arena = await makeArena();
  const map = ArenaMap.from(arena, { ...numbers, name: "map" }, [[1, 2n]]);
  assert.equal(Object.prototype.toString.call(map), "[object ArenaMap]");
  const self = {};
  const seen: unknown[] = [];
  map.forEach(function (this: unknown, ...args) {
    seen.push(this, ...args);
  }, self);
  assert.deepEqual(seen, [self, 2n, 1, map]);
  assert.equal(seen[0], self);
  for (const visit of [undefined, null, 1, {}])
    assert.throws(() => map.forEach(visit as never), { code: "EINVAL", message: /forEach needs a function as visit/ });
  for (const iterator of [map.keys(), map.values(), map.entries(), map[Symbol.iterator]()]) {
    assert.equal(iterator[Symbol.iterator](), iterator);
    assert.equal(iterator.next().done, false);
    assert.deepEqual(iterator.next(), { done: true, value: undefined });
    const helper = (iterator as unknown as { map?: unknown }).map;
    assert.equal(
      typeof helper,
      typeof (globalThis as { Iterator?: unknown }).Iterator === "function" ? "function" : "undefined",
    );
  }
});

test("an iterator that was left, or that threw, is at its end", async () => {
  const arena = await makeArena();
  const map = ArenaMap.from(arena, { ...numbers, name: "map" }, [
    [1, 2n],
    [3, 4n],
    [5, 6n],
  ]);
  const end = { done: true, value: undefined };
  const left = map.entries();
  for (const _ of left) break;
  assert.deepEqual(left.next(), end);
  const thrown = map.keys();
  thrown.next();
  assert.throws(() => thrown.throw(new Error("mine")), /mine/);
  assert.deepEqual(thrown.next(), end);
  const closed = map.values();
  closed.next();
  map.close();
  assert.throws(() => closed.next(), { code: "EBADF" });
  assert.deepEqual(closed.next(), end);
});

test("iteration never yields a key that was deleted before it was asked for, and each value is that of its moment", async () => {
  const arena = await makeArena();
  for (const keys of [10, 5000]) {
    const map = arena.createMap({ ...numbers, name: `map${keys}` });
    for (let key = 0; key < keys; key++) map.set(key, BigInt(key));
    const seen = new Set<number>();
    let foreign = 0;
    for (const [key, value] of map) {
      if (!map.has(key)) foreign++;
      assert.equal(value, seen.size === 0 ? BigInt(key) : value);
      seen.add(key);
      // Delete and change what may have been copied ahead.
      const other = (key * 7919 + 13) % keys;
      if (!seen.has(other)) map.delete(other);
      const changed = (key * 104_729 + 5) % keys;
      if (map.has(changed)) map.set(changed, 77n);
      assert.ok(map.has(key) || other === key);
    }
    assert.equal(foreign, 0);
    const left = [...map.keys()];
    assert.ok(left.every((key) => seen.has(key)));
    const iterator = map.keys();
    const [first] = left;
    map.clear();
    assert.notEqual(first, undefined);
    assert.deepEqual(iterator.next(), { done: true, value: undefined });
  }
  const map = arena.createMap({ ...numbers, name: "changing" });
  for (let key = 0; key < 100; key++) map.set(key, 0n);
  let asked = 0n;
  for (const [, value] of map) {
    assert.equal(value, asked);
    asked++;
    for (let key = 0; key < 100; key++) map.set(key, asked);
  }
});

test("openMap with codecs: the compiler knows the types, and they are those of the map", async () => {
  const arena = await makeArena();
  const value = struct({ packets: u64, tags: array(u8, 2) });
  arena
    .createMap({ type: "hash", name: "flows", key: u32, value, maxEntries: 10 })
    .set(1, { packets: 2n, tags: [3, 4] });
  const flows = arena.openMap("flows", { key: u32, value });
  const packets: bigint | undefined = flows.get(1)?.packets;
  assert.equal(packets, 2n);
  // @ts-expect-error the key is a number
  assert.throws(() => flows.get("1"), { code: "EINVAL" });
  const codes = { code: "EINVAL" };
  assert.throws(() => arena.openMap("flows", { key: u64, value }), {
    ...codes,
    message: /has "u32" as key, openMap was given "u64"/,
  });
  assert.throws(() => arena.openMap("flows", { key: u32, value: bytes(16) }), { ...codes, message: /as value/ });
  assert.throws(() => arena.openMap("flows", { key: u32, value, type: "array" }), {
    ...codes,
    message: /is hash, openMap has "array"/,
  });
  assert.throws(() => arena.openMap("flows", { key: u32 } as never), { ...codes, message: /needs a codec as value/ });
  assert.throws(() => arena.openMap("flows", { key: u32, value, keys: 1 } as never), {
    ...codes,
    message: /no option keys/,
  });
  assert.throws(() => arena.openMap("none", { key: u32, value }), { code: "ENOENT" });
  assert.throws(() => arena.openMap(undefined as never), { ...codes, message: /needs a text as name, not undefined/ });
  arena.createMap({ ...numbers, type: "percpu_hash", name: "percpu" }).set(1, [1n, 2n]);
  assert.throws(() => arena.openMap("percpu", { key: u32, value: u64 }), { ...codes, message: /is percpu_hash/ });
  const perCpu = arena.openMap("percpu", { type: "percpu_hash", key: u32, value: u64 });
  const values: bigint[] | undefined = perCpu.get(1);
  assert.deepEqual(values, [1n, 2n]);
  const before = arena.core.pagesInUse();
  for (let turn = 0; turn < 50; turn++) assert.throws(() => arena.openMap("flows", { key: u64, value }), codes);
  assert.equal(arena.core.pagesInUse(), before, "what is refused is not left open");
});

test("unknown options, profiles and types are refused with those that there are; a wrong argument is named", async () => {
  const create = (options: unknown) => Arena.create(options as never);
  const refused: readonly [options: unknown, message: RegExp][] = [
    [{ cpu: 9 }, /^Arena\.create has no option cpu, only maximumBytes, limitBytes, cpus, .* debug and core$/],
    [{ profile: "windows" }, /^There is no profile "windows", only anyctx and linux$/],
    [{ thresholds: "none" }, /only fixed and adaptive$/],
    [{ forceDynamic: "yes" }, /needs true or false as forceDynamic, not "yes"$/],
    [{ realTime: 1 }, /needs true or false as realTime, not 1$/],
    [{ cpus: "4" }, /1 to 1024 CPUs, not "4"$/],
    [{ maximumBytes: "1" }, /maximumBytes is between 320 KiB and 4 GiB, not "1" bytes$/],
    [{ limitBytes: -1 }, /limit is a number of bytes, not -1$/],
    [{ seed: 0.5 }, /a whole number as seed, not 0.5$/],
    [null, /^Arena\.create needs an object as options, not null$/],
    [7, /^Arena\.create needs an object as options, not 7$/],
  ];
  for (const [options, message] of refused) await assert.rejects(create(options), { code: "EINVAL", message });
  const arena = await makeArena();
  const map = { ...numbers, name: "map" };
  const maps: readonly [options: unknown, message: RegExp][] = [
    [undefined, /^createMap needs an object as options, not undefined$/],
    [{ ...map, preallocated: true }, /no option preallocated, only type, name, key, .* and allocator$/],
    [
      { ...map, type: "lru" },
      /^There is no map type "lru", only hash, variable_hash, ordered, array, percpu_hash, lru_hash, lru_percpu_hash, percpu_array, array_of_maps, hash_of_maps, queue, stack, lpm_trie, ringbuf, user_ringbuf, arena, stack_trace, perf_event_array, prog_array, cgroup_array, task_storage, sk_storage, inode_storage, cgrp_storage and bloom_filter$/,
    ],
    [{ ...map, key: undefined }, /^createMap needs a codec as key, as u32 or string\(16\), not undefined$/],
    [{ ...map, value: 7 }, /needs a codec as value/],
    [{ ...map, name: undefined }, /^A map needs a text as name, not undefined$/],
    [{ ...map, maxEntries: "10" }, /max_entries from 1 to 2\^32 - 1, not "10"$/],
    [{ ...map, maxEntries: undefined }, /max_entries from 1 to 2\^32 - 1, not undefined$/],
    [{ ...map, flags: 2 ** 32 }, /32 bits as flags, not 4294967296$/],
    [{ ...map, flags: 0.5 }, /32 bits as flags, not 0.5$/],
    [{ ...map, prealloc: 1 }, /true or false as prealloc, not 1$/],
    [{ ...map, allocator: 5 }, /cannot share an allocator/],
    [{ ...map, allocator: { address: 65536 } }, /cannot share an allocator/],
  ];
  for (const [options, message] of maps)
    assert.throws(() => arena.createMap(options as never), { code: "EINVAL", message });
  const large = array(bytes(2 ** 20), 4096);
  assert.throws(() => arena.createMap({ ...map, value: large as never }), { code: "E2BIG" });
  const allocators: readonly [options: unknown, message: RegExp][] = [
    [undefined, /^createAllocator needs an object as options/],
    [
      { objectSize: 8, capacity: 1 },
      /no option capacity, only name, perCpu, capacityBytes, debug, objectSize, any and prefill$/,
    ],
    [{ objectSize: 8, perCpu: "no" }, /true or false as perCpu/],
    [{ any: "yes" }, /true or false as any, not "yes"$/],
    [{ objectSize: 8, name: 7 }, /needs a text as name, not 7$/],
    [{ objectSize: 8, prefill: null }, /needs a number of objects as prefill, not null$/],
    [{ objectSize: 8, prefill: -1 }, /as prefill, not -1$/],
    [{ objectSize: 8, prefill: { count: 1, size: 8 } }, /needs a number of objects as prefill, not an object$/],
    [{ any: true, prefill: 5 }, /needs \{ count, size \} as prefill, not 5$/],
    [{ any: true, prefill: { count: 1 } }, /as prefill, not an object$/],
  ];
  for (const [options, message] of allocators)
    assert.throws(() => arena.createAllocator(options as never), { code: "EINVAL", message });
  assert.deepEqual(arena.maps(), []);
  assert.deepEqual(arena.allocators(), []);
  for (const cpu of [0.5, -1, "1", Number.NaN, null, 1n])
    assert.throws(() => arena.takeCpu(cpu as never), {
      code: "EINVAL",
      message: /takeCpu needs the number of a CPU as cpu/,
    });
  for (const on of [1, "yes", undefined]) assert.throws(() => arena.setForceDynamic(on as never), { code: "EINVAL" });
  await assert.rejects(Arena.attach(arena.handle(), "1" as never), {
    code: "EINVAL",
    message: /number of a CPU as cpu/,
  });
});

test("read: views see what others write, stay what they are until the end, and are dead afterwards", async () => {
  const arena = await makeArena();
  const other = await Arena.attach(arena.handle());
  const map = arena.createMap({
    type: "hash",
    name: "map",
    key: string(8),
    value: struct({ a: u32, b: u64 }),
    maxEntries: 10,
  });
  const theirs = other.openMap("map", { key: string(8), value: struct({ a: u32, b: u64 }) });
  const words = arena.createMap({ ...numbers, name: "words" });
  words.set(1, 1n);
  map.set("x", { a: 1, b: 2n });
  const kept = map.read(() => {
    const view = map.view("x");
    assert.deepEqual(view?.value, { a: 1, b: 2n });
    const word = words.view(1);
    other.openMap<number, bigint>("words").set(1, 9n);
    assert.equal(word?.value, 9n, "overwritten where it lies");
    assert.equal(map.view("y"), undefined);
    const inner = map.read(() => words.view(1));
    assert.equal(inner?.value, 9n, "of the same section");
    theirs.delete("x");
    assert.equal(typeof view?.value.a, "number", "its memory is still the map's");
    return view;
  });
  assert.throws(() => kept?.value, { code: "EBADF", message: /the read that gave its view is over/ });
  map.read(() => assert.throws(() => kept?.value, { code: "EBADF" }));
  assert.throws(() => map.view("x"), { code: "EINVAL", message: /inside of read only/ });
  assert.throws(() => map.read(undefined as never), { code: "EINVAL", message: /a function as act/ });
  assert.throws(() => map.read(() => assert.fail("mine")), { message: "mine" });
  assert.equal(arena.readSection, 0);
  const perCpu: ArenaMap<number, bigint[]> = arena.createMap({ ...numbers, type: "percpu_hash", name: "percpu" });
  const queue: ArenaMap<undefined, number> = arena.createMap({
    type: "queue",
    name: "queue",
    key: none,
    value: u32,
    maxEntries: 5,
  });
  arena.read(() => {
    assert.throws(() => perCpu.view(1), { code: "EINVAL" });
    assert.throws(() => queue.view(undefined), { code: "EINVAL" });
    const slots = arena.createMap({ ...numbers, type: "array", name: "slots" });
    assert.equal(slots.view(3)?.value, 0n);
    assert.equal(slots.view(10_000), undefined);
  });
  const section = arena.core.cpuAreaAddress(0);
  other.read(() => other.detach());
  assert.equal(other.isDetached, true);
  assert.ok(section > 0);
  const third = await Arena.attach(arena.handle());
  third.core.readEnter();
  third.core.readLeave();
  third.detach();
});

test("prefill refuses what is no count", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ ...numbers, name: "map" });
  for (const count of [-1, 0.5, Number.NaN, "1", undefined, 1n, Symbol("s")])
    assert.equal(map.prefill(count as never), -ERRNO.EINVAL);
  assert.equal(map.prefill(2 ** 40), -ERRNO.ENOMEM);
  assert.equal(map.prefill(3), 0);
});

test("what cannot be read is shown as that, and a refusal of a proxy that is revoked is a refusal", async () => {
  const arena = await makeArena();
  const inner = arena.createMap({ ...numbers, name: "inner" });
  const value = innerMaps(arena, inner);
  const outer = arena.createMap({ type: "hash_of_maps", name: "outer", key: u32, value, maxEntries: 4 });
  outer.set(1, inner);
  arena.destroyMap("inner");
  assert.equal(inspect(outer), 'ArenaMap(1) "outer" { There is no map "inner" in the arena }');
  const writeOnly = arena.createMap({ ...numbers, name: "writeOnly", flags: 16 }).set(1, 1n);
  assert.match(inspect(writeOnly), /^ArenaMap\(1\) "writeOnly" \{ Cannot walk map .*access flags.* \}$/);
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  assert.throws(() => arena.setLimit(proxy as never), { code: "EINVAL" });
  assert.throws(() => writeOnly.forEach(proxy as never), { code: "EINVAL" });
});

test("prefillAll is for maps of this arena", async () => {
  const [arena, other] = [await makeArena(), await makeArena()];
  const map = other.createMap({ ...numbers, name: "map" });
  for (const given of [map, undefined, null, {}, { isOpen: true, info: map.info, prefill: () => 0 }])
    assert.equal(arena.prefillAll(given as never, 1), -ERRNO.EINVAL);
  assert.equal(other.prefillAll(map, 1), 0);
});

test("keys that the core reads are what it takes them for; a prefix has to be given", async () => {
  const arena = await makeArena();
  const create = (type: string, key: unknown): ArenaMap<unknown, unknown> =>
    arena.createMap({ type, name: "map", key, value: u32, maxEntries: 16 } as never) as never;
  const address = bytes(4);
  const rows: readonly [type: string, needs: string, right: readonly unknown[], wrong: readonly unknown[]][] = [
    ["array", "u32, the index", [u32, i32, bytes(4), array(u8, 4), struct({ at: u32 })], [f32, string(4), u16, u64]],
    ["percpu_array", "u32, the index", [u32], [f32, struct({ low: u16, high: u16 })]],
    ["task_storage", "u64, the owner's address", [u64, bytes(8)], [f64, string(8)]],
    [
      "lpm_trie",
      "u32, the length of the prefix",
      [struct({ length: u32, address }), struct({ key: struct({ length: u32 }), address }), bytes(8), array(u32, 2)],
      [struct({ length: u8, address }), struct({ length: f32, address }), string(8), u64],
    ],
  ];
  for (const [type, needs, right, wrong] of rows) {
    for (const key of wrong) {
      const message = new RegExp(`^Map "map" is ${type}: its key begins with ${needs}, not [a-z0-9]+$`);
      assert.throws(() => create(type, key), { code: "EINVAL", message });
    }
    for (const key of right) {
      create(type, key).close();
      arena.destroyMap("map");
    }
  }
  const ordered = arena.createMap({ type: "ordered", name: "ordered", key: string(), value: u32, maxEntries: 9 });
  ordered.set("a", 1);
  for (const beginning of [undefined, null, 1])
    assert.throws(() => ordered.prefix(beginning as never), { code: "EINVAL", message: /holds text, not / });
  assert.deepEqual([...ordered.prefix("")], [["a", 1]]);
});
