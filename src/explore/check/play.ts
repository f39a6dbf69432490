/**
 * One play: a program on one virtual CPU, run as a schedule says. Programs are interpreted, so that another context can
 * come in between two instructions.
 */
import type { Arena } from "../../arena/arena.ts";
import { start } from "../../bpf/interpreter/interpreter.ts";
import { END, type Interpreter, type RunState, step } from "../../bpf/interpreter/state.ts";
import type { LinkedProgram } from "../../bpf/linked.ts";
import type { SourceLine } from "../../bpf/object/spec.ts";
import { lineOf } from "../../bpf/where.ts";
import type { Context } from "../../events/record.ts";
import { sectionOf } from "../../load/section.ts";
import { type Guard, watchGuards } from "./guard.ts";
import { type Failure, newObservation, type Observation, type Observer } from "./observation.ts";
import type { PrivateMemory, SharedPoints } from "./points.ts";
import { ENTER, type Interruption, type Schedule, type Step } from "./schedule.ts";

export interface Outcome {
  /** The first update that failed in each context. */
  readonly failures: ReadonlyMap<Context, Failure>;
  /** False: an interruption's point was not reached, so this schedule does not exist. */
  readonly reached: boolean;
  /** Instructions carried out. */
  readonly instructions: number;
  /** New keys by map. */
  readonly inserted: ReadonlyMap<string, number>;
  /** Whether updates of a map came with more than one key. */
  readonly keysVary: boolean;
  /** Where interruptions came in. */
  readonly places: ReadonlyMap<Interruption, Place>;
}

export interface Place {
  /** Slot number in the linked program. */
  readonly instruction: number;
  readonly source: SourceLine | undefined;
}

/** A program that can be played, its inputs in the arena's memory, and what its runs have shown so far. */
export interface Playable {
  readonly code: LinkedProgram;
  readonly interpreter: Interpreter;
  readonly isShared: SharedPoints;
  readonly inputs: readonly PlacedInput[];
  /** Most updates of each map that one run made. */
  readonly updates: Map<string, number>;
  /** Most shared points of one run. */
  points: number;
}

/** Addresses of an event record and of a context, and the context's bytes. */
export interface PlacedInput {
  readonly record: number;
  readonly context: number;
  readonly bytes: number;
}

/** What plays share. */
export interface Stage {
  readonly arena: Arena;
  readonly observer: Observer;
  /** Tops of stacks, one for each level that can be interrupted. */
  readonly stacks: readonly number[];
}

interface Play {
  readonly stage: Stage;
  readonly program: Playable;
  readonly observation: Observation;
  /** A failure in this context ends the play. */
  readonly until: Context | undefined;
  readonly places: Map<Interruption, Place>;
  /** Contexts that are interrupted now. */
  depth: number;
  reached: boolean;
  instructions: number;
}

/**
 * Plays a schedule from the state that the memory is in.
 * @param until the context whose first failing update ends the play; by default nothing does
 * @throws {AnyctxError} what stopped the program: a bad access, an endless loop
 */
export function perform(stage: Stage, program: Playable, schedule: Schedule, until?: Context): Outcome {
  const observation = newObservation(schedule.context);
  const play: Play = {
    ...{ stage, program, observation, until, places: new Map(), depth: 0, reached: true, instructions: 0 },
  };
  stage.observer.watch(observation, () => {
    enterBottom(play, schedule.context);
    playSteps(play, schedule.steps, schedule.context);
  });
  const { places, reached, instructions } = play;
  const { failures, inserted, keysVary } = observation;
  return { failures, reached, instructions, inserted, keysVary, places };
}

/** Runs a program once on one input in a task. @returns the guard that kept it from every update, if one did */
export function findGuard(stage: Stage, program: Playable, { record, context, bytes }: PlacedInput): Guard | undefined {
  const { core } = stage.arena;
  const watch = watchGuards(program.interpreter);
  core.contextSet(0, 0);
  core.setCurrentTask(record);
  const section = sectionOf(core, program.code);
  section.enter();
  try {
    const state = start(program.interpreter, context, core.currentArea() >>> 0, stage.stacks[0] ?? 0, bytes);
    while (state.next !== END) {
      watch.look(state);
      step(program.interpreter, state);
    }
  } finally {
    section.leave();
  }
  return watch.hasUpdated() ? undefined : watch.guard();
}

function isOver({ reached, until, observation }: Play): boolean {
  return !reached || (until !== undefined && observation.failures.has(until));
}

function enterBottom({ stage }: Play, context: Context): void {
  const [level, interruptsOff] = ENTER[context];
  stage.arena.core.contextSet(level, interruptsOff);
}

function playSteps(play: Play, steps: readonly Step[], context: Context): void {
  for (const each of steps) {
    if (isOver(play)) return;
    if (each.type === "run") playRun(play, each.interruption);
    else {
      play.stage.arena.settle();
      enterBottom(play, context);
    }
  }
}

function playRun(play: Play, interruption: Interruption | undefined): void {
  const { stage, program, observation } = play;
  const { core } = stage.arena;
  const input = program.inputs[observation.runs++ % program.inputs.length];
  const stackTop = stage.stacks[play.depth];
  if (input === undefined || stackTop === undefined) return;
  core.setCurrentTask(input.record);
  const section = sectionOf(core, program.code);
  section.enter();
  const below = observation.updates;
  observation.updates = new Map();
  const state = start(program.interpreter, input.context, core.currentArea() >>> 0, stackTop, input.bytes);
  playInstructions(play, state, input, stackTop, interruption);
  for (const [map, count] of observation.updates)
    program.updates.set(map, Math.max(count, program.updates.get(map) ?? 0));
  observation.updates = below;
  section.leave();
}

function playInstructions(
  play: Play,
  state: RunState,
  { record, context, bytes }: PlacedInput,
  stackTop: number,
  interruption: Interruption | undefined,
): void {
  const { program } = play;
  const own: PrivateMemory = { context, contextBytes: bytes, stackTop };
  let point = 0;
  while (state.next !== END && !isOver(play)) {
    if (program.isShared(state, own)) {
      if (point === interruption?.point) {
        play.places.set(interruption, placeAt(program.code, state.next.at));
        interrupt(play, interruption);
        play.stage.arena.core.setCurrentTask(record);
        if (isOver(play)) return;
      }
      point++;
    }
    step(program.interpreter, state);
    play.instructions++;
  }
  program.points = Math.max(program.points, point);
  if (interruption !== undefined && !play.places.has(interruption)) play.reached = false;
}

function interrupt(play: Play, { context, steps }: Interruption): void {
  const { core } = play.stage.arena;
  const { observation } = play;
  const interrupted = observation.context;
  const below = core.contextEnter(ENTER[context][0]);
  observation.context = context;
  play.depth++;
  playSteps(play, steps, context);
  play.depth--;
  observation.context = interrupted;
  core.contextLeave(below);
}

function placeAt(program: LinkedProgram, instruction: number): Place {
  return { instruction, source: lineOf(program, instruction) };
}
