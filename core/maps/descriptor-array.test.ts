/** Maps that programs hand to helpers, and that have nothing of their own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ArenaMap } from "../../src/maps/map.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { createRaw, makeArena } from "../testing.ts";

const { KIND_PERF_EVENT_ARRAY, KIND_CGROUP_ARRAY, KIND_PROG_ARRAY, EINVAL, SUPERBLOCK } = CONSTANTS;

test("perf_event_array, cgroup_array and prog_array are what Linux lets them be, and take no memory but their descriptor's", async () => {
  const arena = await makeArena();
  for (const kind of [KIND_PERF_EVENT_ARRAY, KIND_CGROUP_ARRAY, KIND_PROG_ARRAY]) {
    const right = { kind, keySize: 4, valueSize: 4, maxEntries: 1 << 20 };
    for (const wrong of [{ keySize: 8 }, { valueSize: 8 }, { maxEntries: 0 }])
      assert.equal(createRaw(arena, { ...right, ...wrong }), EINVAL);
    const before = arena.core.pagesInUse();
    const address = createRaw(arena, { ...right, name: `kind ${kind}` });
    assert.ok(address >= SUPERBLOCK);
    assert.ok(arena.core.pagesInUse() - before <= 1);
    assert.equal(arena.core.mapCount(address), 0);
    assert.equal(arena.core.mapScanKeys(address, 0, arena.allocate(64), 64), -EINVAL);
  }
});

test("from TypeScript they are there, and refuse what cannot be", async () => {
  const { u32 } = await import("../../src/maps/codec/codec.ts");
  const arena = await makeArena();
  for (const type of ["perf_event_array", "cgroup_array", "prog_array"] as const) {
    const map: ArenaMap<number, number> = arena.createMap({ type, name: type, key: u32, value: u32, maxEntries: 2 });
    assert.throws(() => map.set(0, 1), { code: "EINVAL" });
    assert.equal(map.get(0), undefined);
    assert.equal(map.size, 0);
    assert.throws(() => [...map], { code: "EINVAL" });
  }
});
