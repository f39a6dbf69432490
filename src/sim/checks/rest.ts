/** What has to hold when nobody runs: no lock is held, no CPU is inside anything. */
import { CONSTANTS, LAYOUT } from "../../wasm/face.ts";
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
  "ownInterruptsOff",
  "readEpoch",
  "traceEpoch",
] as const;

/** @param cpus those that are alive */
export function checkRest(world: World, cpus: readonly number[] = world.areas.map((_, cpu) => cpu)): void {
  const block = CONSTANTS.SUPERBLOCK;
  for (const lock of ["pagesLock", "controlLock"] as const)
    if (world.field(block, "Superblock", lock) !== 0) throw new Finding("lock held", `${lock} is held at rest`);
  const first = CONSTANTS.SLAB_CLASSES;
  const bytes = CONSTANTS.SLAB_CLASS_BYTES;
  for (let index = 0; index < 2 * CONSTANTS.CLASS_COUNT; index++)
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
  const intents = area + LAYOUT.CpuArea.intents;
  const levels = CONSTANTS.LEVELS;
  const bytes = CONSTANTS.INTENT_BYTES;
  for (let level = 0; level < levels; level++)
    for (const which of ["first", "second"] as const)
      expectZero(`${which} intent of level ${level}`, world.field(intents + level * bytes, "Intents", which));
  const transfer = intents + levels * bytes;
  for (const field of ["active", "between", "run", "building"] as const)
    expectZero(`transfer.${field}`, world.field(transfer, "Transfer", field));
}
