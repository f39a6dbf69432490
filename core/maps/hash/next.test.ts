import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../../src/error.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { makeArena, RawMap } from "../../testing.ts";

const arena = await makeArena();
const into = arena.allocate(8);

function makeMap(keySize: number, maxEntries: number): RawMap {
  return new RawMap(arena, { kind: CONSTANTS.KIND_HASH, keySize, maxEntries, name: "next" });
}

function destroy(map: RawMap): void {
  arena.core.closeMap(map.address, arena.cpu);
  arena.destroyMap("next");
}

/** The key after a key, after none if it is undefined; -errno at the end. */
function after(map: RawMap, key: number | undefined): number {
  const result = arena.core.hashNextKey(map.address, key === undefined ? 0 : map.key(key), into);
  return result === 0 ? arena.word(into) : result;
}

function walk(map: RawMap, visit: (key: number) => void): void {
  for (let key = after(map, undefined); key >= 0; key = after(map, key)) visit(key);
}

test("every key once, in one order that is not that of insertion; after the last -ENOENT", () => {
  const map = makeMap(4, 3000);
  const keys = Array.from({ length: 3000 }, (_, index) => index);
  for (const key of keys) map.update(key, 1);
  const first: number[] = [];
  walk(map, (key) => first.push(key));
  assert.deepEqual(
    [...first].sort((a, b) => a - b),
    keys,
  );
  assert.equal(after(map, first.at(-1)), -ERRNO.ENOENT);
  for (const key of keys) map.delete(key);
  for (const key of keys.reverse()) map.update(key, 1);
  const second: number[] = [];
  walk(map, (key) => second.push(key));
  assert.deepEqual(second, first);
  destroy(map);
});

test("after a key that is not there comes the first; a walk that deletes behind itself sees all", () => {
  const map = makeMap(8, 500);
  for (let key = 0; key < 500; key++) map.update(key, 1);
  assert.equal(after(map, 5000), after(map, undefined));
  let seen = 0;
  walk(map, (key) => {
    seen++;
    assert.equal(map.delete(key), 0);
  });
  assert.deepEqual([seen, map.count(), after(map, undefined)], [500, 0, -ERRNO.ENOENT]);
  destroy(map);
});

test("whatever comes and goes meanwhile, and however the table grows and shrinks: what stays is met once", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 60 }), fc.nat(30), (others, every) => {
      const map = makeMap(4, 4096);
      const staying = Array.from({ length: 40 }, (_, index) => 10_000 + index);
      for (const key of staying) map.update(key, 1);
      const seen: number[] = [];
      let steps = 0;
      for (let key = after(map, undefined); key >= 0 && steps < 2000; key = after(map, key)) {
        if (key >= 10_000) seen.push(key);
        // A thousand at once make the table larger, their deletion smaller; the key that the walk stands on stays.
        if (steps % (every + 1) === 0) for (let each = 0; each < 1000; each++) map.update(20_000 + each, 1);
        for (const other of others) steps % 2 === 0 ? map.update(other, 1) : map.delete(other);
        if (steps % (every + 1) === 0)
          for (let each = 0; each < 1000; each++) if (20_000 + each !== key) map.delete(20_000 + each);
        if (key < 10_000 || key >= 20_000) map.update(key, 1);
        steps++;
      }
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        staying,
      );
      destroy(map);
    }),
    { numRuns: 15 },
  );
});

test("a key that is taken is gone, and its value is what it was, chained or not", () => {
  const map = makeMap(4, 200);
  const room = arena.allocate(8);
  for (let key = 0; key < 200; key++) map.update(key, key);
  for (let key = 0; key < 200; key++) {
    assert.equal(arena.core.hashTake(map.address, map.key(key), room), 0);
    assert.equal(map.byteAt(room), key);
    assert.equal(arena.core.hashTake(map.address, map.key(key), room), -ERRNO.ENOENT);
  }
  assert.equal(map.count(), 0);
  arena.core.freeBytes(room);
  destroy(map);
});
