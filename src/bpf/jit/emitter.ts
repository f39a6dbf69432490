/** What the parts of the code generator share: the function being written, its locals, and small sequences. */

import { type ByteWriter, OP } from "../../wasm/encode.ts";
import { type Fact, type Facts, isInside } from "../analysis/facts.ts";
import { FRAME_BYTES, NULL_GUARD_BYTES, type ProgramHost } from "../host.ts";
import type { LinkedMap, LinkedProgram } from "../linked.ts";

/** Numbers of a function's locals. */
export interface Locals {
  /** i64 locals of r0 to r10. */
  readonly registers: readonly number[];
  readonly cpu: number;
  readonly stackTop: number;
  /** i64 scratch. */
  readonly wide: number;
  /** i32 scratch. */
  readonly narrow: number;
  /** Address of the frame's lowest byte. */
  readonly frame: number;
  /** Backward jumps left. */
  readonly budget: number;
  /** The next block, in irreducible functions. */
  readonly state: number;
  /** Turns that are left by `may_goto`. */
  readonly turns: number;
}

/** Indexes of imported and own functions, and of globals, in the module. */
export interface ModuleIndexes {
  /** The host's `fail(instruction)`, which throws. */
  readonly fail: number;
  /** The host's function that carries a helper out, by the helper's name. */
  readonly service: (name: string) => number;
  readonly tail: () => number;
  readonly tailResult: () => number;
  readonly core: (name: string) => number;
  /** By slot of its first instruction. */
  readonly subprogram: (start: number) => number;
  readonly constants: ProgramHost["layout"];
  readonly budget: number;
  /** Of the global that has the bytes of the run's context. */
  readonly contextBytes: number;
  /** Of the global that has its address. */
  readonly context: number;
  /** The host's functions for programs that nobody has verified: whether a run may write somewhere, and that it may. */
  readonly confine: () => number;
  readonly grant: () => number;
  /** The host's function that loads from the packet. */
  readonly packet: () => number;
}

/** What a program that nobody has verified asks the host about. */
export interface Confinement {
  /** A store goes where only a run knows: set while code is written. */
  asked: boolean;
  /** What helpers give has to be told to the host, as stores are asked about. */
  readonly tells: boolean;
}

export interface Emitter {
  readonly out: ByteWriter;
  readonly program: LinkedProgram;
  readonly locals: Locals;
  /** Locals of numbers on the stack, by their offset from r10 (slots.ts). */
  readonly slots: ReadonlyMap<number, number>;
  readonly indexes: ModuleIndexes;
  /** Ends the function with the i64 on the stack. */
  readonly leave: () => void;
  /** What is known before the instruction being written. */
  facts: Facts;
  /** Loops and calls are counted, as they might never end. */
  readonly counted: boolean;
  /** How long the context is only a run knows. */
  readonly open: boolean;
  /** Undefined: the verifier has accepted the program. */
  readonly confinement: Confinement | undefined;
  at: number;
}

/** Passed to `fail` when the budget of backward jumps is used up. */
export const OUT_OF_BUDGET = -1;

export function getLocal({ out }: Emitter, local: number): void {
  out.byte(OP.localGet).u32(local);
}

export function setLocal({ out }: Emitter, local: number): void {
  out.byte(OP.localSet).u32(local);
}

export function getRegister(emitter: Emitter, register: number): void {
  getLocal(emitter, emitter.locals.registers[register] ?? 0);
}

export function setRegister(emitter: Emitter, register: number): void {
  setLocal(emitter, emitter.locals.registers[register] ?? 0);
}

/** Calls the host with the current instruction; never returns, so any type fits after it. */
export function emitFail({ out, at, indexes }: Emitter, code: number = at): void {
  out.byte(OP.i32Const).s32(code).byte(OP.call).u32(indexes.fail).byte(OP.unreachable);
}

/** `if` the i32 on the stack is not zero, fail. */
export function emitFailIf(emitter: Emitter, code: number = emitter.at): void {
  emitter.out.op(OP.if, 0x40);
  emitFail(emitter, code);
  emitter.out.byte(OP.end);
}

/** Addresses that may hold an object: one subtraction and one unsigned comparison tell. */
const ADDRESSES = 2n ** 32n - BigInt(NULL_GUARD_BYTES);

/** Leaves the register's value plus offset as an i32 address, having checked that it can be one. */
function pushChecked(emitter: Emitter, register: number, offset: number): void {
  const { out, locals } = emitter;
  getRegister(emitter, register);
  if (offset !== 0) out.byte(OP.i64Const).s32(offset).byte(OP.i64Add);
  out.byte(OP.localTee).u32(locals.wide);
  out.byte(OP.i64Const).s32(NULL_GUARD_BYTES).byte(OP.i64Sub).byte(OP.i64Const).s64(ADDRESSES).byte(OP.i64GeU);
  emitFailIf(emitter);
  getLocal(emitter, locals.wide);
  out.byte(OP.i32WrapI64);
}

