import { raisedOn } from "../../../src/sim/checks/work.ts";
import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { cameInAtWork, withObjects } from "./common.ts";

export const trimOnDemandNmi: Scenario = {
  name: "trim-on-demand-nmi",
  doc: "An NMI raises work while objectTrim moves lists: the work must not run in the middle of it.",
  cpus: 1,
  bound: 1,
  reaches: ["the NMI raised work in a trim"],
  prepare(world) {
    const allocator = world.createAllocator(4088);
    return () =>
      withObjects(world, allocator, 4088, (objects) => [
        task(0, function* () {
          yield ["objectTrim", allocator];
        }),
        interrupt("nmi", 0, function* () {
          const atWork = cameInAtWork(world);
          yield* objects.allocate();
          if (atWork && raisedOn(world, 0).size > 0) world.saw("the NMI raised work in a trim");
        }),
      ]);
  },
};
