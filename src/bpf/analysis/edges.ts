/** Where an instruction may lead besides the next one: the edges of a program's control flow. */
import type { Effect, Instruction } from "../isa/instructions.ts";

export interface Edge {
  /**
   * `jump`: inside a function. `call`: to another function, which comes back. `callback`: to one whose address is taken,
   * for a helper to call; it counts as called from here.
   */
  readonly type: "jump" | "call" | "callback";
  /** The slot it leaves from, and the one it goes to. */
  readonly at: number;
  readonly target: number;
}

/** The edge of the instruction at slot `at`; undefined where it only goes on to the next one, or ends. */
export function edgeOf(effect: Effect, slot: Instruction, at: number): Edge | undefined {
  if (effect.type === "branch" || effect.type === "mayGoto" || (effect.type === "goto" && effect.distance === "offset"))
    return { type: "jump", at, target: at + 1 + slot.offset };
  if (effect.type === "goto") return { type: "jump", at, target: at + 1 + slot.imm };
  if (effect.type === "call" && effect.target === "local") return { type: "call", at, target: at + 1 + slot.imm };
  if (effect.type === "constant" && effect.holds === "function")
    return { type: "callback", at, target: at + 1 + slot.imm };
  return undefined;
}
