/** Stores to fields of the context that a kernel has narrower than its struct says. */
import { narrowStore } from "../analysis/narrow-stores.ts";
import type { Instruction } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import type { Decoded, RunState, Step } from "./state.ts";

/** Whether what is stored is more than a number. */
function isMore({ halves }: RunState, { by, imm }: Decoded, most: number, immediate: boolean): boolean {
  return immediate ? imm > most : halves[by + 1] !== 0 || (halves[by] as number) >>> 0 > most;
}

/** The step of a store that may go to such a field; undefined: it is carried out as any. */
export function narrowStoreStep(program: LinkedProgram, slot: Instruction, plain: Step): Step | undefined {
  const field = narrowStore(program, slot);
  if (field === undefined) return undefined;
  const { offset, kept, most, immediate } = field;
  return (vm, state, i) => {
    const { context, halves, view } = state;
    const isContext = halves[i.to + 1] === 0 && (halves[i.to] as number) >>> 0 === context;
    if (isContext && most !== undefined && isMore(state, i, most, immediate)) return i.next;
    const next = plain(vm, state, i);
    if (isContext) view.setInt32(context + offset, (halves[i.by] as number) & kept, true);
    return next;
  };
}
