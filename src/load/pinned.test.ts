/** Maps that are pinned by their names are one for all objects of an arena, and stay when these go. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { u32, u64 } from "../maps/codec/scalar.ts";
import type { MapOptions } from "../maps/options.ts";
import { loadSpec } from "./load.ts";
import { type BpfObject, loadObject } from "./typed-object.ts";

const OBJECT = readFileSync("src/bpf/fixtures/pinned.bpf.o");

const create = (): Promise<Arena> => Arena.create({ cpus: 1, maximumBytes: 64 << 20, seed: 1 });

interface Pinned {
  maps: { seen: { key: number; value: bigint } };
  globals: { step: number; passed: bigint };
  programs: "first" | "last";
}

const load = (arena: Arena, options: Parameters<typeof loadObject>[2]): Promise<BpfObject<Pinned>> =>
  loadObject<Pinned>(arena, OBJECT, options);

test("declarations are read: libbpf's, and iproute2's global ones", () => {
  const pinnedIn = (path: string): string[] =>
    readObject(readFileSync(path), path)
      .maps.filter(({ pinned }) => pinned === true)
      .map(({ name }) => name);
  assert.deepEqual(pinnedIn("src/bpf/fixtures/pinned.bpf.o"), ["seen"]);
  assert.deepEqual(pinnedIn("src/bpf/fixtures/iproute2.bpf.o"), ["counts"]);
});

test("an object leaves its pinned map behind, and the next one finds what is in it", async () => {
  const arena = await create();
  const first = await load(arena, { name: "one", globals: { step: 7 } });
  assert.equal(first.programs.first.run({ packet: new Uint8Array(64) }).error, undefined);
  assert.equal(first.maps.seen.get(0), 7n);
  first.close();
  assert.throws(() => first.maps.seen.get(0), { code: "EBADF" });
  assert.deepEqual(
    arena.maps().map(({ name }) => name),
    ["seen"],
  );
  const second = await load(arena, { name: "two" });
  second.programs.first.run({ packet: new Uint8Array(64) });
  assert.equal(second.maps.seen.get(0), 8n);
  second.close();
  arena.destroyMap("seen");
  assert.deepEqual(arena.maps(), []);
});

test("a map of the arena's that has the name is taken, whatever its entries are to others; another kind of map is refused", async () => {
  const arena = await create();
  const seen = arena.createMap({ type: "hash", name: "seen", key: u32, value: u64, maxEntries: 16, prealloc: true });
  const object = await load(arena, {});
  object.programs.first.run({ packet: new Uint8Array(64) });
  assert.equal(seen.get(0), 1n);
  object.close();
  assert.equal(seen.get(0), 1n);
  const differing: readonly (readonly [change: Partial<MapOptions<unknown, unknown>>, message: RegExp])[] = [
    [{ maxEntries: 17 }, /max_entries is 17, not 16/],
    [{ key: u64 }, /key size is 8, not 4/],
    [{ type: "lru_hash" }, /type is lru_hash, not hash/],
    [{ prealloc: false }, /map_flags is 1, not 0/],
  ];
  for (const [change, message] of differing) {
    const other = await create();
    const base = { type: "hash", name: "seen", key: u32, value: u64, maxEntries: 16, prealloc: true } as const;
    other.createMap({ ...base, ...change } as MapOptions<unknown, unknown>);
    await assert.rejects(load(other, { name: "late" }), { code: "EINVAL", message });
    // What was made before is gone, what was there stays.
    assert.deepEqual(
      other.maps().map(({ name }) => name),
      ["seen"],
    );
  }
});

test("labels tell maps of the same name apart, also long ones", async () => {
  const arena = await create();
  const object = readObject(OBJECT, "same");
  const long = "n".repeat(80);
  for (const label of ["a", `${long}1`, `${long}2`]) loadSpec(arena, object, { label });
  const names = arena.maps().map(({ name }) => name);
  assert.deepEqual([names.length, new Set(names).size], [13, 13]);
  assert.ok(names.includes("a:timers") && names.includes("a.bss") && names.includes("seen"));
  assert.throws(() => loadSpec(arena, object, { label: "a" }), { code: "EEXIST" });
  assert.equal(arena.maps().length, 13);
});
