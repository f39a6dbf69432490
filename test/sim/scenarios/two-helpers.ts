import { task } from "../../../src/sim/fiber.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

const SIZE = 4000;

export const twoHelpers: Scenario = {
  name: "two-helpers",
  doc: "Two helpers serve a CPU in NMI context, one at a time: what both brought adds up, and nothing is brought twice.",
  cpus: 3,
  bound: 2,
  pages: 48,
  reaches: [
    { in: "serveCache", text: "cache.refills" },
    { in: "adaptReserve" },
    { in: "adoptInbox", text: "spliceFree" },
  ],
  prepare(world) {
    const allocator = world.createAllocator(SIZE);
    return () =>
      withObjects(world, allocator, SIZE, (objects) => {
        const serve = (cpu: number) =>
          task(cpu, function* () {
            for (let count = 0; count < 2; count++) yield ["serveCpu", 0];
          });
        const beServed = task(0, function* () {
          yield ["contextSet", 3, 0];
          const held: number[] = [];
          for (let count = 0; count < 6; count++) held.push(yield* objects.allocate());
          for (const object of held) if (object !== 0) yield* objects.free(object);
          yield ["contextSet", 0, 0];
        });
        return [beServed, serve(1), serve(2)];
      });
  },
};
