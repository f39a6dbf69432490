/**
 * Running programs directly: one at a time, on what is given, without a source of events. Each run is interpreted, with every
 * access checked; maps and variables stay from one to the next.
 */
import type { Arena } from "../arena/arena.ts";
import { type Answers, FRAME_BYTES, MAX_FRAMES, type ProgramHost } from "../bpf/host.ts";
import type { InterpreterOptions } from "../bpf/interpreter/state.ts";
import { setVariable } from "../bpf/object/spec.ts";
import type { DirectInput } from "../bpf/programs/program-type.ts";
import { programType } from "../bpf/programs/table.ts";
import { AnyctxError } from "../error.ts";
import { type Level, RECORD } from "../events/record.ts";
import { programHost } from "./host.ts";
import { probes, Regions } from "./kernel-memory.ts";
import { instantiateImage, type LoadedObject, type ProgramImage, type Tail } from "./load.ts";
import { checkMoment, type DirectTask, runAt, writeMoment } from "./moment.ts";
import { mayGoOnIn, withTails } from "./tails.ts";
import { type DueTimer, fire, Timers } from "./timers.ts";

export interface DirectRun extends DirectInput {
  readonly program: string;
  readonly level?: Level | undefined;
  readonly cpu?: number | undefined;
  /** Nanoseconds; as the last run's if not given. */
  readonly time?: bigint | undefined;
  readonly task?: DirectTask | undefined;
  /** The kernel's memory: bytes by address. */
  readonly memory?: ReadonlyMap<bigint, Uint8Array> | undefined;
  /** What helpers answer, by their names, in place of what they would. */
  readonly helpers?: Answers | undefined;
}

export interface DirectResult {
  /** r0, signed; undefined where the run was stopped. */
  readonly result: bigint | undefined;
  /** What stopped it. */
  readonly error: string | undefined;
  readonly printed: readonly string[];
  /** As it is afterwards, where one was given. */
  readonly packet: Uint8Array | undefined;
  /** What was handed to user space, by the map's name. */
  readonly records: ReadonlyMap<string, readonly Uint8Array[]>;
}

const STACK_BYTES = FRAME_BYTES * MAX_FRAMES;

export class DirectRuns {
  readonly #arena: Arena;
  readonly #loaded: LoadedObject;
  readonly #kernel = new Regions();
  readonly #host: ProgramHost;
  readonly #stack: number;
  readonly #timers: Timers;
  readonly #tails: Tail[];
  #answers: Answers = new Map();
  #printed: string[] = [];
  #records = new Map<string, Uint8Array[]>();
  /** Virtual time, in nanoseconds. */
  #time = 0n;

