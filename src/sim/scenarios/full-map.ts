import { task } from "../fiber.ts";
import { Finding } from "../finding.ts";
import { prepareHash } from "../hash-table.ts";
import type { Scenario } from "../scenario.ts";
import { withHash } from "./common.ts";

export const fullMap: Scenario = {
  name: "full-map",
  doc: "CPUs fill a map at the same time: entries are counted before they are made, so there are never too many.",
  cpus: 2,
  bound: 2,
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 1 }), 3);
    return () =>
      withHash(
        prepared,
        (table) => [
          task(0, function* () {
            yield* table.update(1);
          }),
          task(1, function* () {
            yield* table.update(2);
          }),
        ],
        (table) => {
          if (table.entries().size !== 1)
            throw new Finding("entries", `${table.entries().size} entries in a map of one`);
        },
      );
  },
};
