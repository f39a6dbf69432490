import { task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

export const shortWayTwoCpus: Scenario = {
  name: "fast-path-two-cpus",
  doc: "Two CPUs take the fast path through update and delete of the same key: one claim wins, the other looks again.",
  cpus: 2,
  bound: 3,
  reaches: [{ in: "dropFast" }, { in: "deleteFast" }],
  prepare(world) {
    // Large enough that CPUs count for themselves, which the fast path needs.
    const prepared = prepareHash(world, world.createHash({ maxEntries: 1024 }), 1);
    if (world.field(prepared.map, "MapHeader", "fastKey") === 0) throw new Error("this map has no fast path");
    return () =>
      withHash(prepared, (table) => {
        function* both() {
          yield* table.update(1);
          yield* table.delete(1);
        }
        return [task(0, both), task(1, both)];
      });
  },
};
