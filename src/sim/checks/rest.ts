/** What has to hold when nobody runs: no lock is held, no CPU is inside anything. */
import { constantOf } from "../core.ts";
import { Finding } from "../finding.ts";
import type { World } from "../world.ts";

/** Fields of a CPU's area that are 0 while it does nothing. */
const IDLE_FIELDS = [
  "level",
  "interruptsOff",
  "working",
  "readNesting",
  "traceNesting",
  "ownHolds",
  "readEpoch",
  "traceEpoch",
];

/** @param cpus those that are alive */
export function checkRest(world: World, cpus: readonly number[] = world.areas.map((_, cpu) => cpu)): void {
  const block = constantOf(world.table, "SUPERBLOCK");
  for (const lock of ["pagesLock", "mapsLock"])
    if (world.field(block, "Superblock", lock) !== 0) throw new Finding("lock held", `${lock} is held at rest`);
  const first = constantOf(world.table, "SLAB_CLASSES");
  const bytes = constantOf(world.table, "SLAB_CLASS_BYTES");
  for (let index = 0; index < 2 * constantOf(world.table, "CLASS_COUNT"); index++)
    if (world.field(first + index * bytes, "SlabClass", "lockWord") !== 0)
      throw new Finding("lock held", `the lock of slab class ${index} is held at rest`);
  for (const cpu of cpus)
    for (const field of IDLE_FIELDS) {
      const value = world.field(world.areas[cpu] as number, "CpuArea", field);
      if (value !== 0) throw new Finding("not at rest", `${field} of CPU ${cpu} is ${value}`);
    }
}
