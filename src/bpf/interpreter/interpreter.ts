/**
 * The reference interpreter: what a program does, instruction by instruction, with every access checked against what
 * this run was granted. The JIT is held to its results, and what it does on words (halves.ts) to the operations' meaning.
 *
 * A run is a plain state object and `step` carries out one instruction of it, so that a simulator can stop between any
 * two and switch to another run.
 */
import { edgeOf } from "../analysis/edges.ts";
import { ProgramExit } from "../helpers/service.ts";
import { helperById } from "../helpers/table.ts";
import { FRAME_BYTES, type ProgramHost, type RunProgram, type TailCount } from "../host.ts";
import {
  type Effect,
  FRAME_POINTER,
  type Instruction,
  isWide,
  MOST_TURNS,
  operationOf,
  wideImmediate,
} from "../isa/instructions.ts";
import type { Belief, LinkedProgram } from "../linked.ts";
import { payloadBytesAt } from "../programs/context.ts";
import { programType } from "../programs/table.ts";
import { grantPacket, Ranges } from "../ranges.ts";
import { arenaStep } from "./arena.ts";
import { beliefsBySlot, compareBeliefs } from "./beliefs.ts";
import { narrowStoreStep } from "./narrow-store.ts";
import {
  Decoded,
  END,
  FIRST_CONSTANT,
  type Interpreter,
  type InterpreterOptions,
  instructionAt,
  nothing,
  type RunState,
  runFrom,
  type Step,
  step,
} from "./state.ts";
import { HANDLERS } from "./steps.ts";

export const DEFAULT_BUDGET = 1_000_000;

/** A step before which what was believed is compared. */
function believing(beliefs: readonly Belief[], step: Step): Step {
  return (interpreter, state, instruction) => {
    compareBeliefs(interpreter, state, instruction.at, beliefs);
    return step(interpreter, state, instruction);
  };
}

/** The constant that an instruction has instead of a register; a function's address is the slot of its first instruction. */
function constantOf(
  effect: Effect,
  slot: Instruction,
  tail: Instruction | undefined,
  target: number,
): bigint | undefined {
  if (effect.type === "constant") {
    if (effect.holds === "function") return BigInt(target);
    return tail === undefined ? undefined : wideImmediate(slot, tail);
  }
  const isImmediate = "operand" in effect && effect.operand === "imm";
  return isImmediate ? BigInt.asUintN(64, BigInt(slot.imm)) : undefined;
}

type Code = Pick<Interpreter, "code" | "constants">;

/** Decodes a program's slots one by one, then links each instruction to those that it goes to. */
function decode(program: LinkedProgram): Code {
  const { instructions } = program;
  const bySlot = beliefsBySlot(program);
  const registerOf = new Map<bigint, number>();
  const links: (readonly [instruction: Decoded, next: number, target: number])[] = [];
  const code = instructions.map((slot, at): Decoded => {
    const operation = operationOf(slot);
    if (operation === undefined) return nothing(at);
    const { effect } = operation;
    const plain = HANDLERS[effect.type](effect as never);
    const step = arenaStep(program.arena, at, effect, plain) ?? narrowStoreStep(program, slot, plain) ?? plain;
    const beliefs = bySlot.get(at);
    const tail = isWide(slot) ? instructions[at + 1] : undefined;
    const target = edgeOf(effect, slot, at)?.target ?? -1;
    const constant = constantOf(effect, slot, tail, target);
    const src = constant === undefined ? slot.src : registerOfConstant(registerOf, constant);
    const helper = effect.type === "call" && effect.target === "helper" ? helperById(slot.imm) : undefined;
    const stepOf = beliefs === undefined ? step : believing(beliefs, step);
    const decoded = new Decoded(at, { ...slot, src }, stepOf, helper);
    links.push([decoded, at + (isWide(slot) ? 2 : 1), target]);
    return decoded;
  });
  for (const [decoded, next, target] of links) {
    decoded.next = instructionAt(code, next);
    decoded.target = instructionAt(code, target);
  }
  return { code, constants: BigUint64Array.from(registerOf.keys()) };
}

function registerOfConstant(registerOf: Map<bigint, number>, constant: bigint): number {
  const found = registerOf.get(constant) ?? FIRST_CONSTANT + registerOf.size;
  registerOf.set(constant, found);
  return found;
}

const LEADS_THERE: ReadonlySet<string | undefined> = new Set(["anywhere", "kernel"]);

/** Whether addresses of the kernel's memory come into a program: with its context, or from what it calls. */
export function readsKernel({ kind, helpers }: LinkedProgram): boolean {
  const follows = !("reason" in kind) && programType(kind).followsPointers === true;
  return follows || helpers.some((id) => LEADS_THERE.has(helperById(id)?.leads?.type));
}

