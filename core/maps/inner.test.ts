/** Maps of maps by the core's functions: order of checks, errno, and what programs see. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mapKindByType } from "../../src/maps/kinds.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { createRaw, makeArena } from "../testing.ts";

const { E2BIG, EBADF, EINVAL, ENOENT, EEXIST, KIND_HASH, NOEXIST, EXIST } = CONSTANTS;

for (const type of ["array_of_maps", "hash_of_maps"] as const)
  test(`${type}: what is refused, in Linux's order; a program sees addresses`, async () => {
    const arena = await makeArena();
    const { core } = arena;
    const inner = createRaw(arena, { kind: KIND_HASH, maxEntries: 4, name: "inner" });
    const other = createRaw(arena, { kind: KIND_HASH, valueSize: 16, maxEntries: 4, name: "other" });
    const kind = mapKindByType(type);
    assert.ok(kind?.system.update && kind.system.get && kind.system.delete && kind.program.lookup);
    const { update, get, delete: remove } = kind.system;
    const create = (valueSize: number, like: number): number =>
      core.createMap(kind.bpfType, 4, valueSize, 2, 0, 0, 1, like) >>> 0;
    assert.deepEqual([create(8, inner), create(4, 0)], [EINVAL, EINVAL]);
    const outer = create(4, inner);
    assert.equal(create(4, outer), EINVAL, "none in itself");
    new Uint8Array(arena.memory.buffer, outer + CONSTANTS.HEADER_SIZE, 5).set(Buffer.from("outer"));
    assert.equal(core.publishMap(outer), 0);
    const room = arena.allocate(24);
    const put = (key: number, map: number, flags = 0): number => {
      new Uint32Array(arena.memory.buffer, room, 4).set([key, 0, map, 0]);
      return core[update](outer, room, room + 8, flags);
    };
    const isArray = type === "array_of_maps";
    assert.equal(put(0, 0), -EBADF);
    assert.equal(put(0, other), -EINVAL);
    assert.equal(put(0, inner, 7), -EINVAL);
    assert.equal(put(0, inner), 0);
    assert.equal(put(0, inner, NOEXIST), isArray ? -EINVAL : -EEXIST);
    assert.equal(put(0, inner, EXIST), isArray ? -EINVAL : 0);
    assert.equal(put(1, inner), 0);
    assert.equal(put(2, inner), -E2BIG);
    put(1, inner);
    const look = (): number => core[kind.program.lookup as "hashLookup"](outer, room) >>> 0;
    assert.deepEqual([look(), core[get](outer, room, room + 16)], [inner, 0]);
    assert.equal(arena.word(room + 16), inner);
    assert.deepEqual([core[remove](outer, room), core[remove](outer, room), look()], [0, -ENOENT, 0]);
    assert.equal(core[get](outer, room, room + 16), -ENOENT);
    // Key 1 has it, and nobody else.
    assert.equal(put(1, inner), 0);
    put(0, inner);
    assert.equal(core[remove](outer, room), 0);
    core.destroyMap(inner);
    assert.equal(put(1, inner), -EBADF, "it is open here, and destroyed");
    assert.equal(arena.word(inner + LAYOUT.MapHeader.held), CONSTANTS.HELD);
    core.closeMap(inner, 0);
    for (let tick = 0; tick < 8; tick++) arena.trim();
    assert.notEqual(arena.word(inner + LAYOUT.MapHeader.serial), 0);
    put(1, inner);
    assert.equal(core[remove](outer, room), 0);
    for (let tick = 0; tick < 8; tick++) arena.trim();
    assert.equal(arena.word(inner + LAYOUT.MapHeader.serial), 0);
  });
