/** What has to hold when nobody runs: no lock is held, no CPU is inside anything. */
import { constantOf, offsetOf } from "../core.ts";
import { Finding } from "../finding.ts";
import { hex } from "../objects.ts";
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
  for (const lock of ["pagesLock", "controlLock"])
    if (world.field(block, "Superblock", lock) !== 0) throw new Finding("lock held", `${lock} is held at rest`);
  const first = constantOf(world.table, "SLAB_CLASSES");
  const bytes = constantOf(world.table, "SLAB_CLASS_BYTES");
  for (let index = 0; index < 2 * constantOf(world.table, "CLASS_COUNT"); index++)
    if (world.field(first + index * bytes, "SlabClass", "lockWord") !== 0)
      throw new Finding("lock held", `the lock of slab class ${index} is held at rest`);
  for (const cpu of cpus) checkIdle(world, cpu);
}

/** A CPU is inside nothing and has nothing in hand. */
function checkIdle(world: World, cpu: number): void {
  const area = world.areas[cpu] as number;
  const expectZero = (what: string, value: number): void => {
    if (value !== 0) throw new Finding("not at rest", `${what} of CPU ${cpu} is ${hex(value)}`);
  };
  for (const field of IDLE_FIELDS) expectZero(field, world.field(area, "CpuArea", field));
  const intents = area + offsetOf(world.table, "CpuArea", "intents");
  const levels = constantOf(world.table, "LEVELS");
  const bytes = constantOf(world.table, "INTENT_BYTES");
  for (let level = 0; level < levels; level++)
    for (const hand of ["first", "second"])
      expectZero(`${hand} hand of level ${level}`, world.field(intents + level * bytes, "Intent", hand));
  const transfer = intents + levels * bytes;
  for (const field of ["active", "between", "run", "building"])
    expectZero(`transfer.${field}`, world.field(transfer, "Transfer", field));
}