/** Prepares a program for any number of runs. */
export function prepare(program: LinkedProgram, host: ProgramHost, options: InterpreterOptions = {}): Interpreter {
  return {
    program,
    host,
    ...decode(program),
    maps: new Map(program.maps.map((map) => [map.address, map])),
    kernel: readsKernel(program) ? host.kernel : undefined,
    options: { ...options, budget: options.budget ?? DEFAULT_BUDGET },
  };
}

/** The state of a run that has not begun. Parameters as for `RunProgram`. */
export function start(
  interpreter: Interpreter,
  context: number,
  cpu: number,
  stackTop: number,
  contextBytes?: number,
  tails: TailCount = { made: 0 },
): RunState {
  const { buffer } = interpreter.host.memory;
  const view = new DataView(buffer);
  const ranges = new Ranges();
  for (const map of interpreter.program.maps)
    if (map.direct) ranges.grant(map.firstValue, map.valueSize, !map.readOnly);
  ranges.grant(context, contextBytes ?? payloadBytesAt(view, interpreter.host, context, cpu), true);
  const { kind } = interpreter.program;
  const packet = "reason" in kind ? undefined : programType(kind).packet;
  if (packet !== undefined) grantPacket(ranges, view, context, packet);
  ranges.grant(stackTop - FRAME_BYTES, FRAME_BYTES, true);
  const registers = new BigUint64Array(FIRST_CONSTANT + interpreter.constants.length);
  registers.set(interpreter.constants, FIRST_CONSTANT);
  registers[1] = BigInt(context);
  registers[FRAME_POINTER] = BigInt(stackTop);
  return {
    next: instructionAt(interpreter.code, 0),
    registers,
    halves: new Int32Array(registers.buffer),
    frames: [],
    ranges,
    innerMaps: new Map(),
    held: new Map(),
    ...{ cpu, context, tails },
    left: interpreter.options.budget,
    turns: MOST_TURNS,
    view,
    words: new Int32Array(buffer),
    longs: new BigInt64Array(buffer),
  };
}

/** A record that nobody gives back would keep the consumer from all behind it, a lock everybody else. */
function giveUpHeld({ held }: RunState): void {
  for (const { giveUp, count } of held.values()) for (let left = count; left > 0; left--) giveUp();
}

/** A function of a program that is called by nobody of its own: r1 and so on, and memory that it may use. */
export interface FunctionCall {
  readonly slot: number;
  readonly args: readonly bigint[];
  readonly memory: readonly { readonly address: number; readonly bytes: number; readonly writable: boolean }[];
  /** As for `RunProgram`. */
  readonly cpu: number;
  readonly stackTop: number;
}

/** Runs one function of a program once, as a timer does. @returns r0 @throws {AnyctxError} as `RunProgram` */
export function runFunction(program: LinkedProgram, host: ProgramHost, call: FunctionCall): bigint {
  const interpreter = prepare(program, host);
  const state = start(interpreter, 0, call.cpu, call.stackTop, 0);
  for (const { address, bytes, writable } of call.memory) state.ranges.grant(address, bytes, writable);
  for (const [index, arg] of call.args.entries()) state.registers[index + 1] = arg;
  state.next = instructionAt(interpreter.code, call.slot);
  try {
    return finish(interpreter, state);
  } catch (cause) {
    if (cause instanceof ProgramExit) return cause.result;
    throw cause;
  }
}

function finish(interpreter: Interpreter, state: RunState): bigint {
  const { watch } = interpreter.options;
  try {
    if (watch === undefined) runFrom(interpreter, state, state.next);
    else
      while (state.next !== END) {
        watch(interpreter, state);
        step(interpreter, state);
      }
    return state.registers[0] ?? 0n;
  } finally {
    giveUpHeld(state);
  }
}

/** The interpreter as a function like the one a compiled program is. */
export function createInterpreter(
  program: LinkedProgram,
  host: ProgramHost,
  options: InterpreterOptions = {},
): RunProgram {
  const interpreter = prepare(program, host, options);
  return (context, cpu, stackTop, contextBytes, tails) => {
    const begin = (): RunState => start(interpreter, context, cpu, stackTop, contextBytes, tails);
    try {
      return finish(interpreter, begin());
    } catch (cause) {
      if (cause instanceof ProgramExit) return ended(interpreter, cause, begin);
      throw cause;
    }
  };
}

/** A program has ended itself: what it returns its function for that makes of the number, where there is one. */
function ended(interpreter: Interpreter, { result }: ProgramExit, begin: () => RunState): bigint {
  const { exception } = interpreter.program;
  if (exception === undefined) return result;
  const state = begin();
  state.next = instructionAt(interpreter.code, exception);
  state.registers[1] = result;
  try {
    return finish(interpreter, state);
  } catch (cause) {
    if (cause instanceof ProgramExit) return cause.result;
    throw cause;
  }
}
