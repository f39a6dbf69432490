import { interrupt, task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

const EBUSY = 16;

export const nmiInUpdate: Scenario = {
  name: "nmi-in-update",
  doc: "An NMI updates and deletes the key that its CPU is just changing: a lock held below it gives -EBUSY, no deadlock.",
  cpus: 1,
  bound: 2,
  reaches: ["-EBUSY"],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 4 }), 2);
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(1);
          yield* table.update(1);
          yield* table.delete(1);
        }),
        interrupt("hardirq", 0, function* () {
          yield* table.update(1);
        }),
        interrupt("nmi", 0, function* () {
          yield* table.get(1);
          if ((yield* table.update(1)) === -EBUSY) world.saw("-EBUSY");
          yield* table.delete(1);
        }),
      ]);
  },
};
