import { task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

export const crossCpuTrim: Scenario = {
  name: "cross-cpu-trim",
  doc: "Objects allocated on CPU 0 are freed on CPU 1 while both trim: each is on one list of one CPU at any time.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "startWaiting" }, { in: "returnWaiting" }],
  prepare(world) {
    const allocator = world.createAllocator(2000);
    const first = [0, 1].map(() => world.call("objectAllocate", allocator, 2000, 0));
    return () =>
      withObjects(world, allocator, 2000, (objects) => {
        for (const object of first) objects.take(object);
        return [
          task(0, function* () {
            const object = yield* objects.allocateSurely();
            for (let count = 0; count < 2; count++) yield ["objectTrim", allocator];
            yield* objects.free(object);
          }),
          task(1, function* () {
            for (const object of first) yield* objects.free(object);
            for (let count = 0; count < 2; count++) yield ["objectTrim", allocator];
          }),
        ];
      });
  },
};
