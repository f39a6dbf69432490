import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

/** More than a bucket has slots. */
const KEYS = 8;

export const lookupStays: Scenario = {
  name: "lookup-stays",
  doc: "A key stays while others of its bucket, in slots and in the chain, come and go: a lookup never misses it.",
  cpus: 2,
  bound: 2,
  reaches: ["a key that stays was looked up", { in: "replaceElement" }],
  prepare(world) {
    const map = world.createHash({ keySize: 4, valueSize: 24, maxEntries: 4 });
    const prepared = prepareHash(world, map, KEYS);
    return () =>
      withHash(prepared, (table) => {
        let stays = false;
        return [
          task(0, function* () {
            yield* table.update(1);
            stays = true;
            yield* table.update(2);
            yield* table.delete(2);
            yield* table.update(1);
            yield* table.update(3);
          }),
          task(1, function* () {
            const isThere = stays;
            yield ["readEnter"];
            const value = yield ["hashLookup", map, prepared.keys[0] as number];
            yield ["readLeave"];
            if (isThere) world.saw("a key that stays was looked up");
            if (isThere && value === 0) throw new Finding("missed", "a lookup missed a key that stays");
          }),
        ];
      });
  },
};
