import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { cameInAtWork, cameInBetween, withObjects } from "./common.ts";

export const freeRcuNmi: Scenario = {
  name: "free-rcu-nmi",
  doc: "An NMI frees by objectFreeRcu while its CPU does, or while the work takes the list: list and count agree.",
  cpus: 1,
  bound: 1,
  reaches: [{ in: "startRcu" }, "the NMI came in between", "the NMI came in at work"],
  prepare(world) {
    const allocator = world.createAllocator(24);
    const first = Array.from({ length: 3 }, () => world.call("objectAllocate", allocator, 24, 0));
    return () =>
      withObjects(world, allocator, 24, (objects) => {
        for (const object of first) objects.take(object);
        const [a = 0, b = 0, c = 0] = first;
        return [
          task(0, function* () {
            yield* objects.freeRcu(a);
            yield* objects.freeRcu(b);
          }),
          interrupt("nmi", 0, function* () {
            if (cameInBetween(world)) world.saw("the NMI came in between");
            if (cameInAtWork(world)) world.saw("the NMI came in at work");
            yield* objects.freeRcu(c);
          }),
        ];
      });
  },
};
