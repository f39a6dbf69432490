import { returnedToSlab } from "../../../src/sim/checks/slab.ts";
import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

export const sleepableReader: Scenario = {
  name: "sleepable-reader",
  doc: "A sleepable program is in its section for long: what is trimmed waits for it, not only for normal readers.",
  cpus: 2,
  bound: 2,
  reaches: ["it was freed under its reader", { in: "startWaiting" }, { in: "returnWaiting" }],
  prepare(world) {
    const allocator = world.createAllocator(4000);
    const shared = world.call("objectAllocate", allocator, 4000, 0);
    return () => {
      let isReachable = true;
      return withObjects(world, allocator, 4000, (objects) => {
        objects.take(shared);
        return [
          task(0, function* () {
            isReachable = false;
            yield* objects.free(shared);
            for (let count = 0; count < 3; count++) yield ["objectTrim", allocator];
          }),
          task(1, function* () {
            yield ["traceEnter"];
            const found = isReachable;
            // Reads what the other CPU writes: here it may come in between.
            yield ["gracePeriodStart", 1];
            if (found && !isReachable) world.saw("it was freed under its reader");
            if (found && returnedToSlab(world, shared - 8))
              throw new Finding("grace period", "an object went back to the slab under a sleepable reader");
            yield ["traceLeave"];
          }),
        ];
      });
    };
  },
};
