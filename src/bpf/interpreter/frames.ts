/** Calls of a program's own functions: a frame each. */
import { FRAME_BYTES } from "../host.ts";
import { FRAME_POINTER, MOST_TURNS, REGISTERS } from "../isa/instructions.ts";
import {
  clearArguments,
  type Decoded,
  END,
  fault,
  type Interpreter,
  instructionAt,
  type RunState,
  runFrom,
} from "./state.ts";

const FIRST_SAVED = 6;

function framePointer({ registers }: RunState): bigint {
  return registers[FRAME_POINTER] ?? 0n;
}

/** Enters a subprogram: r6 to r9 are the caller's and come back, r10 is a new frame below. @returns its first instruction */
export function enter(state: RunState, target: Decoded, returnTo: Decoded): Decoded {
  const { registers, frames, ranges } = state;
  frames.push({ returnTo, saved: [...registers.subarray(FIRST_SAVED, REGISTERS)], turns: state.turns });
  state.turns = MOST_TURNS;
  const top = framePointer(state) - BigInt(FRAME_BYTES);
  registers.fill(0n, FIRST_SAVED, FRAME_POINTER);
  registers[0] = 0n;
  registers[FRAME_POINTER] = top;
  ranges.grant(Number(top) - FRAME_BYTES, FRAME_BYTES, true);
  return target;
}

/** Leaves it, or the program, which may hold nothing then. @returns the instruction behind the call */
export function leave(vm: Interpreter, state: RunState, { at }: Decoded): Decoded {
  const frame = state.frames.pop();
  if (frame === undefined) {
    const [left] = state.held.values();
    return left === undefined ? END : fault(vm, at, `it ends with ${left.what}`);
  }
  state.ranges.revoke(Number(framePointer(state)) - FRAME_BYTES);
  state.registers.set(frame.saved, FIRST_SAVED);
  state.turns = frame.turns;
  clearArguments(state);
  return frame.returnTo;
}

/** Calls a function from the middle of a helper, to its end. @returns r0 */
export function callFunction(vm: Interpreter, state: RunState, slot: number, args: readonly bigint[]): bigint {
  const first = enter(state, instructionAt(vm.code, slot), END);
  for (const [index, arg] of args.entries()) state.registers[index + 1] = BigInt.asUintN(64, arg);
  runFrom(vm, state, first);
  return state.registers[0] ?? 0n;
}
