import { cachesOf } from "../../../src/sim/checks/lists.ts";
import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { cameInAtWork, withObjects } from "./common.ts";

/** More than the high watermark of such large objects. */
const MANY = 7;

/** Linux's bug of September 2022: trim took from a list that had become empty since it looked at its length. */
export const trimNmi: Scenario = {
  name: "trim-nmi",
  doc: "An NMI empties the list between trim's look at the count and its taking: trim takes nothing.",
  cpus: 1,
  bound: 1,
  reaches: ["the NMI emptied the list that a trim was at"],
  prepare(world) {
    const allocator = world.createAllocator(4088);
    const first = Array.from({ length: MANY }, () => world.call("objectAllocate", allocator, 4088, 0));
    return () =>
      withObjects(world, allocator, 4088, (objects) => {
        for (const object of first) objects.take(object);
        return [
          task(0, function* () {
            for (const object of first) yield* objects.free(object);
          }),
          interrupt("nmi", 0, function* () {
            const atWork = cameInAtWork(world);
            for (let count = 0; count < 2 * MANY; count++) yield* objects.allocate();
            const [cache = 0] = cachesOf(world, objects.set);
            if (atWork && world.field(cache, "Cache", "free") === 0)
              world.saw("the NMI emptied the list that a trim was at");
          }),
        ];
      });
  },
};
