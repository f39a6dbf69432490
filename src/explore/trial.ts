/**
 * A program on one virtual CPU, run as a schedule says, again and again from the same state: the arena's memory as it
 * was before anything ran is kept and put back before each play. Programs are interpreted, so that another context can
 * come in between two instructions.
 */

import { Arena, type Profile } from "../arena/arena.ts";
import { cacheStatistics } from "../arena/statistics.ts";
import { type CoreFunction, FRAME_BYTES, MAX_FRAMES, type ProgramHost } from "../bpf/host.ts";
import { prepare, start, step } from "../bpf/interpreter/interpreter.ts";
import type { Interpreter, RunState } from "../bpf/interpreter/state.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import type { ObjectSpec, SourceLine } from "../bpf/object/spec.ts";
import { ERRNO } from "../error.ts";
import { type Context, LEVELS, RECORD } from "../events/record.ts";
import { programHost } from "../load/host.ts";
import { type LoadedObject, loadObject, type ProgramImage } from "../load/load.ts";
import { MAP_KINDS, mapKindByBpfType } from "../maps/kinds.ts";
import type { Inputs, ProgramInput } from "./inputs.ts";
import { type PrivateMemory, type SharedPoints, sharedPoints } from "./points.ts";
import { ENTER, type Interruption, type Schedule, type Step, straight } from "./schedule.ts";

/** An update that got -ENOMEM. */
export interface Failure {
  readonly map: string;
  readonly context: Context;
  /** New keys that the map had got before, over all runs. */
  readonly inserted: number;
  /** Runs begun until then, those of interrupting contexts too. */
  readonly runs: number;
  /** Whether a refill was asked for when it failed: it comes when interrupts are on, too late for this update. */
  readonly workRaised: boolean;
}

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

export interface TrialOptions {
  readonly profile: Profile;
  readonly realTime: boolean;
  /** All hashes dynamic, whatever the object says. */
  readonly dynamic: boolean;
  readonly inputs: Inputs;
  /** Runs of the longest schedule. */
  readonly runs: number;
}

/** Objects to be promised on the CPU, by map name. */
export type Prefills = ReadonlyMap<string, number>;

const MEMORY_BYTES = 2 ** 31;
/** Fewer buckets make the state smaller that is put back each time; no play comes near so many keys. */
const LEAST_ENTRIES = 1024;
const ENTRIES_A_RUN = 8;
/** Memory that a play may use on top: it must not have to grow, which could not be put back. */
const LEAST_ROOM = 1 << 22;
const MOST_ROOM = 1 << 29;
const SEED = 1;
/** bpf_map_update_elem. */
const UPDATE_HELPER = 2;

interface Prepared {
  readonly image: ProgramImage;
  readonly code: LinkedProgram;
  readonly interpreter: Interpreter;
  readonly isShared: SharedPoints;
  readonly contexts: readonly { readonly record: number; readonly context: number; readonly bytes: number }[];
  /** Most updates of each map that one run made so far. */
  readonly updates: Map<string, number>;
  /** Most shared points of one run so far. */
  points: number;
}

/** What one play keeps. */
interface Play {
  readonly program: Prepared;
  /** A failure in this context ends the play. */
  readonly until: Context | undefined;
  readonly failures: Map<Context, Failure>;
  readonly contextStack: Context[];
  readonly inserted: Map<string, number>;
  readonly places: Map<Interruption, Place>;
  ended: boolean;
  reached: boolean;
  runs: number;
  /** The first key that each map was updated with. */
  readonly firstKeys: Map<string, string>;
  keysVary: boolean;
  instructions: number;
}

export class Trial {
  readonly arena: Arena;
  readonly loaded: LoadedObject;
  readonly #programs: ReadonlyMap<string, Prepared>;
  readonly #dynamic: ReadonlyMap<number, string>;
  readonly #keySizes: ReadonlyMap<string, number>;
  /** One for each level that can be interrupted. */
  readonly #stacks: readonly number[];
  /** Before anything ran; after what other programs did before; and the same with what is promised. */
  readonly #fresh: Uint8Array;
  #base: Uint8Array;
  #state: Uint8Array;
  #play: Play | undefined;
  /** Updates by map that the current run made: an interrupting run has its own. */
  #runUpdates = new Map<string, number>();

