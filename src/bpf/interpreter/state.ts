/** What a run consists of, shared by the interpreter's parts. */
import { AnyctxError } from "../../error.ts";
import type { Helper } from "../helpers/helper.ts";
import type { KernelMemory, ProgramHost, TailCount } from "../host.ts";
import { type Instruction, REGISTERS } from "../isa/instructions.ts";
import type { LinkedMap, LinkedProgram } from "../linked.ts";
import type { Ranges } from "../ranges.ts";
import { instructionText } from "../where.ts";

/** Behind r10: where the old number of an atomic goes if nobody asks for it. */
export const NOWHERE: number = REGISTERS;
/** Where a program's constants are among the registers. */
export const FIRST_CONSTANT: number = NOWHERE + 1;

/** Carries out one instruction. @returns the one that comes next, `END` behind the program's last */
export type Step = (interpreter: Interpreter, state: RunState, instruction: Decoded) => Decoded;

/** Carries out an access at an address that is the run's. */
export type StepAt = (interpreter: Interpreter, state: RunState, instruction: Decoded, address: number) => Decoded;

/** An instruction with all that its execution needs. A class, because engines want objects of one shape. */
export class Decoded {
  readonly at: number;
  readonly step: Step;
  readonly helper: Helper | undefined;
  readonly dst: number;
  /** A register, or a constant: an immediate lies behind the registers, so that no step asks which of both it has. */
  readonly src: number;
  /** Where the low words of both are among a run's. */
  readonly to: number;
  readonly by: number;
  readonly offset: number;
  readonly imm: number;
  /** The instruction behind it, and the one that a branch or a call goes to. */
  next: Decoded = this;
  target: Decoded = this;

  constructor(at: number, { dst, src, offset, imm }: Operands, step: Step, helper?: Helper) {
    this.at = at;
    this.step = step;
    this.helper = helper;
    this.dst = dst;
    this.src = src;
    this.to = dst * 2;
    this.by = src * 2;
    this.offset = offset;
    this.imm = imm;
  }
}

type Operands = Pick<Instruction, "dst" | "src" | "offset" | "imm">;
const NO_OPERANDS: Operands = { dst: 0, src: 0, offset: 0, imm: 0 };

/** Has nothing to carry out: the program has ended with r0 as its result. */
export const END: Decoded = nothing(-1);

export interface Interpreter {
  readonly program: LinkedProgram;
  readonly host: ProgramHost;
  readonly code: readonly Decoded[];
  /** Immediates of the program, which every run has behind its registers. */
  readonly constants: BigUint64Array;
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
  readonly returnTo: Decoded;
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

/** One run. Only `next` and the registers are of interest outside; the rest is the interpreter's. */
export interface RunState {
  /** The instruction that it stands before. */
  next: Decoded;
  /** r0 to r10, a place for what nobody wants, constants. */
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
  left: number;
  /** Turns that the function may still take by `may_goto`. */
  turns: number;
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

function stopped({ program, options }: Interpreter): AnyctxError {
  const message = `program ${program.name} was stopped after ${options.budget} instructions: an endless loop?`;
  return new AnyctxError("ETIMEDOUT", message);
}

/**
 * Carries out instructions from one on until `END`. The way there is in a local variable: through the state each instruction would wait for the
 * one before to have written it.
 * @throws {AnyctxError} EFAULT for an access outside what was granted, ETIMEDOUT when the budget is used up
 */
export function runFrom(interpreter: Interpreter, state: RunState, from: Decoded): void {
  for (let instruction = from; instruction !== END; ) {
    if (state.left-- <= 0) throw stopped(interpreter);
    instruction = instruction.step(interpreter, state, instruction);
  }
}

/** Carries out the instruction that the run stands before. @throws {AnyctxError} as `runFrom` */
export function step(interpreter: Interpreter, state: RunState): void {
  if (state.left-- <= 0) throw stopped(interpreter);
  state.next = state.next.step(interpreter, state, state.next);
}

/** What stands where no instruction is: in the upper slot of a wide one, behind the last. */
export function nothing(at: number): Decoded {
  return new Decoded(at, NO_OPERANDS, (interpreter) => fault(interpreter, at, "there is no instruction"));
}

export function instructionAt(code: readonly Decoded[], slot: number): Decoded {
  return code[slot] ?? nothing(slot);
}

/** A call leaves zeroes in r1 to r5, so that no program comes to depend on a callee's leftovers. */
export function clearArguments(state: RunState): void {
  state.registers.fill(0n, 1, 6);
}
