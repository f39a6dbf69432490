/** The search of one cell of a check: a program in a context, on a kernel with PREEMPT_RT or without it. */
import type { Context } from "../../events/record.ts";
import { leastThat } from "./bisect.ts";
import type { Outcome } from "./play.ts";
import { type Schedule, schedules, scheduleText, straight } from "./schedule.ts";
import type { Trial } from "./trial.ts";

/** Every schedule with at most so many switches was looked at up to so many runs. */
export interface DepthReport {
  readonly switches: number;
  readonly runs: number;
}

export interface CheckCell {
  readonly context: Context;
  readonly realTime: boolean;
  readonly failure?: CellFailure;
  /** Schedules played, and whether those within the bounds of `depth` were all of them played or left out with reason. */
  readonly schedules: number;
  readonly complete: boolean;
}

export interface CellFailure {
  readonly map: string;
  /** New keys that the map had got. */
  readonly inserted: number;
  /** Runs of the schedule; no schedule within the bounds has fewer. */
  readonly runs: number;
  readonly schedule: string;
  /** Instructions (slots, as `anyctx inspect` counts them) that contexts came in at, with their source where known. */
  readonly interruptedAt: readonly { readonly instruction: number; readonly source?: string }[];
  readonly workRaised: boolean;
  /** Objects to prefill on each CPU, by map, so that no schedule within the bounds fails. */
  readonly prefill?: Readonly<Record<string, number>>;
}

/** By number of switches: the longest schedules that are looked at. */
export const DEPTH: readonly DepthReport[] = [
  { switches: 1, runs: 6 },
  { switches: 2, runs: 4 },
];

/** A cell's search ends after so many interpreted instructions, complete or not. */
const MOST_INSTRUCTIONS = 3_000_000;

/** How far a search looks. */
export interface SearchOptions {
  readonly contexts: readonly Context[];
  /** Runs one after the other without a refill that are looked at, and that a prefill is to last for. */
  readonly runs: number;
}

/** The search of one cell: a program, a context, RT or not. */
export class Search {
  readonly #trial: Trial;
  readonly #name: string;
  readonly #context: Context;
  readonly #options: SearchOptions;
  /** Without a prefill: shared by the cells of a program and kernel. */
  #played: Map<string, Found>;
  #schedules = 0;
  #instructions = 0;

  constructor(trial: Trial, name: string, context: Context, options: SearchOptions, played: Map<string, Found>) {
    this.#played = played;
    this.#trial = trial;
    this.#name = name;
    this.#context = context;
    this.#options = options;
  }

  async cell(): Promise<CheckCell> {
    const context = this.#context;
    const { realTime } = this.#trial.arena;
    this.#trial.prefill(new Map());
    const found = this.#shortest();
    const schedules = this.#schedules;
    const complete = this.#instructions < MOST_INSTRUCTIONS;
    if (found === undefined) return { context, realTime, schedules, complete };
    const prefill = await this.#smallestPrefill();
    const failure = { ...this.#describe(found), ...(prefill === undefined ? {} : { prefill }) };
    return { context, realTime, failure, schedules, complete };
  }

  #describe({ schedule, outcome }: Found): CellFailure {
    const { failures, places } = outcome;
    const text = scheduleText(schedule, this.#trial.arena.realTime, (each) => places.get(each)?.instruction);
    const { map = "", inserted = 0, runs = 0, workRaised = false } = failures.get(this.#context) ?? {};
    const interruptedAt = [...places.values()].map(({ instruction, source }) => ({
      instruction,
      ...(source === undefined ? {} : { source: `${source.file}:${source.line}` }),
    }));
    return { map, inserted, runs, schedule: text, interruptedAt, workRaised };
  }

  /** A failing schedule with the fewest runs, and of those the fewest switches. */
  #shortest(): Found | undefined {
    const alone = this.#straight();
    const length = alone.failures.get(this.#context)?.runs;
    const switched = this.#shortestSwitched(length ?? Number.POSITIVE_INFINITY);
    if (switched !== undefined) return switched;
    return length === undefined ? undefined : { schedule: straight(this.#context, length), outcome: alone };
  }

  #straight(): Outcome {
    return this.#trial.play(this.#name, straight(this.#context, this.#options.runs), this.#context);
  }

  /** As `shortest`, with at least one switch and fewer than so many runs. */
  #shortestSwitched(below: number): Found | undefined {
    const { contexts } = this.#options;
    const { realTime } = this.#trial.arena;
    const deepest = Math.max(...DEPTH.map(({ runs }) => runs));
    for (let runs = this.#fewestRuns(); runs < below && runs <= deepest; runs++)
      for (const depth of DEPTH) {
        if (runs > depth.runs) continue;
        const space = { contexts, realTime, points: this.#trial.points(this.#name) };
        for (const schedule of schedules(space, this.#context, runs, depth.switches)) {
          if (this.#instructions >= MOST_INSTRUCTIONS) return undefined;
          const found = this.#play(schedule);
          if (found.outcome.reached && found.outcome.failures.has(this.#context)) return found;
        }
      }
    return undefined;
  }

  /** A schedule that enters several contexts is asked for in the cell of each: it is played once. */
  #play(schedule: Schedule): Found {
    const key = JSON.stringify(schedule);
    const found = this.#played.get(key) ?? { schedule, outcome: this.#trial.play(this.#name, schedule) };
    this.#played.set(key, found);
    this.#schedules++;
    this.#instructions += found.outcome.instructions;
    return found;
  }

  /** Fewer runs cannot use up what the CPU has at first, however they are interleaved. */
  #fewestRuns(): number {
    const updates = [...this.#trial.updates(this.#name)];
    return Math.min(...updates.map(([map, most]) => Math.ceil((this.#trial.free(map) + 1) / most)));
  }

  /** By map, the fewest objects with which nothing fails while every other map has more than it can use. */
  async #smallestPrefill(): Promise<Record<string, number> | undefined> {
    const updates = this.#trial.updates(this.#name);
    const ample = new Map([...updates].map(([map, most]) => [map, most * this.#options.runs]));
    if (!this.#suffices(ample)) return undefined;
    const smallest = new Map<string, number>();
    for (const [map, most] of ample) {
      const enough = (count: number): boolean => this.#suffices(new Map([...ample, [map, count]]));
      const count = await leastThat(enough, most);
      if (count > 0) smallest.set(map, count);
    }
    return this.#suffices(smallest) ? Object.fromEntries(smallest) : undefined;
  }

  #suffices(prefills: ReadonlyMap<string, number>): boolean {
    if (!this.#trial.prefill(prefills)) return false;
    this.#played = new Map();
    this.#instructions = 0;
    if (this.#straight().failures.has(this.#context)) return false;
    return this.#shortestSwitched(Number.POSITIVE_INFINITY) === undefined;
  }
}

export interface Found {
  readonly schedule: Schedule;
  readonly outcome: Outcome;
}
