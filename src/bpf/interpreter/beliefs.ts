/**
 * What the verifier believed of registers, compared with what they hold: on every interpreted run of a program that carries its
 * beliefs. One that does not hold is an error of the verifier, never of the program.
 */
import { FRAME_BYTES } from "../host.ts";
import { FRAME_POINTER } from "../isa/instructions.ts";
import type { Belief, LinkedProgram } from "../linked.ts";
import { fault, type Interpreter, type RunState } from "./state.ts";

/** Beliefs by slot. */
export function beliefsBySlot({ beliefs = [] }: LinkedProgram): ReadonlyMap<number, readonly Belief[]> {
  const bySlot = new Map<number, Belief[]>();
  for (const belief of beliefs) bySlot.set(belief.at, [...(bySlot.get(belief.at) ?? []), belief]);
  return bySlot;
}

/** What an address is counted from; of some object it is not known where that begins. */
function base(state: RunState, { holds, frames }: Belief): bigint | undefined {
  if (holds === "number") return 0n;
  if (holds === "context") return BigInt(state.context);
  if (holds === "stack") return (state.registers[FRAME_POINTER] ?? 0n) + BigInt(frames * FRAME_BYTES);
  return undefined;
}

function holds(state: RunState, belief: Belief): boolean {
  const held = state.registers[belief.register] ?? 0n;
  if (belief.holds === "map") return held === BigInt(belief.map);
  const from = base(state, belief);
  if (from === undefined) return held !== 0n;
  const number = BigInt.asUintN(64, held - from);
  const signed = BigInt.asIntN(64, number);
  const { value, mask, umin, umax, smin, smax } = belief;
  return (number & ~mask) === value && number >= umin && number <= umax && signed >= smin && signed <= smax;
}

/** @throws {AnyctxError} EFAULT: a register holds what the verifier has excluded */
export function compareBeliefs(
  interpreter: Interpreter,
  state: RunState,
  at: number,
  beliefs: readonly Belief[],
): void {
  for (const belief of beliefs) {
    if (holds(state, belief)) continue;
    const held = (state.registers[belief.register] ?? 0n).toString(16);
    const range = `${belief.holds} ${belief.smin}..${belief.smax}`;
    fault(interpreter, at, `the verifier was wrong: r${belief.register} is 0x${held}, and was believed to be ${range}`);
  }
}
