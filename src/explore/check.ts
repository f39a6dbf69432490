/**
 * Whether a program's updates can fail with -ENOMEM, in which context, after how many new keys and by which shortest
 * schedule; and what would have to be prefilled on a CPU so that they cannot. Found by running the program.
 *
 * How far it looks: `runs` runs of a context one after the other, and every schedule with switches up to the bounds of
 * `DEPTH`, in order of runs and then of switches. Schedules with so few runs that their updates cannot use up what a
 * CPU has at first are left out: n runs of at most u updates take n * u objects.
 */
import type { Profile } from "../arena/arena.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import { AnyctxError } from "../error.ts";
import type { Context } from "../events/record.ts";
import { leastThat } from "./bisect.ts";
import type { Inputs } from "./inputs.ts";
import type { Outcome } from "./play.ts";
import { inOrder, type Schedule, schedules, scheduleText, straight } from "./schedule.ts";
import { Trial } from "./trial.ts";

export interface CheckOptions {
  readonly profile: Profile;
  readonly contexts: readonly Context[];
  /** PREEMPT_RT or not, or both. */
  readonly realTime: readonly boolean[];
  /** All hashes dynamic, whatever the object says. */
  readonly dynamic: boolean;
  /** Runs one after the other without a refill that are looked at, and that a prefill is to last for. */
  readonly runs: number;
  readonly inputs: Inputs;
  /** Only this program of the object. */
  readonly program?: string;
}

/** One plain document; fields may be added, none is renamed. */
export interface CheckReport {
  readonly profile: Profile;
  readonly runs: number;
  readonly depth: readonly DepthReport[];
  readonly programs: readonly CheckedProgram[];
  readonly skippedPrograms: readonly { readonly name: string; readonly reason: string }[];
}

/** Every schedule with at most so many switches was looked at up to so many runs. */
export interface DepthReport {
  readonly switches: number;
  readonly runs: number;
}

export interface CheckedProgram {
  readonly name: string;
  readonly section: string;
  /** Inputs it had; schedules with more runs begin again with the first. */
  readonly inputs: number;
  /** Why there are no cells, or what is to be known about them. */
  readonly note?: string;
  /** Dynamic hashes that it updates, with the most updates in one run. */
  readonly updates: Readonly<Record<string, number>>;
  readonly cells: readonly CheckCell[];
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
const DEPTH: readonly DepthReport[] = [
  { switches: 1, runs: 6 },
  { switches: 2, runs: 4 },
];

/** A cell's search ends after so many interpreted instructions, complete or not. */
const MOST_INSTRUCTIONS = 3_000_000;

/** Called after each cell, with the part of the work that is done. */
export type CheckProgress = (done: number) => void;

/**
 * Checks the programs of an object.
 * @throws {AnyctxError} as `loadObject`; what stopped the programs, where all of them were stopped
 */
export async function checkObject(
  object: ObjectSpec,
  options: CheckOptions,
  progress: CheckProgress,
): Promise<CheckReport> {
  const trials = await Promise.all(options.realTime.map((realTime) => Trial.create(object, { ...options, realTime })));
  const { programs = [], skipped = [] } = trials[0]?.loaded ?? {};
  const chosen = programs.filter(({ name }) => options.program === undefined || options.program === name);
  const errors: AnyctxError[] = [];
  const checked: CheckedProgram[] = [];
  for (const [index, { name, section }] of chosen.entries()) {
    const tell = (part: number): void => progress((index + part) / chosen.length);
    try {
      checked.push(await checkProgram(trials, { name, section }, options, tell));
    } catch (error) {
      if (!(error instanceof AnyctxError)) throw error;
      errors.push(error);
      const inputs = trials[0]?.inputs(name) ?? 0;
      checked.push({ name, section, inputs, note: `it was stopped: ${error.message}`, updates: {}, cells: [] });
    }
  }
  const [first] = errors;
  if (first !== undefined && errors.length === chosen.length) throw first;
  const { profile, runs } = options;
  return { profile, runs, depth: DEPTH, programs: checked, skippedPrograms: skipped };
}

type ProgramName = Pick<CheckedProgram, "name" | "section">;

async function checkProgram(
  trials: readonly Trial[],
  { name, section }: ProgramName,
  options: CheckOptions,
  tell: (part: number) => void,
): Promise<CheckedProgram> {
  const [trial] = trials;
  const inputs = trial?.inputs(name) ?? 0;
  const empty = { name, section, inputs, updates: {}, cells: [] };
  if (trial === undefined || inputs === 0) return { ...empty, note: "no event that it runs on was recorded" };
  for (const each of trials) each.startFresh();
  const first = trial.play(name, straight("task", options.runs));
  const updates = trial.updates(name);
  const needsOthers = trial.hasUpdate(name) && updates.size === 0;
  if (needsOthers) for (const each of trials) each.startAfterOthers(name);
  const alone = needsOthers ? trial.play(name, straight("task", options.runs)) : first;
  const note = noteOn({ hasUpdate: trial.hasUpdate(name), needsOthers, alone, updated: updates.size > 0, inputs });
  if (updates.size === 0) return { ...empty, ...note };
  const contexts = inOrder(options.contexts);
  const cells: CheckCell[] = [];
  for (const each of trials) {
    const played = new Map<string, Found>();
    for (const context of contexts) {
      cells.push(await new Search(each, name, context, options, played).cell());
      tell(cells.length / (trials.length * contexts.length));
    }
  }
  return { name, section, inputs, ...note, updates: Object.fromEntries(updates), cells };
}

interface Noted {
  readonly hasUpdate: boolean;
  /** Whether it was run after the other programs. */
  readonly needsOthers: boolean;
  /** Its runs in a plain task. */
  readonly alone: Outcome;
  readonly updated: boolean;
  readonly inputs: number;
}

/** What is to be known about inputs that do not show what the program can do. */
function noteOn({ hasUpdate, needsOthers, alone, updated, inputs }: Noted): { note?: string } {
  const these = inputs === 1 ? "this one input" : `these ${inputs} inputs`;
  if (!hasUpdate) return { note: "it has no map update: nothing in it can fail with -ENOMEM" };
  if (!updated) return { note: `with ${these} it never gets to an update of a dynamic hash` };
  if (alone.inserted.size === 0) return { note: `with ${these} it never inserts a new key` };
  if (!alone.keysVary)
    return { note: `with ${these} it never inserts a second key: the same one comes again and again` };
  return needsOthers ? { note: "each schedule begins after the other programs have run on their inputs" } : {};
}

/** The search of one cell: a program, a context, RT or not. */
class Search {
  readonly #trial: Trial;
  readonly #name: string;
  readonly #context: Context;
  readonly #options: CheckOptions;
  /** Without a prefill: shared by the cells of a program and kernel. */
  #played: Map<string, Found>;
  #schedules = 0;
  #instructions = 0;

  constructor(trial: Trial, name: string, context: Context, options: CheckOptions, played: Map<string, Found>) {
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

interface Found {
  readonly schedule: Schedule;
  readonly outcome: Outcome;
}
