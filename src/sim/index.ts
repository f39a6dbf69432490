/**
 * `anyctx/sim`: the deterministic machine as a library. A test describes what runs on which CPU and in which context,
 * as generators that yield calls of the core, and what has to hold; the machine finds the schedule in which it does not.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkObjects, interrupt, Objects, simulate, task } from "anyctx/sim";
 *
 * // An NMI may allocate while its CPU frees.
 * const report = await simulate({
 *   name: "mine",
 *   cpus: 1,
 *   prepare(world) {
 *     const allocator = world.createAllocator(64);
 *     return () => {
 *       const objects = new Objects(world, allocator, 64);
 *       function* use() {
 *         const object = yield* objects.allocate();
 *         if (object !== 0) yield* objects.free(object);
 *       }
 *       return { fibers: [task(0, use), interrupt("nmi", 0, use)], atRest: () => checkObjects(world, objects) };
 *     };
 *   },
 * });
 * assert.equal(report.failure, undefined);
 * ```
 *
 * `Scenario.reaches` names lines of the core, and what bodies tell `world.saw`: `unreached(report)` has those that no
 * schedule came to. `report.failure` has the schedule, shrunk to few switches, and a trace with a line for each step; `replay`
 * with that schedule runs it again.
 */
import { checkOptions, checkText } from "../arguments.ts";
import { AnyctxError } from "../error.ts";
import { type Budget, type Failure, replayOne, runScenario, type ScenarioReport } from "./campaign.ts";
import { loadSimCore } from "./core.ts";
import { checkNumber, checkScenario } from "./given.ts";
import type { Scenario } from "./scenario.ts";
import { parseSchedule } from "./schedule.ts";

export { type Failure, type ScenarioReport, unreached } from "./campaign.ts";
export { checkDrains } from "./checks/drained.ts";
export { checkLists, checkObjects } from "./checks/lists.ts";
export { checkRest } from "./checks/rest.ts";
export { checkWork } from "./checks/work.ts";
export { type Body, type Call, death, type FiberSpec, interrupt, type Level, task } from "./fiber.ts";
export { Finding } from "./finding.ts";
export { FLAGS, HashTable, type PreparedHash, prepareHash } from "./hash-table.ts";
export type { Run } from "./machine.ts";
export { Objects } from "./objects.ts";
export type { Line, Place } from "./reach.ts";
export type { Scenario } from "./scenario.ts";
export type { HashOptions, World, WorldOptions } from "./world.ts";

export interface SimulateOptions {
  /** First seed of the random schedules. Default 1. */
  readonly seed?: number;
  /** Time in all: half for the exhaustive search, the rest for seeds and races. Default 1000. */
  readonly milliseconds?: number;
}

/**
 * Runs a scenario for a while, or until it fails.
 * @throws {AnyctxError} BAD_ARENA if the instrumented core is not there; EINVAL: what is given is no scenario or none of the options, or the
 * world cannot be made; ENOMEM
 */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<ScenarioReport> {
  checkScenario("simulate", scenario);
  checkOptions("simulate", options, ["seed", "milliseconds"]);
  const { seed = 1, milliseconds = 1000 } = options;
  checkNumber("simulate", "seed", seed, 0);
  checkNumber("simulate", "milliseconds", milliseconds, 0);
  const budget: Budget = {
    seed,
    exhaustiveMilliseconds: milliseconds / 2,
    seedMilliseconds: milliseconds / 4,
    raceMilliseconds: milliseconds / 4,
  };
  return runScenario(await loadSimCore(), scenario, budget);
}

/**
 * Runs one schedule of a scenario again, with all checks.
 * @param schedule as a failure has it
 * @returns the failure with its trace; undefined if nothing fails any more
 * @throws {AnyctxError} as `simulate`; EINVAL: no schedule
 */
export async function replay(scenario: Scenario, schedule: string): Promise<Failure | undefined> {
  checkScenario("replay", scenario);
  checkText("replay", "schedule", schedule);
  const decisions = parseSchedule(schedule);
  if (decisions === undefined) throw new AnyctxError("EINVAL", `${schedule} is no schedule`);
  return replayOne(await loadSimCore(), scenario, { decisions });
}
