/** What a run consists of, shared by the interpreter's parts. */
import { AnyctxError } from "../../error.ts";
import type { Helper } from "../helpers/table.ts";
import type { KernelMemory, ProgramHost } from "../host.ts";
import { instructionText, type LinkedMap, type LinkedProgram } from "../linked.ts";
import type { Ranges } from "./ranges.ts";

/** Carries out one instruction and moves `state.pc` on. */
export type Step = (interpreter: Interpreter, state: RunState, instruction: Decoded) => void;

/** An instruction with all that its execution needs. */
export interface Decoded {
  readonly at: number;
  readonly next: number;
  readonly target: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  /** Immediate sign-extended to 64 bits, unsigned; the whole constant of a wide load. */
  readonly imm: bigint;
  readonly helper: Helper | undefined;
  readonly step: Step;
}

export interface Interpreter {
  readonly program: LinkedProgram;
  readonly host: ProgramHost;
  readonly code: readonly (Decoded | undefined)[];
  readonly maps: ReadonlyMap<number, LinkedMap>;
  /** Where loads outside of what a run was granted go, of programs that follow the kernel's typed pointers. */
  readonly kernel: KernelMemory | undefined;
  readonly options: Required<InterpreterOptions>;
}

export interface InterpreterOptions {
  /** Instructions after which a run is stopped; Linux's verifier uses the same number. */
  readonly budget?: number;
}

export interface Frame {
  readonly returnTo: number;
  /** r6 to r10 of the caller. */
  readonly saved: readonly bigint[];
}

/** One run. Only `done` and the registers are of interest outside; the rest is the interpreter's. */
export interface RunState {
  readonly registers: BigUint64Array;
  readonly frames: Frame[];
  readonly ranges: Ranges;
  /** Addresses of records that are reserved and neither submitted nor discarded. */
  readonly records: Set<number>;
  readonly cpu: number;
  pc: number;
  left: number;
  done: boolean;
  readonly view: DataView;
  readonly words: Int32Array;
  readonly longs: BigInt64Array;
}

/** EFAULT with the program, the instruction's number and text, and its source line if known */
export function faultAt(interpreter: Interpreter, at: number, problem: string): AnyctxError {
  const { program } = interpreter;
  return new AnyctxError("EFAULT", `program ${program.name}, ${instructionText(program, at)}: ${problem}`);
}

/** @throws {AnyctxError} as `faultAt` makes it */
export function fault(interpreter: Interpreter, at: number, problem: string): never {
  throw faultAt(interpreter, at, problem);
}

/** The checked address of an access of `bytes` at `base + offset`. */
export function checkedAddress(
  interpreter: Interpreter,
  state: RunState,
  at: number,
  address: bigint,
  bytes: number,
  write: boolean,
): number {
  const exact = Number(address);
  if (address <= 0xffffffffn && state.ranges.allows(exact, bytes, write)) return exact;
  const what = address === 0n ? "a null pointer" : `address 0x${address.toString(16)}`;
  const verb = write ? "writes" : "reads";
  return fault(
    interpreter,
    at,
    `it ${verb} ${bytes} bytes at ${what}, which this run may not ${write ? "write" : "read"}`,
  );
}

/** A call leaves zeroes in r1 to r5, so that no program comes to depend on a callee's leftovers. */
export function clearArguments(state: RunState): void {
  state.registers.fill(0n, 1, 6);
}
