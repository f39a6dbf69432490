/** Stores to fields of the context that a kernel has narrower than its struct says. */
import { OP, TYPE } from "../../wasm/encode.ts";
import { type NarrowStore, narrowStore } from "../analysis/narrow-stores.ts";
import type { Instruction } from "../isa/instructions.ts";
import { type Emitter, getRegister } from "./emitter.ts";

/** Writes the store itself: of these bits only, where they are given. */
type Store = (kept?: number) => void;

/** Writes what is to be done unless a register holds more. */
function emitUpTo(emitter: Emitter, register: number, most: number, emit: () => void): void {
  const { out } = emitter;
  getRegister(emitter, register);
  out
    .byte(OP.i64Const)
    .s32(most + 1)
    .byte(OP.i64LtU)
    .op(OP.if, TYPE.empty);
  emit();
  out.byte(OP.end);
}

function emitNarrow(emitter: Emitter, slot: Instruction, field: NarrowStore, store: Store): void {
  const { kept, most, immediate } = field;
  if (most === undefined || (immediate && slot.imm <= most)) store(kept);
  else if (!immediate) emitUpTo(emitter, slot.src, most, () => store(kept));
}

/** Whether a register holds the address of the context as the program got it; undefined: only a run knows. */
function holdsContext({ facts }: Emitter, register: number): boolean | undefined {
  const fact = facts.registers[register];
  if (fact === undefined || fact.type === "checked") return undefined;
  return fact.type === "context" && fact.offset === 0;
}

/** Writes a store, as what it is where it goes to such a field. */
export function emitNarrowStore(emitter: Emitter, slot: Instruction, store: Store): void {
  const { out, indexes } = emitter;
  const field = narrowStore(emitter.program, slot);
  const isContext = field === undefined ? false : holdsContext(emitter, slot.dst);
  if (field === undefined || isContext === false) {
    store();
    return;
  }
  if (isContext === undefined) {
    getRegister(emitter, slot.dst);
    out.byte(OP.globalGet).u32(indexes.context).op(OP.i64ExtendI32U, OP.i64Eq, OP.if, TYPE.empty);
  }
  emitNarrow(emitter, slot, field, store);
  if (isContext === true) return;
  out.byte(OP.else);
  store();
  out.byte(OP.end);
}
