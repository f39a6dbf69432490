import { interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { withObjects } from "./common.ts";

export const extraDrained: Scenario = {
  name: "extra-drained",
  doc: "What an NMI frees while the list is in use waits in `extra` until work or a trim takes it along.",
  cpus: 1,
  bound: 1,
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
            }),
            interrupt("nmi", 0, () => objects.free(first)),
          ];
        },
        (objects) => {
          world.call("objectTrim", allocator);
          const left = world.field(objects.set + CONSTANTS.SET_BYTES, "Cache", "extra");
          if (left !== 0) throw new Finding("extra", "an object is left on extra after a trim");
        },
      );
  },
};
