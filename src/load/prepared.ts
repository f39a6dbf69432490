/**
 * A program that is run again and again by whatever happens on this thread: compiled, with its context and its event's record in place, so
 * that a run costs a few calls and no memory. It runs in whatever context the thread is in (`setContext`).
 */
import type { Arena } from "../arena/arena.ts";
import { checkFunction } from "../arguments.ts";
import { contextReads } from "../bpf/analysis/context-reads.ts";
import { FRAME_BYTES, MAX_FRAMES, type ProgramHost, type RunProgram } from "../bpf/host.ts";
import { compileProgram } from "../bpf/jit/compile.ts";
import { ARGUMENT_REGISTERS } from "../bpf/kernel/call.ts";
import { registerOffset } from "../bpf/programs/registers.ts";
import { programType } from "../bpf/programs/table.ts";
import { AnyctxError } from "../error.ts";
import { RECORD } from "../events/record.ts";
import { encodeUtf8 } from "../maps/codec/utf8.ts";
import { LAYOUT } from "../wasm/face.ts";
import { type Busy, busyOf } from "./busy.ts";
import { programHost } from "./host.ts";
import { instantiateImage, type LoadedObject, type ProgramImage } from "./load.ts";
import type { LoadedMap } from "./maps.ts";
import { type Section, sectionOf } from "./section.ts";
import { withTails } from "./tails.ts";

/** Where a prepared program's output goes; what nobody takes is lost, as in a kernel. */
export interface PreparedOutput {
  /** A line of `bpf_trace_printk`, with the program's name. */
  readonly print?: (line: string) => void;
  /** A record of `bpf_perf_event_output`, with the map's name. */
  readonly record?: (record: Uint8Array, map: string) => void;
}

export const OUTPUTS: readonly (keyof PreparedOutput)[] = ["print", "record"];

/** What an argument may be: see `docs/live.md`. */
export type LiveValue = unknown;

export interface RunCounts {
  /** Runs that came to an end. */
  readonly runs: number;
  /** Events that came while a program ran on this thread: none is entered in the middle of another. */
  readonly missed: number;
  /** Runs that were stopped, and what the first of them said. */
  readonly errors: number;
  readonly firstError: string | undefined;
}

const STACK_BYTES = FRAME_BYTES * MAX_FRAMES;
const WORD = 8;
/** Arguments of a typed program: functions have more than registers. */
const MOST_ARGUMENTS = 12;
/** Bytes of a text that is an argument, with its NUL. */
const TEXT_BYTES = 256;
const TWO_32 = 4294967296;
const NANOSECONDS = 1e6;
/** Helpers that ask for the time: ktime_get_ns, ktime_get_boot_ns, ktime_get_coarse_ns. */
const CLOCKS: readonly number[] = [5, 125, 160];

/** Where arguments lie in a program's context: of those that take registers, in those. */
function argumentOffsets(type: string): readonly number[] {
  if (type === "kprobe" || type === "perf_event") return ARGUMENT_REGISTERS.map(registerOffset);
  return Array.from({ length: MOST_ARGUMENTS }, (_, index) => index * WORD);
}

/**
 * What `TypedProgram.prepare` gives: whoever runs it puts arguments in place first.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { Arena } from "anyctx";
 * import { loadObject } from "anyctx/bpf";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const object = await loadObject(arena, await readFile("examples/bpf/latency.bpf.o"));
 * const program = object.programs["on_call"]?.prepare();
 * program?.setArgument(0, 7);
 * program?.run();
 * console.log(program?.runs, object.maps["began"]?.size); // 1 1
 * program?.close();
 * ```
 */
