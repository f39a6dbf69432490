/** Arithmetic, swaps and comparisons: one rule a WebAssembly sequence, chosen by the opcode table's rows. */

import { OP } from "../../wasm/encode.ts";
import type { Instruction, Operand, Width } from "../isa/instructions.ts";
import type { AluEffect, Comparison, WasmRule } from "../isa/semantics.ts";
import { type Emitter, getLocal, getRegister, setRegister } from "./emitter.ts";

/** Instructions that exist in both widths. */
const BOTH = {
  sub: { 32: OP.i32Sub, 64: OP.i64Sub },
  divU: { 32: OP.i32DivU, 64: OP.i64DivU },
  divS: { 32: OP.i32DivS, 64: OP.i64DivS },
  remU: { 32: OP.i32RemU, 64: OP.i64RemU },
  remS: { 32: OP.i32RemS, 64: OP.i64RemS },
  eqz: { 32: OP.i32Eqz, 64: OP.i64Eqz },
  and: { 32: OP.i32And, 64: OP.i64And },
  constant: { 32: OP.i32Const, 64: OP.i64Const },
  type: { 32: 0x7f, 64: 0x7e },
} as const;

interface Alu {
  readonly emitter: Emitter;
  readonly slot: Instruction;
  readonly width: Width;
  readonly operand: Operand | "none";
}

function pushRegister({ emitter, width }: Alu, register: number): void {
  getRegister(emitter, register);
  if (width === 32) emitter.out.byte(OP.i32WrapI64);
}

function pushConstant({ emitter, width }: Alu, value: number): void {
  emitter.out.byte(BOTH.constant[width]).s32(value);
}

function pushLeft(alu: Alu): void {
  pushRegister(alu, alu.slot.dst);
}

function pushRight(alu: Alu): void {
  if (alu.operand === "src") pushRegister(alu, alu.slot.src);
  else pushConstant(alu, alu.slot.imm);
}

/** `left op right`, where the operation cannot trap. */
function pushPlain(alu: Alu, op: number): void {
  pushLeft(alu);
  pushRight(alu);
  alu.emitter.out.byte(op);
}

/** Writes `if right == 0 then zero() else otherwise()`, or only what applies where right is a constant. */
function guardZero(alu: Alu, zero: () => void, otherwise: () => void): void {
  const { out } = alu.emitter;
  if (alu.operand === "imm") {
    if (alu.slot.imm === 0) zero();
    else otherwise();
    return;
  }
  pushRight(alu);
  out.byte(BOTH.eqz[alu.width]).op(OP.if, BOTH.type[alu.width]);
  zero();
  out.byte(OP.else);
  otherwise();
  out.byte(OP.end);
}

/** Signed division of the lowest number by -1 traps in WebAssembly; BPF negates, which gives the lowest number. */
function pushSignedQuotient(alu: Alu): void {
  const { out } = alu.emitter;
  const negate = (): void => {
    pushConstant(alu, 0);
    pushLeft(alu);
    out.byte(BOTH.sub[alu.width]);
  };
  if (alu.operand === "imm") {
    if (alu.slot.imm === -1) negate();
    else pushPlain(alu, BOTH.divS[alu.width]);
    return;
  }
  pushRight(alu);
  pushConstant(alu, -1);
  out.byte(alu.width === 64 ? OP.i64Eq : 0x46).op(OP.if, BOTH.type[alu.width]);
  negate();
  out.byte(OP.else);
  pushPlain(alu, BOTH.divS[alu.width]);
  out.byte(OP.end);
}

const quotient = (alu: Alu, nonZero: () => void): void => guardZero(alu, () => pushConstant(alu, 0), nonZero);
const remainder = (alu: Alu, nonZero: () => void): void => guardZero(alu, () => pushLeft(alu), nonZero);

function pushMasked({ emitter, slot }: Alu, mask: bigint): void {
  getRegister(emitter, slot.dst);
  emitter.out.byte(OP.i64Const).s64(mask).byte(OP.i64And);
}

/** Bytes of the low half turned around: both rotations by 8, every other byte of each. Leaves an i32. */
function pushSwapped32({ emitter, slot }: Alu): void {
  const { out } = emitter;
  for (const [rotation, mask] of [
    [8, 0x00ff00ff],
    [24, 0xff00ff00],
  ] as const) {
    getRegister(emitter, slot.dst);
    out.byte(OP.i32WrapI64).byte(OP.i32Const).s32(rotation).byte(OP.i32Rotl);
    out.byte(OP.i32Const).s32(mask).byte(OP.i32And);
  }
  out.byte(OP.i32Or);
}

