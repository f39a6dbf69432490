/** Calls from compiled code: to map functions and other helpers in the core, and to the program's own functions. */

import { OP, TYPE } from "../../wasm/encode.ts";
import { type Action, type Helper, type MapRole, mapRegister } from "../helpers/helper.ts";
import { CALLBACK } from "../helpers/parameters/callback.ts";
import { SHIFTS } from "../helpers/random.ts";
import { helperById } from "../helpers/table.ts";
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
  setLocal,
  setRegister,
  tellGranted,
} from "./emitter.ts";

const ARGUMENTS = 5;

/** Leaves the arguments of a call, as its parameters say. */
function pushArguments(emitter: Emitter, { parameters }: Helper, map: LinkedMap | undefined): void {
  parameters.forEach((parameter, index) => {
    const register = index + 1;
    parameter.push({
      out: emitter.out,
      map,
      pushRegister: () => getRegister(emitter, register),
      pushPointer: (bytes) => pushPointer(emitter, register, bytes, parameter.writes),
      failIf: () => emitFailIf(emitter),
    });
  });
}

/** A function's answer as the i64 that r0 is. */
const EXTEND: Readonly<Record<Helper["result"], readonly number[]>> = {
  value: [OP.i64ExtendI32U],
  record: [OP.i64ExtendI32U],
  address: [OP.i64ExtendI32U],
  i64: [],
  i32: [OP.i64ExtendI32S],
  u32: [OP.i64ExtendI32U],
  u64: [],
  none: [OP.i64Const, 0],
};

