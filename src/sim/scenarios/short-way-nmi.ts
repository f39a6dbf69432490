import { interrupt, task } from "../fiber.ts";
import { prepareHash } from "../hash-table.ts";
import type { Scenario } from "../scenario.ts";
import { withHash } from "./common.ts";

export const shortWayNmi: Scenario = {
  name: "short-way-nmi",
  doc: "The short way through update and delete: an NMI that meets the list in use takes the long one.",
  cpus: 1,
  bound: 2,
  prepare(world) {
    // Large enough that CPUs count for themselves, which the short way needs.
    const prepared = prepareHash(world, world.createHash({ maxEntries: 1024 }), 3);
    if (world.field(prepared.map, "MapHeader", "shortKey") === 0) throw new Error("this map has no short way");
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(1);
          yield* table.delete(1);
        }),
        interrupt("nmi", 0, function* () {
          yield* table.update(2);
          yield* table.delete(2);
          yield* table.update(3);
        }),
      ]);
  },
};
