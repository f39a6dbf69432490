/** A compiled program in a thread: its imports bound to its host on that thread. */
import { AnyctxError } from "../../error.ts";
import { signatureOf } from "../helpers/helper.ts";
import { loadFromPacket } from "../helpers/packet-load.ts";
import { CALLBACK } from "../helpers/parameters/callback.ts";
import { type Argument, heldAround, ProgramExit, performService, type ServiceCall } from "../helpers/service.ts";
import { helperById } from "../helpers/table.ts";
import { MOST_TAIL_CALLS, tailTarget } from "../helpers/tail.ts";
import type { ProgramHost, RunProgram, TailCount } from "../host.ts";
import type { LinkedMap, LinkedProgram } from "../linked.ts";
import { payloadBytesAt } from "../programs/context.ts";
import { firstRanges, type Ranges } from "../ranges.ts";
import { instructionText } from "../where.ts";
import { type CompiledProgram, callbackExport, ENTRY, HOST, LAYOUT_FIELDS } from "./compile.ts";
import { OUT_OF_BUDGET } from "./emitter.ts";
import { BACKWARD_JUMPS } from "./function.ts";

/** The run that is under way: one at a time on a thread, but for those that have gone on in another program. */
class Running {
  readonly program: LinkedProgram;
  readonly host: ProgramHost;
  exports: Exports = {};
  cpu = 0;
  context = 0;
  contextBytes = 0;
  tails: TailCount = { made: 0 };
  /** Where the frame of a function that is called back begins. */
  frame = 0;
  tailResult = 0n;
  readonly held = new Map<number, (() => void)[]>();
  /** Where the run may write to, of a program that asks. */
  ranges: Ranges | undefined;
  /** What that is from its beginning on. */
  readonly #firstRanges: ReturnType<typeof firstRanges> | undefined;
  #view: DataView;
  #bytes: Uint8Array;

  constructor({ program, confined }: CompiledProgram, host: ProgramHost) {
    this.program = program;
    this.#firstRanges = confined ? firstRanges(program) : undefined;
    this.host = host;
    this.#view = new DataView(host.memory.buffer);
    this.#bytes = new Uint8Array(host.memory.buffer);
  }

  get view(): DataView {
    if (this.#view.buffer !== this.host.memory.buffer) this.#view = new DataView(this.host.memory.buffer);
    return this.#view;
  }

  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.host.memory.buffer) this.#bytes = new Uint8Array(this.host.memory.buffer);
    return this.#bytes;
  }

  run(context: number, cpu: number, stackTop: number, contextBytes: number | undefined, tails: TailCount): bigint {
    const before = [this.context, this.cpu, this.tails, this.contextBytes] as const;
    [this.context, this.cpu, this.tails] = [context, cpu, tails];
    this.contextBytes = contextBytes ?? payloadBytesAt(this.view, this.host, context, cpu);
    const ranges = this.ranges;
    this.ranges = this.#firstRanges?.(this.view, { context, stackTop, bytes: this.contextBytes });
    try {
      return BigInt.asUintN(64, this.exports[ENTRY]?.(context, cpu, stackTop, this.contextBytes) ?? 0n);
    } catch (cause) {
      if (cause instanceof ProgramExit) return this.#ended(cause, cpu, stackTop);
      throw explain(this.program, cause);
    } finally {
      for (const each of this.held.values()) for (const giveUp of each) giveUp();
      this.held.clear();
      this.ranges = ranges;
      [this.context, this.cpu, this.tails, this.contextBytes] = before;
    }
  }

  /** The program has ended itself: what it returns its function for that makes of the number, where there is one. */
  #ended({ result }: ProgramExit, cpu: number, stackTop: number): bigint {
    const { exception } = this.program;
    const called = exception === undefined ? undefined : this.exports[callbackExport(exception)];
    if (called === undefined) return result;
    try {
      return BigInt.asUintN(64, called(BigInt.asIntN(64, result), 0n, 0n, 0n, 0n, cpu, stackTop));
    } catch (cause) {
      if (cause instanceof ProgramExit) return cause.result;
      throw explain(this.program, cause);
    }
  }

  tail(address: number, index: bigint, stackTop: number): number {
    const map = this.program.maps.find((each) => each.address === address);
    const target =
      map === undefined || this.tails.made >= MOST_TAIL_CALLS ? undefined : tailTarget(this.host, map, index);
    if (target === undefined) return 0;
    this.tails.made++;
    this.tailResult = target(this.context, this.cpu, stackTop, this.contextBytes, this.tails);
    return 1;
  }
}

/** A helper's call in a compiled program: what lies in memory is checked by the code around it, and what is granted by nobody. */
class CompiledCall implements ServiceCall {
  readonly name: string;
  readonly #running: Running;

  constructor(running: Running, name: string) {
    this.#running = running;
    this.name = name;
  }

  get host(): ProgramHost {
    return this.#running.host;
  }

  get program(): LinkedProgram {
    return this.#running.program;
  }

  get cpu(): number {
    return this.#running.cpu;
  }

  get context(): number {
    return this.#running.context;
  }

  get view(): DataView {
    return this.#running.view;
  }

  get bytes(): Uint8Array {
    return this.#running.bytes;
  }

  mapAt(address: number): LinkedMap {
    return this.program.maps.find((map) => map.address === address >>> 0) ?? this.fail("there is no such map");
  }

