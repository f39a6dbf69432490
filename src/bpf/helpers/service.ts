/**
 * Helpers that are carried out in TypeScript. Such a function is given the call as it sees it, by the interpreter or by a
 * compiled program, and does the same in both.
 */
import type { MapKind } from "../../maps/kinds.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import { type CoreFunction, hostAnswer, type ProgramHost } from "../host.ts";
import type { LinkedMap, LinkedProgram } from "../linked.ts";

/** A parameter or an answer, as the helper's signature has it: an i32 is a number, an i64 a bigint. */
export type Argument = number | bigint;

/** Carries a helper out. @returns r0, as the row's `result` says */
export type Service = (call: ServiceCall, ...args: never[]) => Argument;

export interface ServiceCall {
  /** The helper's name. */
  readonly name: string;
  readonly host: ProgramHost;
  readonly program: LinkedProgram;
  /** Addresses of the current CPU's area and of the program's context. */
  readonly cpu: number;
  readonly context: number;
  /** The program's memory. */
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** The map at an address that the call was given. */
  mapAt(address: number): LinkedMap;
  /** Calls one of the program's functions, by the slot of its first instruction, with r1 and so on. @returns r0 */
  callback(slot: bigint, ...args: readonly bigint[]): bigint;
  /** The run may use this memory from now on; what it may use already stays as it is. */
  grant(address: number, bytes: number, writable: boolean): void;
  /** It may not any more. */
  revoke(address: number): void;
  /** Something is to be given back before the run ends, as often as it is held: if it is not, it is given up then, and the run counts as stopped. */
  hold(address: number, what: string, giveUp: () => void): void;
  /** What it holds that begins at this address or last before it. */
  heldAround(address: number): number | undefined;
  /** It is given back. False: the run does not hold it. */
  release(address: number): boolean;
  /** Stops the run. @throws {AnyctxError} EFAULT with the instruction */
  fail(problem: string): never;
}

/** What the helper asks for is in no event: the host's answer, or the run is stopped. */
export function answerOf(call: ServiceCall, what: string): bigint {
  const { host, name } = call;
  return hostAnswer(host, name, []) ?? call.fail(`${name} asks for ${what}, which nobody says`);
}

/** How a helper is carried out in TypeScript, or what it asks for that is not known. */
type Served = { readonly type: "service"; readonly run: Service } | { readonly type: "unknown"; readonly what: string };

export function performService(call: ServiceCall, action: Served, args: readonly Argument[]): Argument {
  if (action.type === "unknown") return answerOf(call, action.what);
  // Registers have no sign: whoever takes one as signed says so.
  const unsigned = args.map((arg) => (typeof arg === "number" ? arg >>> 0 : BigInt.asUintN(64, arg)));
  try {
    return action.run(call, ...(unsigned as never[]));
  } catch (cause) {
    // Of a program that nobody has verified: what it keeps in a list's head may lead anywhere.
    if (cause instanceof RangeError)
      return call.fail(`${call.name} goes to memory that does not exist: ${cause.message}`);
    throw cause;
  }
}

/** Lends the helper zeroed memory for as long as `act` takes. The run is stopped where there is none. */
export function withRoom<Result>(call: ServiceCall, bytes: number, act: (room: number) => Result): Result {
  const { allocateBytes, freeBytes } = call.host.core;
  // What is no address is an errno.
  const room = Number(allocateBytes?.(bytes) ?? 0) >>> 0;
  if (room < CONSTANTS.SUPERBLOCK)
    return call.fail(`there is no memory for the ${bytes} bytes that ${call.name} needs`);
  try {
    return act(room);
  } finally {
    call.revoke(room);
    freeBytes?.(room);
  }
}

/** An object from an allocator of the arena's; 0 where there is no memory. */
export function allocateObject({ host, bytes }: ServiceCall, allocator: number, size: number): number {
  const found = Number(host.core["objectAllocate"]?.(allocator, size, 0) ?? 0) >>> 0;
  // An errno is a number below 0, which is one above all memory here.
  return found < CONSTANTS.SUPERBLOCK || found >= bytes.length ? 0 : found;
}

/** The function of the core by which a program does something with a map. The run is stopped where its kind has none. */
export function mapFunction(
  call: ServiceCall,
  { name, kind }: LinkedMap,
  role: keyof MapKind["program"],
): CoreFunction {
  const callee = kind.program[role] ?? call.fail(`a program cannot ${role} entries of map ${name} (${kind.type})`);
  return coreFunction(call, callee);
}

export function coreFunction(call: ServiceCall, name: string): CoreFunction {
  return call.host.core[name] ?? call.fail(`the core has no function ${name}`);
}

/** Thrown through a whole run, which ends with this in r0: `bpf_throw`. */
export class ProgramExit extends Error {
  readonly result: bigint;

  constructor(result: bigint) {
    super("a program ended itself");
    this.result = result;
  }
}

/** The last of some addresses that is not beyond another. */
export function heldAround(held: Iterable<number>, address: number): number | undefined {
  let found: number | undefined;
  for (const each of held) if (each <= address && (found === undefined || each > found)) found = each;
  return found;
}

/** Number of the CPU that a run is on. */
export function cpuNumber({ view, cpu, host }: ServiceCall): number {
  return view.getUint32(cpu + host.layout.id, true);
}

/** Address of the event record that a run is on. */
export function recordOf({ view, cpu, host }: ServiceCall): number {
  return view.getUint32(cpu + host.layout.task, true);
}
