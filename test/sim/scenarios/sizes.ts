import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withObjects } from "./common.ts";

/** Around every class of the slab, and the largest of all. */
const SIZES = [1, 8, 9, 24, 56, 88, 89, 120, 184, 185, 248, 249, 504, 1016, 2040, 2041, 4088];

export const sizes: Scenario = {
  name: "sizes",
  doc: "Objects of any size: the class fits the request and its header, and a free finds the same class again.",
  cpus: 1,
  bound: 0,
  pages: 24,
  reaches: ["every size"],
  prepare(world) {
    const allocator = world.createAllocator(0);
    return () =>
      withObjects(world, allocator, 8, () => [
        task(0, function* () {
          for (const size of SIZES) {
            const object = (yield ["objectAllocate", allocator, size, 0]) >>> 0;
            const room = yield ["objectSize", object];
            const next = (yield ["objectAllocate", allocator, size, 0]) >>> 0;
            if (room < size) throw new Finding("class", `${size} bytes got an object of ${room}`);
            if (Math.abs(next - object) < size + 8) throw new Finding("class", `objects of ${size} bytes overlap`);
            yield ["objectFree", object];
            yield ["objectFree", next];
          }
          world.saw("every size");
        }),
      ]);
  },
};
