/** One subprogram -> one WebAssembly function. */

import {
  ATOMIC,
  ATOMIC_LOAD,
  ATOMIC_STORE,
  ByteWriter,
  type FunctionType,
  OP,
  TYPE,
  type WasmFunction,
} from "../../wasm/encode.ts";
import { type Block, findBlocks } from "../analysis/blocks.ts";
import { edgeOf } from "../analysis/edges.ts";
import { analyse, Facts, transfer } from "../analysis/facts.ts";
import { takesCallback } from "../analysis/structure.ts";
import { FRAME_BYTES } from "../host.ts";
import {
  type Effect,
  type Instruction,
  isWide,
  MOST_TURNS,
  operationOf,
  REGISTERS,
  wideImmediate,
} from "../isa/instructions.ts";
import type { LinkedProgram, Subprogram } from "../linked.ts";
import { programType } from "../programs/table.ts";
import { emitArenaAtomic, emitArenaPointer, emitArenaStore, emitCast, isArenaAccess, pushArenaLoad } from "./arena.ts";
import { emitAlu, pushComparison } from "./arithmetic.ts";
import { emitHelperCall, emitLocalCall, emitPacketLoad } from "./calls.ts";
import {
  type Confinement,
  type Emitter,
  emitFail,
  emitFailIf,
  getLocal,
  getRegister,
  type Locals,
  type ModuleIndexes,
  OUT_OF_BUDGET,
  pushAddress,
  setLocal,
  setRegister,
} from "./emitter.ts";
import { type FlowStep, structure } from "./flow.ts";
import { emitNarrowStore } from "./narrow-store.ts";
import { pushSlot, slotAt, stackSlots } from "./slots.ts";

/** Backward jumps (and calls) after which a run is stopped: an endless loop must not hang its thread. */
export const BACKWARD_JUMPS = 16_777_216;

const { i32, i64 } = TYPE;
/** Of the program itself: context, cpu, stackTop, the context's bytes. */
export const PROGRAM_TYPE: FunctionType = { parameters: [i32, i32, i32, i32], results: [i64] };
/** Of a function it calls: r1 to r5, cpu, stackTop. */
const SUBPROGRAM_TYPE: FunctionType = { parameters: [i64, i64, i64, i64, i64, i32, i32], results: [i64] };
/** The parameter that has the context's bytes. */
const CONTEXT_BYTES = 3;
const NARROW_LOCALS = 5;

interface Shape {
  readonly type: FunctionType;
  readonly locals: Locals;
  readonly localTypes: readonly number[];
}

/** Numbers the locals: parameters first, then the other registers and a 64-bit scratch, then five 32-bit ones. Behind them are the stack's. */
function layOutLocals(isProgram: boolean): Shape {
  const type = isProgram ? PROGRAM_TYPE : SUBPROGRAM_TYPE;
  let next = type.parameters.length;
  const registers = Array.from({ length: REGISTERS }, (_, register) =>
    !isProgram && register >= 1 && register <= 5 ? register - 1 : next++,
  );
  const wide = next++;
  const wideCount = next - type.parameters.length;
  const [cpu, stackTop] = isProgram ? [1, 2] : [5, 6];
  const locals: Locals = {
    registers,
    cpu,
    stackTop,
    wide,
    narrow: next,
    frame: next + 1,
    budget: next + 2,
    state: next + 3,
    turns: next + 4,
  };
  const localTypes = [...new Array<number>(wideCount).fill(i64), ...new Array<number>(NARROW_LOCALS).fill(i32)];
  return { type, locals, localTypes };
}

type Of<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
type Emit<Type extends Effect["type"]> = (emitter: Emitter, effect: Of<Type>, slot: Instruction) => void;

const LOADS: Readonly<Record<string, number>> = {
  u1: OP.i64Load8U,
  u2: OP.i64Load16U,
  u4: OP.i64Load32U,
  u8: OP.i64Load,
  s1: OP.i64Load8S,
  s2: OP.i64Load16S,
  s4: OP.i64Load32S,
};
const STORES: Readonly<Record<number, number>> = {
  1: OP.i64Store8,
  2: OP.i64Store16,
  4: OP.i64Store32,
  8: OP.i64Store,
};

/** A 64-bit register's value at the width of an atomic operation. */
function pushAtWidth(emitter: Emitter, register: number, bytes: 4 | 8): void {
  getRegister(emitter, register);
  if (bytes === 4) emitter.out.byte(OP.i32WrapI64);
}

