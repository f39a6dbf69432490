/** An empty map of stacks: what Linux answers for one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, u32 } from "../../src/maps/codec/codec.ts";
import type { ArenaMap } from "../../src/maps/map.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { createRaw, makeArena } from "../testing.ts";

const { KIND_STACK_TRACE, EINVAL, E2BIG, SUPERBLOCK } = CONSTANTS;

test("sizes: a number as key, frames of 8 bytes as value, 127 at most", async () => {
  const arena = await makeArena();
  const right = { kind: KIND_STACK_TRACE, keySize: 4, valueSize: 1016, maxEntries: 10 };
  for (const wrong of [{ keySize: 8 }, { valueSize: 0 }, { valueSize: 12 }, { valueSize: 1024 }, { maxEntries: 0 }])
    assert.equal(createRaw(arena, { ...right, ...wrong }), EINVAL);
  assert.ok(createRaw(arena, right) >= SUPERBLOCK);
});

test("stack_trace: nothing is found in it, put into it or removed from it", async () => {
  const arena = await makeArena();
  const map: ArenaMap<number, Uint8Array> = arena.createMap({
    type: "stack_trace",
    name: "stacks",
    key: u32,
    value: bytes(64),
    maxEntries: 5,
  });
  assert.equal(map.get(3), undefined);
  assert.equal(map.take(3), undefined);
  assert.equal(map.update(3, new Uint8Array(64)), -EINVAL);
  assert.equal(map.delete(7), false);
  const key = arena.allocate(4);
  new Uint32Array(arena.memory.buffer, key, 1)[0] = 8;
  assert.equal(arena.core.stackTraceDelete(map.info.address, key), -E2BIG);
  assert.equal(map.size, 0);
});
