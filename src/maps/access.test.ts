import assert from "node:assert/strict";
import { test } from "node:test";
import { makeArena } from "../../core/testing.ts";
import { ERRNO } from "../error.ts";
import { CONSTANTS } from "../wasm/face.ts";
import { u32 } from "./codec/codec.ts";
import type { ArenaMap } from "./map.ts";

const { RDONLY, WRONLY, RDONLY_PROG, WRONLY_PROG } = CONSTANTS;
const arena = await makeArena();

function makeMap(type: "hash" | "array", name: string, flags: number): ArenaMap<number, number> {
  return arena.createMap({ type, name, key: u32, value: u32, maxEntries: 4, flags });
}

const EPERM = { code: "EPERM", message: /access flags/ };

for (const type of ["hash", "array"] as const) {
  test(`${type}: a map that is read only is not written, whichever way`, () => {
    using map = makeMap(type, `${type} read`, RDONLY);
    assert.equal(map.get(1), type === "array" ? 0 : undefined);
    assert.equal(map.info.flags & RDONLY, 0);
    assert.throws(() => map.set(1, 2), EPERM);
    assert.equal(map.update(1, 2), -ERRNO.EPERM);
    assert.throws(() => map.delete(1), EPERM);
    assert.throws(() => map.add(1, 1), EPERM);
    assert.throws(() => map.setMany([1], [2]), EPERM);
    if (type === "array") assert.throws(() => map.clear(), EPERM);
    assert.deepEqual(
      [...map.values()].filter((value) => value !== 0),
      [],
    );
  });

  test(`${type}: a map that is write only is not read, whichever way`, () => {
    using map = makeMap(type, `${type} write`, WRONLY);
    map.set(1, 2);
    assert.throws(() => map.get(1), EPERM);
    assert.throws(() => map.has(1), EPERM);
    assert.throws(() => [...map], EPERM);
    assert.throws(() => map.add(1, 1), EPERM);
    assert.throws(() => map.getMany([1]), EPERM);
    assert.throws(() => map.read(() => map.view(1)), EPERM);
  });
}

test("a map that is frozen is not written by who opens it then", () => {
  using map = makeMap("hash", "frozen", 0);
  map.set(1, 2);
  assert.equal(arena.core.freezeMap(map.info.address), 0);
  using again = arena.openMap("frozen", { key: u32, value: u32 });
  assert.deepEqual([again.get(1), again.update(1, 3)], [2, -ERRNO.EPERM]);
  assert.throws(() => again.add(1, 1), EPERM);
});

test("what programs may do is no matter of threads'; both at once are no flags", () => {
  using map = makeMap("hash", "programs", RDONLY_PROG);
  map.set(1, 2);
  assert.deepEqual([map.get(1), map.info.flags & RDONLY_PROG], [2, RDONLY_PROG]);
  for (const flags of [RDONLY | WRONLY, RDONLY_PROG | WRONLY_PROG])
    assert.throws(() => makeMap("hash", "both", flags), { code: "EINVAL" });
});

test("create flags that the kind does not know are refused", () => {
  for (const flags of [2, 32, 512, 1024, 2 ** 31])
    assert.throws(() => makeMap("hash", "odd", flags), { code: "EINVAL" });
  for (const flags of [1, 2, 64]) assert.throws(() => makeMap("array", "odd", flags), { code: "EINVAL" });
});
