import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { bucketOfKey, prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

/** One less is in the map from the start: there is room for one more. */
const MOST = 5;
const KEYS = 16;

const E2BIG = 7;

export const fullMap: Scenario = {
  name: "full-map",
  doc: "CPUs fill a map at the same time: entries are counted before they are made, so there are never too many.",
  cpus: 2,
  bound: 2,
  reaches: ["an insert was refused"],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: MOST }), KEYS);
    // In two buckets, or the second one would notice the first by its bucket.
    const keys = Array.from({ length: KEYS }, (_, index) => index + 1);
    const other = keys.find((key) => bucketOfKey(prepared, key) !== bucketOfKey(prepared, 1)) as number;
    const rest = keys.filter((key) => key !== 1 && key !== other).slice(0, MOST - 1);
    return () =>
      withHash(
        prepared,
        (table) => [
          task(0, function* () {
            for (const key of rest) yield* table.update(key);
            yield* table.update(1);
          }),
          task(1, function* () {
            if ((yield* table.update(other)) === -E2BIG) world.saw("an insert was refused");
          }),
        ],
        (table) => {
          const { size } = table.entries();
          // Two that are both refused for a moment's count of the other may leave one place.
          if (size > MOST || size < MOST - 1) throw new Finding("entries", `${size} entries in a map of ${MOST}`);
        },
      );
  },
};