  callback(slot: bigint, ...args: readonly bigint[]): bigint {
    const { exports, frame, cpu } = this.#running;
    const called = exports[callbackExport(Number(slot))];
    if (called === undefined) return this.fail("there is no such function");
    const registers = Array.from({ length: 5 }, (_, index) => BigInt.asIntN(64, args[index] ?? 0n));
    return BigInt.asUintN(64, called(...registers, cpu, frame));
  }

  grant(address: number, bytes: number, writable: boolean): void {
    if (writable) this.#running.ranges?.grant(address, bytes, true);
  }

  revoke(address: number): void {
    this.#running.ranges?.revoke(address);
  }

  hold(address: number, _: string, giveUp: () => void): void {
    const { held } = this.#running;
    held.set(address, [...(held.get(address) ?? []), giveUp]);
  }

  release(address: number): boolean {
    const { held } = this.#running;
    const [, ...rest] = held.get(address) ?? [];
    if (!held.has(address)) return false;
    if (rest.length === 0) held.delete(address);
    else held.set(address, rest);
    return true;
  }

  heldAround(address: number): number | undefined {
    return heldAround(this.#running.held.keys(), address);
  }

  fail(problem: string): never {
    throw new AnyctxError("EFAULT", `program ${this.program.name}, ${this.name}: ${problem}`);
  }
}

/** What the module calls when a check failed. */
function fail(program: LinkedProgram, instruction: number): never {
  const name = `program ${program.name}`;
  if (instruction === OUT_OF_BUDGET)
    throw new AnyctxError("ETIMEDOUT", `${name} was stopped after ${BACKWARD_JUMPS} backward jumps: an endless loop?`);
  const problem = "it uses a pointer to memory it may not touch, or a map or a size that is none";
  throw new AnyctxError("EFAULT", `${name}, ${instructionText(program, instruction)}: ${problem}`);
}

/** What the run threw: our own errors as they are, WebAssembly's traps with the program's name. */
function explain(program: LinkedProgram, cause: unknown): unknown {
  if (!(cause instanceof WebAssembly.RuntimeError)) return cause;
  const message = `program ${program.name} touched memory that does not exist: ${cause.message}`;
  return new AnyctxError("EFAULT", message, { cause });
}

type Exports = Readonly<Record<string, (...args: Argument[]) => bigint>>;

function instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports, program: LinkedProgram): Exports {
  try {
    return new WebAssembly.Instance(module, imports).exports as Exports;
  } catch (cause) {
    // A memory that is not shared, or a core of another version whose functions have other types.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AnyctxError("UNSUPPORTED", `program ${program.name} does not fit this host: ${why}`, { cause });
  }
}

/**
 * Binds a compiled program to a host.
 *
 * The returned function throws AnyctxError: EFAULT where a check or WebAssembly itself stopped an access, ETIMEDOUT for
 * an endless loop.
 *
 * @throws {AnyctxError} UNSUPPORTED when the core lacks a function the program needs, or the memory is of another kind
 */
export function instantiateProgram(compiled: CompiledProgram, host: ProgramHost): RunProgram {
  const { module, program } = compiled;
  const missing = WebAssembly.Module.imports(module).find(
    (row) => row.module === "core" && typeof host.core[row.name] !== "function",
  );
  if (missing !== undefined)
    throw new AnyctxError("UNSUPPORTED", `program ${program.name} needs ${missing.name}, which the core does not have`);
  const running = new Running(compiled, host);
  const layout = Object.fromEntries(LAYOUT_FIELDS.map((field) => [field, host.layout[field]]));
  const services = Object.fromEntries(program.helpers.flatMap((id) => serviceOf(running, id)));
  const functions = {
    [HOST.fail]: (instruction: number) => fail(program, instruction),
    [HOST.tail]: (map: number, index: bigint, stackTop: number) => running.tail(map >>> 0, index, stackTop >>> 0),
    [HOST.confine]: (at: number, bytes: number) =>
      running.ranges?.allows(at >>> 0, bytes >>> 0, true) === false ? 1 : 0,
    [HOST.grant]: (at: number, bytes: number) => {
      if (at !== 0) running.ranges?.grant(at >>> 0, bytes >>> 0, true);
    },
    [HOST.packet]: (offset: number, bytes: number) =>
      BigInt(loadFromPacket(new CompiledCall(running, "a load"), offset, bytes) ?? -1),
    [HOST.tailResult]: () => BigInt.asIntN(64, running.tailResult),
  };
  const imports = { env: { memory: host.memory }, layout, core: host.core, host: functions, service: services };
  running.exports = instantiate(module, imports, program);
  return (context, cpu, stackTop, bytes, tails = { made: 0 }) => running.run(context, cpu, stackTop, bytes, tails);
}

/** A helper that is carried out in TypeScript, as the module imports it. */
function serviceOf(running: Running, id: number): [string, (...args: Argument[]) => Argument][] {
  const helper = helperById(id);
  if (helper === undefined) return [];
  const { action, name } = helper;
  if (action.type !== "service" && action.type !== "unknown") return [];
  const call = new CompiledCall(running, name);
  const callsBack = helper.parameters.includes(CALLBACK);
  const perform = (...args: Argument[]): Argument => {
    if (!callsBack) return performService(call, action, args);
    const below = running.frame;
    running.frame = Number(args.pop()) >>> 0;
    try {
      return performService(call, action, args);
    } finally {
      running.frame = below;
    }
  };
  const answer: (result: Argument) => Argument = signatureOf(helper).results[0] === "i64" ? BigInt : Number;
  return [[name, (...passed) => answer(perform(...passed))]];
}
