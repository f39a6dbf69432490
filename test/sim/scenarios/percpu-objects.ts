import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";

/** Around the classes up to 512 bytes, the largest object with a copy for each CPU. */
const SIZES = [8, 56, 57, 120, 248, 249, 504, 512];

export const percpuObjects: Scenario = {
  name: "percpu-objects",
  doc: "Objects with a copy for each CPU, of any size, also in an NMI: all copies are zero, lie apart, and go back to the class that they came from.",
  cpus: 2,
  bound: 1,
  pages: 64,
  reaches: ["an NMI got an object"],
  prepare(world) {
    const allocator = world.call("createObjectAllocator", 0, 1, 1 << 30);
    return () => {
      function* use(size: number, isNmi = false): Body {
        const object = (yield ["objectAllocate", allocator, size, 0]) >>> 0;
        // An NMI may find the list in use, or nothing on it.
        if (object < 65536) return;
        if (isNmi) world.saw("an NMI got an object");
        const room = yield ["objectSize", object];
        for (const cpu of [0, 1]) {
          const copy = (yield ["objectCopy", object, cpu]) >>> 0;
          for (let offset = 0; offset < size; offset += 4) {
            if (world.memory.load(copy + offset) !== 0) throw new Finding("not zero", `${size} bytes of CPU ${cpu}`);
            world.memory.store(copy + offset, size);
          }
        }
        if (room < size) throw new Finding("class", `${size} bytes got an object of ${room}`);
        yield ["objectFree", object];
      }
      return {
        fibers: [
          task(0, function* () {
            for (const size of SIZES) yield* use(size);
          }),
          interrupt("nmi", 0, function* () {
            yield* use(56, true);
          }),
        ],
        atRest() {
          const left = world.call("destroyObjectAllocator", allocator);
          if (left !== 0) throw new Finding("class", `${left} objects are not where they came from`);
        },
      };
    };
  },
};
