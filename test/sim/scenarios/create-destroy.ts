import { checkRest } from "../../../src/sim/checks/rest.ts";
import { type Body, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";

export const createDestroy: Scenario = {
  name: "create-destroy",
  doc: "Two CPUs create and destroy maps of one name: one of them is refused, and no page is lost.",
  cpus: 2,
  bound: 1,
  pages: 24,
  reaches: ["a name was taken", { in: "unlinkFrom" }, { in: "freeMap" }],
  prepare(world) {
    const before = world.call("pagesInUse");
    return () => {
      function* life(cpu: number): Body {
        const map = (yield ["createMap", 2, 4, 8, 8, 0, 0, 1]) >>> 0;
        if (map < 65536) throw new Finding("errno", `a map was refused: errno ${map}`);
        if ((yield ["publishMap", map]) !== 0) {
          world.saw("a name was taken");
          return;
        }
        yield ["closeMap", map, cpu];
        yield ["destroyMap", map];
        yield ["reapMaps"];
      }
      return {
        fibers: [task(0, () => life(0)), task(1, () => life(1))],
        atRest() {
          checkRest(world);
          for (let turn = 0; turn < 4; turn++) world.call("reapMaps");
          const after = world.call("pagesInUse");
          if (after !== before) throw new Finding("leak", `${after} pages are in use, ${before} were before`);
        },
      };
    };
  },
};
