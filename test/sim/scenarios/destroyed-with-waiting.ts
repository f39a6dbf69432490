import { checkDrains } from "../../../src/sim/checks/drained.ts";
import { cachesOf } from "../../../src/sim/checks/lists.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { checkMemory } from "../../../src/sim/checks/slab.ts";
import { type Body, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";

const SIZE = 504;
const MOST_TRIES = 8;

export const destroyedWithWaiting: Scenario = {
  name: "destroyed-with-waiting",
  doc: "An allocator is destroyed while objects of freeRcu and trimmed ones wait for a grace period that a reader holds up: refused until he leaves, then nothing is left.",
  cpus: 2,
  bound: 1,
  pages: 24,
  reaches: ["destroyed with objects of freeRcu waiting", "refused"],
  prepare(world) {
    const before = world.call("pagesInUse");
    const allocator = world.createAllocator(SIZE);
    const set = world.call("objectSet", allocator, SIZE);
    const held = Array.from({ length: 4 }, () => world.call("objectAllocate", allocator, SIZE, 0));
    return () => {
      let isGone = false;
      function* destroy(): Body {
        const [cache = 0] = cachesOf(world, set);
        if (world.field(cache, "Cache", "waitingRcu") !== 0) world.saw("destroyed with objects of freeRcu waiting");
        // What its owner has to ask first (src/arena/allocator.ts).
        for (const flavour of [0, 1]) {
          const target = yield ["gracePeriodStart", flavour];
          if ((yield ["gracePeriodOver", flavour, target]) !== 0) continue;
          world.saw("refused");
          return;
        }
        if ((yield ["objectAllocatorIdle", allocator]) === 0) return;
        const left = (yield ["destroyObjectAllocator", allocator]) | 0;
        if (left === -CONSTANTS.EBUSY) {
          // The reader came after what was asked above; the allocator is as it was.
          world.saw("refused");
          return;
        }
        if (left !== 0) throw new Finding("leak", `${left} objects are in use that nobody has`);
        isGone = true;
      }
      return {
        fibers: [
          task(0, function* () {
            // The first begins a grace period, the others queue behind it: two batches, and nobody moves them on.
            for (const object of held) yield ["objectFreeRcu", object];
            for (let tries = 0; tries < MOST_TRIES && !isGone; tries++) yield* destroy();
          }),
          task(1, function* () {
            yield ["readEnter"];
            yield ["gracePeriodStart", 0];
            yield ["readLeave"];
          }),
        ],
        atRest() {
          checkRest(world);
          checkDrains(world);
          if (!isGone && world.call("destroyObjectAllocator", allocator) !== 0)
            throw new Finding("leak", "objects are in use that nobody has");
          world.call("trimSlabs");
          const after = world.call("pagesInUse");
          if (after !== before) throw new Finding("leak", `${after} pages are in use, ${before} were before`);
          checkMemory(world);
          if (world.field(CONSTANTS.SUPERBLOCK, "Superblock", "cacheSets") !== 0)
            throw new Finding("list", "a destroyed allocator is on the list of all");
        },
      };
    };
  },
};