  /** @param loaded with the engine `interpreter` */
  constructor(arena: Arena, loaded: LoadedObject) {
    this.#arena = arena;
    this.#loaded = loaded;
    this.#stack = arena.allocate(STACK_BYTES);
    const plain = programHost(arena, (line) => this.#printed.push(line));
    this.#timers = new Timers(arena, loaded);
    this.#tails = [...(loaded.programs[0]?.tails ?? [])];
    const answers: Answers = { get: (name) => this.#answers.get(name) };
    const host: ProgramHost = {
      ...{ ...plain, kernel: this.#kernel },
      core: this.#timers.watching({ ...plain.core, ...probes(arena, this.#kernel) }),
      ...{ timers: this.#timers, answers },
      output: (map, _, record) => this.#keep(map, record),
    };
    this.#host = withTails(host, loaded.programs, () => this.#tails);
  }

  /**
   * Puts a program into a place of a map of programs, as user space does.
   * @throws {AnyctxError} EINVAL: there is no such map, place or program
   */
  setProgram(map: string, index: number, program: string): void {
    const found = this.#loaded.maps.find(({ spec }) => spec.name === map);
    if (found?.map.info.kind.type !== "prog_array") throw new AnyctxError("EINVAL", `${map} is no map of programs`);
    const { address, maxEntries } = found.map.info;
    if (!Number.isInteger(index) || index < 0 || index >= maxEntries)
      throw new AnyctxError("EINVAL", `${map} has places 0 to ${maxEntries - 1}, not ${index}`);
    const image = this.#imageOf(program);
    if (!mayGoOnIn(this.#loaded.programs, address, image)) {
      const why = `a program of another type than ${image.kind.type} goes on by it`;
      throw new AnyctxError("EINVAL", `${program} cannot be put into ${map}: ${why}`);
    }
    this.#tails.push({ map: address, index, program: image.linked.name });
  }

  /** Gives its memory back; nothing runs any more. */
  end(): void {
    this.#timers.end();
    this.#arena.core.freeBytes(this.#stack);
  }

  #keep(address: number, record: Uint8Array): void {
    const name = this.#loaded.maps.find(({ map }) => map.info.address === address)?.spec.name ?? "";
    this.#records.set(name, [...(this.#records.get(name) ?? []), record]);
  }

  /**
   * Lets time pass; what was put off runs, and timers fire as they come.
   * @returns what they did
   * @throws {AnyctxError} EINVAL: time does not go back
   */
  advance(nanoseconds: bigint): Omit<DirectResult, "result" | "packet"> {
    if (nanoseconds < 0n)
      throw new AnyctxError("EINVAL", `advance should be nanoseconds from 0 on, not ${nanoseconds}`);
    const end = this.#time + nanoseconds;
    this.#printed = [];
    this.#records = new Map();
    let error: string | undefined;
    for (const due of this.#timers.until(end)) {
      this.#time = due.at;
      error ??= this.#fire(due);
    }
    this.#time = end;
    this.#arena.settle();
    return { error, printed: this.#printed, records: this.#records };
  }

  /** What is in workqueues when a program has ended; what that puts there runs when time passes. @returns the first error */
  #work(): string | undefined {
    let error: string | undefined;
    for (const due of this.#timers.works(this.#time)) {
      const failed = this.#fire(due);
      error ??= failed;
    }
    return error;
  }

  #fire(due: DueTimer): string | undefined {
    const { linked } = this.#imageOf(due.program);
    const before = this.#arena.cpu;
    const record = this.#arena.allocate(RECORD.payload);
    const place = { record, stackTop: this.#stack + STACK_BYTES, time: this.#time };
    try {
      return this.#settled(() => fire(this.#arena, this.#host, linked, due, place)).error;
    } finally {
      this.#arena.core.freeBytes(record);
      this.#arena.switchCpu(before);
    }
  }

  /**
   * Sets a variable where it lies, as `setVariable` does before an object is loaded.
   * @throws {AnyctxError} EINVAL, ERANGE as there
   */
  setVariable(spec: Parameters<typeof setVariable>[0], name: string, value: string | number | boolean): void {
    const { maps } = this.#loaded;
    const sections = maps.filter(({ spec: { contents } }) => contents !== undefined);
    const now = new Map(
      sections.map(({ spec: { name: section }, map }) => [section, bytesOf(map.get(new Uint8Array(4)))]),
    );
    const copies = spec.maps.map((map) => {
      const contents = now.get(map.name);
      return contents === undefined ? map : { ...map, contents };
    });
    setVariable({ ...spec, maps: copies }, name, value);
    for (const { spec: section, map } of sections) {
      const contents = now.get(section.name);
      if (contents !== undefined) map.set(new Uint8Array(4), contents);
    }
  }

  /**
   * Runs a program once.
   * @param watch is shown the run before each of its instructions
   * @throws {AnyctxError} EINVAL: there is no such program, or no context can be made of what is given; EBUSY: another thread has the CPU
   */
  run(given: DirectRun, watch?: InterpreterOptions["watch"]): DirectResult {
    const { program, cpu = 0, level = "task", memory = new Map(), task = {} } = given;
    const image = this.#imageOf(program);
    checkMoment({ task, cpu, time: given.time ?? this.#time }, this.#arena.cpus);
    if (given.time !== undefined) this.#time = given.time;
    const { context: input, packet, args, returned, registers, fields } = given;
    const { target } = image.kind;
    const direct = { context: input, packet, args, returned, registers, fields };
    const context = programType(image.kind).context.direct(direct, target);
    this.#kernel.regions = memory;
    this.#answers = given.helpers ?? new Map();
    this.#printed = [];
    this.#records = new Map();
    const before = this.#arena.cpu;
    const record = this.#arena.allocate(RECORD.payload + Math.max(context.bytes, 8));
    const room = record + RECORD.payload;
    const place = new Uint8Array(this.#arena.memory.buffer, room, context.bytes);
    try {
      if (this.#arena.heldCpus().includes(cpu)) this.#arena.switchCpu(cpu);
      else this.#arena.takeCpu(cpu);
      writeMoment(this.#arena, record, { task, cpu, level, time: this.#time });
      context.write(place, room);
      const run = instantiateImage(image, this.#host, watch === undefined ? {} : { watch });
      const { result, error } = this.#settled(() =>
        runAt(this.#arena, record, level, image.linked, (area) =>
          run(room, area, this.#stack + STACK_BYTES, context.own),
        ),
      );
      const after = packet === undefined ? undefined : context.packet?.(place, room);
      const failed = this.#work();
      return { result, error: error ?? failed, printed: this.#printed, packet: after, records: this.#records };
    } finally {
      this.#arena.core.freeBytes(record);
      this.#arena.switchCpu(before);
    }
  }

  /** Behind a run, however it ends, what was put off runs. */
  #settled<T>(run: () => T): T {
    try {
      return run();
    } finally {
      this.#arena.settle();
    }
  }

  #imageOf(name: string): ProgramImage {
    const { programs, skipped } = this.#loaded;
    const found = programs.find((program) => program.name === name);
    if (found !== undefined) return found;
    const left = skipped.find((program) => program.name === name);
    if (left !== undefined) throw new AnyctxError("EINVAL", `program ${name} is not loaded: ${left.reason}`);
    throw new AnyctxError(
      "EINVAL",
      `there is no program ${name}, only ${programs.map((each) => each.name).join(", ")}`,
    );
  }
}

function bytesOf(value: Uint8Array | Uint8Array[] | undefined): Uint8Array {
  return (Array.isArray(value) ? value[0] : value) ?? new Uint8Array(0);
}
