/** Calls of a program's own functions: a frame each. */
import { FRAME_BYTES } from "../host.ts";
import { FRAME_POINTER, MOST_TURNS } from "../isa/instructions.ts";
import { clearArguments, type Interpreter, type RunState, step } from "./state.ts";

const FIRST_SAVED = 6;

function framePointer({ registers }: RunState): bigint {
  return registers[FRAME_POINTER] ?? 0n;
}

/** Enters a subprogram: r6 to r9 are the caller's and come back, r10 is a new frame below. */
export function enter(state: RunState, target: number, returnTo: number): void {
  const { registers, frames, ranges } = state;
  frames.push({ returnTo, saved: [...registers.subarray(FIRST_SAVED)], turns: state.turns });
  state.turns = MOST_TURNS;
  const top = framePointer(state) - BigInt(FRAME_BYTES);
  registers.fill(0n, FIRST_SAVED, FRAME_POINTER);
  registers[0] = 0n;
  registers[FRAME_POINTER] = top;
  ranges.grant(Number(top) - FRAME_BYTES, FRAME_BYTES, true);
  state.pc = target;
}

/** Leaves it, or the program. */
export function leave(state: RunState): void {
  const frame = state.frames.pop();
  if (frame === undefined) {
    state.done = true;
    return;
  }
  state.ranges.revoke(Number(framePointer(state)) - FRAME_BYTES);
  state.registers.set(frame.saved, FIRST_SAVED);
  state.turns = frame.turns;
  clearArguments(state);
  state.pc = frame.returnTo;
}

/** Calls a function from the middle of a helper, to its end. @returns r0 */
export function callFunction(vm: Interpreter, state: RunState, slot: number, args: readonly bigint[]): bigint {
  const { pc, frames } = state;
  const depth = frames.length;
  enter(state, slot, pc);
  for (const [index, arg] of args.entries()) state.registers[index + 1] = BigInt.asUintN(64, arg);
  while (frames.length > depth) step(vm, state);
  return state.registers[0] ?? 0n;
}
