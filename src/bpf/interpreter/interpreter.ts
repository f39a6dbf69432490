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
import { FRAME_POINTER, isWide, MOST_TURNS, operationOf, REGISTERS, wideImmediate } from "../isa/instructions.ts";
import type { Belief, LinkedProgram } from "../linked.ts";
import { payloadBytesAt } from "../programs/context.ts";
import { programType } from "../programs/table.ts";
import { grantPacket, Ranges } from "../ranges.ts";
import { arenaStep } from "./arena.ts";
import { beliefsBySlot, compareBeliefs } from "./beliefs.ts";
import {
  type Decoded,
  faultAt,
  type Interpreter,
  type InterpreterOptions,
  type RunState,
  type Step,
  step,
} from "./state.ts";
import { HANDLERS } from "./steps.ts";

export const DEFAULT_BUDGET = 1_000_000;

/** A step before which what was believed is compared. */
function believing(beliefs: readonly Belief[], step: Step): Step {
  return (interpreter, state, instruction) => {
    compareBeliefs(interpreter, state, beliefs);
    step(interpreter, state, instruction);
  };
}

function decode(program: LinkedProgram): (Decoded | undefined)[] {
  const { instructions } = program;
  const bySlot = beliefsBySlot(program);
  return instructions.map((slot, at) => {
    const operation = operationOf(slot);
    if (operation === undefined) return undefined;
    const { effect } = operation;
    const plain = HANDLERS[effect.type](effect as never);
    const step = arenaStep(program.arena, at, effect, plain) ?? plain;
    const beliefs = bySlot.get(at);
    const wide = isWide(slot);
    const tail = instructions[at + 1];
    const upper = wide ? tail?.imm : undefined;
    return {
      at,
      next: at + (wide ? 2 : 1),
      target: edgeOf(effect, slot, at)?.target ?? -1,
      dst: slot.dst,
      src: slot.src,
      offset: slot.offset,
      imm: wide && tail !== undefined ? wideImmediate(slot, tail) : BigInt.asUintN(64, BigInt(slot.imm)),
      low: slot.imm,
      high: upper ?? slot.imm >> 31,
      helper: effect.type === "call" && effect.target === "helper" ? helperById(slot.imm) : undefined,
      step: beliefs === undefined ? step : believing(beliefs, step),
    };
  });
}

const LEADS_THERE: ReadonlySet<string | undefined> = new Set(["anywhere", "kernel"]);

/** Whether addresses of the kernel's memory come into a program: with its context, or from what it calls. */
function readsKernel({ kind, helpers }: LinkedProgram): boolean {
  const follows = !("reason" in kind) && programType(kind).followsPointers === true;
  return follows || helpers.some((id) => LEADS_THERE.has(helperById(id)?.leads?.type));
}

/** Prepares a program for any number of runs. */
export function prepare(program: LinkedProgram, host: ProgramHost, options: InterpreterOptions = {}): Interpreter {
  return {
    program,
    host,
    code: decode(program),
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
  const registers = new BigUint64Array(REGISTERS);
  registers[1] = BigInt(context);
  registers[FRAME_POINTER] = BigInt(stackTop);
  return {
    registers,
    halves: new Int32Array(registers.buffer),
    frames: [],
    ranges,
    innerMaps: new Map(),
    held: new Map(),
    ...{ cpu, context, tails },
    pc: 0,
    left: interpreter.options.budget,
    turns: MOST_TURNS,
    done: false,
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
  state.pc = call.slot;
  try {
    return finish(interpreter, state);
  } catch (cause) {
    if (cause instanceof ProgramExit) return cause.result;
    throw cause;
  }
}

function finish(interpreter: Interpreter, state: RunState): bigint {
  try {
    while (!state.done) {
      interpreter.options.watch?.(interpreter, state);
      step(interpreter, state);
    }
    const [left] = state.held.values();
    if (left !== undefined) throw faultAt(interpreter, state.pc, `it ends with ${left.what}`);
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
  state.pc = exception;
  state.registers[1] = result;
  try {
    return finish(interpreter, state);
  } catch (cause) {
    if (cause instanceof ProgramExit) return cause.result;
    throw cause;
  }
}
