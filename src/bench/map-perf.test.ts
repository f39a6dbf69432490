import assert from "node:assert/strict";
import { test } from "node:test";
import { measureMapPerf } from "./map-perf.ts";
import { WORKLOADS } from "./map-perf-workloads.ts";

test("every workload's programs succeed on one thread and on several, in each mode, with their memory where it is looked at", async () => {
  const rows = await measureMapPerf(3, () => undefined);
  for (const { name, modes, memory, inTurn } of WORKLOADS) {
    const mine = rows.filter((row) => row.name === name);
    const threads = mine.map((row) => row.threads);
    if (inTurn) assert.ok(threads.every((count) => count > 1));
    else assert.equal(threads[0], 1);
    for (const row of mine) {
      assert.deepEqual(Object.keys(row.nanoseconds), modes);
      for (const spread of Object.values(row.nanoseconds)) assert.ok(spread.median > 0 && spread.median < 1e6, name);
      assert.equal(row.dynamicToPreallocated !== undefined, modes.length === 2);
      assert.deepEqual(Object.keys(row.memory ?? {}), memory ? modes : []);
      for (const { live, average, peak } of Object.values(row.memory ?? {}))
        assert.ok(live > 0 && average > 0 && peak >= average, name);
    }
  }
});
