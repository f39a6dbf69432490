import { interrupt, task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { cameInBetween, withHash } from "./common.ts";

export const shortWayNmi: Scenario = {
  name: "fast-path-nmi",
  doc: "The fast path through update and delete: an NMI that meets the list in use takes the slow one.",
  cpus: 1,
  bound: 2,
  reaches: [{ in: "updateFast" }, { in: "deleteFast" }, "the NMI came in between"],
  prepare(world) {
    // Large enough that CPUs count for themselves, which the fast path needs.
    const prepared = prepareHash(world, world.createHash({ maxEntries: 1024 }), 3);
    if (world.field(prepared.map, "MapHeader", "fastKey") === 0) throw new Error("this map has no fast path");
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(1);
          yield* table.delete(1);
        }),
        interrupt("nmi", 0, function* () {
          if (cameInBetween(world)) world.saw("the NMI came in between");
          yield* table.update(2);
          yield* table.delete(2);
          yield* table.update(3);
        }),
      ]);
  },
};
