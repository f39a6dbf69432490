import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

const ROOM = 512;

export const scanWhileWriting: Scenario = {
  name: "scan-while-writing",
  doc: "A scan sees a key that stays exactly once, whatever comes and goes beside it.",
  cpus: 2,
  bound: 2,
  reaches: ["a key that stays was looked for", { in: "copyEntries" }],
  prepare(world) {
    const map = world.createHash({ maxEntries: 4 });
    const prepared = prepareHash(world, map, 3);
    const into = world.scratch(ROOM);
    const entryBytes = world.call("mapEntryBytes", map);
    return () =>
      withHash(prepared, (table) => {
        let stays = false;
        return [
          task(0, function* () {
            yield* table.update(1);
            stays = true;
            yield* table.update(2);
            yield* table.delete(2);
            yield* table.update(3);
          }),
          task(1, function* () {
            const isThere = stays;
            const count = (yield ["mapScan", map, 0, into, ROOM]) | 0;
            const keys = Array.from({ length: count }, (_, index) => world.memory.load(into + index * entryBytes));
            if (new Set(keys).size !== keys.length) throw new Finding("scan", `a scan saw a key twice: ${keys}`);
            if (isThere) world.saw("a key that stays was looked for");
            if (isThere && !keys.includes(1)) throw new Finding("missed", "a scan missed a key that stays");
          }),
        ];
      });
  },
};