/** Calls an imported function with a helper's arguments. Leaves an i64. */
function pushCall(emitter: Emitter, helper: Helper, map: LinkedMap | undefined, index: number): void {
  pushArguments(emitter, helper, map);
  emitter.out
    .byte(OP.call)
    .u32(index)
    .op(...EXTEND[helper.result]);
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

/** Calls a map kind's function for a role. Leaves an i64. */
function pushMapCall(emitter: Emitter, helper: Helper, role: MapRole, map: LinkedMap): void {
  const name = map.kind.program[role];
  if (role === "lookup" && map.kind.inlineLookup === "index" && map.firstValue !== 0) pushArrayLookup(emitter, map);
  else if (name === undefined) emitFail(emitter);
  else pushCall(emitter, helper, map, emitter.indexes.core(name));
}

/** Where the map is not known, the program's maps are tried in turn; another address fails. `push` leaves an i64. */
function pushForAnyMap(emitter: Emitter, register: number, push: (map: LinkedMap) => void): void {
  const { out, program } = emitter;
  for (const map of program.maps) {
    getRegister(emitter, register);
    out.byte(OP.i64Const).s64(BigInt(map.address)).byte(OP.i64Eq).op(OP.if, TYPE.i64);
    push(map);
    out.byte(OP.else);
  }
  emitFail(emitter);
  for (const _ of program.maps) out.byte(OP.end);
}

function pushForMap(emitter: Emitter, helper: Helper, push: (map: LinkedMap) => void): void {
  const register = mapRegister(helper);
  const fact = emitter.facts.registers[register];
  if (fact?.type === "map") push(fact.map);
  else pushForAnyMap(emitter, register, push);
}

/** As it is, or for the call's map where it has one. */
function pushOnMap(emitter: Emitter, helper: Helper, push: (map: LinkedMap | undefined) => void): void {
  if (mapRegister(helper) === 0) push(undefined);
  else pushForMap(emitter, helper, push);
}

/** Calls the host's function. One that calls back is told where the frame below begins, and spends of the same budget. */
function pushService(emitter: Emitter, helper: Helper, map: LinkedMap | undefined): void {
  const { out, locals, indexes } = emitter;
  pushArguments(emitter, helper, map);
  const callsBack = helper.parameters.includes(CALLBACK);
  const counts = callsBack && emitter.counted;
  if (counts) {
    getLocal(emitter, locals.budget);
    out.byte(OP.globalSet).u32(indexes.budget);
  }
  if (callsBack) getLocal(emitter, locals.frame);
  out
    .byte(OP.call)
    .u32(indexes.service(helper.name))
    .op(...EXTEND[helper.result]);
  if (counts) out.byte(OP.globalGet).u32(indexes.budget).byte(OP.localSet).u32(locals.budget);
}

/** Goes on in another program, whose result this function ends with, or leaves 0. */
function pushTailCall(emitter: Emitter, helper: Helper): void {
  const { out, locals, indexes } = emitter;
  pushForMap(emitter, helper, (map) => {
    // An inner map is where a lookup says.
    if (map.address !== 0) out.byte(OP.i32Const).s32(map.address);
    else {
      getRegister(emitter, mapRegister(helper));
      out.byte(OP.i32WrapI64);
    }
    getRegister(emitter, 3);
    getLocal(emitter, locals.stackTop);
    out.byte(OP.call).u32(indexes.tail()).byte(OP.i64ExtendI32U);
  });
  out.op(OP.i32WrapI64, OP.if, TYPE.empty).byte(OP.call).u32(indexes.tailResult());
  emitter.leave();
  out.op(OP.end, OP.i64Const, 0);
}

/** Takes the CPU's next pseudo-random number (helpers/random.ts). Leaves an i64. */
function pushRandom(emitter: Emitter): void {
  const { out, indexes, locals } = emitter;
  const pushPlace = (): void => {
    getLocal(emitter, locals.cpu);
    out.byte(OP.globalGet).u32(indexes.constants.random).byte(OP.i32Add);
  };
  const mix = (shift: number, by: number): void => {
    getLocal(emitter, locals.wide);
    getLocal(emitter, locals.wide);
    out.byte(OP.i64Const).s64(BigInt(by)).op(shift, OP.i64Xor);
    out.byte(OP.i64Const).s64(0xffffffffn).op(OP.i64And);
    setLocal(emitter, locals.wide);
  };
  pushPlace();
  out.op(OP.i64Load32U, 0, 0);
  setLocal(emitter, locals.wide);
  mix(OP.i64Shl, SHIFTS.left);
  mix(OP.i64ShrU, SHIFTS.right);
  mix(OP.i64Shl, SHIFTS.leftAgain);
  pushPlace();
  getLocal(emitter, locals.wide);
  out.op(OP.i64Store32, 0, 0);
  getLocal(emitter, locals.wide);
}

type Push<Type extends Action["type"]> = (
  emitter: Emitter,
  helper: Helper,
  action: Extract<Action, { readonly type: Type }>,
) => void;

/** How each action is carried out; all leave r0 as an i64. */
const ACTIONS: { readonly [Type in Action["type"]]: Push<Type> } = {
  map: (emitter, helper, { role }) => pushForMap(emitter, helper, (map) => pushMapCall(emitter, helper, role, map)),
  core: (emitter, helper, { name }) =>
    pushOnMap(emitter, helper, (map) => pushCall(emitter, helper, map, emitter.indexes.core(name))),
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
  random: pushRandom,
  service: (emitter, helper) => pushOnMap(emitter, helper, (map) => pushService(emitter, helper, map)),
  unknown: (emitter, helper) => pushOnMap(emitter, helper, (map) => pushService(emitter, helper, map)),
  tail: pushTailCall,
  answer: (emitter, helper, { value }) =>
    pushOnMap(emitter, helper, () => emitter.out.byte(OP.i64Const).s64(BigInt(value))),
};

/** `r0` = a number in the packet; where it has no such bytes the function ends with 0. */
export function emitPacketLoad(
  emitter: Emitter,
  { bytes, indirect }: { readonly bytes: number; readonly indirect: boolean },
  { src, imm }: Instruction,
): void {
  const { out, locals, indexes } = emitter;
  if (indirect) {
    getRegister(emitter, src);
    out.byte(OP.i32WrapI64).byte(OP.i32Const).s32(imm).byte(OP.i32Add);
  } else out.byte(OP.i32Const).s32(imm);
  out.byte(OP.i32Const).s32(bytes).byte(OP.call).u32(indexes.packet());
  out.byte(OP.localTee).u32(locals.wide);
  out.byte(OP.i64Const).s64(-1n).op(OP.i64Eq, OP.if, TYPE.empty, OP.i64Const, 0);
  emitter.leave();
  out.byte(OP.end);
  getLocal(emitter, locals.wide);
  setRegister(emitter, 0);
  clearArguments(emitter);
}

/** The interpreter leaves the same: nothing may depend on what a callee left in r1 to r5. */
function clearArguments(emitter: Emitter): void {
  for (let register = 1; register <= ARGUMENTS; register++) {
    emitter.out.op(OP.i64Const, 0);
    setRegister(emitter, register);
  }
}

function pushSize(emitter: Emitter, register: number): void {
  getRegister(emitter, register);
  emitter.out.byte(OP.i32WrapI64);
}

/** A value of the call's map, whichever of the program's that is. */
function tellValue(emitter: Emitter, register: number): void {
  const { out, program, confinement } = emitter;
  if (confinement?.tells !== true) return;
  for (const map of program.maps.filter(({ readOnly }) => !readOnly)) {
    getRegister(emitter, register);
    out.byte(OP.i64Const).s64(BigInt(map.address)).byte(OP.i64Eq).op(OP.if, TYPE.empty);
    tellGranted(emitter, () => void out.byte(OP.i32Const).s32(map.valueStride));
    out.byte(OP.end);
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
  if (helper.result === "record") tellGranted(emitter, () => pushSize(emitter, 2));
  if (helper.result === "value") tellValue(emitter, mapRegister(helper));
  clearArguments(emitter);
}

/** The callee's frame is the one below; the budget goes with the call, which itself counts as a backward jump. */
export function emitLocalCall(emitter: Emitter, slot: Instruction): void {
  const { out, locals, indexes, at, counted } = emitter;
  if (counted) {
    getLocal(emitter, locals.budget);
    out.op(OP.i32Const, 1, OP.i32Sub).byte(OP.localTee).u32(locals.budget).byte(OP.i32Eqz);
    emitFailIf(emitter, OUT_OF_BUDGET);
    getLocal(emitter, locals.budget);
    out.byte(OP.globalSet).u32(indexes.budget);
  }
  for (let register = 1; register <= ARGUMENTS; register++) getRegister(emitter, register);
  getLocal(emitter, locals.cpu);
  getLocal(emitter, locals.frame);
  out.byte(OP.call).u32(indexes.subprogram(at + 1 + slot.imm));
  setRegister(emitter, 0);
  if (counted) out.byte(OP.globalGet).u32(indexes.budget).byte(OP.localSet).u32(locals.budget);
  clearArguments(emitter);
}
