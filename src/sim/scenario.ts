/** Scenarios: what runs on the machine, and what has to hold. One small file each. */
import { RaceDetector } from "./checks/races.ts";
import type { SimCore } from "./core.ts";
import { type ExhaustiveReport, exhaust } from "./exhaustive.ts";
import type { Finding } from "./finding.ts";
import { Machine, type Outcome, type Policy, type Run } from "./machine.ts";
import { byPriority, randomly, replay } from "./policies.ts";
import { Random } from "./random.ts";
import type { Place } from "./reach.ts";
import type { Decision } from "./schedule.ts";
import type { World, WorldOptions } from "./world.ts";

export interface Scenario extends WorldOptions {
  readonly name: string;
  /** What could go wrong here, and what prevents it. */
  readonly doc?: string;
  /** Sets the world up, once; what it returns begins a run, and is called again for each schedule. */
  readonly prepare: (world: World) => () => Run;
  /** A fault that the core is known to have: findings of these kinds are counted apart. */
  readonly known?: { readonly kinds: readonly string[]; readonly why: string };
  /** What a campaign has to reach at least once: a scenario that never gets where it is about proves nothing. */
  readonly reaches?: readonly Place[];
  /** Most preemptions and interrupts of the exhaustive search, where there is one. */
  readonly bound?: number;
}

/** A scenario on its machine, ready for schedules. */
export interface Stage {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly start: () => Run;
  /** Steps of the run in which nobody is interrupted. */
  readonly length: number;
}

/** Puts a scenario on a machine. Finding races makes every step some ten times slower. */
export function stage(core: SimCore, scenario: Scenario, races: "find races" | "ignore races" = "ignore races"): Stage {
  const machine = new Machine(core, scenario);
  const start = scenario.prepare(machine.world);
  machine.world.memory.keep();
  if (races === "find races" && scenario.cpus > 1) machine.observers.push(new RaceDetector(machine));
  const { steps } = machine.run(start, replay([]));
  return { scenario, machine, start, length: steps };
}

/** What a seed stands for: one schedule, at random or by priorities with up to four changes. */
export function policyOf(seed: number, length: number): Policy {
  const random = new Random(seed);
  const kind = random.below(2);
  return kind === 0 ? randomly(random) : byPriority(random, 1 + random.below(4), length);
}

export function runSeed({ machine, start, length }: Stage, seed: number): Outcome {
  return machine.run(start, policyOf(seed, length));
}

export function runSchedule({ machine, start }: Stage, decisions: readonly Decision[]): Outcome {
  return machine.run(start, replay(decisions));
}

export function runExhaustively(
  { machine, start, scenario }: Stage,
  see: (outcome: Outcome) => boolean,
  isEnough?: () => boolean,
): ExhaustiveReport {
  const bound = scenario.bound ?? 2;
  return exhaust(machine, start, { bound, see, ...(isEnough === undefined ? {} : { isEnough }) });
}

/** A schedule that fails in the same way. */
function failsAlike(stage: Stage, decisions: readonly Decision[], finding: Finding): Outcome | undefined {
  const outcome = runSchedule(stage, decisions);
  return outcome.finding?.kind === finding.kind ? outcome : undefined;
}

/** Runs of decisions left out together, the longest first, then single ones, until none can be spared. */
export function shrink(stage: Stage, outcome: Outcome): Outcome {
  const { finding } = outcome;
  if (finding === undefined) return outcome;
  let best = failsAlike(stage, outcome.decisions, finding);
  if (best === undefined) return outcome;
  for (let length = best.decisions.length; length > 0; length = length > 8 ? length >> 1 : length - 1) {
    for (let from = 0; from + length <= best.decisions.length; ) {
      const fewer = [...best.decisions.slice(0, from), ...best.decisions.slice(from + length)];
      const shorter = failsAlike(stage, fewer, finding);
      if (shorter !== undefined && shorter.decisions.length < best.decisions.length) best = shorter;
      else from++;
    }
  }
  return best;
}
