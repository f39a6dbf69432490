/** Helper calls of the interpreter: arguments checked against the run's ranges as their parameters say. */

import { perfEventOutput } from "../helpers/output.ts";
import type { CheckedCall } from "../helpers/parameters/parameter-kind.ts";
import { tracePrint } from "../helpers/print.ts";
import { type Action, type Helper, mapRegister } from "../helpers/table.ts";
import type { CoreFunction } from "../host.ts";
import type { LinkedMap } from "../linked.ts";
import { checkedAddress, type Decoded, fault, type Interpreter, type RunState } from "./state.ts";

/** What an argument is on the way to the core, and its answer on the way back. */
type Argument = number | bigint;

class Call implements CheckedCall {
  readonly vm: Interpreter;
  readonly state: RunState;
  readonly helper: Helper;
  readonly #at: number;

  constructor(vm: Interpreter, state: RunState, at: number, helper: Helper) {
    this.vm = vm;
    this.state = state;
    this.helper = helper;
    this.#at = at;
  }

  value(register: number): bigint {
    return this.state.registers[register] ?? 0n;
  }

  map(): LinkedMap {
    const register = mapRegister(this.helper);
    const value = this.value(register);
    const map = value > 0xffffffffn ? undefined : this.vm.maps.get(Number(value));
    return map ?? this.refuse(register, "map of this program");
  }

  pointer(register: number, bytes: number, write: boolean): number {
    return checkedAddress(this.vm, this.state, this.#at, this.value(register), bytes, write);
  }

  releaseRecord(register: number): number {
    const address = Number(this.value(register));
    if (!this.state.records.delete(address)) return this.refuse(register, "record that this run has reserved");
    this.state.ranges.revoke(address);
    return address;
  }

  isFunction(slot: bigint): boolean {
    return this.vm.program.subprograms.some(({ start }) => BigInt(start) === slot);
  }

  refuse(register: number, no: string): never {
    return this.fault(`r${register} = 0x${this.value(register).toString(16)} is no ${no}`);
  }

  fault(problem: string): never {
    return fault(this.vm, this.#at, problem);
  }

  core(name: string): CoreFunction {
    return this.vm.host.core[name] ?? this.fault(`the core has no function ${name}`);
  }
}

/** A function's answer as r0. */
const EXTEND: Readonly<Record<Helper["result"], (result: Argument) => bigint>> = {
  value: (result) => BigInt.asUintN(32, BigInt(result)),
  record: (result) => BigInt.asUintN(32, BigInt(result)),
  i32: (result) => BigInt.asUintN(64, BigInt(result)),
  u32: (result) => BigInt.asUintN(32, BigInt(result)),
  u64: (result) => BigInt.asUintN(64, BigInt(result)),
  none: () => 0n,
};

type Perform<Type extends Action["type"]> = (
  call: Call,
  action: Extract<Action, { readonly type: Type }>,
  passed: readonly Argument[],
) => Argument;

/** How each action is carried out. */
const ACTIONS: { readonly [Type in Action["type"]]: Perform<Type> } = {
  map: (call, { role }, passed) => {
    const { kind, name } = call.map();
    const callee = kind.program[role] ?? call.fault(`a program cannot ${role} entries of map ${name} (${kind.type})`);
    return call.core(callee)(...passed);
  },
  core: (call, { name }, passed) => call.core(name)(...passed),
  record: ({ vm, state: { view, cpu } }, { offset, bytes }) => {
    const at = view.getUint32(cpu + vm.host.layout.task, true) + offset;
    return bytes === 8 ? view.getBigUint64(at, true) : view.getUint32(at, true);
  },
  cpu: ({ vm, state }) => state.view.getUint32(state.cpu + vm.host.layout.id, true),
  output: (call, _, [, , flags = 0n, address = 0, bytes = 0]) =>
    perfEventOutput(call.vm.host, call.map(), call.state.cpu, BigInt(flags), {
      address: Number(address),
      bytes: Number(bytes),
    }),
  answer: (_, { value }) => value,
  print: ({ vm }, _, [text = 0, size = 0, ...values]) =>
    tracePrint(vm.host, BigInt(text), Number(size), values.map(BigInt)),
};

/** @returns r0 @throws {AnyctxError} EFAULT when an argument is not what the helper's row says */
export function callHelper(vm: Interpreter, state: RunState, i: Decoded, helper: Helper): bigint {
  const { action, parameters, result } = helper;
  const call = new Call(vm, state, i.at, helper);
  const passed = parameters.map((parameter, index) => parameter.check(call, index + 1));
  const answer = (ACTIONS[action.type] as Perform<typeof action.type>)(call, action as never, passed);
  const r0 = EXTEND[result](answer);
  if (result === "value" && r0 !== 0n) {
    const { valueStride, readOnly } = call.map();
    state.ranges.grant(Number(r0), valueStride, !readOnly);
  }
  if (result === "record" && r0 !== 0n) {
    state.ranges.grant(Number(r0), Number(passed[1]), true);
    state.records.add(Number(r0));
  }
  return r0;
}
