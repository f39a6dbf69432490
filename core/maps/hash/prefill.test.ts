import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../../src/arena/arena.ts";
import { cacheStatistics } from "../../../src/arena/statistics.ts";
import { ERRNO } from "../../../src/error.ts";
import { bytes, u32 } from "../../../src/maps/codec/codec.ts";
import type { ArenaMap } from "../../../src/maps/map.ts";
import { insertUntilRefused, LEVEL, makeArena, makeHash } from "../../testing.ts";

test("so many new keys as were prefilled succeed in NMI context, one more does not", async () => {
  for (const profile of ["linux", "anyctx"] as const) {
    const arena = await makeArena({ profile });
    const map = makeHash(arena);
    assert.equal(map.prefill(200), 0);
    arena.core.contextSet(LEVEL.nmi, 0);
    assert.deepEqual(insertUntilRefused(map, 0, 300), { inserted: 200, errno: -ERRNO.ENOMEM });
  }
});

test("a prefill of a per-CPU hash is of elements and of values", async () => {
  const arena = await makeArena();
  const value = bytes(16);
  const map = arena.createMap({ type: "percpu_hash", name: "counts", key: u32, value, maxEntries: 4096 });
  const update = (key: number): number => map.update(key, [new Uint8Array(16), new Uint8Array(16)]);
  arena.core.contextSet(LEVEL.nmi, 0);
  let cached = 0;
  while (update(100 + cached) === 0) cached++;
  assert.ok(cached > 0 && cached < 10, `${cached} keys without a refill`);
  arena.settle();
  assert.equal(map.prefill(50), 0);
  arena.core.contextSet(LEVEL.nmi, 0);
  for (let key = 2; key < 52; key++) assert.equal(update(key), 0);
  assert.equal(update(52), -ERRNO.ENOMEM);
});

test("a prefill that memory is too short for prefills nothing, elements included", async () => {
  const arena = await makeArena({ maximumBytes: 4 << 20 });
  const value = bytes(4096);
  const map = arena.createMap({ type: "percpu_hash", name: "large", key: u32, value, maxEntries: 4096 });
  const prefilled = (): number => cacheStatistics(arena, map.info).reduce((sum, cache) => sum + cache.promised, 0);
  arena.trim();
  const before = arena.core.pagesInUse();
  for (const prefill of [() => map.prefill(1000), () => arena.prefillAll(map, 1000)]) {
    assert.equal(prefill(), -ERRNO.ENOMEM);
    assert.equal(prefilled(), 0);
    arena.trim();
    assert.ok(arena.core.pagesInUse() <= before);
  }
});

test("nothing can be prefilled in a hardirq, to a preallocated hash or to an array", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  arena.core.contextSet(LEVEL.hardirq, 0);
  assert.equal(map.prefill(10), -ERRNO.ENOMEM);
  arena.settle();
  assert.equal(makeHash(arena, { name: "pool", prealloc: true }).prefill(10), -ERRNO.EINVAL);
  const array: ArenaMap<number, number> = arena.createMap({
    type: "array",
    name: "array",
    key: u32,
    value: u32,
    maxEntries: 4,
  });
  assert.deepEqual([array.prefill(1), arena.prefillAll(array, 1)], [-ERRNO.EINVAL, -ERRNO.EINVAL]);
  assert.deepEqual([map.prefill(-1), map.prefill(Number.NaN)], [-ERRNO.EINVAL, -ERRNO.EINVAL]);
});

test("prefillAll prefills on every CPU that the thread holds", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 1 });
  arena.takeCpu(1);
  const map = makeHash(arena);
  assert.equal(arena.prefillAll(map, 150), 0);
  assert.equal(arena.cpu, 1, "it acts as the CPU it was");
  for (const cpu of [0, 1]) {
    arena.switchCpu(cpu);
    arena.core.contextSet(LEVEL.nmi, 0);
    assert.equal(insertUntilRefused(map, cpu * 1000, 200).inserted, 150);
  }
});
