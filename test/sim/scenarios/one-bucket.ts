import { task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

export const oneBucket: Scenario = {
  name: "one-bucket",
  doc: "Two CPUs update, delete and look up the same key: whoever claims the control word first comes first.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "publishElement" }, { in: "dropElement" }, { in: "awaitHolder" }, { in: "deleteExpected" }],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 4 }), 2);
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(1);
          yield* table.get(1);
          yield* table.delete(1);
        }),
        task(1, function* () {
          yield* table.update(1);
          yield* table.get(1);
          yield* table.update(2);
        }),
      ]);
  },
};