/** The atomic at the address on the stack, plus an offset. */
function atomicAt(emitter: Emitter, { atomic, bytes, fetch }: Of<"atomic">, slot: Instruction, offset: number): void {
  const { out } = emitter;
  if (atomic === "cmpxchg") pushAtWidth(emitter, 0, bytes);
  pushAtWidth(emitter, slot.src, bytes);
  out.op(OP.atomic, ATOMIC[atomic]?.[bytes] ?? 0, bytes === 8 ? 3 : 2).u32(offset);
  if (!fetch) return void out.byte(0x1a);
  if (bytes === 4) out.byte(OP.i64ExtendI32U);
  setRegister(emitter, atomic === "cmpxchg" ? 0 : slot.src);
}

const emitAtomic: Emit<"atomic"> = (emitter, effect, slot) => {
  const access = { register: slot.dst, offset: slot.offset, bytes: effect.bytes };
  if (isArenaAccess(emitter)) emitArenaAtomic(emitter, access, () => atomicAt(emitter, effect, slot, 0));
  else atomicAt(emitter, effect, slot, pushAddress(emitter, { ...access, write: true }));
};

function constantOf({ program, at }: Emitter, effect: Of<"constant">, slot: Instruction): bigint {
  const edge = edgeOf(effect, slot, at);
  // A function's address is the slot of its first instruction.
  if (edge !== undefined) return BigInt(edge.target);
  const tail = program.instructions[at + 1];
  return tail === undefined ? 0n : wideImmediate(slot, tail);
}

const emitConstant: Emit<"constant"> = (emitter, effect, slot) => {
  emitter.out.byte(OP.i64Const).s64(constantOf(emitter, effect, slot));
  setRegister(emitter, slot.dst);
};

const emitStore: Emit<"store"> = (emitter, effect, slot) => {
  const { bytes, operand, ordered } = effect;
  const access = { register: slot.dst, offset: slot.offset, bytes };
  const pushValue = (): void => {
    if (operand === "src") getRegister(emitter, slot.src);
    else emitter.out.byte(OP.i64Const).s32(slot.imm);
  };
  const local = slotAt(emitter, effect, slot);
  if (local !== undefined) {
    pushValue();
    return setLocal(emitter, local);
  }
  const storeAt = (offset: number): void => {
    if (ordered === true) emitter.out.op(OP.atomic, ATOMIC_STORE[bytes] ?? 0, Math.log2(bytes)).u32(offset);
    else emitter.out.op(STORES[bytes] ?? 0, 0).u32(offset);
  };
  if (isArenaAccess(emitter)) return emitArenaStore(emitter, access, pushValue, () => storeAt(0));
  emitNarrowStore(emitter, slot, (kept) => {
    const offset = pushAddress(emitter, { ...access, write: true });
    pushValue();
    if (kept !== undefined) emitter.out.byte(OP.i64Const).s32(kept).byte(OP.i64And);
    storeAt(offset);
  });
};

/** What makes a signed number of an unsigned one, by its bytes. */
const EXTENSIONS: Readonly<Record<number, number>> = { 1: OP.i64Extend8S, 2: OP.i64Extend16S, 4: OP.i64Extend32S };

const emitLoad: Emit<"load"> = (emitter, effect, slot) => {
  const { bytes, signed, ordered } = effect;
  const local = slotAt(emitter, effect, slot);
  const access = { register: slot.src, offset: slot.offset, bytes };
  const loadAt = (offset: number): void => {
    if (ordered === true) emitter.out.op(OP.atomic, ATOMIC_LOAD[bytes] ?? 0, Math.log2(bytes)).u32(offset);
    else emitter.out.op(LOADS[`${signed ? "s" : "u"}${bytes}`] ?? 0, 0).u32(offset);
  };
  if (local !== undefined) pushSlot(emitter, local, effect);
  else if (isArenaAccess(emitter)) {
    const extension = signed ? EXTENSIONS[bytes] : undefined;
    pushArenaLoad(emitter, access, () => loadAt(0), extension === undefined ? [] : [extension]);
  } else loadAt(pushAddress(emitter, { ...access, write: false }));
  setRegister(emitter, slot.dst);
};

const nothing = (): void => {};

