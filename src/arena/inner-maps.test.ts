/** Maps in maps, from TypeScript: what may be put in, what comes out, and how long it stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, u32 } from "../maps/codec/codec.ts";
import type { ArenaMap } from "../maps/map.ts";
import { CONSTANTS } from "../wasm/face.ts";
import { Arena } from "./arena.ts";
import { innerMaps } from "./inner-maps.ts";

const INNER = { type: "hash", key: u32, value: u32, maxEntries: 10 } as const;
const OUTERS = ["array_of_maps", "hash_of_maps"] as const;

async function makeOuter(
  type: (typeof OUTERS)[number],
): Promise<{ arena: Arena; first: ArenaMap<number, number>; outer: ArenaMap<number, ArenaMap<number, number>> }> {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2 });
  const first = arena.createMap({ ...INNER, name: "first" });
  const value = innerMaps(arena, first);
  return { arena, first, outer: arena.createMap({ type, name: "outer", key: u32, value, maxEntries: 4 }) };
}

for (const type of OUTERS) {
  test(`${type}: maps go in and come out open, the same object each time`, async () => {
    const { arena, first, outer } = await makeOuter(type);
    const second = arena.createMap({ ...INNER, name: "second", maxEntries: 99 });
    assert.equal(outer.get(1), undefined);
    outer.set(1, first).set(2, second).set(3, first);
    outer.get(1)?.set(7, 70);
    assert.deepEqual([first.get(7), outer.get(3)?.get(7), outer.get(2)?.size], [70, 70, 0]);
    assert.equal(outer.get(1), outer.get(3));
    assert.deepEqual([...outer].map(([key, map]) => [key, map.info.name]).sort(), [
      [1, "first"],
      [2, "second"],
      [3, "first"],
    ]);
    assert.deepEqual([outer.delete(2), outer.delete(2), outer.get(2)], [true, false, undefined]);
    const again = arena.openMap<number, ArenaMap<number, number>>("outer");
    assert.equal(again.get(1)?.get(7), 70);
    arena.detach();
  });

  test(`${type}: only maps like the first go in`, async () => {
    const { arena, first, outer } = await makeOuter(type);
    const other = arena.createMap({ ...INNER, name: "other", value: bytes(8) });
    assert.throws(() => outer.set(1, other as never), { code: "EINVAL" });
    assert.throws(() => outer.set(1, 7 as never), /innerMaps\(\) holds open maps of the arena, not 7/);
    const elsewhere = (await Arena.create({ maximumBytes: 1 << 20 })).createMap({ ...INNER, name: "first" });
    assert.throws(() => outer.set(1, elsewhere), { code: "EINVAL" });
    first.close();
    assert.throws(() => outer.set(1, first), { code: "EINVAL" });
    assert.equal([...outer].length, 0);
  });

  test(`${type}: an entry keeps a destroyed map for programs; it goes when no entry has it`, async () => {
    const { arena, first, outer } = await makeOuter(type);
    const before = arena.core.pagesInUse();
    const large = arena.createMap({ ...INNER, name: "large", maxEntries: 100_000, prealloc: true });
    const wanted = innerMaps(arena, large);
    const holder = arena.createMap({ type, name: "holder", key: u32, value: wanted, maxEntries: 4 });
    large.set(1, 11);
    holder.set(1, large).set(2, large);
    arena.destroyMap("large");
    const room = arena.allocate(8);
    const keyOf = (number: number): number => {
      new Uint32Array(arena.memory.buffer, room, 1)[0] = number;
      return room;
    };
    const { lookup } = holder.info.kind.program;
    assert.ok(lookup);
    const settle = (): void => {
      for (let round = 0; round < 8; round++) arena.poll();
    };
    settle();
    const inner = arena.core[lookup](holder.info.address, keyOf(1)) >>> 0;
    assert.equal(inner, large.info.address);
    assert.equal(arena.word(arena.core.hashLookup(inner, keyOf(1))), 11);
    assert.throws(() => holder.get(1), { code: "ENOENT" });
    assert.throws(() => holder.set(3, large), { code: "EINVAL" }, "it is closed");
    assert.equal(holder.delete(1), true);
    settle();
    assert.equal(arena.core[lookup](holder.info.address, keyOf(2)) >>> 0, inner);
    holder.delete(2);
    settle();
    outer.set(1, first);
    arena.destroyMap("holder");
    settle();
    arena.trim();
    assert.ok(arena.core.pagesInUse() < before + 16, "its pages are back");
  });
}

test("an array of maps takes arrays of its own length, unless they say that they are inner maps", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20 });
  const array = { type: "array", key: u32, value: u32 } as const;
  const four = arena.createMap({ ...array, name: "four", maxEntries: 4 });
  const five = arena.createMap({ ...array, name: "five", maxEntries: 5 });
  const outer = arena.createMap({
    type: "array_of_maps",
    name: "o",
    key: u32,
    value: innerMaps(arena, four),
    maxEntries: 2,
  });
  assert.equal(outer.update(0, four), 0);
  assert.throws(() => outer.set(1, five), { code: "EINVAL" });
  const { INNER_MAP } = CONSTANTS;
  const free = arena.createMap({ ...array, name: "free", maxEntries: 4, flags: INNER_MAP });
  const other = arena.createMap({ ...array, name: "free5", maxEntries: 5, flags: INNER_MAP });
  const mixed = arena.createMap({
    type: "array_of_maps",
    name: "m",
    key: u32,
    value: innerMaps(arena, free),
    maxEntries: 2,
  });
  mixed.set(0, free).set(1, other);
  assert.equal(mixed.get(1)?.info.maxEntries, 5);
});

test("maps of maps need innerMaps as value, and no other map has it; none is in itself", async () => {
  const { arena, first, outer } = await makeOuter("hash_of_maps");
  const value = innerMaps(arena, first);
  assert.throws(
    () => arena.createMap({ type: "hash_of_maps", name: "x", key: u32, value: u32, maxEntries: 2 }),
    /innerMaps/,
  );
  assert.throws(() => arena.createMap({ type: "hash", name: "x", key: u32, value, maxEntries: 2 }), /innerMaps/);
  const nested = innerMaps(arena, outer);
  assert.throws(() => arena.createMap({ type: "hash_of_maps", name: "x", key: u32, value: nested, maxEntries: 2 }), {
    code: "EINVAL",
  });
  assert.deepEqual(
    arena.maps().map(({ name }) => name),
    ["outer", "first"],
  );
});
