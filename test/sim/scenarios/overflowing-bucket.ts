import { task } from "../../../src/sim/fiber.ts";
import { FLAGS, prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

const KEYS = 8;

export const overflowingBucket: Scenario = {
  name: "overflowing-bucket",
  doc: "More keys than slots: while the chain behind a bucket changes, a lookup never misses a key that stays.",
  cpus: 2,
  bound: 2,
  prepare(world) {
    // One bucket holds four elements on average, six in slots: the rest is chained.
    const prepared = prepareHash(world, world.createHash({ keySize: 12, valueSize: 8, maxEntries: 4 * 4 }), KEYS);
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          for (let key = 1; key <= KEYS; key++) yield* table.update(key, FLAGS.noexist);
          yield* table.delete(KEYS);
          yield* table.delete(KEYS - 1);
          yield* table.update(KEYS);
        }),
        task(1, function* () {
          yield* table.get(KEYS);
          yield* table.get(1);
          yield* table.delete(2);
        }),
      ]);
  },
};
