import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../src/error.ts";
import { type Codec, none, string, u32 } from "../../src/maps/codec/codec.ts";
import { type ArenaMap, EXIST, NOEXIST } from "../../src/maps/map.ts";
import { LAYOUT } from "../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../testing.ts";

const arena = await makeArena();

function makeFilter<V>(value: Codec<V>, maxEntries: number): ArenaMap<undefined, V> {
  return arena.createMap({ type: "bloom_filter", name: "filter", key: none, value, maxEntries });
}

function destroy(map: ArenaMap<undefined, unknown>): void {
  map.close();
  arena.destroyMap("filter");
}

test("what was put in is found, whatever else is there and however full it is", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(
        fc.string({ maxLength: 8 }).map((text) => text.replaceAll("\0", "")),
        { maxLength: 200 },
      ),
      (maxEntries, texts) => {
        const filter = makeFilter(string(32), maxEntries);
        try {
          for (const [index, text] of texts.entries()) {
            filter.set(undefined, text);
            for (const before of texts.slice(0, index + 1)) assert.ok(filter.mayHave(before), before);
          }
        } finally {
          destroy(filter);
        }
      },
    ),
  );
});

test("of others few are found: with as many values as it is for, at most one of thirty", () => {
  for (const size of [100, 1000, 5000]) {
    const filter = makeFilter(u32, size);
    for (let value = 0; value < size; value++) assert.equal(filter.mayHave(value), false);
    for (let value = 0; value < size; value++) filter.set(undefined, value * 7);
    let found = 0;
    for (let value = 0; value < 10_000; value++) if (filter.mayHave(1_000_000 + value)) found++;
    assert.ok(found < 10_000 / 28, `${found} of 10,000 at ${size}`);
    destroy(filter);
  }
});

test("map_extra is how many bits a value has; five by default", () => {
  for (const [extra, bits] of [
    [0, 5],
    [1, 1],
    [15, 15],
  ] as const) {
    const address = arena.core.createMap(30, 0, 4, 1000, 0, 0, 1, extra) >>> 0;
    const filter = arena.word(address + LAYOUT.MapHeader.storage);
    const value = arena.allocate(8);
    arena.core.bloomPush(address, 0, value, 0);
    const words = new Uint32Array(arena.memory.buffer, filter + 64, (arena.word(filter + LAYOUT.Filter.mask) + 1) / 32);
    const set = [...words].reduce((sum, word) => sum + word.toString(2).replaceAll("0", "").length, 0);
    assert.equal(set, bits);
    arena.core.freeBytes(value);
    arena.core.discardMap(address);
  }
});

test("an NMI puts in and finds, two threads' bits of one word both stay", () => {
  const filter = makeFilter(u32, 10);
  const below = arena.core.contextEnter(LEVEL.nmi);
  filter.set(undefined, 1);
  assert.ok(filter.mayHave(1));
  arena.core.contextLeave(below);
  const cpu = arena.takeCpu();
  filter.set(undefined, 2);
  arena.switchCpu(0);
  assert.ok(filter.mayHave(1) && filter.mayHave(2) && cpu === 1);
  destroy(filter);
});

test("it gives no values, and takes no flags, keys, deletions or walks", () => {
  const filter = makeFilter(u32, 10);
  for (const flags of [NOEXIST, EXIST, 4]) assert.equal(filter.update(undefined, 1, flags), -ERRNO.EINVAL);
  assert.equal(filter.get(undefined), undefined);
  assert.equal(filter.delete(undefined), false);
  assert.equal(filter.size, 0);
  assert.throws(() => filter.take(undefined), { code: "EINVAL" });
  assert.throws(() => [...filter], { code: "EINVAL" });
  assert.throws(() => arena.createMap({ type: "bloom_filter", name: "keyed", key: u32, value: u32, maxEntries: 4 }), {
    code: "EINVAL",
  });
  const hash: ArenaMap<number, number> = arena.createMap({
    type: "hash",
    name: "hash",
    key: u32,
    value: u32,
    maxEntries: 4,
  });
  assert.throws(() => hash.mayHave(1), { code: "EINVAL" });
  hash.close();
  filter.close();
  assert.throws(() => filter.mayHave(1), { code: "EBADF" });
  arena.destroyMap("filter");
});
