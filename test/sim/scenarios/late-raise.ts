import { raisedOn } from "../../../src/sim/checks/work.ts";
import { interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { cameInAtWork, withObjects } from "./common.ts";

export const lateRaise: Scenario = {
  name: "late-raise",
  doc: "An NMI raises work while that work runs: it was marked as not raised before, so it runs again.",
  cpus: 1,
  bound: 1,
  reaches: ["the NMI raised work that ran"],
  prepare(world) {
    const allocator = world.createAllocator(3000);
    return () =>
      withObjects(
        world,
        allocator,
        3000,
        (objects) => [
          task(0, function* () {
            const object = yield* objects.allocateSurely();
            yield* objects.free(object);
          }),
          interrupt("nmi", 0, function* () {
            const atWork = cameInAtWork(world);
            for (let count = 0; count < 4; count++) yield* objects.allocate();
            if (atWork && raisedOn(world, 0).size > 0) world.saw("the NMI raised work that ran");
          }),
        ],
        (objects) => {
          const cache = objects.set + CONSTANTS.SET_BYTES;
          if (world.field(cache, "Cache", "freeCount") >= world.field(cache, "Cache", "low")) return;
          if (world.field(cache, "Cache", "workRaised") === 0)
            throw new Finding("lost wake", "the cache is below its watermark and no work is raised");
        },
      );
  },
};