  static async create(object: ObjectSpec, options: TrialOptions): Promise<Trial> {
    const { profile, realTime } = options;
    const arena = await Arena.create({ cpus: 1, maximumBytes: MEMORY_BYTES, seed: SEED, profile, realTime });
    return new Trial(arena, object, options);
  }

  private constructor(arena: Arena, object: ObjectSpec, options: TrialOptions) {
    this.arena = arena;
    this.loaded = loadObject(arena, object, {
      engine: "interpreter",
      mapEntries: smallerMaps(object, Math.max(LEAST_ENTRIES, ENTRIES_A_RUN * options.runs)),
      ...(options.dynamic ? { hashes: "dynamic" } : {}),
    });
    this.#dynamic = new Map(
      this.loaded.maps
        .filter(({ map }) => cacheStatistics(arena, map.info).length > 0)
        .map(({ spec, map }) => [map.info.address, spec.name]),
    );
    this.#keySizes = new Map(this.loaded.maps.map(({ spec, map }) => [spec.name, map.info.keySize]));
    const host = this.#host();
    this.#stacks = LEVELS.map(() => arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES);
    this.#programs = new Map(
      this.loaded.programs.map((image) => [image.name, this.#prepare(image, host, options.inputs)]),
    );
    this.#makeRoom(options.runs);
    this.#fresh = this.#keep();
    this.#base = this.#fresh;
    this.#state = this.#fresh;
  }

  /** Names of the maps that may run out: the dynamic hashes. */
  get dynamicMaps(): string[] {
    return [...this.#dynamic.values()];
  }

  /** Whether there is an update in a program's code at all. */
  hasUpdate(program: string): boolean {
    return this.#programs.get(program)?.code.helpers.includes(UPDATE_HELPER) ?? false;
  }

  /** Inputs that a program has. */
  inputs(program: string): number {
    return this.#programs.get(program)?.contexts.length ?? 0;
  }

  /** Most points of a run that an interruption can make a difference at, as far as runs have shown. */
  points(program: string): number {
    return this.#programs.get(program)?.points ?? 0;
  }

  /** Most updates of each map in one run, as far as runs have shown. */
  updates(program: string): ReadonlyMap<string, number> {
    return this.#programs.get(program)?.updates ?? new Map();
  }

  /** Objects that the CPU has for new keys of a map at the start of each play, free or promised. */
  free(name: string): number {
    this.#restore();
    const found = this.loaded.maps.find(({ spec }) => spec.name === name);
    const caches = found === undefined ? [] : cacheStatistics(this.arena, found.map.info);
    return Math.min(...caches.map(({ free, promised }) => free + promised));
  }

  /** From now on every play starts from the very beginning again. */
  startFresh(): void {
    this.#base = this.#fresh;
    this.#state = this.#fresh;
  }

  /**
   * From now on every play of a program starts after the object's other programs have run on all their inputs, in a task
   * and refilled: what it looks up may be there then.
   */
  startAfterOthers(name: string): void {
    const { core, realTime } = this.arena;
    this.#restoreFor(this.#fresh);
    core.setRealTime(0);
    for (const [other, program] of this.#programs)
      if (other !== name && program.contexts.length > 0)
        this.#perform(program, straight("task", program.contexts.length));
    this.arena.settle();
    core.setRealTime(realTime ? 1 : 0);
    this.#base = this.#keep();
    this.#state = this.#base;
  }

  /**
   * From now on every play starts with these promises.
   * @returns false where memory is too short for them: nothing is promised then
   */
  prefill(prefills: Prefills): boolean {
    this.#restoreFor(this.#base);
    // Reserving is done by whoever creates the map, in a task that may sleep: on PREEMPT_RT too.
    const { core, realTime } = this.arena;
    core.setRealTime(0);
    const done = this.loaded.maps.every(({ spec, map }) => {
      const count = prefills.get(spec.name) ?? 0;
      return count === 0 || map.prefill(count) === 0;
    });
    core.setRealTime(realTime ? 1 : 0);
    if (done) this.#state = this.#keep();
    return done;
  }

  /**
   * Plays a schedule from the start.
   * @param until the context whose first failing update ends the play; by default nothing does
   * @throws {AnyctxError} what stopped the program: a bad access, an endless loop
   */
  play(name: string, schedule: Schedule, until?: Context): Outcome {
    const program = this.#programs.get(name);
    if (program === undefined || program.contexts.length === 0) throw new Error(`no input for program ${name}`);
    this.#restore();
    return this.#perform(program, schedule, until);
  }

  #perform(program: Prepared, schedule: Schedule, until?: Context): Outcome {
    const play: Play = {
      ...{ program, until, failures: new Map(), contextStack: [], inserted: new Map(), places: new Map() },
      ...{ firstKeys: new Map(), keysVary: false, ended: false, reached: true, runs: 0, instructions: 0 },
    };
    this.#play = play;
    this.#enterBottom(schedule.context);
    play.contextStack.push(schedule.context);
    this.#steps(play, schedule.steps);
    this.#play = undefined;
    const { failures, reached, instructions, inserted, keysVary, places } = play;
    return { failures, reached, instructions, inserted, keysVary, places };
  }

  /** The memory as it is, without the zeroes at its end: they are free, and what is free need not be put back. */
  #keep(): Uint8Array {
    const words = new Uint32Array(this.arena.memory.buffer);
    let length = words.length;
    while (length > 0 && words[length - 1] === 0) length--;
    return new Uint8Array(this.arena.memory.buffer).slice(0, length * 4);
  }

