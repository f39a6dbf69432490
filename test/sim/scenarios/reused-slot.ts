import { task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

export const reusedSlot: Scenario = {
  name: "reused-slot",
  doc: "A slot and an element serve another key while a reader looks: the control word tells it to look again.",
  cpus: 2,
  bound: 2,
  reaches: ["an element served another key"],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 4 }), 2);
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(2);
          const element = table.entries().get(2);
          yield* table.delete(2);
          yield* table.update(1);
          if (table.entries().get(1) === element) world.saw("an element served another key");
        }),
        task(1, function* () {
          yield* table.get(2);
          yield* table.get(1);
        }),
      ]);
  },
};