/** The map whose value a fact is about. */
function mapOf(fact: Fact | undefined): LinkedMap | undefined {
  return fact !== undefined && (fact.type === "value" || fact.type === "direct") ? fact.map : undefined;
}

export interface Access {
  readonly register: number;
  readonly offset: number;
  readonly bytes: number;
  readonly write: boolean;
}

/**
 * Leaves an i32 base on the stack and returns the static offset that goes with it. An access that is known to be
 * outside what its pointer is about fails when it is reached, not when it is compiled: it may never be.
 */
export function pushAddress(emitter: Emitter, { register, offset, bytes, write }: Access): number {
  const { out, locals } = emitter;
  const fact = emitter.facts.registers[register];
  const inside = isInside(fact, offset, bytes);
  if ((!inside && fact?.type === "frame") || (write && mapOf(fact)?.readOnly === true)) emitFail(emitter);
  if (inside && fact?.type === "frame") {
    getLocal(emitter, locals.frame);
    return FRAME_BYTES + fact.offset + offset;
  }
  if (inside && fact?.type === "direct") {
    out.byte(OP.i32Const).s32(0);
    return fact.map.firstValue + fact.offset + offset;
  }
  checkContext(emitter, fact, offset, bytes);
  if (offset >= 0 && ((inside && !(write && mustAsk(emitter, fact))) || isProven(emitter))) {
    getRegister(emitter, register);
    out.byte(OP.i32WrapI64);
    return offset;
  }
  if (isProven(emitter)) {
    getRegister(emitter, register);
    out.byte(OP.i32WrapI64).byte(OP.i32Const).s32(offset).byte(OP.i32Add);
    return 0;
  }
  pushChecked(emitter, register, offset);
  if (write) confine(emitter, () => void out.byte(OP.i32Const).s32(bytes));
  return 0;
}

/** Of what was only checked to be memory it is not known whose that is; of a context not how long it is. */
function mustAsk({ confinement }: Emitter, fact: Fact | undefined): boolean {
  return confinement !== undefined && (fact?.type === "checked" || fact?.type === "context");
}

/** Leaves the address on the stack as it is, having asked the host whether so many bytes from it on may be written to. */
function confine(emitter: Emitter, pushBytes: () => void): void {
  const { out, locals, indexes, confinement } = emitter;
  if (confinement === undefined) return;
  confinement.asked = true;
  out.byte(OP.localTee).u32(locals.narrow);
  getLocal(emitter, locals.narrow);
  pushBytes();
  out.byte(OP.call).u32(indexes.confine());
  emitFailIf(emitter);
}

/** Tells the host that the run may write to what a helper has given: the i64 address in r0, so many bytes. */
export function tellGranted(emitter: Emitter, pushBytes: () => void): void {
  const { out, indexes, confinement } = emitter;
  if (confinement?.tells !== true) return;
  getRegister(emitter, 0);
  out.byte(OP.i32WrapI64);
  pushBytes();
  out.byte(OP.call).u32(indexes.grant());
}

/** Whether the verifier has proven that whatever this instruction accesses is the run's to access. */
function isProven({ program: { proofs }, at }: Emitter): boolean {
  return proofs?.inside[at] === 1;
}

/** A context whose size only a run knows ends where it ends: behind it lies what is not the program's. */
function checkContext(emitter: Emitter, fact: Fact | undefined, offset: number, bytes: number): void {
  const { out, program, at, indexes, open } = emitter;
  const seen = fact?.type === "context" ? fact.offset + offset + bytes : 0;
  const end = Math.max(seen, program.proofs?.contextEnds.get(at) ?? 0);
  if (!open || end === 0) return;
  out.byte(OP.globalGet).u32(indexes.contextBytes).byte(OP.i32Const).s32(end).byte(OP.i32LtU);
  emitFailIf(emitter);
}

/**
 * Leaves the register's value as an i32 pointer to `bytes` bytes; `undefined` where their number is not known.
 * @param writes somebody writes to them: as many as known, or as the next register says
 */
export function pushPointer(emitter: Emitter, register: number, bytes: number | undefined, writes = false): void {
  const fact = emitter.facts.registers[register];
  const isKnown = bytes !== undefined && isInside(fact, 0, bytes) && !(writes && mustAsk(emitter, fact));
  if (!isProven(emitter) && !isKnown) {
    pushChecked(emitter, register, 0);
    if (writes) confine(emitter, () => pushBytesOf(emitter, register, bytes));
    return;
  }
  getRegister(emitter, register);
  emitter.out.byte(OP.i32WrapI64);
}

function pushBytesOf(emitter: Emitter, register: number, bytes: number | undefined): void {
  if (bytes !== undefined) {
    emitter.out.byte(OP.i32Const).s32(bytes);
    return;
  }
  getRegister(emitter, register + 1);
  emitter.out.byte(OP.i32WrapI64);
}
