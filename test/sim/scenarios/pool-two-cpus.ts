import { task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

export const poolTwoCpus: Scenario = {
  name: "pool-two-cpus",
  doc: "A preallocated map's pool: the tag beside the head makes a pop fail whose head went and came back.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "popPool" }, { in: "pushPool" }],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 3, supply: "pool" }), 4);
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(1);
          yield* table.update(2);
          yield* table.delete(1);
          yield* table.update(1);
        }),
        task(1, function* () {
          yield* table.update(3);
          yield* table.update(4);
          yield* table.delete(3);
        }),
      ]);
  },
};
