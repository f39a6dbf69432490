import { interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { extraOf, withObjects } from "./common.ts";

export const extraDrained: Scenario = {
  name: "extra-drained",
  doc: "What an NMI frees while the list is in use waits in `extra` until work or a trim takes it along.",
  cpus: 1,
  bound: 1,
  reaches: ["an object was on extra", { in: "takeExtra" }],
  prepare(world) {
    const allocator = world.createAllocator(24);
    const first = world.call("objectAllocate", allocator, 24, 0);
    return () =>
      withObjects(
        world,
        allocator,
        24,
        (objects) => {
          objects.take(first);
          return [
            task(0, function* () {
              const object = yield* objects.allocateSurely();
              yield* objects.free(object);
              yield ["objectTrim", allocator];
            }),
            interrupt("nmi", 0, function* () {
              yield* objects.free(first);
              if (extraOf(world, objects) !== 0) world.saw("an object was on extra");
            }),
          ];
        },
        (objects) => {
          world.call("objectTrim", allocator);
          if (extraOf(world, objects) !== 0) throw new Finding("extra", "an object is left on extra after a trim");
        },
      );
  },
};
