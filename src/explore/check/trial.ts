/**
 * An object's programs on one virtual CPU, to be played again and again from the same state: with nothing that has run
 * before, or after what other programs did, and with objects prefilled or not.
 */
import { Arena, type Profile } from "../../arena/arena.ts";
import { cacheStatistics } from "../../arena/statistics.ts";
import { FRAME_BYTES, MAX_FRAMES, type ProgramHost } from "../../bpf/host.ts";
import { prepare } from "../../bpf/interpreter/interpreter.ts";
import type { LinkedProgram } from "../../bpf/linked.ts";
import type { ObjectSpec } from "../../bpf/object/spec.ts";
import { AnyctxError } from "../../error.ts";
import { type Context, LEVELS, RECORD } from "../../events/record.ts";
import { type LoadedObject, loadSpec, type ProgramImage } from "../../load/load.ts";
import { mapKindByBpfType } from "../../maps/kinds.ts";
import { hasRoom, Snapshots } from "../snapshot.ts";
import { type Guard, UPDATE_HELPER } from "./guard.ts";
import type { Inputs, ProgramInput } from "./inputs.ts";
import { Observer } from "./observation.ts";
import { findGuard, type Outcome, type PlacedInput, type Playable, perform, type Stage } from "./play.ts";
import { sharedPoints } from "./points.ts";
import { type Schedule, straight } from "./schedule.ts";

export interface TrialOptions {
  readonly profile: Profile;
  readonly realTime: boolean;
  /** All hashes dynamic, whatever the object says. */
  readonly dynamic: boolean;
  /** max_entries by map name. */
  readonly mapEntries?: ReadonlyMap<string, number>;
  readonly inputs: Inputs;
  /** Runs of the longest schedule. */
  readonly runs: number;
}

/** Descriptors of all pages are a part of each state that is put back, so the first memory that is large enough is taken. */
const MEMORY_BYTES = [2 ** 25, 2 ** 28, 2 ** 31];
/** Fewer buckets make the state smaller that is put back each time; no play comes near so many keys. */
const LEAST_ENTRIES = 1024;
const ENTRIES_A_RUN = 8;
const SEED = 1;

export class Trial {
  readonly arena: Arena;
  readonly loaded: LoadedObject;
  readonly #programs: ReadonlyMap<string, Playable>;
  readonly #stage: Stage;
  readonly #snapshots: Snapshots;

  static async create(object: ObjectSpec, options: TrialOptions): Promise<Trial> {
    const { profile, realTime, runs } = options;
    for (const [index, maximumBytes] of MEMORY_BYTES.entries()) {
      const arena = await Arena.create({ cpus: 1, maximumBytes, seed: SEED, profile, realTime });
      try {
        const loaded = load(arena, object, options);
        if (hasRoom(arena, loaded.maps, runs)) return new Trial(arena, loaded, options);
      } catch (error) {
        const isLast = index === MEMORY_BYTES.length - 1;
        if (!(error instanceof AnyctxError) || error.code !== "ENOMEM" || isLast) throw error;
      }
    }
    throw new AnyctxError("ENOMEM", `There is no room to check ${object.name} with ${runs} runs`);
  }

