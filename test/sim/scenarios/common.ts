/** What scenarios share: a run of bodies on objects of one allocator, or on one map, with all that holds at rest. */
import { cachesOf, checkObjects } from "../../../src/sim/checks/lists.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { checkWork } from "../../../src/sim/checks/work.ts";
import type { FiberSpec } from "../../../src/sim/fiber.ts";
import { HashTable, type PreparedHash } from "../../../src/sim/hash-table.ts";
import type { Run } from "../../../src/sim/machine.ts";
import { Objects } from "../../../src/sim/objects.ts";
import type { World } from "../../../src/sim/world.ts";

/** A run on objects of one allocator. `atRest` may do more; it comes first. */
export function withObjects(
  world: World,
  allocator: number,
  size: number,
  fibers: (objects: Objects) => readonly FiberSpec[],
  atRest?: (objects: Objects) => void,
): Run {
  const objects = new Objects(world, allocator, size);
  return {
    fibers: fibers(objects),
    atRest() {
      checkRest(world);
      checkWork(world, objects.set);
      atRest?.(objects);
      checkObjects(world, objects);
    },
  };
}

/** A run on one map. */
export function withHash(
  prepared: PreparedHash,
  fibers: (table: HashTable) => readonly FiberSpec[],
  atRest?: (table: HashTable) => void,
): Run {
  const table = new HashTable(prepared);
  return {
    fibers: fibers(table),
    atRest() {
      checkRest(prepared.world);
      atRest?.(table);
      table.check();
    },
  };
}

/** First object that was freed while a CPU's list was in use. */
export function extraOf(world: World, objects: Objects, cpu = 0): number {
  return world.field(cachesOf(world, objects.set)[cpu] as number, "Cache", "extra");
}

/** Whether the interrupt that asks came in in the middle of something that its CPU keeps interrupts off for. */
export function cameInBetween(world: World, cpu = 0): boolean {
  return world.field(world.areas[cpu] as number, "CpuArea", "interruptsOff") !== 0;
}

/** Whether the interrupt that asks came in while its CPU ran deferred work. */
export function cameInAtWork(world: World, cpu = 0): boolean {
  return world.field(world.areas[cpu] as number, "CpuArea", "working") !== 0;
}
