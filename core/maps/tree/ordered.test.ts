/** Ordered maps against sorted arrays, by what TypeScript has of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arena } from "../../../src/arena/arena.ts";
import { ERRNO } from "../../../src/error.ts";
import { bytes, f64, i32, string, struct, u32, u64 } from "../../../src/maps/codec/codec.ts";
import { json } from "../../../src/maps/codec/json.ts";
import { type ArenaMap, EXIST, NOEXIST } from "../../../src/maps/map.ts";
import { LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../../testing.ts";

const { E2BIG, EEXIST, EINVAL, ENOENT } = ERRNO;
const arena = await Arena.create({ maximumBytes: 128 << 20, cpus: 3, seed: 5 });

function makeMap(maxEntries = 1000): ArenaMap<Uint8Array, number> {
  return arena.createMap({ type: "ordered", name: "ordered", key: bytes(), value: u32, maxEntries });
}

function destroy<K, V>(map: ArenaMap<K, V>): void {
  map.close();
  arena.destroyMap(map.info.name);
  for (let round = 0; round < 4; round++) arena.poll();
}

/** Keys of few different bytes, so that many begin alike, and some long ones. */
const KEY = fc.oneof(
  fc.uint8Array({ maxLength: 6 }).map((key) => key.map((byte) => [0, 1, 0x80, 0xff][byte & 3] as number)),
  fc.integer({ min: 7, max: 40 }).map((length) => new Uint8Array(length).fill(7)),
);
const hex = (key: Uint8Array): string => Buffer.from(key).toString("hex");
const inOrder = (a: string, b: string): number => Buffer.compare(Buffer.from(a, "hex"), Buffer.from(b, "hex"));

const STEP = fc.record({
  what: fc.constantFrom("update" as const, "update" as const, "delete" as const, "take" as const, "compare" as const),
  key: KEY,
  flags: fc.constantFrom(0, 0, 0, NOEXIST, EXIST),
});

function expectedErrno(model: ReadonlyMap<string, number>, key: string, flags: number, maxEntries: number): number {
  if (model.has(key)) return flags === NOEXIST ? -EEXIST : 0;
  if (flags === EXIST) return -ENOENT;
  return model.size >= maxEntries ? -E2BIG : 0;
}

test("any sequence of changes is that of a Map, and a walk goes in the order of the keys, both ways, over any range", () => {
  const bound = fc.option(KEY, { nil: undefined });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(STEP, { maxLength: 120 }),
      fc.array(fc.record({ from: bound, to: bound, reverse: fc.boolean() }), { maxLength: 8 }),
      KEY,
      (maxEntries, steps, ranges, beginning) => {
        const map = makeMap(maxEntries);
        const model = new Map<string, number>();
        try {
          for (const [index, { what, key, flags }] of steps.entries()) {
            const name = hex(key);
            if (what === "delete") assert.equal(map.delete(key), model.delete(name));
            else if (what === "take") {
              assert.equal(map.take(key), model.get(name));
              model.delete(name);
            } else if (what === "compare") {
              const old = model.get(name);
              assert.equal(map.compareExchange(key, 999_999, index), false);
              if (old === undefined && model.size >= maxEntries)
                assert.throws(() => map.compareExchange(key, old as never, index), { code: "E2BIG" });
              else {
                assert.ok(map.compareExchange(key, old as never, index));
                model.set(name, index);
              }
            } else {
              const expected = expectedErrno(model, name, flags, maxEntries);
              assert.equal(map.update(key, index, flags), expected);
              if (expected === 0) model.set(name, index);
            }
            assert.equal(map.get(key), model.get(name));
            assert.equal(map.size, model.size);
          }
          const sorted = [...model].sort(([a], [b]) => inOrder(a, b));
          const plain = (entries: Iterable<[Uint8Array, number]>): [string, number][] =>
            [...entries].map(([key, value]) => [hex(key), value]);
          assert.deepEqual(plain(map), sorted);
          for (const { from, to, reverse } of ranges) {
            const inside = sorted.filter(
              ([key]) =>
                (from === undefined || inOrder(key, hex(from)) >= 0) && (to === undefined || inOrder(key, hex(to)) < 0),
            );
            assert.deepEqual(plain(map.range({ from, to, reverse })), reverse ? inside.reverse() : inside);
          }
          for (const reverse of [false, true]) {
            const beginningSo = sorted.filter(([key]) => key.startsWith(hex(beginning)));
            assert.deepEqual(plain(map.prefix(beginning, { reverse })), reverse ? beginningSo.reverse() : beginningSo);
          }
        } finally {
          destroy(map);
        }
      },
    ),
    { numRuns: 300 },
  );
});

