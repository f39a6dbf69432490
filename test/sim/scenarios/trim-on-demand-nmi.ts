import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

export const trimOnDemandNmi: Scenario = {
  name: "trim-on-demand-nmi",
  doc: "An NMI raises work while objectTrim moves lists: the work must not run in the middle of it.",
  cpus: 1,
  bound: 1,
  prepare(world) {
    const allocator = world.createAllocator(4088);
    return () =>
      withObjects(world, allocator, 4088, (objects) => [
        task(0, function* () {
          yield ["objectTrim", allocator];
        }),
        interrupt("nmi", 0, function* () {
          yield* objects.allocate();
        }),
      ]);
  },
};
