/** Helper calls of the interpreter: arguments checked against the run's ranges as their parameters say. */

import { tracePrint } from "../helpers/print.ts";
import { type Action, FLAGS_TOO_LARGE, type Helper, type Parameter } from "../helpers/table.ts";
import type { CoreFunction } from "../host.ts";
import type { LinkedMap } from "../linked.ts";
import { checkedAddress, type Decoded, fault, type Interpreter, type RunState, refreshViews } from "./state.ts";

interface Call {
  readonly vm: Interpreter;
  readonly state: RunState;
  readonly at: number;
  readonly helper: Helper;
  /** r1 to r5 as the program gave them. */
  readonly values: readonly bigint[];
}

/** What an argument is on the way to the core. */
type Argument = number | bigint;

function mapOf({ vm, at, helper, values }: Call): LinkedMap {
  const index = helper.parameters.indexOf("map");
  const value = values[index] ?? 0n;
  const map = value > 0xffffffffn ? undefined : vm.maps.get(Number(value));
  return map ?? fault(vm, at, `r${index + 1} = 0x${value.toString(16)} is no map of this program`);
}

/** The number in the parameter after this one, which says how many bytes it points to. */
function sizeAfter({ vm, at, values }: Call, index: number): number {
  const size = values[index + 1] ?? 0n;
  if (size > 0x7fffffffn) fault(vm, at, `r${index + 2} = 0x${size.toString(16)} is no size`);
  return Number(size);
}

type Check = (call: Call, value: bigint, index: number) => Argument;

const pointer =
  (bytesOf: (call: Call, index: number) => number, write: boolean): Check =>
  (call, value, index) =>
    checkedAddress(call.vm, call.state, call.at, value, bytesOf(call, index), write);

/** How each kind of parameter is checked and passed on. */
const CHECKS: Readonly<Record<Parameter, Check>> = {
  map: (call) => mapOf(call).address,
  key: pointer((call) => mapOf(call).keySize, false),
  value: pointer((call) => mapOf(call).valueSize, false),
  flags: (_, value) => (value > 0xffffffffn ? FLAGS_TOO_LARGE : Number(value)),
  destination: pointer(sizeAfter, true),
  text: pointer(sizeAfter, false),
  size: (call, _, index) => sizeAfter(call, index - 1),
  source: (_, value) => BigInt.asIntN(64, value),
  scalar: (_, value) => value,
};

function core(call: Call, name: string): CoreFunction {
  return call.vm.host.core[name] ?? fault(call.vm, call.at, `the core has no function ${name}`);
}

const signExtended = (result: Argument): bigint => BigInt.asUintN(64, BigInt(result));
const zeroExtended = (result: Argument): bigint => BigInt.asUintN(32, BigInt(result));

function mapCall(call: Call, role: "lookup" | "update" | "delete", passed: Argument[]): bigint {
  const map = mapOf(call);
  const result = core(call, map.kind.program[role])(...passed);
  if (role !== "lookup") return signExtended(result);
  const address = zeroExtended(result);
  if (address !== 0n) call.state.ranges.grant(Number(address), map.valueStride, !map.readOnly);
  return address;
}

type Perform<Type extends Action["type"]> = (
  call: Call,
  action: Extract<Action, { readonly type: Type }>,
  passed: Argument[],
) => bigint;

/** How each action is carried out. */
const ACTIONS: { readonly [Type in Action["type"]]: Perform<Type> } = {
  map: (call, { role }, passed) => mapCall(call, role, passed),
  core: (call, { name, result }, passed) => {
    const value = core(call, name)(...passed);
    return result === "i32" ? signExtended(value) : zeroExtended(value);
  },
  record: ({ vm, state }, { offset, bytes }) => {
    const task = state.view.getUint32(state.cpu + vm.host.layout.task, true);
    return bytes === 8
      ? state.view.getBigUint64(task + offset, true)
      : BigInt(state.view.getUint32(task + offset, true));
  },
  cpu: ({ vm, state }) => BigInt(state.view.getUint32(state.cpu + vm.host.layout.id, true)),
  print: ({ vm, values }, _, [, size = 0]) =>
    signExtended(tracePrint(vm.host, values[0] ?? 0n, Number(size), values.slice(2))),
};

/** @returns r0 @throws {AnyctxError} EFAULT when an argument is not what the helper's row says */
export function callHelper(vm: Interpreter, state: RunState, i: Decoded, helper: Helper): bigint {
  const call: Call = { vm, state, at: i.at, helper, values: [...state.registers.subarray(1, 6)] };
  const passed = helper.parameters.map((parameter, index) => CHECKS[parameter](call, call.values[index] ?? 0n, index));
  const { action } = helper;
  const result = (ACTIONS[action.type] as Perform<typeof action.type>)(call, action as never, passed);
  refreshViews(vm.host, state);
  return result;
}