/** How each type of operation is written; branches and gotos are written by the flow. */
const EMITTERS: { readonly [Type in Effect["type"]]: Emit<Type> } = {
  alu: (emitter, effect, slot) => {
    emitAlu(emitter, slot, effect);
    emitArenaPointer(emitter, slot.dst);
  },
  cast: (emitter, { to }, slot) => emitCast(emitter, to, slot),
  load: emitLoad,
  store: emitStore,
  atomic: emitAtomic,
  constant: emitConstant,
  call: (emitter, { target }, slot) =>
    target === "local" ? emitLocalCall(emitter, slot) : emitHelperCall(emitter, slot),
  packet: emitPacketLoad,
  branch: nothing,
  mayGoto: nothing,
  goto: nothing,
  exit: nothing,
  refused: (emitter) => emitFail(emitter),
};

interface Writing {
  readonly emitter: Emitter;
  readonly blocks: readonly Block[];
  readonly before: readonly Facts[];
  /** The function jumps backwards or calls, so it keeps the budget. */
  readonly counted: boolean;
  readonly isProgram: boolean;
  /** It has a `may_goto`. */
  readonly turns: boolean;
}

function emitExit({ emitter }: Writing): void {
  getRegister(emitter, 0);
  emitter.leave();
}

function emitBody(writing: Writing, index: number): void {
  const { emitter, blocks, before } = writing;
  const block = blocks[index];
  if (block === undefined) return;
  const { instructions, maps } = emitter.program;
  emitter.facts = before[index]?.copy() ?? emitter.facts;
  for (let at = block.start; at < block.end; at++) {
    const slot = instructions[at];
    const operation = slot === undefined ? undefined : operationOf(slot);
    if (slot === undefined || operation === undefined) continue;
    emitter.at = at;
    const { effect } = operation;
    (EMITTERS[effect.type] as Emit<typeof effect.type>)(emitter, effect as never, slot);
    transfer(emitter.facts, operation, slot, at, maps);
    if (isWide(slot)) at++;
  }
  if (block.exit.type === "exit") emitExit(writing);
}

function pushCondition({ emitter, blocks }: Writing, index: number, negated: boolean): void {
  const exit = blocks[index]?.exit;
  const slot = exit?.type === "branch" ? emitter.program.instructions[exit.at] : undefined;
  const effect = slot === undefined ? undefined : operationOf(slot)?.effect;
  if (slot !== undefined && effect?.type === "branch") pushComparison(emitter, slot, effect, negated);
  if (effect?.type === "mayGoto") pushTurns(emitter, negated);
}

/** Whether no turn is left (negated: one is), and one is taken if so. */
function pushTurns({ out, locals: { turns } }: Emitter, negated: boolean): void {
  out.byte(OP.localGet).u32(turns).byte(OP.i32Eqz);
  if (negated) out.byte(OP.i32Eqz);
  out.byte(OP.localGet).u32(turns).byte(OP.localGet).u32(turns).op(OP.i32Eqz, OP.i32Eqz, OP.i32Sub);
  out.byte(OP.localSet).u32(turns);
}

/** A loop's head is passed once by each backward jump: the place to count them. */
function emitLoopHead({ emitter, counted }: Writing): void {
  const { out, locals } = emitter;
  out.op(OP.loop, TYPE.empty);
  if (!counted) return;
  getLocal(emitter, locals.budget);
  out.op(OP.i32Const, 1, OP.i32Sub).byte(OP.localTee).u32(locals.budget).byte(OP.i32Eqz);
  emitFailIf(emitter, OUT_OF_BUDGET);
}

function emitDispatch({ emitter }: Writing, count: number): void {
  const { out, locals } = emitter;
  getLocal(emitter, locals.state);
  out.byte(OP.brTable).u32(count - 1);
  for (let label = 0; label < count; label++) out.u32(label);
}

type Write<Type extends FlowStep["type"]> = (
  writing: Writing,
  step: Extract<FlowStep, { readonly type: Type }>,
) => void;

const WRITERS: { readonly [Type in FlowStep["type"]]: Write<Type> } = {
  loop: (writing) => emitLoopHead(writing),
  block: ({ emitter }) => void emitter.out.op(OP.block, TYPE.empty),
  end: ({ emitter }) => void emitter.out.byte(OP.end),
  body: (writing, { block }) => emitBody(writing, block),
  if: (writing, { block, negated }) => {
    pushCondition(writing, block, negated);
    writing.emitter.out.op(OP.if, TYPE.empty);
  },
  branchIf: (writing, { block, negated, depth }) => {
    pushCondition(writing, block, negated);
    writing.emitter.out.byte(OP.brIf).u32(depth);
  },
  branch: ({ emitter }, { depth }) => void emitter.out.byte(OP.br).u32(depth),
  choose: ({ emitter }, { block }) => {
    emitter.out.byte(OP.i32Const).s32(block);
    setLocal(emitter, emitter.locals.state);
  },
  dispatch: (writing, { count }) => emitDispatch(writing, count),
};