export class PreparedProgram implements RunCounts {
  readonly name: string;
  readonly type: string;
  readonly target: Readonly<Record<string, string>>;
  runs = 0;
  missed = 0;
  errors = 0;
  firstError: string | undefined;
  readonly #arena: Arena;
  readonly #busy: Busy;
  readonly #run: RunProgram;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #context: number;
  readonly #contextBytes: number;
  readonly #record: number;
  readonly #texts: number;
  readonly #stack: number;
  readonly #offsets: readonly number[];
  readonly #needsTime: boolean;
  readonly #section: Section;
  readonly #reads: readonly boolean[];
  /** Of its object, those that it uses: once one is gone, where it was may be another. */
  readonly #maps: readonly LoadedMap["map"][];
  readonly #whenClosed: (() => void)[] = [];
  #isClosed = false;

  /**
   * @param loaded its object: other programs for tail calls, maps for their names
   * @param task whose runs they are
   * @throws {AnyctxError} EINVAL: what is to take its output is no function; ENOMEM, and nothing is taken
   */
  constructor(
    arena: Arena,
    image: ProgramImage,
    { programs, maps }: Pick<LoadedObject, "programs" | "maps">,
    output: PreparedOutput,
    task: { readonly pid: number; readonly comm: string },
  ) {
    const { kind, linked, name } = image;
    for (const each of OUTPUTS) if (output[each] !== undefined) checkFunction(`program ${name}`, each, output[each]);
    const mapName = (address: number): string => maps.find(({ map }) => map.info.address === address)?.spec.name ?? "";
    this.name = name;
    this.type = kind.type;
    this.target = kind.target;
    this.#arena = arena;
    this.#busy = busyOf(arena);
    const plain = programHost(arena, (line) => output.print?.(line));
    const host: ProgramHost = { ...plain, output: (map, _, record) => output.record?.(record, mapName(map)) };
    this.#run = instantiateImage({ ...image, code: compileProgram(linked) }, withTails(host, programs));
    this.#section = sectionOf(arena.core, linked);
    this.#offsets = argumentOffsets(kind.type);
    this.#contextBytes = programType(kind).context.access?.bytes(kind.target) ?? MOST_ARGUMENTS * WORD;
    this.#maps = maps.flatMap(({ map }) =>
      linked.maps.some(({ address }) => address === map.info.address) ? [map] : [],
    );
    // In one piece: there is no room that is half taken.
    this.#stack = arena.allocate(STACK_BYTES + MOST_ARGUMENTS * TEXT_BYTES + RECORD.payload + this.#contextBytes);
    this.#texts = this.#stack + STACK_BYTES;
    this.#record = this.#texts + MOST_ARGUMENTS * TEXT_BYTES;
    this.#context = this.#record + RECORD.payload;
    this.#view = new DataView(arena.memory.buffer);
    this.#words = new Uint32Array(arena.memory.buffer);
    this.#needsTime = linked.helpers.some((id) => CLOCKS.includes(id));
    const reads = contextReads(linked);
    this.#reads = this.#offsets.map(
      (at) => reads?.some(({ offset, bytes }) => offset < at + WORD && at < offset + bytes) ?? true,
    );
    this.#writeRecord(task);
  }

  #writeRecord({ pid, comm }: { readonly pid: number; readonly comm: string }): void {
    const view = this.#view;
    for (const at of [RECORD.pidTgid, RECORD.pidTgid + 4, RECORD.pid]) view.setUint32(this.#record + at, pid, true);
    view.setUint32(this.#record + RECORD.size, RECORD.payload, true);
    view.setUint16(this.#record + RECORD.cpu, this.#arena.cpu, true);
    encodeUtf8(comm, new Uint8Array(view.buffer, this.#record + RECORD.comm, RECORD.size - RECORD.comm - 1));
  }

  /** Whether the program may read an argument: who has none that are read need not say any. */
  readsArgument(index: number): boolean {
    return this.#reads[index] ?? false;
  }

  /** Puts an argument in its place, if the program may read it. Those beyond the last place are left out; once it is closed, all. */
  setArgument(index: number, value: LiveValue): void {
    if (this.#reads[index] === true) this.#store(this.#offsets[index] as number, index, value);
  }

  /** Puts what a function returned in its place: behind its arguments, or in the register of results. */
  setReturned(parameters: number, value: LiveValue): void {
    if (this.type !== "kprobe") this.setArgument(parameters, value);
    else this.#store(registerOffset("ax"), MOST_ARGUMENTS - 1, value);
  }

  /** Of a sample: how much was counted since the last one, `sample_period`. */
  setPeriod(value: number): void {
    this.#store(this.#contextBytes - 2 * WORD, 0, value);
  }

  #store(offset: number, index: number, value: LiveValue): void {
    if (this.#isClosed || this.#arena.isDetached) return;
    const at = this.#context + offset;
    if (typeof value === "bigint") {
      this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
      return;
    }
    const number = typeof value === "string" ? this.#text(index, value) : numberOf(value);
    this.#view.setUint32(at, number, true);
    this.#view.setUint32(at + 4, Math.floor(number / TWO_32), true);
  }

  /** The address of a text, cut to the room that it has. */
  #text(index: number, text: string): number {
    const at = this.#texts + index * TEXT_BYTES;
    const room = new Uint8Array(this.#view.buffer, at, TEXT_BYTES);
    const bytes = encodeUtf8(text, room.subarray(0, TEXT_BYTES - 1));
    room[Math.min(bytes, TEXT_BYTES - 1)] = 0;
    return at;
  }

  /** Runs it on what was put in place. Never throws: what stopped it is counted. Once it is closed, nothing is. */
  run(): void {
    const arena = this.#arena;
    if (this.#isClosed || arena.isDetached) return;
    const busy = this.#busy;
    if (busy.running !== undefined) {
      this.missed++;
      return;
    }
    for (const map of this.#maps)
      if (!map.isOpen) {
        this.#fail(mapIsGone(map));
        return;
      }
    const { core } = arena;
    if (this.#needsTime) this.#writeTime();
    const area = core.currentArea() >>> 0;
    busy.running = this;
    core.setCurrentTask(this.#record);
    this.#section.enter();
    try {
      this.#run(this.#context, area, this.#stack + STACK_BYTES, this.#contextBytes);
      this.runs++;
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#section.leave();
      core.setCurrentTask(0);
      busy.running = undefined;
      // What it handed to user space may have closed it.
      if (this.#isClosed) this.#free();
      if (this.#words[(area + LAYOUT.CpuArea.work) >> 2] !== 0) core.interruptsCameOn();
    }
  }

  #fail(cause: unknown): void {
    if (!(cause instanceof AnyctxError)) throw cause;
    this.errors++;
    this.firstError ??= cause.message;
  }

  #writeTime(): void {
    const time = Math.round(performance.now() * NANOSECONDS);
    this.#view.setUint32(this.#record + RECORD.time, time, true);
    this.#view.setUint32(this.#record + RECORD.time + 4, Math.floor(time / TWO_32), true);
  }

  /** Whoever runs it is told when it closes. */
  whenClosed(listener: () => void): void {
    this.#whenClosed.push(listener);
  }

  /** It runs no more, and gives its memory back: in the middle of a run of its own behind that. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of this.#whenClosed) listener();
    if (this.#busy.running !== this) this.#free();
  }

  #free(): void {
    if (this.#arena.isDetached) return;
    this.#arena.core.freeBytes(this.#stack);
  }
}

function mapIsGone({ info }: LoadedMap["map"]): AnyctxError {
  return new AnyctxError("EBADF", `map ${info.name} has been closed or destroyed`);
}

/** Whole numbers are themselves, others are cut, what has a length is that, anything else is 0. */
function numberOf(value: unknown): number {
  if (typeof value === "number") return Number.isFinite(value) ? Math.trunc(value) : 0;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "object" || value === null) return 0;
  const length = "byteLength" in value ? value.byteLength : "length" in value ? value.length : 0;
  return typeof length === "number" ? length : 0;
}