  private constructor(arena: Arena, loaded: LoadedObject, options: TrialOptions) {
    this.arena = arena;
    this.loaded = loaded;
    const { maps, programs } = loaded;
    const observer = new Observer(arena, maps);
    const host = observer.host();
    const stacks = LEVELS.map(() => arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES);
    this.#stage = { arena, observer, stacks };
    this.#programs = new Map(
      programs.map((image) => [image.name, makePlayable(arena, image, host, options.inputs.get(image.name) ?? [])]),
    );
    this.#snapshots = new Snapshots(arena);
  }

  /** Whether there is an update in a program's code at all. */
  hasUpdate(program: string): boolean {
    return this.#programs.get(program)?.code.helpers.some((id) => id === UPDATE_HELPER) ?? false;
  }

  /** Inputs that a program has. */
  inputs(program: string): number {
    return this.#programs.get(program)?.inputs.length ?? 0;
  }

  /** Most points of a run that an interruption can make a difference at, as far as runs have shown. */
  points(program: string): number {
    return this.#programs.get(program)?.points ?? 0;
  }

  /** Most updates of each map in one run, as far as runs have shown. */
  updates(program: string): ReadonlyMap<string, number> {
    return this.#programs.get(program)?.updates ?? new Map();
  }

  /** Objects that the CPU has for new keys of a map at the start of each play, free or prefilled. */
  free(name: string): number {
    this.#snapshots.restore();
    const found = this.loaded.maps.find(({ spec }) => spec.name === name);
    const caches = found === undefined ? [] : cacheStatistics(this.arena, found.map.info);
    return Math.min(...caches.map(({ free, promised }) => free + promised));
  }

  /** From now on every play starts from the very beginning again. */
  startFresh(): void {
    this.#snapshots.startFresh();
  }

  /**
   * From now on every play of a program starts after the object's other programs have run on all their inputs, in a task
   * and refilled: what it looks up may be there then.
   */
  startAfterOthers(name: string): void {
    this.#snapshots.startAfter(() =>
      this.#asPlainKernel(() => {
        for (const [other, program] of this.#programs)
          if (other !== name && program.inputs.length > 0)
            perform(this.#stage, program, straight("task", program.inputs.length));
        this.arena.settle();
      }),
    );
  }

  /**
   * From now on every play starts with these prefills on the CPU, by map name.
   * @returns false where memory is too short for them: nothing is prefilled then
   */
  prefill(prefills: ReadonlyMap<string, number>): boolean {
    const prefill = (): boolean =>
      this.loaded.maps.every(({ spec, map }) => {
        const count = prefills.get(spec.name) ?? 0;
        return count === 0 || map.prefill(count) === 0;
      });
    // Reserving is done by whoever creates the map, in a task that may sleep: on PREEMPT_RT too.
    return this.#snapshots.startWith(() => this.#asPlainKernel(prefill));
  }

  #asPlainKernel<T>(action: () => T): T {
    const { core, realTime } = this.arena;
    core.setRealTime(0);
    const result = action();
    core.setRealTime(realTime ? 1 : 0);
    return result;
  }

  /**
   * The guard that keeps a program from every update on one of its inputs, if one does.
   * @param changed what to put in the input's place, of the same size
   * @throws {AnyctxError} as `play`
   */
  guard(name: string, index: number, changed?: ProgramInput): Guard | undefined {
    const program = this.#programs.get(name);
    const placed = program?.inputs[index];
    if (program === undefined || placed === undefined) return undefined;
    this.#snapshots.restore();
    if (changed !== undefined) {
      const { record, context } = changed;
      const { buffer } = this.arena.memory;
      new Uint8Array(buffer, placed.record, record.length).set(record);
      if (context !== undefined) new Uint8Array(buffer, placed.context, context.length).set(context);
    }
    return findGuard(this.#stage, program, placed);
  }

  /**
   * Plays a schedule from the start.
   * @param until the context whose first failing update ends the play; by default nothing does
   * @throws {AnyctxError} what stopped the program: a bad access, an endless loop
   */
  play(name: string, schedule: Schedule, until?: Context): Outcome {
    const program = this.#programs.get(name);
    if (program === undefined || program.inputs.length === 0) throw new Error(`no input for program ${name}`);
    this.#snapshots.restore();
    return perform(this.#stage, program, schedule, until);
  }
}

function load(arena: Arena, object: ObjectSpec, { runs, mapEntries, dynamic }: TrialOptions): LoadedObject {
  return loadSpec(arena, object, {
    engine: "interpreter",
    mapEntries: smallerMaps(object, Math.max(LEAST_ENTRIES, ENTRIES_A_RUN * runs), mapEntries),
    ...(dynamic ? { hashes: "dynamic" } : {}),
  });
}

function makePlayable(arena: Arena, image: ProgramImage, host: ProgramHost, inputs: readonly ProgramInput[]): Playable {
  const code = image.code as LinkedProgram;
  return {
    code,
    interpreter: prepare(code, host),
    isShared: sharedPoints(code),
    inputs: inputs.map((input) => placeInput(arena, input)),
    updates: new Map(),
    points: 0,
  };
}

function placeInput(arena: Arena, { record, context }: ProgramInput): PlacedInput {
  const at = copyIn(arena, record);
  if (context === undefined) return { record: at, context: at + RECORD.payload, bytes: record.length - RECORD.payload };
  return { record: at, context: copyIn(arena, context), bytes: context.length };
}

function copyIn(arena: Arena, bytes: Uint8Array): number {
  const at = arena.allocate(bytes.length);
  new Uint8Array(arena.memory.buffer, at, bytes.length).set(bytes);
  return at;
}

/** max_entries as given, and of those hashes that are larger than a play needs. */
function smallerMaps(
  object: ObjectSpec,
  most: number,
  given: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const large = object.maps.filter(({ name, bpfType, maxEntries, contents }) => {
    const kind = mapKindByBpfType(bpfType);
    return contents === undefined && kind?.mayBeDynamic === true && (given.get(name) ?? maxEntries) > most;
  });
  return new Map([...given, ...large.map(({ name }) => [name, most] as const)]);
}
