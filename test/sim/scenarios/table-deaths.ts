/**
 * The migrator of a table dies, and so does whoever makes that good, at any step of either: the next one makes it whole. Then the table
 * goes on growing or shrinking from where it is.
 */

import { checkRest } from "../../../src/sim/checks/rest.ts";
import { checkMemory } from "../../../src/sim/checks/slab.ts";
import { type Body, death, task } from "../../../src/sim/fiber.ts";
import { HashTable } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { DIES } from "./death.ts";
import { prepareChange, wantChange } from "./tables.ts";
import { ownerOf, reapRest } from "./two-deaths.ts";

const [MIGRATOR, FIRST_REAPER, LAST_REAPER] = [0, 1, 2];
const SETTLING = "died as it settled a table";
/** In the slots of one bucket, and two that go to the other. */
const THERE = 4;

function* reapMigrator(world: World, into: { reaping: boolean }): Body {
  for (let tries = 0; tries < 2 && world.dead.has(MIGRATOR) && ownerOf(world, MIGRATOR) !== 0; tries++) {
    into.reaping = true;
    yield ["reapCpu", MIGRATOR, ownerOf(world, MIGRATOR)];
    into.reaping = false;
  }
}

/** Ticks on the CPU that lives, until the table is as it should be. */
function goOn(world: World): void {
  for (let tick = 0; tick < 3; tick++) world.callOn(LAST_REAPER, "timerTick");
}

function scenarioOf(change: "grows" | "shrinks"): Scenario {
  return {
    name: `table-${change}-reaper-killed`,
    doc: `The migrator is killed while a bucket ${change === "grows" ? "is split" : "is merged"}, and the reaper while it makes that good.`,
    cpus: 3,
    bound: 2,
    reaches: [DIES.migrating, SETTLING, { in: "settleBuckets" }, { in: "settleRoot" }],
    prepare(world) {
      const { prepared } = prepareChange(world, change, THERE);
      wantChange(world, prepared.map, change);
      return () => {
        const table = new HashTable(prepared);
        const first = { reaping: false };
        const isMigrating = (): boolean => world.field(prepared.map, "MapHeader", "migrator") === MIGRATOR + 1;
        return {
          fibers: [
            task(MIGRATOR, function* () {
              yield ["timerTick"];
            }),
            {
              ...task(FIRST_REAPER, () => reapMigrator(world, first)),
              ready: () => world.dead.has(MIGRATOR),
            },
            death(MIGRATOR),
            death(FIRST_REAPER),
          ],
          atDeath(cpu) {
            if (cpu === MIGRATOR && isMigrating()) world.saw(DIES.migrating);
            if (cpu === FIRST_REAPER && first.reaping && isMigrating()) world.saw(SETTLING);
          },
          atRest() {
            reapRest(world);
            checkRest(world);
            checkMemory(world);
            table.check();
            world.once("goes on after deaths", () => {
              goOn(world);
              table.check();
            });
          },
        };
      };
    },
  };
}

export const TABLE_DEATHS: readonly Scenario[] = [scenarioOf("grows"), scenarioOf("shrinks")];
