/** Local storage: what makes one, and that it is a hash in all it does, emptied when it goes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { u64 } from "../../src/maps/codec/codec.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { createRaw, makeArena } from "../testing.ts";

const { EINVAL, KIND_CGROUP_STORAGE, KIND_INODE_STORAGE, KIND_SOCKET_STORAGE, KIND_TASK_STORAGE, NO_PREALLOC } =
  CONSTANTS;
const CLONE = 512;

test("a key is an address; flags are a dynamic hash's and BPF_F_CLONE", async () => {
  const arena = await makeArena();
  for (const kind of [KIND_CGROUP_STORAGE, KIND_INODE_STORAGE, KIND_SOCKET_STORAGE, KIND_TASK_STORAGE]) {
    const right = { kind, keySize: 8, valueSize: 16, maxEntries: 100, flags: NO_PREALLOC | CLONE };
    for (const wrong of [
      { keySize: 4 },
      { valueSize: 0 },
      { maxEntries: 0 },
      { flags: 2 },
      { supply: CONSTANTS.SUPPLY_POOL },
    ])
      assert.equal(createRaw(arena, { ...right, ...wrong }), EINVAL);
    assert.ok(createRaw(arena, { ...right, name: `kind ${kind}` }) >= CONSTANTS.SUPERBLOCK);
  }
});

for (const type of ["task_storage", "sk_storage", "inode_storage", "cgrp_storage"] as const)
  test(`${type} grows with its owners and gives everything back`, async () => {
    const arena = await makeArena();
    const before = arena.core.pagesInUse();
    const map = arena.createMap({ type, name: "map", key: u64, value: u64, maxEntries: 10_000 });
    for (let owner = 0n; owner < 5000n; owner++) map.set(0xffff_8880_0000_0000n + owner, owner);
    assert.equal(map.size, 5000);
    assert.equal(
      [...map.values()].reduce((sum, value) => sum + value, 0n),
      (4999n * 5000n) / 2n,
    );
    for (let owner = 0n; owner < 5000n; owner += 2n) assert.ok(map.delete(0xffff_8880_0000_0000n + owner));
    assert.equal(map.size, 2500);
    map.close();
    arena.destroyMap("map");
    arena.trim();
    assert.ok(arena.core.pagesInUse() <= before);
  });
