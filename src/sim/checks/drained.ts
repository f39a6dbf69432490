/**
 * Liveness: once interrupts are on, no reader is in a section and ticks come, everything that waits goes its way: raised
 * work, lists that wait for a grace period, depots, callbacks, destroyed maps. What is left after a bounded number of
 * ticks would be left for ever.
 */
import { CONSTANTS } from "../../wasm/face.ts";
import { Finding } from "../finding.ts";
import { hex } from "../objects.ts";
import type { World } from "../world.ts";
import { cachesOf } from "./lists.ts";

/** A CPU without an operation gives back what it has cached after 16 ticks; then a grace period of each flavour. */
const MOST_TICKS = 24;

/** Fields that are 0 where nothing waits. */
const OF_CACHE = [
  "workRaised",
  "extra",
  "byGp",
  "waiting",
  "waitingTarget",
  "byRcu",
  "waitingRcu",
  "rcuTarget",
] as const;
const OF_AREA = ["work", "callbacks", "waitingCallbacks"] as const;

/** Every set of caches that the arena knows of. */
export function* setsOf(world: World): Generator<number> {
  let set = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "cacheSets");
  for (; set !== 0; set = world.field(set, "CacheSet", "nextSet")) yield set;
}

/** What waits on a CPU. */
function* waitingOn(world: World, cpu: number): Generator<string> {
  const area = world.areas[cpu] as number;
  for (const field of OF_AREA) if (world.field(area, "CpuArea", field) !== 0) yield `${field} of CPU ${cpu}`;
  for (const set of setsOf(world)) {
    const cache = cachesOf(world, set)[cpu] as number;
    for (const field of OF_CACHE)
      if (world.field(cache, "Cache", field) !== 0) yield `${field} of CPU ${cpu}'s cache ${hex(cache)}`;
  }
}

/** A destroyed map that somebody has open, or an entry of a map of maps, waits for that. */
function isKept(world: World, map: number): boolean {
  if (world.field(map, "MapHeader", "held") === CONSTANTS.HELD) return true;
  return world.areas.some((_, cpu) => world.field(world.mapCpu(map, cpu), "MapCpu", "opened") !== 0);
}

function* waiting(world: World, cpus: readonly number[]): Generator<string> {
  for (const cpu of cpus) yield* waitingOn(world, cpu);
  for (const set of setsOf(world))
    if (world.field(set, "CacheSet", "depot") !== 0) yield `the depot of the set at ${hex(set)}`;
  let map = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "dyingMaps");
  for (; map !== 0; map = world.field(map, "MapHeader", "next"))
    if (!isKept(world, map)) yield `the destroyed map at ${hex(map)}`;
}

/** CPUs whose thread was not killed, and that somebody holds. */
function livingCpus(world: World): number[] {
  const owner = (cpu: number): number => world.field(world.areas[cpu] as number, "CpuArea", "owner");
  return [...world.areas.keys()].filter((cpu) => owner(cpu) !== 0 && !world.dead.has(cpu));
}

/**
 * Lets ticks come until nothing waits on CPUs that a living thread holds. Nobody is in a section, no lock is held.
 * @param world at rest; it goes on
 */
export function checkDrains(world: World, cpus: readonly number[] = livingCpus(world)): void {
  for (let tick = 0; tick < MOST_TICKS && waiting(world, cpus).next().done !== true; tick++)
    for (const cpu of cpus) {
      if (world.options.realTime === true) world.callOn(cpu, "workThreadRuns");
      world.callOn(cpu, "timerTick");
      world.callOn(cpu, "reapMaps");
    }
  for (const what of waiting(world, cpus))
    throw new Finding("left waiting", `${what} is left after ${MOST_TICKS} ticks`);
}