for (const [name, codec, arbitrary, compare] of [
  ["i32", i32, fc.integer(), (a: number, b: number) => a - b],
  ["f64", f64, fc.double(), (a: number, b: number) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b)],
  ["u64", u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (a: bigint, b: bigint) => (a < b ? -1 : 1)],
  [
    "string()",
    string(),
    fc.string({ unit: "grapheme" }),
    (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
  ],
] as const)
  test(`${name} keys are in their own order, and come back as they were`, () => {
    fc.assert(
      fc.property(fc.array(arbitrary as fc.Arbitrary<never>, { maxLength: 60 }), (keys) => {
        const map = arena.createMap({
          type: "ordered",
          name: "numbers",
          key: codec as never,
          value: u32,
          maxEntries: 100,
        });
        const model = new Map<unknown, number>();
        for (const [index, key] of keys.entries()) {
          map.set(key, index);
          model.set(key, index);
        }
        const sorted = [...model].sort(([a], [b]) => compare(a as never, b as never));
        assert.deepEqual([...map], sorted);
        destroy(map);
      }),
    );
  });

test("what is deleted during a walk is not met, what stays is met once, what comes ahead is met", () => {
  const map = makeMap(100_000);
  const key = (number: number): Uint8Array => Uint8Array.of(number >> 8, number & 255);
  for (let number = 0; number < 3000; number += 2) map.set(key(number), number);
  const met: number[] = [];
  for (const number of map.values()) {
    met.push(number);
    if (number === 100) for (let other = 0; other < 3000; other += 6) map.delete(key(other));
    if (number === 1000) for (let other = 1; other < 3000; other += 2) map.set(key(other), other);
  }
  assert.equal(new Set(met).size, met.length);
  assert.deepEqual(
    met,
    met.slice().sort((a, b) => a - b),
  );
  for (let number = 0; number < 3000; number++) {
    if (number % 2 === 0 && number % 6 !== 0) assert.ok(met.includes(number), `${number} stays`);
    if (number % 6 === 0 && number > 100)
      assert.ok(!met.includes(number), `${number} was deleted before it was asked for`);
    // What a step has copied already is not looked at again.
    if (number % 2 === 1 && number > 2000) assert.ok(met.includes(number), `${number} came ahead`);
  }
  destroy(map);
});

test("an entry is read where a walk came by it as long as nothing changes, and what is being changed has no stamp", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ type: "ordered", name: "walked", key: u32, value: u32, maxEntries: 10 });
  map.set(1, 10).set(2, 20);
  const room = new Uint32Array(arena.memory.buffer, arena.core.allocateBytes(256), 64);
  const lock = new Uint32Array(arena.memory.buffer, map.info.address + LAYOUT.MapHeader.treeLock, 1);
  const value = new Uint32Array(arena.memory.buffer, arena.core.allocateBytes(16), 4);
  value[1] = 8;
  const walk = (): { leaf: number; stamp: number } => {
    assert.equal(arena.core.orderedKeys(map.info.address, 0, 0, room.byteOffset, room.byteLength), 2);
    return { stamp: room[0] as number, leaf: room[3] as number };
  };
  const readAt = ({ leaf, stamp }: { leaf: number; stamp: number }): number =>
    arena.core.orderedGetAt(map.info.address, leaf, stamp, value.byteOffset);
  const first = walk();
  assert.equal(readAt(first), 0);
  assert.equal(value[2], 10);
  map.set(2, 21);
  assert.equal(readAt(first), -ERRNO.EAGAIN);
  assert.equal(readAt(walk()), 0);
  lock[0] = arena.cpu + 1;
  const beside = walk();
  lock[0] = 0;
  assert.equal(beside.stamp, 0);
  assert.equal(readAt(beside), -ERRNO.EAGAIN);
  value[1] = 0;
  assert.equal(readAt(walk()), -ERRNO.ENOSPC);
});

test("a value that was replaced during a walk is the new one, and one that is longer than any before it is whole", () => {
  const map = arena.createMap({ type: "ordered", name: "texts", key: u32, value: string(), maxEntries: 10 });
  const long = "x".repeat(5000);
  for (let key = 0; key < 4; key++) map.set(key, "old");
  map.set(1, long);
  const met: string[] = [];
  for (const [key, value] of map) {
    met.push(value);
    if (key === 1) map.set(2, "new");
  }
  assert.deepEqual(met, ["old", long, "new", "old"]);
  destroy(map);
});

test("keys and values of any length, larger than the room that a thread keeps", () => {
  const map = arena.createMap({ type: "ordered", name: "long", key: string(), value: json(), maxEntries: 10 });
  const keys = ["", "a", "a".repeat(70_000), `${"a".repeat(70_000)}b`, "b".repeat(3000)];
  for (const key of keys.slice().reverse()) map.set(key, { length: key.length, text: "x".repeat(key.length) });
  assert.deepEqual([...map.keys()], keys);
  assert.deepEqual(
    [...map.range({ from: "a".repeat(70_000), reverse: true })].map(([key]) => key.length),
    [3000, 70_001, 70_000],
  );
  assert.deepEqual(
    [...map.prefix("a".repeat(69_999))].map(([, value]) => (value as { length: number }).length),
    [70_000, 70_001],
  );
  assert.throws(() => map.set("a".repeat(5 << 20), 1), { code: "E2BIG" });
  assert.equal((map.take("b".repeat(3000)) as { text: string }).text.length, 3000);
  assert.equal(map.take("b".repeat(3000)), undefined);
  destroy(map);
});

