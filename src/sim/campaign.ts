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
  /** Of these, the exhaustive search's: each within the bound, no two the same. */
  readonly searched: number;
  /** Schedules that were begun and found to be the same as another one. */
  readonly redundant: number;
  /** Whether every schedule within the scenario's bound was run. */
  readonly complete: boolean;
  readonly steps: number;
  /** Without the look for races. */
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
  /** Time for the exhaustive search; what it leaves goes to seeds. */
  readonly exhaustiveMilliseconds: number;
  readonly seedMilliseconds: number;
  /** Time for seeds with a look at every access for data races, where there are several CPUs. */
  readonly raceMilliseconds: number;
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

/** Counts what outcomes show; remembers the first one that fails. */
class Tally {
  readonly #scenario: Scenario;
  readonly states: Set<number> = new Set();
  schedules = 0;
  steps = 0;
  known = 0;
  failed: { readonly on: Stage; readonly outcome: Outcome; readonly seed: number | undefined } | undefined;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /** Whether this is the end. */
  see(on: Stage, outcome: Outcome, seed: number | undefined): boolean {
    this.schedules++;
    this.states.add(outcome.state);
    if (outcome.finding === undefined) return false;
    if (this.#scenario.known?.kinds.includes(outcome.finding.kind) === true) this.known++;
    else this.failed = { on, outcome, seed };
    return this.failed !== undefined;
  }

  seeds(on: Stage, first: number, milliseconds: number): void {
    const end = performance.now() + milliseconds;
    for (let seed = first; this.failed === undefined && performance.now() < end; seed++) {
      const outcome = runSeed(on, seed);
      this.steps += outcome.steps;
      this.see(on, outcome, seed);
    }
  }
}

/** Runs one scenario until the budget is used up or it fails. */
export function runScenario(core: SimCore, scenario: Scenario, budget: Budget): ScenarioReport {
  const on = stage(core, scenario);
  const tally = new Tally(scenario);
  const begun = performance.now();
  const until = begun + budget.exhaustiveMilliseconds;
  const search = runExhaustively(
    on,
    (outcome) => tally.see(on, outcome, undefined),
    () => performance.now() > until,
  );
  tally.steps += search.steps;
  tally.seeds(on, budget.seed, Math.max(0, until - performance.now()) + budget.seedMilliseconds);
  const milliseconds = performance.now() - begun;
  if (scenario.cpus > 1 && budget.raceMilliseconds > 0)
    tally.seeds(stage(core, scenario, "find races"), budget.seed, budget.raceMilliseconds);
  const { schedules, steps, states, known, failed } = tally;
  const failure = failed === undefined ? undefined : failureOf(failed.on, failed.outcome, failed.seed);
  const { schedules: searched, redundant, complete } = search;
  return {
    scenario: scenario.name,
    schedules,
    searched,
    redundant,
    complete,
    steps,
    milliseconds,
    states,
    failure,
    known,
  };
}

/** One schedule again, by its seed or its decisions; undefined if it does not fail. */
export function replayOne(
  core: SimCore,
  scenario: Scenario,
  which: { readonly seed: number } | { readonly decisions: readonly Decision[] },
): Failure | undefined {
  const on = stage(core, scenario, "find races");
  const outcome = "seed" in which ? runSeed(on, which.seed) : runSchedule(on, which.decisions);
  if (outcome.finding === undefined) return undefined;
  return failureOf(on, outcome, "seed" in which ? which.seed : undefined);
}
