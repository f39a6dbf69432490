/**
 * The reference interpreter: what a program does, instruction by instruction, with every access checked against what
 * this run was granted. It favours being obviously right over speed; the JIT is held to its results.
 *
 * A run is a plain state object and `step` carries out one instruction of it, so that a simulator can stop between any
 * two and switch to another run.
 */
import { AnyctxError } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import { edgeOf } from "../analysis/edges.ts";
import { helperById } from "../helpers/table.ts";
import { FRAME_BYTES, type ProgramHost, type RunProgram } from "../host.ts";
import { FRAME_POINTER, isWide, operationOf, REGISTERS, wideImmediate } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import { programType } from "../programs/table.ts";
import { Ranges } from "./ranges.ts";
import { type Decoded, faultAt, type Interpreter, type InterpreterOptions, type RunState } from "./state.ts";
import { HANDLERS } from "./steps.ts";

export const DEFAULT_BUDGET = 1_000_000;

function decode(program: LinkedProgram): (Decoded | undefined)[] {
  const { instructions } = program;
  return instructions.map((slot, at) => {
    const operation = operationOf(slot);
    if (operation === undefined) return undefined;
    const { effect } = operation;
    const wide = isWide(slot);
    const tail = instructions[at + 1];
    return {
      at,
      next: at + (wide ? 2 : 1),
      target: edgeOf(effect, slot, at)?.target ?? -1,
      dst: slot.dst,
      src: slot.src,
      offset: slot.offset,
      imm: wide && tail !== undefined ? wideImmediate(slot, tail) : BigInt.asUintN(64, BigInt(slot.imm)),
      helper: effect.type === "call" && effect.target === "helper" ? helperById(slot.imm) : undefined,
      step: HANDLERS[effect.type](effect as never),
    };
  });
}

function followsPointers({ kind }: LinkedProgram): boolean {
  return !("reason" in kind) && programType(kind).followsPointers === true;
}

/** Prepares a program for any number of runs. */
export function prepare(program: LinkedProgram, host: ProgramHost, options: InterpreterOptions = {}): Interpreter {
  return {
    program,
    host,
    code: decode(program),
    maps: new Map(program.maps.map((map) => [map.address, map])),
    kernel: followsPointers(program) ? host.kernel : undefined,
    options: { budget: options.budget ?? DEFAULT_BUDGET },
  };
}

/** Bytes of the current record's payload where that is the context, otherwise 0. */
function payloadAt({ host }: Interpreter, view: DataView, context: number, cpu: number): number {
  const at = cpu + host.layout.task;
  if (at + 4 > view.byteLength) return 0;
  const task = view.getUint32(at, true);
  if (task === 0 || context !== task + RECORD.payload || context > view.byteLength) return 0;
  return Math.max(0, view.getUint32(task + RECORD.size, true) - RECORD.payload);
}

/** The state of a run that has not begun. Parameters as for `RunProgram`. */
export function start(
  interpreter: Interpreter,
  context: number,
  cpu: number,
  stackTop: number,
  contextBytes?: number,
): RunState {
  const { buffer } = interpreter.host.memory;
  const view = new DataView(buffer);
  const ranges = new Ranges();
  for (const map of interpreter.program.maps)
    if (map.direct) ranges.grant(map.firstValue, map.valueSize, !map.readOnly);
  ranges.grant(context, contextBytes ?? payloadAt(interpreter, view, context, cpu), true);
  ranges.grant(stackTop - FRAME_BYTES, FRAME_BYTES, true);
  const registers = new BigUint64Array(REGISTERS);
  registers[1] = BigInt(context);
  registers[FRAME_POINTER] = BigInt(stackTop);
  return {
    registers,
    frames: [],
    ranges,
    records: new Set(),
    cpu,
    pc: 0,
    left: interpreter.options.budget,
    done: false,
    view,
    words: new Int32Array(buffer),
    longs: new BigInt64Array(buffer),
  };
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

/** A record that nobody gives back would keep the consumer from all behind it. */
function discardRecords({ host }: Interpreter, { records }: RunState): void {
  for (const address of records) host.core["ringbufDiscard"]?.(address, 0);
}

/** The interpreter as a function like the one a compiled program is. */
export function createInterpreter(
  program: LinkedProgram,
  host: ProgramHost,
  options: InterpreterOptions = {},
): RunProgram {
  const interpreter = prepare(program, host, options);
  return (context, cpu, stackTop, contextBytes) => {
    const state = start(interpreter, context, cpu, stackTop, contextBytes);
    try {
      while (!state.done) step(interpreter, state);
      if (state.records.size > 0)
        throw faultAt(interpreter, state.pc, "it ends with a record that is neither submitted nor discarded");
      return state.registers[0] ?? 0n;
    } finally {
      discardRecords(interpreter, state);
    }
  };
}
