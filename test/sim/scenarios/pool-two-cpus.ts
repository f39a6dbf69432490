import { cachesOf } from "../../../src/sim/checks/lists.ts";
import { task } from "../../../src/sim/fiber.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { withHash } from "./common.ts";

const MOST = 10;
const KEYS = 12;

export const poolTwoCpus: Scenario = {
  name: "pool-two-cpus",
  doc: "A preallocated map's pool: the tag beside the head makes a pop fail whose head went and came back.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "popPool" }, { in: "pushPool" }],
  prepare(world) {
    const map = world.createHash({ maxEntries: MOST, supply: "pool" });
    // Nothing is kept in front of the pool, and CPU 1 has used its list up: it takes from that of CPU 0.
    for (const cache of cachesOf(world, world.field(map, "MapHeader", "elements")))
      world.setField(cache, "Cache", "high", 0);
    const prepared = prepareHash(world, map, KEYS);
    const list = map + CONSTANTS.MAP_BYTES + CONSTANTS.MAP_CPU_BYTES + LAYOUT.MapCpu.pool;
    let used = 0;
    while (world.memory.load(list) !== 0) {
      const key = prepared.keys[used++] as number;
      for (const offset of [0, 4]) world.memory.store(prepared.from + offset, used);
      world.callOn(1, "hashUpdate", map, key, prepared.from, 0);
    }
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.update(used + 1);
          yield* table.update(used + 2);
          yield* table.delete(used + 1);
        }),
        task(1, function* () {
          yield* table.update(used + 3);
        }),
      ]);
  },
};
