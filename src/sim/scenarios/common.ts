/** What scenarios share: a run of bodies on objects of one allocator, or on one map, with all that holds at rest. */
import { checkObjects } from "../checks/lists.ts";
import { checkRest } from "../checks/rest.ts";
import { checkWork } from "../checks/work.ts";
import type { FiberSpec } from "../fiber.ts";
import { HashTable, type PreparedHash } from "../hash-table.ts";
import type { Run } from "../machine.ts";
import { Objects } from "../objects.ts";
import type { World } from "../world.ts";

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
