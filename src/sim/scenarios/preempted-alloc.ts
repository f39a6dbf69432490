import { task } from "../fiber.ts";
import type { Scenario } from "../scenario.ts";
import { withObjects } from "./common.ts";

/** Linux's bug of September 2023, found there by a test that preempts tasks in the allocator. */
export const preemptedAlloc: Scenario = {
  name: "preempted-alloc",
  doc: "Tasks of one CPU preempt each other: work is raised before interrupts come on, so no allocation fails.",
  cpus: 1,
  preemptible: true,
  bound: 2,
  prepare(world) {
    const allocator = world.createAllocator(24);
    return () =>
      withObjects(world, allocator, 24, (objects) => {
        function* several() {
          const held: number[] = [];
          for (let count = 0; count < 4; count++) held.push(yield* objects.allocateSurely());
          for (const object of held) yield* objects.free(object);
        }
        return [task(0, several, "task a"), task(0, several, "task b")];
      });
  },
};