  /** Puts a state back to go on from and keep: what plays left in free memory would be taken for a part of it. */
  #restoreFor(state: Uint8Array): void {
    this.#state = state;
    this.#restore();
    new Uint8Array(this.arena.memory.buffer).fill(0, state.length);
  }

  #restore(): void {
    new Uint8Array(this.arena.memory.buffer).set(this.#state);
  }

  #enterBottom(context: Context): void {
    const [level, interruptsOff] = ENTER[context];
    this.arena.core.contextSet(level, interruptsOff);
  }

  #steps(play: Play, steps: readonly Step[]): void {
    for (const each of steps) {
      if (play.ended || !play.reached) return;
      if (each.type === "run") this.#run(play, each.interruption);
      else {
        this.arena.settle();
        this.#enterBottom(play.contextStack[0] ?? "task");
      }
    }
  }

  #run(play: Play, interruption: Interruption | undefined): void {
    const { program } = play;
    const { core } = this.arena;
    const input = program.contexts[play.runs++ % program.contexts.length];
    const stackTop = this.#stacks[play.contextStack.length - 1];
    if (input === undefined || stackTop === undefined) return;
    core.setCurrentTask(input.record);
    core.readEnter();
    const below = this.#runUpdates;
    this.#runUpdates = new Map();
    const state = start(program.interpreter, input.context, core.currentArea() >>> 0, stackTop, input.bytes);
    const own = { context: input.context, contextBytes: input.bytes, stackTop };
    this.#instructions(play, state, own, interruption, input.record);
    for (const [map, count] of this.#runUpdates)
      program.updates.set(map, Math.max(count, program.updates.get(map) ?? 0));
    this.#runUpdates = below;
    core.readLeave();
  }

  #instructions(
    play: Play,
    state: RunState,
    own: PrivateMemory,
    interruption: Interruption | undefined,
    record: number,
  ): void {
    const { program } = play;
    let point = 0;
    while (!state.done && !play.ended && play.reached) {
      if (program.isShared(state, own)) {
        if (point === interruption?.point) {
          play.places.set(interruption, placeAt(program.code, state.pc));
          this.#interrupt(play, interruption);
          this.arena.core.setCurrentTask(record);
          if (play.ended) return;
        }
        point++;
      }
      step(program.interpreter, state);
      play.instructions++;
    }
    program.points = Math.max(program.points, point);
    if (interruption !== undefined && !play.places.has(interruption)) play.reached = false;
  }

  #interrupt(play: Play, { context, steps }: Interruption): void {
    const { core } = this.arena;
    const below = core.contextEnter(ENTER[context][0]);
    play.contextStack.push(context);
    this.#steps(play, steps);
    play.contextStack.pop();
    core.contextLeave(below);
  }

  /** What the programs run in, with every update of a hash seen. */
  #host(): ProgramHost {
    const host = programHost(this.arena, () => undefined);
    const names = MAP_KINDS.flatMap(({ mayBeDynamic, program }) => (mayBeDynamic ? [program.update ?? ""] : []));
    const seen = names.map((name) => [name, this.#seen(host.core[name] as CoreFunction)] as const);
    return { ...host, core: { ...host.core, ...Object.fromEntries(seen) } };
  }

  #seen(update: CoreFunction): CoreFunction {
    return (map, ...rest) => {
      const { core } = this.arena;
      const name = this.#dynamic.get(Number(map));
      const play = this.#play;
      if (name === undefined || play === undefined) return update(map, ...rest);
      this.#noteKey(play, name, Number(rest[0]));
      const before = core.mapCount(Number(map));
      const result = Number(update(map, ...rest));
      this.#runUpdates.set(name, (this.#runUpdates.get(name) ?? 0) + 1);
      const context = play.contextStack.at(-1) ?? "task";
      const inserted = play.inserted.get(name) ?? 0;
      if (result === 0 && core.mapCount(Number(map)) > before) play.inserted.set(name, inserted + 1);
      if (result === -ERRNO.ENOMEM) this.#noteFailure(play, { map: name, context, inserted });
      return result;
    };
  }

  #noteFailure(play: Play, where: Pick<Failure, "map" | "context" | "inserted">): void {
    const { context } = where;
    if (!play.failures.has(context))
      play.failures.set(context, { ...where, runs: play.runs, workRaised: this.arena.core.workPending() !== 0 });
    if (context === play.until) play.ended = true;
  }

  #noteKey(play: Play, map: string, address: number): void {
    const keySize = this.#keySizes.get(map) ?? 0;
    const key = String(new Uint8Array(this.arena.memory.buffer, address, keySize));
    const first = play.firstKeys.get(map);
    if (first === undefined) play.firstKeys.set(map, key);
    else if (first !== key) play.keysVary = true;
  }

  #prepare(image: ProgramImage, host: ProgramHost, inputs: Inputs): Prepared {
    const code = image.code as LinkedProgram;
    const given = inputs.get(image.name) ?? [];
    return {
      image,
      code,
      interpreter: prepare(code, host),
      isShared: sharedPoints(code),
      contexts: given.map((input) => this.#place(input)),
      updates: new Map(),
      points: 0,
    };
  }

  #place({ record, context }: ProgramInput): Prepared["contexts"][number] {
    const at = this.#copy(record);
    if (context === undefined)
      return { record: at, context: at + RECORD.payload, bytes: record.length - RECORD.payload };
    return { record: at, context: this.#copy(context), bytes: context.length };
  }

  #copy(bytes: Uint8Array): number {
    const at = this.arena.allocate(bytes.length);
    new Uint8Array(this.arena.memory.buffer, at, bytes.length).set(bytes);
    return at;
  }

  /** Grows the memory by what plays and promises can need. */
  #makeRoom(runs: number): void {
    const { core } = this.arena;
    const needed = this.loaded.maps
      .flatMap(({ map }) => cacheStatistics(this.arena, map.info))
      .reduce((bytes, { unit, high }) => bytes + unit * 2 * (runs * 8 + high), 0);
    core.freeBytes(core.allocateBytes(Math.min(Math.max(LEAST_ROOM, needed), MOST_ROOM)));
  }
}

function placeAt({ lines }: LinkedProgram, instruction: number): Place {
  return { instruction, source: lines.findLast((line) => line.instruction <= instruction) };
}

/** max_entries of those hashes that are larger than a play needs. */
function smallerMaps(object: ObjectSpec, most: number): Map<string, number> {
  const large = object.maps.filter(({ bpfType, maxEntries, contents }) => {
    const kind = mapKindByBpfType(bpfType);
    return contents === undefined && kind?.mayBeDynamic === true && maxEntries > most;
  });
  return new Map(large.map(({ name }) => [name, most]));
}
