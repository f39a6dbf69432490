/** What a run consists of, shared by the interpreter's parts. */
import { AnyctxError } from "../../error.ts";
import type { Helper } from "../helpers/helper.ts";
import type { KernelMemory, ProgramHost, TailCount } from "../host.ts";
import type { LinkedMap, LinkedProgram } from "../linked.ts";
import type { Ranges } from "../ranges.ts";
import { instructionText } from "../where.ts";

/** Carries out one instruction and moves `state.pc` on. */
export type Step = (interpreter: Interpreter, state: RunState, instruction: Decoded) => void;

/** Carries out an access at an address that is the run's. */
export type StepAt = (interpreter: Interpreter, state: RunState, instruction: Decoded, address: number) => void;

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
  /** Its words. */
  readonly low: number;
  readonly high: number;
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
  readonly options: Required<Pick<InterpreterOptions, "budget">> & InterpreterOptions;
}

export interface InterpreterOptions {
  /** Instructions after which a run is stopped; Linux's verifier uses the same number. */
  readonly budget?: number;
  /** Is shown each run before each of its instructions. */
  readonly watch?: (interpreter: Interpreter, state: RunState) => void;
  /** Is told of each read in the context, by the program or by what it calls. @param offset from the context's first byte */
  readonly reads?: (offset: number, bytes: number) => void;
}

export interface Frame {
  readonly returnTo: number;
  /** r6 to r10 of the caller. */
  readonly saved: readonly bigint[];
  /** The caller's. */
  readonly turns: number;
}

/** What a run has to give back. */
export interface Held {
  /** As in `it ends with a record that is neither submitted nor discarded`. */
  readonly what: string;
  readonly giveUp: () => void;
  /** How often it is held. */
  count: number;
}

/** One run. Only `done` and the registers are of interest outside; the rest is the interpreter's. */
export interface RunState {
  readonly registers: BigUint64Array;
  /** The same as words, the low one of each register first. */
  readonly halves: Int32Array;
  readonly frames: Frame[];
  readonly ranges: Ranges;
  /** Maps that lookups in maps of maps have given, by their addresses. */
  readonly innerMaps: Map<number, LinkedMap>;
  /** By address, what is to be given back before the run ends: records that are reserved, locks. */
  readonly held: Map<number, Held>;
  readonly cpu: number;
  readonly context: number;
  /** Tail calls, of the programs that have gone on in this one too. */
  readonly tails: TailCount;
  pc: number;
  left: number;
  /** Turns that the function may still take by `may_goto`. */
  turns: number;
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
  if (address <= 0xffffffffn && state.ranges.allows(exact, bytes, write)) {
    if (!write) interpreter.options.reads?.(exact - state.context, bytes);
    return exact;
  }
  const what = address === 0n ? "a null pointer" : `address 0x${address.toString(16)}`;
  const verb = write ? "writes" : "reads";
  return fault(
    interpreter,
    at,
    `it ${verb} ${bytes} bytes at ${what}, which this run may not ${write ? "write" : "read"}`,
  );
}

/**
 * Carries out the instruction at `state.pc`; `state.done` says whether the program has ended with r0 as its result.
 * @throws {AnyctxError} EFAULT for an access outside what was granted, ETIMEDOUT when the budget is used up
 */
export function step(interpreter: Interpreter, state: RunState): void {
  const instruction = interpreter.code[state.pc];
  if (instruction === undefined) throw faultAt(interpreter, state.pc, "there is no instruction");
  if (state.left-- <= 0) {
    const { budget } = interpreter.options;
    const message = `program ${interpreter.program.name} was stopped after ${budget} instructions: an endless loop?`;
    throw new AnyctxError("ETIMEDOUT", message);
  }
  instruction.step(interpreter, state, instruction);
}

/** A call leaves zeroes in r1 to r5, so that no program comes to depend on a callee's leftovers. */
export function clearArguments(state: RunState): void {
  state.registers.fill(0n, 1, 6);
}
