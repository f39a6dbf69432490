import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

export const outOfMemory: Scenario = {
  name: "out-of-memory",
  doc: "Every refill fails in part or as a whole, because the memory is used up: what was counted is taken back.",
  cpus: 2,
  bound: 0,
  pages: 4,
  reaches: ["-ENOMEM", { in: "relieve" }],
  prepare(world) {
    const allocator = world.createAllocator(4000);
    return () =>
      withObjects(world, allocator, 4000, (objects) => {
        const greedy = (cpu: number) =>
          task(cpu, function* () {
            const held: number[] = [];
            for (let object = yield* objects.allocate(); object !== 0; object = yield* objects.allocate())
              held.push(object);
            world.saw("-ENOMEM");
            for (const object of held) yield* objects.free(object);
          });
        return [greedy(0), greedy(1), interrupt("softirq", 0, () => objects.allocate() as never)];
      });
  },
};
