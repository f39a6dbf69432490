import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arena } from "../../src/arena/arena.ts";
import type { ArenaMap } from "../../src/maps/map.ts";
import { cacheOn, insertUntilRefused, LEVEL, makeArena, makeHash } from "../testing.ts";

/** Bursts of `size` inserts with interrupts off, each deleted in task context before the next. */
function burst(arena: Arena, map: ArenaMap<number, Uint8Array>, size: number, times: number): number {
  let inserted = 0;
  for (let turn = 0; turn < times; turn++) {
    arena.core.contextSet(LEVEL.task, 1);
    inserted += insertUntilRefused(map, turn * 1000, size).inserted;
    arena.core.contextSet(LEVEL.task, 0);
    arena.core.interruptsCameOn();
    for (let key = turn * 1000; key < turn * 1000 + size; key++) map.delete(key);
  }
  return inserted;
}

for (const [profile, phases] of [
  ["linux", [{ size: 100, times: 400 }]],
  [
    "anyctx",
    Array.from({ length: 12 }, (_, phase) => (phase % 2 === 0 ? { size: 3, times: 250 } : { size: 250, times: 120 })),
  ],
] as const)
  test(`adaptive: bursts that the fixed watermarks of profile ${profile} do not fit are met more often`, async () => {
    const outcomes: number[] = [];
    for (const thresholds of ["fixed", "adaptive"] as const) {
      const arena = await makeArena({ thresholds, profile });
      const map = makeHash(arena, { maxEntries: 100_000 });
      outcomes.push(phases.reduce((sum, { size, times }) => sum + burst(arena, map, size, times), 0));
    }
    const [fixed = 0, adaptive = 0] = outcomes;
    assert.ok(adaptive > fixed, `${adaptive} inserts, ${fixed} with fixed watermarks`);
  });

test("adaptive: small bursts keep less cached than the fixed watermarks would", async () => {
  const arena = await makeArena({ thresholds: "adaptive" });
  const map = makeHash(arena, { maxEntries: 100_000 });
  burst(arena, map, 3, 200);
  const { low, high, free, misses } = cacheOn(arena, map);
  assert.ok(low < 32 && high < 64 && free <= high, `low ${low} high ${high} free ${free}`);
  assert.equal(misses.irqsOff, 0);
});

test("adaptive: large bursts without end do not make the cache much larger than the fixed one", async () => {
  const averages: number[] = [];
  for (const thresholds of ["fixed", "adaptive"] as const) {
    const arena = await makeArena({ thresholds });
    const map = makeHash(arena, { maxEntries: 100_000 });
    let cached = 0;
    for (let turn = 0; turn < 1000; turn++) {
      burst(arena, map, 300, 1);
      cached += cacheOn(arena, map).free;
    }
    averages.push(cached / 1000);
  }
  const [fixed = 0, adaptive = 0] = averages;
  assert.ok(adaptive <= fixed * 1.1, `${adaptive} objects cached on average, ${fixed} with fixed watermarks`);
});

for (const [profile, highest] of [
  ["linux", 96],
  ["anyctx", 160],
] as const)
  test(`fixed thresholds never move in profile ${profile}`, async () => {
    const arena = await makeArena({ profile });
    const map = makeHash(arena, { maxEntries: 100_000 });
    burst(arena, map, 200, 50);
    const { low, high } = cacheOn(arena, map);
    assert.deepEqual([low, high], [32, highest]);
  });
