import { interrupt, task } from "../fiber.ts";
import type { Scenario } from "../scenario.ts";
import { withObjects } from "./common.ts";

/** Linux's bug of September 2022: trim took from a list that had become empty since it looked at its length. */
export const trimNmi: Scenario = {
  name: "trim-nmi",
  doc: "An NMI empties the list between trim's look at the count and its taking: trim takes nothing.",
  cpus: 1,
  bound: 2,
  prepare(world) {
    const allocator = world.createAllocator(4088);
    return () =>
      withObjects(world, allocator, 4088, (objects) => [
        task(0, function* () {
          yield ["objectTrim", allocator];
        }),
        interrupt("nmi", 0, function* () {
          const held: number[] = [];
          for (let count = 0; count < 2; count++) {
            const object = yield* objects.allocate();
            if (object !== 0) held.push(object);
          }
          for (const object of held) yield* objects.free(object);
        }),
      ]);
  },
};
