import { interrupt, task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { cameInAtWork, extraOf, withObjects } from "./common.ts";

export const refillNmi: Scenario = {
  name: "refill-nmi",
  doc: "An NMI allocates and frees at any step of a refill: the chain enters the list while `active` keeps it away.",
  cpus: 1,
  bound: 1,
  reaches: ["the NMI came in at work", "the NMI freed to extra"],
  prepare(world) {
    const allocator = world.createAllocator(504);
    const first = world.call("objectAllocate", allocator, 504, 0);
    const low = world.field(world.call("objectSet", allocator, 504) + CONSTANTS.SET_BYTES, "Cache", "low");
    const free = (): number =>
      world.field(world.call("objectSet", allocator, 504) + CONSTANTS.SET_BYTES, "Cache", "freeCount");
    // The next allocation is the one that has to refill.
    const held = [first];
    while (free() > low) held.push(world.call("objectAllocate", allocator, 504, 0));
    return () =>
      withObjects(world, allocator, 504, (objects) => {
        for (const object of held) objects.take(object);
        return [
          task(0, function* () {
            yield* objects.allocateSurely();
          }),
          interrupt("nmi", 0, function* () {
            if (cameInAtWork(world)) world.saw("the NMI came in at work");
            yield* objects.allocate();
            yield* objects.free(first);
            if (extraOf(world, objects) !== 0) world.saw("the NMI freed to extra");
          }),
        ];
      });
  },
};
