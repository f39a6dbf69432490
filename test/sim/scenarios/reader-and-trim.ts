import { returnedToSlab } from "../../../src/sim/checks/slab.ts";
import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { prepareHash, putKeys } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

export const readerAndTrim: Scenario = {
  name: "reader-and-trim",
  doc: "A reader holds a value while another CPU deletes it and trims: its memory goes back only after a grace period.",
  cpus: 2,
  bound: 2,
  reaches: ["the value was deleted under its reader", { in: "startWaiting" }],
  prepare(world) {
    const map = world.createHash({ maxEntries: 4 });
    const prepared = prepareHash(world, map, 1);
    const offset = world.field(map, "MapHeader", "valueOffset");
    putKeys(prepared, [1]);
    const key = prepared.keys[0] as number;
    return () =>
      withHash(prepared, (table) => {
        let isDeleted = false;
        return [
          task(0, function* () {
            yield* table.delete(1);
            isDeleted = true;
            for (let count = 0; count < 3; count++) yield ["trimCpus", 1];
          }),
          task(1, function* () {
            yield ["readEnter"];
            const value = (yield ["hashLookup", map, key]) >>> 0;
            yield ["hashLookup", map, key];
            if (value !== 0 && isDeleted) world.saw("the value was deleted under its reader");
            if (value !== 0 && returnedToSlab(world, value - offset))
              throw new Finding("grace period", "an element went back to the slab under its reader");
            yield ["readLeave"];
          }),
        ];
      });
  },
};
