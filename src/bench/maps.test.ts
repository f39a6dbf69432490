import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { AnyctxError } from "../error.ts";
import { measureMaps } from "./maps.ts";
import * as loops from "./maps-loops.ts";
import { makeSides } from "./maps-sides.ts";
import { WORKLOADS } from "./maps-workloads.ts";

/** Enough for two batches: what is tested is what a row does, not how fast. */
const MOST_ENTRIES = 2048;

test("every row has a name of its own and says in a line what it does", () => {
  assert.equal(new Set(WORKLOADS.map(({ name }) => name)).size, WORKLOADS.length);
  for (const { name, use } of WORKLOADS) assert.ok(use.doc.length > 3 && use.name.length + use.doc.length <= 96, name);
});

const SMALL = new Map(
  WORKLOADS.map((workload) => [
    `${workload.contents.name}, ${workload.use.name} beside ${workload.use.beside}`,
    { ...workload, entries: Math.min(workload.entries, MOST_ENTRIES) },
  ]),
);

for (const [name, workload] of SMALL)
  test(`${name}: both sides do the same, and what was there is there`, async () => {
    const arena = await Arena.create({ maximumBytes: 1 << 26, cpus: 2 });
    const { map, other, run } = makeSides(arena, workload, { arena: loops, other: loops });
    const before = map.size;
    assert.equal(before, workload.use.keys === "all" ? 0 : workload.entries);
    for (const round of [0, 1])
      for (const nanoseconds of Object.values(run(round))) assert.ok(Number.isFinite(nanoseconds) && nanoseconds > 0);
    assert.deepEqual([map.size, other.size], [before, before]);
    for (const [key, value] of other) assert.deepEqual(map.get(key), value);
  });

test("a name that no row has is refused, with one that there is", async () => {
  await assert.rejects(measureMaps({ only: "no such row" }), (error: unknown) => {
    assert.ok(error instanceof AnyctxError && error.code === "EINVAL");
    assert.match(error.message, /"no such row".*"u32 below 2\^31 to u64, get 1,000"/);
    return true;
  });
});
