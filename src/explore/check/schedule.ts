/**
 * Schedules of one virtual CPU: a program runs in a context, once or again and again; interrupts come on in between, or
 * not; at some point inside a run another context interrupts it and runs the program again. Enumerated by the number
 * of runs and of switches, so that the first one that shows something is a shortest one.
 */
import { CONTEXTS, type Context } from "../../events/record.ts";

/** Runs of a context, in order. */
export interface Schedule {
  readonly context: Context;
  readonly steps: readonly Step[];
}

/** `enable`: interrupts come on and off again; on RT, the CPU's work thread gets to run. */
export type Step = { readonly type: "enable" } | { readonly type: "run"; readonly interruption?: Interruption };

/** Another context comes in before the run's shared point number `point` (counted from 0, see `SharedPoints`). */
export interface Interruption extends Schedule {
  readonly point: number;
}

/** How contexts are entered: level and interrupts-off, as `core.contextSet` takes them. */
export const ENTER: Readonly<Record<Context, readonly [level: number, interruptsOff: 0 | 1]>> = {
  task: [0, 0],
  softirq: [1, 0],
  irqsOff: [0, 1],
  hardirq: [2, 0],
  nmi: [3, 0],
};

/** What may interrupt each context: a higher level, and nothing but an NMI where interrupts are off. */
const INTERRUPTERS: Readonly<Record<Context, readonly Context[]>> = {
  task: ["softirq", "hardirq", "nmi"],
  softirq: ["hardirq", "nmi"],
  irqsOff: ["nmi"],
  hardirq: ["nmi"],
  nmi: [],
};

/** Whether raised work waits for more than the end of the operation in this context. */
function holdsWork(context: Context, realTime: boolean): boolean {
  return realTime || (context !== "task" && context !== "softirq");
}

/** What schedules are made of. */
export interface ScheduleSpace {
  /** Contexts that the program may run in. */
  readonly contexts: readonly Context[];
  readonly realTime: boolean;
  /** Points of a run that an interruption may come in at. */
  readonly points: number;
}

const RUN: Step = { type: "run" };
const ENABLE: Step = { type: "enable" };

/** So many runs of a context, one after the other, with nothing in between. */
export function straight(context: Context, runs: number): Schedule {
  return { context, steps: Array.from({ length: runs }, () => RUN) };
}

/** Every schedule of exactly so many runs and switches (interruptions, and interrupts coming on) that enters `context`. */
export function* schedules(
  space: ScheduleSpace,
  context: Context,
  runs: number,
  switches: number,
): Generator<Schedule> {
  for (const base of space.contexts)
    for (const steps of sequences(space, base, runs, switches, true))
      if (base === context || enters(steps, context)) yield { context: base, steps };
}

function enters(steps: readonly Step[], context: Context): boolean {
  return steps.some(
    (step) =>
      step.type === "run" &&
      step.interruption !== undefined &&
      (step.interruption.context === context || enters(step.interruption.steps, context)),
  );
}

type Sequence = readonly Step[];

/** Steps of one context that begin with a run. Only at the bottom can interrupts come on between two runs. */
function* sequences(
  space: ScheduleSpace,
  context: Context,
  runs: number,
  switches: number,
  bottom: boolean,
): Generator<Sequence> {
  if (runs < 1) return;
  for (const rest of tails(space, context, runs - 1, switches, bottom)) yield [RUN, ...rest];
  for (const [interruption, used] of interruptions(space, context, runs - 1, switches)) {
    const left = switches - used.switches;
    for (const rest of tails(space, context, runs - 1 - used.runs, left, bottom))
      yield [{ type: "run", interruption }, ...rest];
  }
}

/** What may follow a run: nothing, another run, or another one after interrupts came on. */
function* tails(
  space: ScheduleSpace,
  context: Context,
  runs: number,
  switches: number,
  bottom: boolean,
): Generator<Sequence> {
  if (runs === 0) {
    if (switches === 0) yield [];
    return;
  }
  yield* sequences(space, context, runs, switches, bottom);
  if (!bottom || switches === 0 || !holdsWork(context, space.realTime)) return;
  for (const rest of sequences(space, context, runs, switches - 1, bottom)) yield [ENABLE, ...rest];
}

interface Used {
  readonly runs: number;
  readonly switches: number;
}

function* interruptions(
  space: ScheduleSpace,
  context: Context,
  runs: number,
  switches: number,
): Generator<readonly [Interruption, Used]> {
  const above = INTERRUPTERS[context].filter((each) => space.contexts.includes(each));
  for (const interrupter of above)
    for (let inner = 1; inner <= runs; inner++)
      for (let nested = 0; nested < switches; nested++)
        for (const steps of sequences(space, interrupter, inner, nested, false))
          for (let point = 0; point < space.points; point++)
            yield [
              { context: interrupter, steps, point },
              { runs: inner, switches: nested + 1 },
            ];
}

/** Where an interruption came in, as an instruction's number. */
export type PlaceOf = (interruption: Interruption) => number | undefined;

const NAMES: Readonly<Record<Context, string>> = {
  task: "task",
  softirq: "softirq",
  irqsOff: "interrupts off",
  hardirq: "hardirq",
  nmi: "nmi",
};

export function contextName(context: Context): string {
  return NAMES[context];
}

/** A schedule as a line for people. */
export function scheduleText(schedule: Schedule, realTime: boolean, placeOf: PlaceOf): string {
  const { context, steps } = schedule;
  const plain = steps.every((step) => step.type === "run" && step.interruption === undefined);
  const nothing = realTime ? "no work thread between" : "no interrupts-on between";
  const quiet = plain && steps.length > 1 && holdsWork(context, realTime);
  return `${contextName(context)}: ${stepsText(steps, realTime, placeOf)}${quiet ? `, ${nothing}` : ""}`;
}

function stepsText(steps: readonly Step[], realTime: boolean, placeOf: PlaceOf): string {
  const parts: string[] = [];
  let plain = 0;
  const flush = (): void => {
    if (plain > 0) parts.push(plain === 1 ? "run" : `${plain} runs`);
    plain = 0;
  };
  for (const step of steps) {
    if (step.type === "run" && step.interruption === undefined) {
      plain++;
      continue;
    }
    flush();
    parts.push(step.type === "enable" ? enableText(realTime) : interruptedText(step.interruption, realTime, placeOf));
  }
  flush();
  return parts.join("; ");
}

function enableText(realTime: boolean): string {
  return realTime ? "work thread" : "interrupts on";
}

function interruptedText(interruption: Interruption | undefined, realTime: boolean, placeOf: PlaceOf): string {
  if (interruption === undefined) return "run";
  const inner = stepsText(interruption.steps, realTime, placeOf);
  const place = placeOf(interruption) ?? "?";
  return `run [${contextName(interruption.context)} at instruction ${place}: ${inner}]`;
}

/** CONTEXTS in their order, of those given. */
export function inOrder(contexts: readonly Context[]): Context[] {
  return CONTEXTS.filter((context) => contexts.includes(context));
}
