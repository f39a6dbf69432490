import { checkObjects } from "../checks/lists.ts";
import { checkRest } from "../checks/rest.ts";
import { interrupt, task } from "../fiber.ts";
import { Objects } from "../objects.ts";
import type { Scenario } from "../scenario.ts";

/** One CPU, one allocator: an NMI and a hard interrupt come in at any step of an allocation and a free. */
export const allocFreeNmi: Scenario = {
  name: "alloc-free-nmi",
  doc: "An NMI comes in while the free list is in use: `active` sends it elsewhere, to nothing or to `extra`.",
  cpus: 1,
  bound: 2,
  prepare(world) {
    const allocator = world.createAllocator(24);
    return () => {
      const objects = new Objects(world, allocator, 24);
      function* once() {
        const object = yield* objects.allocate();
        if (object !== 0) yield* objects.free(object);
      }
      return {
        fibers: [task(0, once), interrupt("hardirq", 0, once), interrupt("nmi", 0, once)],
        atRest() {
          checkRest(world);
          checkObjects(world, objects);
        },
      };
    };
  },
};
