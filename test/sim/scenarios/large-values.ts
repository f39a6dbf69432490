import { task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

export const largeValues: Scenario = {
  name: "large-values",
  doc: "Values of 24 bytes are replaced while another CPU copies them out: never half of one and half of another.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "replaceElement" }, { in: "copyOutWords" }],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ valueSize: 24, maxEntries: 4 }), 2);
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(1);
          yield* table.update(1);
          yield* table.delete(1);
          yield* table.update(2);
        }),
        task(1, function* () {
          yield* table.get(1);
          yield* table.get(1);
        }),
      ]);
  },
};