test("what is no key, another kind, and options that are none are refused; the map is opened by name", () => {
  const create = (options: object): unknown =>
    arena.createMap({ type: "ordered", name: "odd", key: string(), value: u32, maxEntries: 4, ...options } as never);
  assert.throws(() => create({ key: struct({ a: u32 }) }), {
    code: "EINVAL",
    message: /string\(\), bytes\(\) or numbers/,
  });
  assert.throws(() => create({ key: string(8) }), { code: "EINVAL" });
  assert.throws(() => create({ prealloc: true }), { code: "EINVAL", message: /dynamic/ });
  const map = arena.createMap({ type: "ordered", name: "named", key: u32, value: string(), maxEntries: 4 });
  map.set(3, "c").set(1, "a");
  assert.deepEqual(
    [...arena.openMap("named", { key: u32, value: string() })],
    [
      [1, "a"],
      [3, "c"],
    ],
  );
  assert.throws(() => map.prefix(1), { code: "EINVAL", message: /numbers, which have no beginning/ });
  assert.throws(() => map.range({ from: -1 }), { code: "EINVAL" });
  assert.throws(() => map.range({ start: 1 } as never), { code: "EINVAL", message: /no option start/ });
  assert.equal(map.update(1, "b", 4), -EINVAL);
  const hash: ArenaMap<number, number> = arena.createMap({
    type: "hash",
    name: "hash",
    key: u32,
    value: u32,
    maxEntries: 4,
  });
  assert.throws(() => hash.range(), { code: "EINVAL", message: /it is hash, not ordered/ });
  const walk = map.range();
  walk.next();
  map.close();
  assert.throws(() => [...walk], { code: "EBADF" });
  assert.throws(() => map.range({ from: 1 }), { code: "EBADF" });
  arena.destroyMap("named");
  destroy(hash);
});

test("nodes that were taken out wait for a grace period, and all come back when the map goes", () => {
  for (let round = 0; round < 6; round++) arena.trim();
  const before = arena.core.pagesInUse();
  const map = makeMap(5000);
  for (let index = 0; index < 2000; index++)
    map.set(Uint8Array.of(index >> 8, index & 255, ...new Uint8Array(index % 50)), index);
  const view = arena.read(() => {
    for (const key of [...map.keys()].slice(0, 1000)) map.delete(key);
    for (let round = 0; round < 4; round++) arena.poll();
    return map.size;
  });
  assert.equal(view, 1000);
  destroy(map);
  for (let round = 0; round < 6; round++) arena.trim();
  assert.equal(arena.core.pagesInUse(), before);
});

test("an NMI looks up and walks while its CPU has the lock, and gets -EBUSY for a change; the dead owner's lock goes", () => {
  const map = makeMap(10);
  const key = Uint8Array.of(1);
  // What a change allocates in the NMI is cached by then.
  map.set(key, 1).set(Uint8Array.of(3), 3);
  const lock = new Uint32Array(arena.memory.buffer, map.info.address + LAYOUT.MapHeader.treeLock, 1);
  lock[0] = arena.cpu + 1;
  const below = arena.core.contextEnter(LEVEL.nmi);
  assert.equal(map.get(key), 1);
  assert.equal([...map.keys()].length, 2);
  assert.equal(map.update(Uint8Array.of(2), 1), -ERRNO.EBUSY);
  assert.throws(() => map.delete(key), { code: "EBUSY" });
  arena.core.contextLeave(below);
  lock[0] = 0;
  const other = arena.takeCpu();
  lock[0] = other + 1;
  arena.switchCpu(0);
  assert.equal(arena.core.reapCpu(other, arena.word(arena.core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
  assert.ok(map.delete(key));
  assert.equal(map.size, 1);
  destroy(map);
});

test("a tree that is deeper than a walk has room for is gone through in order, up and down, and from any key", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ type: "ordered", name: "deep", key: string(), value: u32, maxEntries: 1000 });
  // Each key is the beginning of the next: a branch for each.
  const all = Array.from({ length: 400 }, (_, length) => "x".repeat(length + 1));
  for (const key of all) map.set(key, key.length);
  assert.deepEqual([...map.keys()], all);
  assert.deepEqual(
    [...map.range({ reverse: true })].map(([key]) => key),
    [...all].reverse(),
  );
  for (const from of [1, 30, 200, 399])
    assert.deepEqual(
      [...map.range({ from: "x".repeat(from), to: "x".repeat(from + 100) })].map(([, value]) => value),
      all.slice(from - 1, from + 99).map((key) => key.length),
    );
});
