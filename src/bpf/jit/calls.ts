/** Calls from compiled code: to map functions and other helpers in the core, and to the program's own functions. */

import { OP, TYPE } from "../../wasm/encode.ts";
import { type Action, type Helper, helperById, type MapRole, type Parameter } from "../helpers/table.ts";
import type { Instruction } from "../isa/instructions.ts";
import type { LinkedMap } from "../linked.ts";
import {
  type Emitter,
  emitFail,
  emitFailIf,
  getLocal,
  getRegister,
  OUT_OF_BUDGET,
  pushPointer,
  setRegister,
} from "./emitter.ts";

const ARGUMENTS = 5;
const SIZE_LIMIT = 0x80000000n;

interface Argument {
  readonly emitter: Emitter;
  readonly register: number;
  /** The map of this call, where it is known at this point. */
  readonly map: LinkedMap | undefined;
}

/** How each kind of parameter is left on the stack for the core. */
const PUSH: Readonly<Record<Parameter, (argument: Argument) => void>> = {
  map: ({ emitter, map }) => void emitter.out.byte(OP.i32Const).s32(map?.address ?? 0),
  key: ({ emitter, register, map }) => pushPointer(emitter, register, map?.keySize),
  value: ({ emitter, register, map }) => pushPointer(emitter, register, map?.valueSize),
  destination: ({ emitter, register }) => pushPointer(emitter, register, undefined),
  text: ({ emitter, register }) => pushPointer(emitter, register, undefined),
  flags: ({ emitter, register }) => {
    // Flags beyond 32 bits do not exist: all ones, which the core refuses.
    getRegister(emitter, register);
    emitter.out.op(OP.i32WrapI64, OP.i32Const, 0x7f);
    getRegister(emitter, register);
    emitter.out.op(OP.i64Const, 32, OP.i64ShrU, OP.i64Eqz, OP.select);
  },
  size: ({ emitter, register }) => {
    getRegister(emitter, register);
    emitter.out.byte(OP.i64Const).s64(SIZE_LIMIT).byte(OP.i64GeU);
    emitFailIf(emitter);
    getRegister(emitter, register);
    emitter.out.byte(OP.i32WrapI64);
  },
  source: ({ emitter, register }) => getRegister(emitter, register),
  scalar: ({ emitter, register }) => getRegister(emitter, register),
};

function pushArguments(emitter: Emitter, helper: Helper, map: LinkedMap | undefined): void {
  helper.parameters.forEach((parameter, index) => {
    PUSH[parameter]({ emitter, register: index + 1, map });
  });
}

/** An array's value is where its index says: no call is needed. Leaves an i64. */
function pushArrayLookup(emitter: Emitter, map: LinkedMap): void {
  const { out, locals } = emitter;
  pushPointer(emitter, 2, map.keySize);
  out.op(OP.i32Load, 0, 0).byte(OP.localTee).u32(locals.narrow);
  out.byte(OP.i32Const).s32(map.maxEntries).byte(OP.i32LtU).op(OP.if, TYPE.i64);
  getLocal(emitter, locals.narrow);
  out.byte(OP.i32Const).s32(map.valueStride).byte(OP.i32Mul);
  out.byte(OP.i32Const).s32(map.firstValue).op(OP.i32Add, OP.i64ExtendI32U);
  out.op(OP.else, OP.i64Const, 0, OP.end);
}

function pushMapCall(emitter: Emitter, helper: Helper, role: MapRole, map: LinkedMap): void {
  const { out, indexes } = emitter;
  if (role === "lookup" && map.kind.indexed && !map.kind.perCpu && map.firstValue !== 0) {
    pushArrayLookup(emitter, map);
    return;
  }
  pushArguments(emitter, helper, map);
  out.byte(OP.call).u32(indexes.core(map.kind.program[role]));
  out.byte(role === "lookup" ? OP.i64ExtendI32U : OP.i64ExtendI32S);
}

