/** How arithmetic and branches are carried out: on registers' words (halves.ts) where there is a way, otherwise by their meaning. */
import type { Effect } from "../isa/instructions.ts";
import type { AluEffect } from "../isa/semantics.ts";
import { NARROW_BRANCHES, NARROW_STEPS, WIDE_BRANCHES, WIDE_STEPS } from "./halves.ts";
import type { Step } from "./state.ts";

const LOW = 0xffffffffn;

/** By what the operation means. */
function meantStep({ evaluate }: AluEffect, width: 32 | 64): Step {
  return (_, { registers }, i) => {
    const [a, b] = [registers[i.dst] as bigint, registers[i.src] as bigint];
    const value = width === 64 ? evaluate(a, b, 64) : evaluate(a & LOW, b & LOW, 32);
    registers[i.dst] = BigInt.asUintN(width, value);
    return i.next;
  };
}

export function arithmeticStep({ width, alu }: Effect & { readonly type: "alu" }): Step {
  return (width === 64 ? WIDE_STEPS : NARROW_STEPS)[alu.name] ?? meantStep(alu, width);
}

export function branchStep({ width, comparison }: Effect & { readonly type: "branch" }): Step {
  return (width === 64 ? WIDE_BRANCHES : NARROW_BRANCHES)[comparison.name];
}
