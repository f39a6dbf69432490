/** Stores to fields of the context that a kernel has narrower than its struct says. */
import { type Instruction, operationOf } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import { programType } from "../programs/table.ts";

/** What becomes of a number that is stored there. */
export interface NarrowStore {
  readonly offset: number;
  readonly bytes: number;
  readonly kept: number;
  /** A larger one is not stored. */
  readonly most?: number;
  /** The number is the instruction's own. Such a one is compared with its sign, as a kernel does when it loads the program. */
  readonly immediate: boolean;
}

/**
 * What an instruction stores to, if it goes through the address of the context as the program got it: which only a run knows, where the
 * address comes from a caller.
 */
export function narrowStore({ kind }: LinkedProgram, slot: Instruction): NarrowStore | undefined {
  const effect = operationOf(slot)?.effect;
  if ("reason" in kind || effect?.type !== "store" || effect.ordered === true) return undefined;
  const fields = programType(kind).context.access?.writable?.(kind.target) ?? [];
  const found = fields.find(({ offset, bytes }) => offset === slot.offset && bytes === effect.bytes);
  return found?.kept === undefined ? undefined : { ...found, kept: found.kept, immediate: effect.operand === "imm" };
}
