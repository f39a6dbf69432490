/**
 * Running programs directly: one at a time, on what is given, without a source of events. Each run is interpreted, with every
 * access checked; maps and variables stay from one to the next.
 */
import type { Arena } from "../arena/arena.ts";
import { type CoreFunction, FRAME_BYTES, type KernelMemory, MAX_FRAMES, type ProgramHost } from "../bpf/host.ts";
import { setVariable } from "../bpf/object/spec.ts";
import type { DirectInput } from "../bpf/programs/program-type.ts";
import { programType } from "../bpf/programs/table.ts";
import { AnyctxError } from "../error.ts";
import { LEVELS, type Level, RECORD } from "../events/record.ts";
import { encodeUtf8 } from "../maps/utf8.ts";
import { programHost } from "./host.ts";
import { instantiateImage, type LoadedObject, type ProgramImage } from "./load.ts";

/** Whose run it is. */
export interface DirectTask {
  readonly pid?: number;
  readonly tgid?: number;
  readonly comm?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface DirectRun extends DirectInput {
  readonly program: string;
  readonly level?: Level | undefined;
  readonly cpu?: number | undefined;
  /** Nanoseconds; as the last run's if not given. */
  readonly time?: bigint | undefined;
  readonly task?: DirectTask | undefined;
  /** The kernel's memory: bytes by address. */
  readonly memory?: ReadonlyMap<bigint, Uint8Array> | undefined;
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

/** Regions that are read as a whole or not at all: an access that leaves one finds nothing. */
class Regions implements KernelMemory {
  regions: ReadonlyMap<bigint, Uint8Array> = new Map();

  read(address: bigint, bytes: number): Uint8Array | undefined {
    for (const [start, region] of this.regions) {
      const from = address - start;
      if (from >= 0n && from + BigInt(bytes) <= BigInt(region.length))
        return region.slice(Number(from), Number(from) + bytes);
    }
    return undefined;
  }

  /** The bytes of a text with its NUL, or up to the region's end. */
  readText(address: bigint, most: number): Uint8Array | undefined {
    for (const [start, region] of this.regions) {
      const from = address - start;
      if (from < 0n || from >= BigInt(region.length)) continue;
      const text = region.subarray(Number(from), Number(from) + most);
      const end = text.indexOf(0);
      return end < 0 ? text : text.subarray(0, end + 1);
    }
    return undefined;
  }
}

/** As bpf_probe_read_kernel and bpf_probe_read_kernel_str, of memory that is given; of anything else as the core does it. */
function probes(arena: Arena, kernel: Regions): Readonly<Record<string, CoreFunction>> {
  const { core } = arena;
  const place = (at: number, size: number): Uint8Array => new Uint8Array(arena.memory.buffer, at, size);
  return {
    probeRead(destination, size, source) {
      const found = kernel.read(BigInt.asUintN(64, BigInt(source ?? 0)), Number(size));
      if (found === undefined) return core.probeRead(Number(destination), Number(size), BigInt(source ?? 0));
      place(Number(destination), Number(size)).set(found);
      return 0;
    },
    probeReadString(destination, size, source) {
      const most = Number(size);
      const found = kernel.readText(BigInt.asUintN(64, BigInt(source ?? 0)), most);
      if (found === undefined || most === 0)
        return core.probeReadString(Number(destination), most, BigInt(source ?? 0));
      const target = place(Number(destination), most);
      target.set(found);
      // Cut to the room there is, a text still ends.
      if (found.length === most) target[most - 1] = 0;
      return found.length;
    },
  };
}

export class DirectRuns {
  readonly #arena: Arena;
  readonly #loaded: LoadedObject;
  readonly #kernel = new Regions();
  readonly #host: ProgramHost;
  readonly #stack: number;
  #printed: string[] = [];
  #records = new Map<string, Uint8Array[]>();
  /** Virtual time, in nanoseconds. */
  #time = 0n;

  /** @param loaded with the engine `interpreter` */
  constructor(arena: Arena, loaded: LoadedObject) {
    this.#arena = arena;
    this.#loaded = loaded;
    this.#stack = arena.allocate(STACK_BYTES);
    const host = programHost(arena, (line) => this.#printed.push(line));
    this.#host = {
      ...{ ...host, kernel: this.#kernel, core: { ...host.core, ...probes(arena, this.#kernel) } },
      output: (map, _, record) => this.#keep(map, record),
    };
  }

  #keep(address: number, record: Uint8Array): void {
    const name = this.#loaded.maps.find(({ map }) => map.info.address === address)?.spec.name ?? "";
    this.#records.set(name, [...(this.#records.get(name) ?? []), record]);
  }

  /** Lets time pass; what was put off runs. */
  advance(nanoseconds: bigint): void {
    this.#time += nanoseconds;
    this.#arena.settle();
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
   * @throws {AnyctxError} EINVAL: there is no such program, or no context can be made of what is given
   */
  run(given: DirectRun): DirectResult {
    const { program, cpu = 0, level = "task", memory = new Map(), task = {} } = given;
    const image = this.#imageOf(program);
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= this.#arena.cpus)
      throw new AnyctxError("EINVAL", `There are ${this.#arena.cpus} CPUs, not ${cpu + 1}`);
    if (given.time !== undefined) this.#time = given.time;
    const { context: input, packet, args, returned, registers } = given;
    const context = programType(image.kind).context.direct({ context: input, packet, args, returned, registers });
    this.#kernel.regions = memory;
    this.#printed = [];
    this.#records = new Map();
    const before = this.#arena.cpu;
    this.#arena.switchCpu(cpu);
    const [room, record] = [this.#arena.allocate(Math.max(context.bytes, 8)), this.#record(task, cpu, level)];
    const target = new Uint8Array(this.#arena.memory.buffer, room, context.bytes);
    try {
      context.write(target, room);
      const { result, error } = this.#interpret(image, {
        room,
        record,
        level,
        bytes: context.own,
      });
      const after = packet === undefined ? undefined : context.packet?.(target, room);
      return { result, error, printed: this.#printed, packet: after, records: this.#records };
    } finally {
      for (const address of [room, record]) this.#arena.core.freeBytes(address);
      this.#arena.switchCpu(before);
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

  /** An event record without a payload: whose run it is, and when. */
  #record({ pid = 0, tgid = pid, comm = "", uid = 0, gid = 0 }: DirectTask, cpu: number, level: Level): number {
    const at = this.#arena.allocate(RECORD.payload);
    const view = new DataView(this.#arena.memory.buffer, at, RECORD.payload);
    view.setBigUint64(RECORD.time, BigInt.asUintN(64, this.#time), true);
    view.setUint32(RECORD.pidTgid, pid, true);
    view.setUint32(RECORD.pidTgid + 4, tgid, true);
    view.setUint32(RECORD.uidGid, uid, true);
    view.setUint32(RECORD.uidGid + 4, gid, true);
    encodeUtf8(comm, new Uint8Array(view.buffer, at + RECORD.comm, RECORD.size - RECORD.comm - 1));
    view.setUint32(RECORD.size, RECORD.payload, true);
    view.setUint16(RECORD.cpu, cpu, true);
    view.setUint8(RECORD.level, LEVELS.indexOf(level));
    view.setInt32(RECORD.pid, pid, true);
    return at;
  }

  #interpret(
    image: ProgramImage,
    { room, record, level, bytes }: { room: number; record: number; level: Level; bytes: number },
  ): Pick<DirectResult, "result" | "error"> {
    const { core } = this.#arena;
    const run = instantiateImage(image, this.#host);
    core.contextSet(LEVELS.indexOf(level), 0);
    core.setCurrentTask(record);
    core.readEnter();
    try {
      const result = run(room, core.currentArea() >>> 0, this.#stack + STACK_BYTES, bytes);
      return { result: BigInt.asIntN(64, result), error: undefined };
    } catch (cause) {
      if (!(cause instanceof AnyctxError)) throw cause;
      return { result: undefined, error: cause.message };
    } finally {
      core.readLeave();
      core.setCurrentTask(0);
      core.contextSet(0, 0);
      this.#arena.settle();
    }
  }
}

function bytesOf(value: Uint8Array | Uint8Array[] | undefined): Uint8Array {
  return (Array.isArray(value) ? value[0] : value) ?? new Uint8Array(0);
}
