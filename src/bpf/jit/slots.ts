/**
 * Numbers on a function's stack that nobody has the address of: they need no memory, and an engine keeps them in registers, which is
 * what a compiler did that had more of them than BPF has. Only functions that use r10 for nothing but loads and stores have such, and only
 * where the verifier knows that they read what they have written: others may read what was left there.
 */
import { OP } from "../../wasm/encode.ts";
import { FRAME_BYTES } from "../host.ts";
import { type Effect, FRAME_POINTER, type Instruction, isWide, operationOf } from "../isa/instructions.ts";
import type { LinkedProgram, Subprogram } from "../linked.ts";
import type { Emitter } from "./emitter.ts";

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

type Access = Effect & { readonly type: "load" | "store" };

/** Whether an instruction takes the number of its source register. */
function takesSource(effect: Effect): boolean {
  if ("operand" in effect) return effect.operand === "src";
  return effect.type === "cast" || effect.type === "atomic" || (effect.type === "packet" && effect.indirect);
}

/** The place that a load or a store is at, undefined: it is at none of the stack; "address": r10 goes elsewhere. */
function useOf(effect: Effect, { dst, src, offset }: Instruction): Place | "address" | undefined {
  if (takesSource(effect) && src === FRAME_POINTER) return "address";
  const base = effect.type === "load" ? src : "bytes" in effect && effect.type !== "packet" ? dst : undefined;
  if (base !== FRAME_POINTER) return effect.type === "branch" && dst === FRAME_POINTER ? "address" : undefined;
  const isPlain = (effect.type === "load" || effect.type === "store") && effect.ordered !== true;
  return isPlain && offset >= -FRAME_BYTES && offset + effect.bytes <= 0 ? { offset, bytes: effect.bytes } : "address";
}

/** Where accesses of a function's own frame go, each place once; undefined: more than that is done with its address. */
function placesIn({ instructions }: LinkedProgram, { start, end }: Subprogram): Place[] | undefined {
  const places = new Map<string, Place>();
  for (let at = start; at < end; at++) {
    const slot = instructions[at];
    const effect = slot === undefined ? undefined : operationOf(slot)?.effect;
    if (slot === undefined || effect === undefined) continue;
    const use = useOf(effect, slot);
    if (use === "address") return undefined;
    if (use !== undefined) places.set(`${use.offset} ${use.bytes}`, use);
    if (isWide(slot)) at++;
  }
  return [...places.values()];
}

/**
 * The offsets from r10 of numbers that need no memory, each with its local, from `first` on: all that is done there is of the same size,
 * and nothing overlaps.
 */
export function stackSlots(program: LinkedProgram, subprogram: Subprogram, first: number): ReadonlyMap<number, number> {
  const places = (program.proofs === undefined ? undefined : placesIn(program, subprogram)) ?? [];
  const isAlone = ({ offset, bytes }: Place): boolean =>
    places.every(
      (other) =>
        (other.offset === offset && other.bytes === bytes) ||
        other.offset + other.bytes <= offset ||
        offset + bytes <= other.offset,
    );
  return new Map(places.filter(isAlone).map(({ offset }, index) => [offset, first + index]));
}

/** What cuts a local to so many bytes, signed or not. */
const CUTS: Readonly<Record<string, (emitter: Emitter) => void>> = {
  s1: ({ out }) => void out.byte(OP.i64Extend8S),
  s2: ({ out }) => void out.byte(OP.i64Extend16S),
  s4: ({ out }) => void out.byte(OP.i64Extend32S),
  u1: ({ out }) => void out.byte(OP.i64Const).s32(0xff).byte(OP.i64And),
  u2: ({ out }) => void out.byte(OP.i64Const).s32(0xffff).byte(OP.i64And),
  u4: ({ out }) => void out.op(OP.i32WrapI64, OP.i64ExtendI32U),
};

/** The local of a load or a store; undefined: it is one of memory. */
export function slotAt({ slots }: Emitter, { type }: Access, { dst, src, offset }: Instruction): number | undefined {
  return (type === "load" ? src : dst) === FRAME_POINTER ? slots.get(offset) : undefined;
}

/** Pushes what a load of a local gives. */
export function pushSlot(emitter: Emitter, local: number, { bytes, signed }: Effect & { readonly type: "load" }): void {
  emitter.out.byte(OP.localGet).u32(local);
  CUTS[`${signed ? "s" : "u"}${bytes}`]?.(emitter);
}
