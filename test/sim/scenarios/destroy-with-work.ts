import { checkRest } from "../../../src/sim/checks/rest.ts";
import { raisedOn } from "../../../src/sim/checks/work.ts";
import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import { hex } from "../../../src/sim/objects.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";

export const destroyWithWork: Scenario = {
  name: "destroy-with-work",
  doc: "RT: a map is destroyed while work for it is queued on another CPU; its memory waits until that has run.",
  cpus: 2,
  realTime: true,
  bound: 2,
  reaches: ["work was queued when the map was destroyed", "the map had to wait", "the map was freed"],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 4 }), 1);
    const { map, keys, from } = prepared;
    // The other CPU's work of this map is still queued.
    world.call("workThreadRuns");
    const elements = world.field(map, "MapHeader", "elements");
    return () => {
      let isDestroyed = false;
      let isGone = false;
      return {
        fibers: [
          task(0, function* () {
            isDestroyed = true;
            if (raisedOn(world, 1).size > 0) world.saw("work was queued when the map was destroyed");
            yield ["destroyMap", map];
            for (let count = 0; count < 6; count++) isGone ||= (yield ["reapMaps"]) === 0;
            world.saw(isGone ? "the map was freed" : "the map had to wait");
            if (!isGone) return;
            for (const cpu of [0, 1])
              for (const cache of raisedOn(world, cpu))
                if (cache >= elements && cache < elements + 1024)
                  throw new Finding("freed with work", `${hex(cache)} is queued on CPU ${cpu}, and its map is gone`);
          }),
          task(1, function* () {
            // The map's user: it stops using the map when it is destroyed, which is its owner's duty.
            yield ["readEnter"];
            if (!isDestroyed) yield ["hashUpdate", map, keys[0] as number, from, 0];
            yield ["readLeave"];
            yield ["workThreadRuns"];
          }),
        ],
        atRest: () => checkRest(world),
      };
    };
  },
};