/** As above with 64 bits: bytes in pairs, pairs in quads, then halves. */
function pushSwapped64({ emitter, slot }: Alu): void {
  const { out, locals } = emitter;
  getRegister(emitter, slot.dst);
  for (const [shift, mask] of [
    [8, 0x00ff00ff00ff00ffn],
    [16, 0x0000ffff0000ffffn],
  ] as const) {
    out.byte(OP.localTee).u32(locals.wide).byte(OP.i64Const).s64(mask).byte(OP.i64And);
    out.byte(OP.i64Const).s32(shift).byte(OP.i64Shl);
    getLocal(emitter, locals.wide);
    out.byte(OP.i64Const).s32(shift).byte(OP.i64ShrU).byte(OP.i64Const).s64(mask).byte(OP.i64And).byte(OP.i64Or);
  }
  out.byte(OP.i64Const).s32(32).byte(OP.i64Rotl);
}

function pushSwapped16({ emitter, slot }: Alu): void {
  const { out } = emitter;
  getRegister(emitter, slot.dst);
  out.byte(OP.i64Const).s32(0xff).byte(OP.i64And).byte(OP.i64Const).s32(8).byte(OP.i64Shl);
  getRegister(emitter, slot.dst);
  out.byte(OP.i64Const).s32(8).byte(OP.i64ShrU).byte(OP.i64Const).s32(0xff).byte(OP.i64And).byte(OP.i64Or);
}

function pushExtended(alu: Alu, op: number): void {
  pushRight(alu);
  alu.emitter.out.byte(op);
}

/** Each rule leaves a value of the operation's width. */
const RULES: Readonly<Record<WasmRule, (alu: Alu) => void>> = {
  move: pushRight,
  negate: (alu) => {
    pushConstant(alu, 0);
    pushLeft(alu);
    alu.emitter.out.byte(BOTH.sub[alu.width]);
  },
  divide: (alu) => quotient(alu, () => pushPlain(alu, BOTH.divU[alu.width])),
  modulo: (alu) => remainder(alu, () => pushPlain(alu, BOTH.remU[alu.width])),
  signedDivide: (alu) => quotient(alu, () => pushSignedQuotient(alu)),
  signedModulo: (alu) => remainder(alu, () => pushPlain(alu, BOTH.remS[alu.width])),
  extend8: (alu) => pushExtended(alu, alu.width === 64 ? OP.i64Extend8S : OP.i32Extend8S),
  extend16: (alu) => pushExtended(alu, alu.width === 64 ? OP.i64Extend16S : OP.i32Extend16S),
  extend32: (alu) => pushExtended(alu, OP.i64Extend32S),
  mask16: (alu) => pushMasked(alu, 0xffffn),
  mask32: (alu) => pushMasked(alu, 0xffffffffn),
  keep: pushLeft,
  swap16: pushSwapped16,
  swap32: (alu) => {
    pushSwapped32(alu);
    alu.emitter.out.byte(OP.i64ExtendI32U);
  },
  swap64: pushSwapped64,
};

/** `dst = dst op operand`. */
export function emitAlu(
  emitter: Emitter,
  slot: Instruction,
  { width, operand, alu: { wasm } }: { width: Width; operand: Operand | "none"; alu: AluEffect },
): void {
  const alu: Alu = { emitter, slot, width, operand };
  if ("plain" in wasm) pushPlain(alu, wasm.plain[width]);
  else RULES[wasm.rule](alu);
  if (width === 32) emitter.out.byte(OP.i64ExtendI32U);
  setRegister(emitter, slot.dst);
}

/** Leaves the comparison's result, negated if so wanted, as an i32. */
export function pushComparison(
  emitter: Emitter,
  slot: Instruction,
  { width, operand, comparison }: { width: Width; operand: Operand; comparison: Comparison },
  negated: boolean,
): void {
  const alu: Alu = { emitter, slot, width, operand };
  if (comparison.wasm !== "bits") {
    pushPlain(alu, comparison.wasm[width]);
    if (negated) emitter.out.byte(OP.i32Eqz);
    return;
  }
  pushPlain(alu, BOTH.and[width]);
  emitter.out.byte(BOTH.eqz[width]);
  if (!negated) emitter.out.byte(OP.i32Eqz);
}
