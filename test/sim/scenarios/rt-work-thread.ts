import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

export const rtWorkThread: Scenario = {
  name: "rt-work-thread",
  doc: "RT: a thread does the deferred work some time later, and tasks and interrupts come in while it does.",
  cpus: 1,
  realTime: true,
  preemptible: true,
  bound: 2,
  reaches: ["an allocation failed", "the thread had work"],
  prepare(world) {
    const allocator = world.createAllocator(3000);
    return () =>
      withObjects(world, allocator, 3000, (objects) => {
        function* several() {
          const held: number[] = [];
          for (let count = 0; count < 3; count++) {
            const object = yield* objects.allocate();
            if (object !== 0) held.push(object);
            else world.saw("an allocation failed");
          }
          for (const object of held) yield* objects.free(object);
        }
        function* work(): Body {
          if ((yield ["workThreadRuns"]) > 0) world.saw("the thread had work");
        }
        return [task(0, several), task(0, work, "irq_work thread"), interrupt("hardirq", 0, several)];
      });
  },
};