function emitPrologue(writing: Writing): void {
  const { emitter, counted, isProgram } = writing;
  const { out, locals, indexes } = emitter;
  if (writing.turns) {
    out.byte(OP.i32Const).s32(MOST_TURNS);
    setLocal(emitter, locals.turns);
  }
  getLocal(emitter, locals.stackTop);
  out.byte(OP.i32Const).s32(FRAME_BYTES).byte(OP.i32Sub);
  setLocal(emitter, locals.frame);
  getLocal(emitter, locals.stackTop);
  out.byte(OP.i64ExtendI32U);
  setRegister(emitter, REGISTERS - 1);
  if (isProgram) {
    getLocal(emitter, 0);
    out.byte(OP.i64ExtendI32U);
    setRegister(emitter, 1);
    getLocal(emitter, CONTEXT_BYTES);
    out.byte(OP.globalSet).u32(indexes.contextBytes);
    out.byte(OP.localGet).u32(0).byte(OP.globalSet).u32(indexes.context);
  }
  if (!counted) return;
  if (isProgram) out.byte(OP.i32Const).s32(BACKWARD_JUMPS);
  else out.byte(OP.globalGet).u32(indexes.budget);
  setLocal(emitter, locals.budget);
}

function slotsOf({ instructions }: LinkedProgram, { start, end }: Subprogram): readonly Instruction[] {
  return instructions.slice(start, end);
}

/** Whether a function calls another, or has one called: those spend of the same budget. */
function calls(program: LinkedProgram, { start, end }: Subprogram): boolean {
  return program.instructions.slice(start, end).some((slot, index) => {
    const effect = operationOf(slot)?.effect;
    const edge = effect === undefined ? undefined : edgeOf(effect, slot, start + index);
    return (edge !== undefined && edge.type !== "jump") || takesCallback(slot);
  });
}

/** Whether how long its contexts are only a run knows. */
function isOpen({ kind }: LinkedProgram): boolean {
  if ("reason" in kind) return false;
  const { context } = programType(kind);
  return context.room === 0 && context.access?.bytes(kind.target) === undefined;
}

/** Compiles the subprogram at `index`; 0 is the program itself. */
export function compileFunction(
  program: LinkedProgram,
  index: number,
  indexes: ModuleIndexes,
  confinement: Confinement | undefined,
): WasmFunction {
  const subprogram = program.subprograms[index] ?? { name: "", start: 0, end: 0 };
  const isProgram = index === 0;
  const { type, locals, localTypes } = layOutLocals(isProgram);
  const slots = stackSlots(program, subprogram, type.parameters.length + localTypes.length);
  const blocks = findBlocks(program.instructions, subprogram.start, subprogram.end);
  const before = analyse(blocks, program.instructions, program.maps, isProgram);
  const steps = structure(blocks);
  const out = new ByteWriter();
  const mayLoop = steps.some((step) => step.type === "loop") || calls(program, subprogram);
  const counted = mayLoop && program.proofs?.ends !== true;
  const leave = (): void => {
    // What is left of the budget goes back to the caller.
    if (counted && !isProgram) out.byte(OP.localGet).u32(locals.budget).byte(OP.globalSet).u32(indexes.budget);
    out.byte(OP.return);
  };
  const facts = new Facts([], new Map());
  const emitter: Emitter = {
    out,
    program,
    locals,
    slots,
    indexes,
    leave,
    facts,
    at: subprogram.start,
    counted,
    open: isOpen(program),
    confinement,
  };
  const turns = slotsOf(program, subprogram).some((slot) => operationOf(slot)?.effect.type === "mayGoto");
  const writing: Writing = { emitter, blocks, before, counted, isProgram, turns };
  emitPrologue(writing);
  for (const step of steps) (WRITERS[step.type] as Write<typeof step.type>)(writing, step as never);
  // Every path has returned or jumped; the validator of WebAssembly wants to be told.
  out.byte(OP.unreachable);
  return { type, locals: [...localTypes, ...new Array<number>(slots.size).fill(i64)], code: out.bytes() };
}
