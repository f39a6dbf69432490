/** Maps by name: one of a name, found by all of it, and their memory stays for as long as anybody has them open. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../src/arena/arena.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { createRaw, makeArena } from "../testing.ts";

const { KIND_ARRAY, KIND_HASH, EEXIST, ENOENT, NAME_BYTES, PAGE_BYTES } = CONSTANTS;

/** A name for the core, NUL padded. */
function nameAt(arena: Arena, name: string): number {
  const address = arena.allocate(NAME_BYTES);
  new Uint8Array(arena.memory.buffer, address, NAME_BYTES).set(Buffer.from(name));
  return address;
}

function make(arena: Arena, name: string, kind: number = KIND_ARRAY, maxEntries = 4 * PAGE_BYTES): number {
  return createRaw(arena, { kind, name, maxEntries });
}

function settle(arena: Arena): number {
  for (let round = 0; round < 4; round++) arena.trim();
  return arena.core.reapMaps();
}

test("a second map of a name is refused, of whatever kind, and its memory goes back", async () => {
  const arena = await makeArena();
  const first = make(arena, "one");
  arena.core.trimSlabs();
  const before = arena.core.pagesInUse();
  for (const kind of [KIND_ARRAY, KIND_HASH]) assert.equal(make(arena, "one", kind), -EEXIST);
  arena.core.trimSlabs();
  assert.equal(arena.core.pagesInUse(), before);
  assert.equal(arena.core.findMap(nameAt(arena, "one")), first);
  assert.equal(arena.core.destroyMap(first), 0);
  assert.notEqual(make(arena, "one"), -EEXIST, "a destroyed map has no name any more");
});

test("names of up to 63 bytes are told apart by every byte", async () => {
  const arena = await makeArena();
  const long = "n".repeat(62);
  const names = ["n", "nn", long, `${long}a`, `${long}b`, `a${long}`];
  const addresses = names.map((name) => make(arena, name, KIND_ARRAY, 1));
  for (const [index, name] of names.entries()) assert.equal(arena.core.findMap(nameAt(arena, name)), addresses[index]);
  for (const name of ["", "N", `${long}c`, long.slice(1), `b${long}`])
    assert.equal(arena.core.findMap(nameAt(arena, name)), 0, name);
  assert.deepEqual(new Set(arena.maps().map(({ name }) => name)), new Set(names));
});

test("maps leave the list from its beginning, its middle and its end", async () => {
  for (const gone of ["a", "b", "c"]) {
    const arena = await makeArena();
    const maps = new Map(["a", "b", "c"].map((name) => [name, make(arena, name, KIND_ARRAY, 1)]));
    assert.equal(arena.core.destroyMap(maps.get(gone) ?? 0), 0);
    assert.equal(arena.core.destroyMap(maps.get(gone) ?? 0), -ENOENT);
    const left = ["c", "b", "a"].filter((name) => name !== gone);
    assert.deepEqual(
      arena.maps().map(({ name }) => name),
      left,
    );
  }
});

test("a destroyed map is freed when it has been closed as often as it was opened, on every CPU", async () => {
  const arena = await makeArena();
  const other = await Arena.attach(arena.handle());
  const map = make(arena, "kept");
  const name = nameAt(arena, "kept");
  // Its creator has it open.
  assert.equal(arena.core.openMap(name), map);
  assert.deepEqual([other.core.openMap(name), other.core.openMap(name)], [map, map]);
  assert.equal(arena.core.findMap(name), map, "finding opens nothing");
  arena.core.destroyMap(map);
  assert.equal(arena.core.openMap(name), 0, "nobody opens it any more");
  const closes = [arena, other, arena, other];
  for (const each of closes) {
    assert.equal(settle(arena), 1, "it is open");
    each.core.closeMap(map, each.cpu);
  }
  assert.equal(settle(arena), 0);
});

test("closing once too often is none of the other CPUs' business", async () => {
  const arena = await makeArena();
  const other = await Arena.attach(arena.handle());
  const map = make(arena, "kept");
  for (let turn = 0; turn < 3; turn++) other.core.closeMap(map, other.cpu);
  arena.core.destroyMap(map);
  assert.equal(settle(arena), 1);
  arena.core.closeMap(map, arena.cpu);
  assert.equal(settle(arena), 0);
});

test("a thread that leaves closes what it has open, living and dying maps; others' stay open", async () => {
  const arena = await makeArena();
  const other = await Arena.attach(arena.handle());
  const mine = make(arena, "mine");
  const theirs = make(other, "theirs");
  other.core.openMap(nameAt(arena, "mine"));
  other.core.destroyMap(theirs);
  assert.equal(settle(arena), 1);
  other.core.releaseCpu(other.cpu);
  assert.equal(settle(arena), 0, "the dying map that the other had open is gone");
  arena.core.destroyMap(mine);
  assert.equal(settle(arena), 1);
  arena.core.closeMap(mine, arena.cpu);
  assert.equal(settle(arena), 0);
});