/** Where the map is not known, the program's maps are tried in turn; another address fails. Leaves an i64. */
function pushAnyMapCall(emitter: Emitter, helper: Helper, role: MapRole): void {
  const { out, program } = emitter;
  for (const map of program.maps) {
    getRegister(emitter, 1);
    out.byte(OP.i64Const).s64(BigInt(map.address)).byte(OP.i64Eq).op(OP.if, TYPE.i64);
    pushMapCall(emitter, helper, role, map);
    out.byte(OP.else);
  }
  emitFail(emitter);
  for (const _ of program.maps) out.byte(OP.end);
}

type Push<Type extends Action["type"]> = (
  emitter: Emitter,
  helper: Helper,
  action: Extract<Action, { readonly type: Type }>,
) => void;

/** How each action is carried out; all leave r0 as an i64. */
const ACTIONS: { readonly [Type in Action["type"]]: Push<Type> } = {
  map: (emitter, helper, { role }) => {
    const fact = emitter.facts.registers[1];
    if (fact?.type === "map") pushMapCall(emitter, helper, role, fact.map);
    else pushAnyMapCall(emitter, helper, role);
  },
  core: (emitter, helper, { name, result }) => {
    pushArguments(emitter, helper, undefined);
    emitter.out.byte(OP.call).u32(emitter.indexes.core(name));
    emitter.out.byte(result === "u32" ? OP.i64ExtendI32U : OP.i64ExtendI32S);
  },
  record: (emitter, _, { offset, bytes }) => {
    const { out, indexes, locals } = emitter;
    getLocal(emitter, locals.cpu);
    out.byte(OP.globalGet).u32(indexes.constants.task).op(OP.i32Add, OP.i32Load, 0, 0);
    out.op(bytes === 8 ? OP.i64Load : OP.i64Load32U, 0).u32(offset);
  },
  cpu: (emitter) => {
    const { out, indexes, locals } = emitter;
    getLocal(emitter, locals.cpu);
    out.byte(OP.globalGet).u32(indexes.constants.id).op(OP.i32Add, OP.i64Load32U, 0, 0);
  },
  print: (emitter, helper) => {
    pushArguments(emitter, helper, undefined);
    emitter.out.byte(OP.call).u32(emitter.indexes.print).byte(OP.i64ExtendI32S);
  },
};

/** The interpreter leaves the same: nothing may depend on what a callee left in r1 to r5. */
function clearArguments(emitter: Emitter): void {
  for (let register = 1; register <= ARGUMENTS; register++) {
    emitter.out.op(OP.i64Const, 0);
    setRegister(emitter, register);
  }
}

export function emitHelperCall(emitter: Emitter, slot: Instruction): void {
  const helper = helperById(slot.imm);
  if (helper === undefined) {
    emitFail(emitter);
    return;
  }
  const { action } = helper;
  (ACTIONS[action.type] as Push<typeof action.type>)(emitter, helper, action as never);
  setRegister(emitter, 0);
  clearArguments(emitter);
}

/** The callee's frame is the one below; the budget goes with the call, which itself counts as a backward jump. */
export function emitLocalCall(emitter: Emitter, slot: Instruction): void {
  const { out, locals, indexes, at } = emitter;
  getLocal(emitter, locals.budget);
  out.op(OP.i32Const, 1, OP.i32Sub).byte(OP.localTee).u32(locals.budget).byte(OP.i32Eqz);
  emitFailIf(emitter, OUT_OF_BUDGET);
  getLocal(emitter, locals.budget);
  out.byte(OP.globalSet).u32(indexes.budget);
  for (let register = 1; register <= ARGUMENTS; register++) getRegister(emitter, register);
  getLocal(emitter, locals.cpu);
  getLocal(emitter, locals.frame);
  out.byte(OP.call).u32(indexes.subprogram(at + 1 + slot.imm));
  setRegister(emitter, 0);
  out.byte(OP.globalGet).u32(indexes.budget).byte(OP.localSet).u32(locals.budget);
  clearArguments(emitter);
}
