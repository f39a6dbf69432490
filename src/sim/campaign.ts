/** Running scenarios for a while: all schedules within the bound first, then seeds. What `npm run sim` does. */
import type { SimCore } from "./core.ts";
import type { ExhaustiveReport } from "./exhaustive.ts";
import { Finding } from "./finding.ts";
import type { Outcome } from "./machine.ts";
import { type Place, placeName } from "./reach.ts";
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
  /** How often each place of `Scenario.reaches` was reached, by name; 0 fails the scenario. */
  readonly reached: Readonly<Record<string, number>>;
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
  /** Whether each random schedule is run again by its decisions and has to take the same steps. */
  readonly replays?: boolean;
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
    command: `npm run sim -- --scenario ${name} --schedule="${schedule}"`,
    trace: trace(on, shrunk),
  };
}

/**
 * So long seeds go on beyond their time where not all is reached that has to be: machines differ in speed. The search in order may
 * come to a place last, where a handful of seeds come to it by chance.
 */
const PATIENCE_MILLISECONDS = 5000;

/** Runs a seed, then its decisions: whatever depends on anything else shows as a finding. */
function runTwice(on: Stage, seed: number): Outcome {
  const outcome = runSeed(on, seed);
  const again = runSchedule(on, outcome.decisions);
  const isSame = again.trace === outcome.trace && again.finding?.message === outcome.finding?.message;
  if (isSame) return outcome;
  const message = `seed ${seed} takes other steps by its decisions: ${outcome.steps} and ${again.steps}`;
  return { ...outcome, finding: new Finding("not deterministic", message) };
}

/** Places that a scenario names and no schedule came to, unless it ended early. */
export function unreached({ failure, reached }: ScenarioReport): string[] {
  return failure !== undefined ? [] : Object.keys(reached).filter((place) => reached[place] === 0);
}

/** Counts what outcomes show; remembers the first one that fails. */
class Tally {
  readonly #scenario: Scenario;
  readonly states: Set<number> = new Set();
  readonly #stages: Stage[] = [];
  schedules = 0;
  steps = 0;
  known = 0;
  failed: { readonly on: Stage; readonly outcome: Outcome; readonly seed: number | undefined } | undefined;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /** A stage whose runs count. */
  stage(core: SimCore, races: "find races" | "ignore races"): Stage {
    const on = stage(core, this.#scenario, races);
    this.#stages.push(on);
    return on;
  }

  /** Places that have to be reached, with how often they were. */
  reached(): Record<string, number> {
    const sum = (place: Place): number =>
      this.#stages.reduce((all, { machine }) => all + machine.reached.count(place), 0);
    return Object.fromEntries((this.#scenario.reaches ?? []).map((place) => [placeName(place), sum(place)]));
  }

  files({ table }: SimCore): string[] {
    const isReached = (_: string, file: number): boolean =>
      this.#stages.some(({ machine }) =>
        machine.reached.sites.some((count, site) => count > 0 && table.fileOf[site] === file),
      );
    return table.files.filter(isReached);
  }

  reachedAll(): boolean {
    return Object.values(this.reached()).every((count) => count > 0);
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

  /** Runs seeds for so long, and until all is reached while `patience` lasts. */
  seeds(on: Stage, { seed: first, replays = false }: Budget, milliseconds: number, patience = 0): void {
    const end = performance.now() + milliseconds;
    const isOver = (now: number): boolean => now > end && (now > end + patience || this.reachedAll());
    for (let seed = first; this.failed === undefined && !isOver(performance.now()); seed++) {
      const outcome = replays ? runTwice(on, seed) : runSeed(on, seed);
      this.steps += outcome.steps;
      this.see(on, outcome, seed);
    }
  }
}

interface Searched {
  readonly tally: Tally;
  readonly search: ExhaustiveReport;
  /** Without the look for races. */
  readonly milliseconds: number;
}

function searchScenario(core: SimCore, scenario: Scenario, budget: Budget): Searched {
  const tally = new Tally(scenario);
  const on = tally.stage(core, "ignore races");
  const begun = performance.now();
  const until = begun + budget.exhaustiveMilliseconds;
  const search = runExhaustively(
    on,
    (outcome) => tally.see(on, outcome, undefined),
    () => performance.now() > until,
  );
  tally.steps += search.steps;
  const left = Math.max(0, until - performance.now());
  tally.seeds(on, budget, left + budget.seedMilliseconds, PATIENCE_MILLISECONDS);
  const milliseconds = performance.now() - begun;
  if (scenario.cpus > 1 && budget.raceMilliseconds > 0)
    tally.seeds(tally.stage(core, "find races"), budget, budget.raceMilliseconds);
  return { tally, search, milliseconds };
}

export interface Look {
  /** What goes wrong first, as it was found: shrinking it may take far longer than finding it. */
  readonly finding: Finding | undefined;
  /** Files of the core that schedules came to. */
  readonly files: readonly string[];
}

/** As runScenario, without what is told to people, and wherever the schedules come to: for cores that are broken. */
export function lookAt(core: SimCore, scenario: Scenario, budget: Budget): Look {
  const { tally } = searchScenario(core, { ...scenario, reaches: [] }, budget);
  return { finding: tally.failed?.outcome.finding, files: tally.files(core) };
}

/** Runs one scenario until the budget is used up or it fails. */
export function runScenario(core: SimCore, scenario: Scenario, budget: Budget): ScenarioReport {
  const { tally, search, milliseconds } = searchScenario(core, scenario, budget);
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
    reached: tally.reached(),
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
