/**
 * Whether a program's updates can fail with -ENOMEM, in which context, after how many new keys and by which shortest
 * schedule; and what would have to be prefilled on a CPU so that they cannot. Found by running the program.
 *
 * How far it looks: `runs` runs of a context one after the other, and every schedule with switches up to the bounds of
 * `DEPTH`, in order of runs and then of switches. Schedules with so few runs that their updates cannot use up what a
 * CPU has at first are left out: n runs of at most u updates take n * u objects.
 *
 * A program that its made-up inputs keep from every update gets others, with what it compares with (guard.ts).
 */

import type { Profile } from "../../arena/arena.ts";
import type { ObjectSpec } from "../../bpf/object/spec.ts";
import { AnyctxError } from "../../error.ts";
import type { Context } from "../../events/record.ts";
import type { Missing } from "../../events/source.ts";
import { mapKindByBpfType } from "../../maps/kinds.ts";
import { isAlwaysDynamic, type Verdict } from "../advise/verdict.ts";
import { usable } from "../usable.ts";
import { chooseInputs, type Entered, enterGuards } from "./enter.ts";
import type { Inputs } from "./inputs.ts";
import type { Outcome } from "./play.ts";
import { inOrder, straight } from "./schedule.ts";
import { type CheckCell, DEPTH, type DepthReport, type Found, Search } from "./search.ts";
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
  /** Whether inputs are made up, so that what a program compares with may be put into them. */
  readonly madeUp?: boolean;
  /** Contexts that the programs were recorded in: verdicts go by them. By default a program may run in any of `contexts`. */
  readonly recorded?: ReadonlyMap<string, ReadonlySet<Context>>;
  /** max_entries by map name. */
  readonly mapEntries?: ReadonlyMap<string, number>;
  /** Only this program of the object. */
  readonly program?: string;
}

/** One plain document; fields may be added, none is renamed. */
export interface CheckReport {
  readonly profile: Profile;
  readonly runs: number;
  readonly depth: readonly DepthReport[];
  readonly programs: readonly CheckedProgram[];
  /** Hashes that the programs update where they are dynamic, and what to do with them in Linux. */
  readonly maps: readonly CheckedMap[];
  readonly skippedPrograms: readonly { readonly name: string; readonly reason: string }[];
  /** What the recording lacks, where the contexts of the programs are from one. */
  readonly missing?: Missing;
}

export interface CheckedMap {
  readonly name: string;
  /** "no advice": no failure was found, and not everything was looked at. */
  readonly verdict: Verdict;
  /** Contexts in which an update can fail, of any program; those that its program was recorded in, where that is known. */
  readonly fails: readonly FailingContext[];
  /** The others: the trace did not get there. */
  readonly failsElsewhere: readonly FailingContext[];
}

export interface FailingContext {
  readonly context: Context;
  readonly realTime: boolean;
}

export interface CheckedProgram {
  readonly name: string;
  readonly section: string;
  /** Inputs it had; schedules with more runs begin again with the first. */
  readonly inputs: number;
  /** Why there are no cells, or what is to be known about them. */
  readonly note?: string;
  /** Where made-up inputs hold what a guard compares with. */
  readonly entered?: readonly string[];
  /** The guard that keeps it from every update. */
  readonly guard?: string;
  /** Dynamic hashes that it updates, with the most updates in one run. */
  readonly updates: Readonly<Record<string, number>>;
  readonly cells: readonly CheckCell[];
}

/** Called after each cell, with the part of the work that is done. */
export type CheckProgress = (done: number) => void;

/**
 * Checks the programs of an object.
 * @throws {AnyctxError} as `loadSpec`; what stopped the programs, where all of them were stopped
 */
