import { checkDrains } from "../../../src/sim/checks/drained.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { checkMemory } from "../../../src/sim/checks/slab.ts";
import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";

export const openDestroy: Scenario = {
  name: "open-destroy",
  doc: "A map is opened by its name and used while another CPU destroys it and frees what may be freed: whoever has it open has its memory until he closes it.",
  cpus: 2,
  bound: 2,
  reaches: ["opened before it was destroyed", "not there any more", "destroyed while open", "freed"],
  prepare(world) {
    const before = world.call("pagesInUse");
    const map = world.createHash({ maxEntries: 4 });
    // All zeroes, as its name is; the name is behind the descriptor.
    const name = world.scratch(CONSTANTS.NAME_BYTES);
    const key = world.words(1);
    const value = world.words(7, 7);
    return () => {
      let isOpen = false;
      return {
        fibers: [
          task(0, function* () {
            if (isOpen) world.saw("destroyed while open");
            yield ["destroyMap", map];
            for (let tries = 0; tries < 6; tries++) {
              if ((yield ["reapMaps"]) !== 0) continue;
              world.saw("freed");
              if (isOpen) throw new Finding("freed open", "a map that is open was freed");
              break;
            }
          }),
          task(1, function* () {
            const found = (yield ["openMap", name]) >>> 0;
            if (found !== map) {
              if (found !== 0) throw new Finding("errno", `openMap says ${found}`);
              world.saw("not there any more");
              return;
            }
            isOpen = true;
            world.saw("opened before it was destroyed");
            for (const call of ["hashUpdate", "hashGet"] as const) {
              const errno = (yield [call, map, key, value, 0]) | 0;
              if (errno !== 0) throw new Finding("errno", `${call} on an open map says ${errno}`);
            }
            isOpen = false;
            yield ["closeMap", map, 1];
          }),
        ],
        atRest() {
          checkRest(world);
          checkDrains(world);
          world.call("trimSlabs");
          const after = world.call("pagesInUse");
          if (after !== before) throw new Finding("leak", `${after} pages are in use, ${before} were before`);
          checkMemory(world);
        },
      };
    };
  },
};
