/** Objects with maps of maps: what they have in them from the start, what user space puts in, and what programs find, by both engines. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { bytes } from "../maps/codec/codec.ts";
import { u32, u64 } from "../maps/codec/scalar.ts";
import type { ArenaMap } from "../maps/map.ts";
import type { Engine } from "./choices.ts";
import { declarationsOf } from "./declarations.ts";
import { DirectRuns } from "./direct.ts";
import { type LoadedObject, loadSpec } from "./load.ts";
import { loadObject } from "./typed-object.ts";

const PATH = "src/bpf/fixtures/maps-of-maps.bpf.o";
const OBJECT = readObject(readFileSync(PATH), PATH);
const word = (...numbers: number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer);

function mapOf({ maps }: LoadedObject, name: string): LoadedObject["maps"][number]["map"] {
  const found = maps.find(({ spec }) => spec.name === name);
  assert.ok(found !== undefined, name);
  return found.map;
}

for (const engine of ["interpreter", "jit"] as const satisfies readonly Engine[])
  test(`${engine}: programs find inner maps, use them as maps, and find none where there is none`, async () => {
    const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 8 });
    const loaded = loadSpec(arena, OBJECT, { engine, verify: true });
    const runs = new DirectRuns(arena, loaded);
    const run = (program: string, ...context: number[]): bigint | undefined => {
      const { result, error } = runs.run({ program, context: word(...context) });
      assert.equal(error, undefined);
      return BigInt.asIntN(32, result ?? 0n);
    };
    assert.deepEqual(
      [1, 1, 2, 3].map((key) => run("add", key)),
      [0n, 2n, 0n, 0n],
    );
    const counts = (name: string): number[][] =>
      [...mapOf(loaded, name).entries()].map((entry) =>
        (entry as Uint8Array[]).map((each) => new Uint32Array(each.slice(0, 4).buffer)[0] ?? 0),
      );
    assert.deepEqual(counts("odd").sort(), [
      [1, 2],
      [3, 1],
    ]);
    assert.deepEqual(counts("even"), [[2, 1]]);
    assert.deepEqual([run("both", 1), run("both", 2), run("both", 9)], [2n, 1n, 0n]);
    assert.deepEqual([run("remove", 1), run("remove", 1), run("both", 1)], [0n, -2n, 0n]);

    // By name there is none until user space puts one in: of the same kind and sizes.
    assert.equal(run("add_named", 7, 0), -1n);
    const byName = mapOf(loaded, "by_name");
    const shape = { key: bytes(4), value: bytes(8), maxEntries: 4 };
    const seven = arena.createMap({ type: "array", name: "seven", ...shape });
    byName.set(word(7, 0), seven as unknown as Uint8Array);
    assert.deepEqual([run("add_named", 7, 0), run("add_named", 7, 0), run("add_named", 8, 0)], [1n, 2n, -1n]);
    assert.deepEqual(seven.get(word(2)), word(2, 0));
    const other = arena.createMap({ type: "array", name: "other", ...shape, maxEntries: 5 });
    assert.throws(() => byName.set(word(7, 0), other as unknown as Uint8Array), { code: "EINVAL" });

    // Another map in its place is what is found from then on.
    mapOf(loaded, "by_parity").set(word(1), mapOf(loaded, "loose") as unknown as Uint8Array);
    assert.equal(run("add", 3), 0n);
    assert.deepEqual([counts("odd"), counts("loose")], [[[3, 1]], [[3, 1]]]);
    arena.detach();
  });

interface Shape {
  maps: {
    by_parity: { key: number; value: ArenaMap<number, bigint> };
    by_name: { key: bigint; value: ArenaMap<number, bigint> };
    odd: { key: number; value: bigint };
    loose: { key: number; value: bigint };
  };
  globals: Record<never, never>;
  programs: "add" | "add_named";
}

test("loadObject: keys of maps of maps and what is in the maps in them are typed as the object says", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 8 });
  const object = await loadObject<Shape>(arena, readFileSync(PATH), { name: "typed" });
  const { by_parity, by_name, odd, loose } = object.maps;
  object.programs.add.run({ raw: word(7) });
  assert.deepEqual([...by_parity.keys()], [0, 1]);
  assert.deepEqual([...(by_parity.get(1)?.entries() ?? [])], [[7, 1n]]);
  assert.equal(by_parity.get(1), by_parity.get(1));
  by_parity.get(1)?.set(9, 90n);
  assert.equal(odd.get(9), 90n);
  assert.throws(() => by_parity.get(1)?.set(9, -1n), { code: "EINVAL" });
  by_parity.set(1, loose);
  object.programs.add.run({ raw: word(7) });
  assert.deepEqual([...(by_parity.get(1)?.entries() ?? [])], [[7, 1n]]);

  const seven = arena.createMap({ type: "array", name: "seven", key: u32, value: u64, maxEntries: 4 });
  by_name.set(7n, seven);
  object.programs.add_named.run({ raw: word(7, 0) });
  assert.deepEqual([seven.get(2), by_name.get(7n)?.get(2), by_name.get(8n)], [1n, 1n, undefined]);
  const typed = declarationsOf(OBJECT);
  assert.match(typed, /by_parity: \{ key: number; value: import\("anyctx"\)\.ArenaMap<number, bigint> \};/);
  assert.match(typed, /by_name: \{ key: bigint; value: import\("anyctx"\)\.ArenaMap<number, bigint> \};/);
  object.close();
  assert.throws(() => by_parity.get(1), { code: "EBADF" });
});

test("a map that may not be there, and a change of a map of maps, are refused", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 8 });
  const { skipped } = loadSpec(arena, OBJECT, { verify: true, enable: new Set(["unchecked", "put"]) });
  const reasons = new Map(skipped.map(({ name, reason }) => [name, reason]));
  assert.deepEqual([...reasons.keys()].sort(), ["put", "unchecked"]);
  assert.match(
    reasons.get("unchecked") ?? "",
    /takes a map as argument 1 and is given a pointer to map by_parity\.inner, or NULL/,
  );
  assert.match(reasons.get("put") ?? "", /cannot be called for map by_parity/);
});

test("the map that inner maps are like goes again, and the object's maps are what the file has", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 8 });
  const loaded = loadSpec(arena, OBJECT);
  assert.deepEqual(
    loaded.skipped.map(({ name }) => name),
    ["unchecked", "put"],
  );
  assert.deepEqual(
    arena
      .maps()
      .map(({ name }) => name)
      .sort(),
    ["by_name", "by_parity", "even", "loose", "odd"],
  );
  assert.deepEqual(
    [...(OBJECT.maps.find(({ name }) => name === "by_parity")?.innerMaps ?? [])],
    [
      [0, "even"],
      [1, "odd"],
    ],
  );
});

test("a map of maps whose object does not say what is in it is named, and so is one of such maps", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 8 });
  const without = OBJECT.maps.map(({ inner, ...map }) =>
    map.name === "by_name" || inner === undefined ? map : { ...map, inner },
  );
  const loaded = loadSpec(arena, { ...OBJECT, maps: without });
  assert.deepEqual(
    loaded.skipped.map(({ name }) => name),
    ["add_named", "unchecked", "put"],
  );
  assert.match(loaded.skipped[0]?.reason ?? "", /map by_name: it does not say what its inner maps are like/);
});
