import { raisedOn } from "../../../src/sim/checks/work.ts";
import { task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

/** Elements of a new cache. */
const CACHED = 4;
const ENOMEM = 12;

/** Linux's bug of September 2023, found there by a test that preempts tasks in the allocator. */
export const preemptedAlloc: Scenario = {
  name: "preempted-alloc",
  doc: "Tasks of one CPU preempt each other: work is raised before interrupts come on, so no insert fails.",
  cpus: 1,
  preemptible: true,
  bound: 2,
  reaches: ["a task came in with work raised"],
  prepare(world) {
    const prepared = prepareHash(world, world.createHash({ maxEntries: 64 }), 1 + CACHED, "as created");
    return () =>
      withHash(prepared, (table) => {
        function* insert(first: number, last: number) {
          if (raisedOn(world, 0).size > 0) world.saw("a task came in with work raised");
          for (let key = first; key <= last; key++)
            if ((yield* table.update(key)) === -ENOMEM)
              throw new Finding("ENOMEM", "an insert of a task failed where memory is there and may be taken");
        }
        return [task(0, () => insert(1, CACHED), "task a"), task(0, () => insert(1 + CACHED, 1 + CACHED), "task b")];
      });
  },
};
