import { death, task } from "../fiber.ts";
import { HashTable, prepareHash } from "../hash-table.ts";
import type { Scenario } from "../scenario.ts";

export const killedInUpdate: Scenario = {
  name: "killed-in-update",
  doc: "A thread is killed at any step of an update: whoever comes to the same bucket afterwards is not held up.",
  known: { kinds: ["no progress"], why: "nobody takes over the bucket lock of a dead CPU" },
  cpus: 2,
  bound: 1,
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 4 }), 2);
    return () => {
      const table = new HashTable(prepared);
      return {
        fibers: [
          task(0, function* () {
            yield* table.update(1);
          }),
          task(1, function* () {
            yield* table.update(1);
            yield* table.delete(1);
          }),
          death(0),
        ],
        atRest() {
          if (world.dead.size === 0) table.check();
        },
      };
    };
  },
};
