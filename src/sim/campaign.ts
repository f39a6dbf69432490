/** Running scenarios for a while: all schedules within the bound first, then seeds. What `npm run sim` does. */
import type { SimCore } from "./core.ts";
import type { Outcome } from "./machine.ts";
import { runExhaustively, runSchedule, runSeed, type Scenario, type Stage, shrink, stage } from "./scenario.ts";
import { type Decision, formatSchedule } from "./schedule.ts";
import { trace } from "./trace.ts";

export interface Failure {
  readonly scenario: string;
  readonly kind: string;
  readonly message: string;
  /** Seed that found it; undefined: the exhaustive search did. */
  readonly seed: number | undefined;
  /** The shrunk schedule, as `--schedule` takes it. */
  readonly schedule: string;
  /** Replays it. */
  readonly command: string;
  readonly trace: readonly string[];
}

export interface ScenarioReport {
  readonly scenario: string;
  readonly schedules: number;
  /** Schedules that were begun and found to be the same as another one. */
  readonly redundant: number;
  /** Whether every schedule within the scenario's bound was run. */
  readonly complete: boolean;
  readonly steps: number;
  readonly milliseconds: number;
  /** Hashes of the memory at rest. */
  readonly states: ReadonlySet<number>;
  readonly failure: Failure | undefined;
  /** Findings of the kind that is known. */
  readonly known: number;
}

export interface Budget {
  /** First seed. */
  readonly seed: number;
  /** Time for the exhaustive search, which may end earlier, and for seeds. */
  readonly exhaustiveMilliseconds: number;
  readonly seedMilliseconds: number;
}

/** The failure of an outcome: shrunk, with its command and trace. */
export function failureOf(on: Stage, outcome: Outcome, seed: number | undefined): Failure {
  const shrunk = shrink(on, outcome);
  const schedule = formatSchedule(shrunk.decisions);
  const { name } = on.scenario;
  return {
    scenario: name,
    kind: shrunk.finding?.kind ?? "",
    message: shrunk.finding?.message ?? "",
    seed,
    schedule,
    command: `npm run sim -- --scenario ${name} --schedule "${schedule}"`,
    trace: trace(on, shrunk),
  };
}

/** Runs one scenario until the budget is used up or it fails. */
export function runScenario(core: SimCore, scenario: Scenario, budget: Budget): ScenarioReport {
  const on = stage(core, scenario);
  const begun = performance.now();
  const states = new Set<number>();
  let failed: Outcome | undefined;
  let seed: number | undefined;
  let schedules = 0;
  let known = 0;
  let steps = 0;
  const see = (outcome: Outcome): boolean => {
    schedules++;
    states.add(outcome.state);
    if (outcome.finding === undefined) return false;
    if (scenario.known?.kinds.includes(outcome.finding.kind) === true) known++;
    else failed = outcome;
    return failed !== undefined;
  };
  const until = begun + budget.exhaustiveMilliseconds;
  const { redundant, complete, steps: searched } = runExhaustively(on, see, () => performance.now() > until);
  steps += searched;
  const end = performance.now() + budget.seedMilliseconds;
  for (let each = budget.seed; failed === undefined && performance.now() < end; each++) {
    const outcome = runSeed(on, each);
    steps += outcome.steps;
    if (see(outcome)) seed = each;
  }
  const milliseconds = performance.now() - begun;
  const failure = failed === undefined ? undefined : failureOf(on, failed, seed);
  return { scenario: scenario.name, schedules, redundant, complete, steps, milliseconds, states, failure, known };
}

/** One schedule again, by its seed or its decisions; undefined if it does not fail. */
export function replayOne(
  core: SimCore,
  scenario: Scenario,
  which: { readonly seed: number } | { readonly decisions: readonly Decision[] },
): Failure | undefined {
  const on = stage(core, scenario);
  const outcome = "seed" in which ? runSeed(on, which.seed) : runSchedule(on, which.decisions);
  if (outcome.finding === undefined) return undefined;
  return failureOf(on, outcome, "seed" in which ? which.seed : undefined);
}
