import { type Body, type FiberSpec, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

const SIZE = 4000;
/** Objects that go from CPU 0 to CPU 1 in one round: more than the high watermark of this size, which is 6. */
const BATCH = 24;
const ROUNDS = 8;
/** Owned at most: what is under way, what two CPUs cache and have waiting (a batch of trims beyond the bound), a refill. */
const BOUND = BATCH + 2 * (6 + 12 + 16) + 3;

export const waitingBounded: Scenario = {
  name: "waiting-bounded",
  doc: "A reader holds every grace period up while objects are allocated on CPU 0 and freed on CPU 1: what waits is bounded, the rest is depot, which refills take first.",
  cpus: 3,
  bound: 1,
  pages: 96,
  reaches: [{ in: "giveToDepot" }, { in: "takeFromDepot", text: "cache.steals" }],
  prepare(world) {
    const allocator = world.createAllocator(SIZE);
    world.callOn(2, "readEnter");
    return () => {
      const moving: number[] = [];
      let turn = 0;
      const run = withObjects(world, allocator, SIZE, (objects) =>
        Array.from({ length: 2 * ROUNDS }, (_, index): FiberSpec => {
          function* body(): Body {
            // Orders what both CPUs do with an object, as the message would that it goes by.
            yield ["serveCpu", 2];
            if (index % 2 === 0)
              for (let count = 0; count < BATCH; count++) moving.push(yield* objects.allocateSurely());
            else for (const object of moving.splice(0)) yield* objects.free(object);
            const owned = yield ["allocatorOwned", objects.set];
            if (owned > BOUND) throw new Finding("unbounded", `${owned} objects are owned, ${BOUND} may be`);
            yield ["serveCpu", 2];
            turn++;
          }
          return { ...task(index % 2, body, `round ${index}`), ready: () => turn === index };
        }),
      );
      return {
        ...run,
        atRest() {
          world.callOn(2, "readLeave");
          run.atRest?.();
        },
      };
    };
  },
};
