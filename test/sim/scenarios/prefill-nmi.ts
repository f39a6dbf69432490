import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { cameInBetween, withObjects } from "./common.ts";

export const prefillNmi: Scenario = {
  name: "prefill-nmi",
  doc: "Objects were prefilled: an NMI gets one of them at any step.",
  cpus: 1,
  bound: 1,
  reaches: [{ in: "takePrefilled" }, "the NMI came in between"],
  prepare(world) {
    const allocator = world.createAllocator(24);
    world.call("objectPrefill", allocator, 24, 4);
    return () =>
      withObjects(world, allocator, 24, (objects) => [
        task(0, function* () {
          const object = yield* objects.allocateSurely();
          yield* objects.free(object);
        }),
        interrupt("nmi", 0, function* () {
          if (cameInBetween(world)) world.saw("the NMI came in between");
          yield* objects.allocateSurely();
        }),
      ]);
  },
};
