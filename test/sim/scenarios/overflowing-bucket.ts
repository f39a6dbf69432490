import { task } from "../../../src/sim/fiber.ts";
import { FLAGS, overflowingKeys, prepareHash, putKeys } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

const KEYS = 56;

export const overflowingBucket: Scenario = {
  name: "overflowing-bucket",
  doc: "Two CPUs insert into a full bucket and delete from its slots and its chain, while a lookup never misses a key that stays.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "insertIntoChain" }, { in: "findInChain" }, { in: "removeFromChain" }, "both inserted"],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ keySize: 12, valueSize: 8, maxEntries: 4 * 4 }), KEYS);
    const keys = overflowingKeys(prepared, 2);
    const [first = 0] = keys;
    const [chained, mine, others] = keys.slice(-3) as [number, number, number];
    putKeys(prepared, keys.slice(0, -2));
    return () =>
      withHash(prepared, (table) => {
        let inserted = 0;
        function* insert(key: number) {
          if ((yield* table.update(key, FLAGS.noexist)) === 0 && ++inserted === 2) world.saw("both inserted");
        }
        return [
          task(0, function* () {
            yield* insert(mine);
            yield* table.get(chained);
            yield* table.delete(mine);
          }),
          task(1, function* () {
            yield* insert(others);
            yield* table.get(mine);
            yield* table.delete(first);
            yield* table.get(chained);
          }),
        ];
      });
  },
};
