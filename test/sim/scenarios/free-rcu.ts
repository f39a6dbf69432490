import { isReady } from "../../../src/sim/checks/lists.ts";
import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

export const freeRcu: Scenario = {
  name: "free-rcu",
  doc: "An object freed by objectFreeRcu is not handed out again while a reader that could see it is in its section.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "startRcu" }, { in: "advanceRcu", text: "beginTransfer" }, "it was freed under its reader"],
  prepare(world) {
    const allocator = world.createAllocator(24);
    const shared = world.call("objectAllocate", allocator, 24, 0);
    return () => {
      let isReachable = true;
      return withObjects(world, allocator, 24, (objects) => {
        objects.take(shared);
        return [
          task(0, function* () {
            isReachable = false;
            yield* objects.freeRcu(shared);
            for (let count = 0; count < 2; count++) {
              yield ["objectTrim", allocator];
              const object = yield* objects.allocateSurely();
              yield* objects.free(object);
            }
            yield* objects.allocateSurely();
          }),
          task(1, function* () {
            yield ["readEnter"];
            const found = isReachable;
            // Reads what the other CPU writes: here it may come in between.
            yield ["gracePeriodStart", 0];
            if (found && !isReachable) world.saw("it was freed under its reader");
            if (found && !isReachable && isReady(world, objects.set, shared - 8))
              throw new Finding("grace period", "an object can be handed out again under its reader");
            yield ["readLeave"];
          }),
        ];
      });
    };
  },
};
