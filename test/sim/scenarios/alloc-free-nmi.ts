import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { extraOf, withObjects } from "./common.ts";

export const allocFreeNmi: Scenario = {
  name: "alloc-free-nmi",
  doc: "A hard interrupt and an NMI come in at any step of an allocation and a free; `active` keeps the list from them.",
  cpus: 1,
  bound: 2,
  reaches: ["an interrupt found the list in use", "an interrupt freed to extra"],
  prepare(world) {
    const allocator = world.createAllocator(24);
    const first = world.call("objectAllocate", allocator, 24, 0);
    return () =>
      withObjects(world, allocator, 24, (objects) => {
        objects.take(first);
        function* once() {
          const object = yield* objects.allocate();
          if (object !== 0) yield* objects.free(object);
        }
        // One that is kept and another one given back: the list is not what it was before.
        function* exchange() {
          if ((yield* objects.allocate()) === 0) world.saw("an interrupt found the list in use");
          yield* objects.free(first);
          if (extraOf(world, objects) !== 0) world.saw("an interrupt freed to extra");
        }
        return [task(0, once), interrupt("hardirq", 0, once), interrupt("nmi", 0, exchange)];
      });
  },
};
