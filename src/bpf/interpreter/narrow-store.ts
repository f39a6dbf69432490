/** Stores to fields of the context that a kernel has narrower than its struct says. */
import { narrowStore } from "../analysis/narrow-stores.ts";
import { type Instruction, operationOf } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import type { Decoded, RunState, Step } from "./state.ts";

/** Whether a register holds more than a number. An immediate is compared with its sign, as a kernel does when it loads the program. */
function isMore({ halves }: RunState, { by, imm }: Decoded, most: number, isImmediate: boolean): boolean {
  return isImmediate ? imm > most : halves[by + 1] !== 0 || (halves[by] as number) >>> 0 > most;
}

/** The step of a store that may go to such a field; undefined: it is carried out as any. */
export function narrowStoreStep(program: LinkedProgram, slot: Instruction, plain: Step): Step | undefined {
  const field = narrowStore(program, slot);
  if (field === undefined) return undefined;
  const { offset, kept, most } = field;
  const effect = operationOf(slot)?.effect;
  const isImmediate = effect?.type === "store" && effect.operand === "imm";
  return (vm, state, i) => {
    const { context, halves, view } = state;
    const isContext = halves[i.to + 1] === 0 && (halves[i.to] as number) >>> 0 === context;
    if (isContext && most !== undefined && isMore(state, i, most, isImmediate)) return i.next;
    const next = plain(vm, state, i);
    if (isContext) view.setInt32(context + offset, (halves[i.by] as number) & kept, true);
    return next;
  };
}