export async function checkObject(
  object: ObjectSpec,
  options: CheckOptions,
  progress: CheckProgress,
): Promise<CheckReport> {
  const { object: runnable } = usable({ object });
  const { trials, guards } = await openTrials(runnable, options);
  const { programs = [], skipped = [] } = trials[0]?.loaded ?? {};
  const chosen = programs.filter(({ name }) => options.program === undefined || options.program === name);
  const errors: AnyctxError[] = [];
  const checked: CheckedProgram[] = [];
  for (const [index, { name, section }] of chosen.entries()) {
    const tell = (part: number): void => progress((index + part) / chosen.length);
    try {
      checked.push(await checkProgram(trials, { name, section, seen: guards.get(name) }, options, tell));
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
  return {
    profile,
    runs,
    depth: DEPTH,
    programs: checked,
    maps: checkedMaps(runnable, checked, options.recorded),
    skippedPrograms: skipped,
  };
}

interface Opened {
  readonly trials: readonly Trial[];
  readonly guards: ReadonlyMap<string, Entered>;
}

/** Trials, once more where others had to be found among the inputs, or made of them, to enter a program. */
async function openTrials(object: ObjectSpec, options: CheckOptions): Promise<Opened> {
  const open = (inputs: Inputs): Promise<Trial[]> =>
    Promise.all(options.realTime.map((realTime) => Trial.create(object, { ...options, inputs, realTime })));
  const trials = await open(options.inputs);
  const [trial] = trials;
  const guards = new Map<string, Entered>();
  if (trial === undefined) return { trials, guards };
  for (const [name, inputs] of options.inputs)
    guards.set(
      name,
      options.madeUp ? enterGuards(trial, name, inputs) : chooseInputs(trial, name, inputs, options.runs),
    );
  if ([...guards].every(([name, { inputs }]) => inputs === options.inputs.get(name))) return { trials, guards };
  const inputs = new Map([...guards].map(([name, entered]) => [name, entered.inputs]));
  return { trials: await open(inputs), guards };
}

interface ProgramName extends Pick<CheckedProgram, "name" | "section"> {
  readonly seen: Entered | undefined;
}

async function checkProgram(
  trials: readonly Trial[],
  { name, section, seen }: ProgramName,
  options: CheckOptions,
  tell: (part: number) => void,
): Promise<CheckedProgram> {
  const [trial] = trials;
  const inputs = trial?.inputs(name) ?? 0;
  const { entered = [], guard } = seen ?? {};
  const empty = { name, section, inputs, ...(entered.length === 0 ? {} : { entered }), updates: {}, cells: [] };
  if (trial === undefined || inputs === 0) return { ...empty, note: "no event that it runs on was recorded" };
  for (const each of trials) each.startFresh();
  const first = trial.play(name, straight("task", options.runs));
  const updates = trial.updates(name);
  const needsOthers = trial.hasUpdate(name) && updates.size === 0;
  if (needsOthers) for (const each of trials) each.startAfterOthers(name);
  const alone = needsOthers ? trial.play(name, straight("task", options.runs)) : first;
  const note = noteOn({ hasUpdate: trial.hasUpdate(name), needsOthers, alone, updated: updates.size > 0, inputs });
  if (updates.size === 0) return { ...empty, ...note, ...(guard === undefined ? {} : { guard: guard.text }) };
  const contexts = inOrder(options.contexts);
  const cells: CheckCell[] = [];
  for (const each of trials) {
    const played = new Map<string, Found>();
    for (const context of contexts) {
      cells.push(await new Search(each, name, context, options, played).cell());
      tell(cells.length / (trials.length * contexts.length));
    }
  }
  return { ...empty, ...note, updates: Object.fromEntries(updates), cells };
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

/** Names of the maps that Linux has in no other way than dynamic. */
function alwaysDynamic({ maps }: ObjectSpec): Set<string> {
  return new Set(
    maps.flatMap(({ name, bpfType }) => {
      const kind = mapKindByBpfType(bpfType);
      return kind !== undefined && isAlwaysDynamic({ kind }) ? [name] : [];
    }),
  );
}

function checkedMaps(
  object: ObjectSpec,
  programs: readonly CheckedProgram[],
  recorded: CheckOptions["recorded"],
): CheckedMap[] {
  const dynamic = alwaysDynamic(object);
  const names = [...new Set(programs.flatMap(({ updates }) => Object.keys(updates)))];
  return names.map((name) => {
    const users = programs.filter(({ updates }) => name in updates);
    const failing = users.flatMap((program) => {
      const seen = recorded?.get(program.name);
      const cells = program.cells.filter((cell) => failsFor(cell, name));
      return cells.map(({ context, realTime }) => ({ context, realTime, isSeen: seen?.has(context) ?? true }));
    });
    const fails = distinct(failing.filter(({ isSeen }) => isSeen));
    const failsElsewhere = distinct(failing).filter((each) => !fails.some((other) => isSame(each, other)));
    const isComplete = users.every(({ cells }) => cells.every(({ complete }) => complete));
    const hashVerdict = fails.length > 0 ? "keep preallocated" : "go dynamic";
    const isKnown = fails.length > 0 || isComplete;
    const verdict = !isKnown ? "no advice" : dynamic.has(name) ? "keep dynamic" : hashVerdict;
    return { name, fails, failsElsewhere, verdict };
  });
}

function isSame(one: FailingContext, other: FailingContext): boolean {
  return one.context === other.context && one.realTime === other.realTime;
}

function distinct(cells: readonly FailingContext[]): FailingContext[] {
  return cells
    .filter((cell, index) => cells.findIndex((each) => isSame(each, cell)) === index)
    .map(({ context, realTime }) => ({ context, realTime }));
}

/** The map that fails first hides the others; what has to be prefilled does not. */
function failsFor({ failure }: CheckCell, name: string): boolean {
  if (failure === undefined) return false;
  return failure.map === name || failure.prefill === undefined || name in failure.prefill;
}
