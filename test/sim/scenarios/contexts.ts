/**
 * Where -ENOMEM may come from an insert while there is memory (the context table): never from a task or a softirq, where
 * deferred work runs as soon as interrupts come on; from a hard interrupt or an NMI once the cache is used up; on RT
 * from any context, because a thread of its own does the work.
 */

import { interrupt, type Level, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { withHash } from "./common.ts";

const ENOMEM = 12;
/** Linux's failing batch of 2026 (a syscall's seven inserts); a new cache has four elements of this size, or one. */
const BATCH = 7;
const CONTEXTS: readonly Level[] = ["task", "softirq", "hardirq", "nmi"];

function mayFail(level: Level, realTime: boolean): boolean {
  return realTime || level === "hardirq" || level === "nmi";
}

function scenarioOf(level: Level, realTime: boolean, valueSize: number): Scenario {
  return {
    name: `batch-${level}${realTime ? "-rt" : ""}-${valueSize}`,
    doc: `${BATCH} inserts in a row in ${level} context${realTime ? " on RT" : ""}: -ENOMEM ${
      mayFail(level, realTime) ? "only once what is cached is used up" : "never"
    }.`,
    cpus: 1,
    realTime,
    bound: 1,
    reaches: mayFail(level, realTime) ? ["-ENOMEM"] : ["every insert succeeded", { in: "refill" }],
    prepare(world) {
      const map = world.createHash({ valueSize, maxEntries: 64 });
      const prepared = prepareHash(world, map, BATCH, "as created");
      const cache = world.field(map, "MapHeader", "elements") + CONSTANTS.SET_BYTES;
      return () =>
        withHash(prepared, (table) => {
          function* batch() {
            for (let key = 1; key <= BATCH; key++) {
              const cached = world.field(cache, "Cache", "freeCount");
              if ((yield* table.update(key)) !== -ENOMEM) continue;
              if (!mayFail(level, realTime) || cached !== 0)
                throw new Finding("ENOMEM", `insert ${key} failed in ${level} context with ${cached} elements cached`);
              world.saw("-ENOMEM");
            }
            if (table.entries().size === BATCH) world.saw("every insert succeeded");
          }
          function* idle() {
            yield ["readEnter"] as const;
            yield ["readLeave"] as const;
          }
          return level === "task" ? [task(0, batch)] : [task(0, idle), interrupt(level, 0, batch)];
        });
    },
  };
}

/** Large enough that a new cache has one element. */
const LARGE = 240;

export const CONTEXT_TABLE: readonly Scenario[] = CONTEXTS.flatMap((level) => [
  scenarioOf(level, false, 8),
  scenarioOf(level, false, LARGE),
  scenarioOf(level, true, 8),
]);
