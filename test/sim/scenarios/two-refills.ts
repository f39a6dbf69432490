import { task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

export const twoRefills: Scenario = {
  name: "two-refills",
  doc: "Two CPUs refill from one slab class and give back to it: its lock is held from the first change to the last.",
  cpus: 2,
  bound: 1,
  reaches: [{ in: "addSlab" }, { in: "takeFromSlab" }, { in: "returnObjects" }, { in: "startWaiting" }],
  prepare(world) {
    const allocator = world.createAllocator(4000);
    return () =>
      withObjects(world, allocator, 4000, (objects) => {
        const use = (cpu: number) =>
          task(cpu, function* () {
            const held = [
              yield* objects.allocateSurely(),
              yield* objects.allocateSurely(),
              yield* objects.allocateSurely(),
            ];
            for (const object of held) yield* objects.free(object);
            yield ["objectTrim", allocator];
          });
        return [use(0), use(1)];
      });
  },
};
