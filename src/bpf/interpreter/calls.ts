/** Helper calls of the interpreter: arguments checked against the run's ranges as their parameters say. */
import { type Action, type Helper, mapRegister } from "../helpers/helper.ts";
import { loadFromPacket } from "../helpers/packet-load.ts";
import type { CheckedCall } from "../helpers/parameters/parameter-kind.ts";
import { nextRandom } from "../helpers/random.ts";
import { type Argument, heldAround, mapFunction, performService, type ServiceCall } from "../helpers/service.ts";
import { MOST_TAIL_CALLS, tailTarget } from "../helpers/tail.ts";
import { type CoreFunction, hostAnswer, type ProgramHost } from "../host.ts";
import { FRAME_POINTER } from "../isa/instructions.ts";
import type { LinkedMap, LinkedProgram } from "../linked.ts";
import { callFunction } from "./frames.ts";
import { checkedAddress, type Decoded, fault, type Interpreter, type RunState } from "./state.ts";

class Call implements CheckedCall, ServiceCall {
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

  get name(): string {
    return this.helper.name;
  }

  get host(): ProgramHost {
    return this.vm.host;
  }

  get program(): LinkedProgram {
    return this.vm.program;
  }

  get cpu(): number {
    return this.state.cpu;
  }

  get context(): number {
    return this.state.context;
  }

  get view(): DataView {
    return this.state.view;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.state.view.buffer);
  }

  value(register: number): bigint {
    return this.state.registers[register] ?? 0n;
  }

  map(): LinkedMap {
    const register = mapRegister(this.helper);
    const value = this.value(register);
    const map = value > 0xffffffffn ? undefined : this.#mapAt(Number(value));
    return map ?? this.refuse(register, "map of this program");
  }

  mapAt(address: number): LinkedMap {
    return this.#mapAt(address >>> 0) ?? this.fail("there is no such map");
  }

  #mapAt(address: number): LinkedMap | undefined {
    return this.vm.maps.get(address) ?? this.state.innerMaps.get(address);
  }

  pointer(register: number, bytes: number, write: boolean): number {
    return checkedAddress(this.vm, this.state, this.#at, this.value(register), bytes, write);
  }

  releaseRecord(register: number): number {
    const address = Number(this.value(register));
    if (!this.release(address)) return this.refuse(register, "record that this run has reserved");
    this.state.ranges.revoke(address);
    return address;
  }

  isFunction(slot: bigint): boolean {
    return this.vm.program.subprograms.some(({ start }) => BigInt(start) === slot);
  }

  refuse(register: number, no: string): never {
    return this.fail(`r${register} = 0x${this.value(register).toString(16)} is no ${no}`);
  }

  fail(problem: string): never {
    return fault(this.vm, this.#at, problem);
  }

  core(name: string): CoreFunction {
    return this.vm.host.core[name] ?? this.fail(`the core has no function ${name}`);
  }

  callback(slot: bigint, ...args: readonly bigint[]): bigint {
    return callFunction(this.vm, this.state, Number(slot), args);
  }

  grant(address: number, bytes: number, writable: boolean): void {
    const { ranges } = this.state;
    if (!ranges.allows(address, bytes, writable)) ranges.grant(address, bytes, writable);
  }

  revoke(address: number): void {
    this.state.ranges.revoke(address);
  }

  hold(address: number, what: string, giveUp: () => void): void {
    const held = this.state.held.get(address);
    if (held === undefined) this.state.held.set(address, { what, giveUp, count: 1 });
    else held.count++;
  }

  release(address: number): boolean {
    const held = this.state.held.get(address);
    if (held === undefined) return false;
    held.count--;
    if (held.count === 0) this.state.held.delete(address);
    return true;
  }

  heldAround(address: number): number | undefined {
    return heldAround(this.state.held.keys(), address);
  }
}

/** A function's answer as r0. */
const EXTEND: Readonly<Record<Helper["result"], (result: Argument) => bigint>> = {
  value: (result) => BigInt.asUintN(32, BigInt(result)),
  record: (result) => BigInt.asUintN(32, BigInt(result)),
  address: (result) => BigInt.asUintN(32, BigInt(result)),
  i32: (result) => BigInt.asUintN(64, BigInt(result)),
  i64: (result) => BigInt.asUintN(64, BigInt(result)),
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
  map: (call, { role }, passed) => mapFunction(call, call.map(), role)(...passed),
  core: (call, { name }, passed) => call.core(name)(...passed),
  record: ({ vm, state: { view, cpu } }, { offset, bytes }) => {
    const at = view.getUint32(cpu + vm.host.layout.task, true) + offset;
    return bytes === 8 ? view.getBigUint64(at, true) : view.getUint32(at, true);
  },
  random: ({ vm, state: { view, cpu } }) => {
    const at = cpu + vm.host.layout.random;
    const next = nextRandom(view.getUint32(at, true));
    view.setUint32(at, next, true);
    return next;
  },
  cpu: ({ vm, state }) => state.view.getUint32(state.cpu + vm.host.layout.id, true),
  service: performService,
  unknown: performService,
  // One that has gone on in another program does not come here.
  tail: () => 0,
  answer: (_, { value }) => value,
};

/**
 * Goes on in another program, on the same context and in the current function's frame, whose result the function ends with.
 * @returns false: there is none, and the program goes on itself
 */
export function tailCall(vm: Interpreter, state: RunState, i: Decoded): boolean {
  if (i.helper === undefined || state.tails.made >= MOST_TAIL_CALLS) return false;
  const call = new Call(vm, state, i.at, i.helper);
  const target = tailTarget(vm.host, call.map(), call.value(3));
  if (target === undefined) return false;
  state.tails.made++;
  const stackTop = Number(state.registers[FRAME_POINTER] ?? 0n);
  const bytes = state.ranges.sizeAt(state.context);
  state.registers[0] = target(state.context, state.cpu, stackTop, bytes, state.tails);
  return true;
}

/** What a load from the packet finds; undefined: no such bytes. @throws {AnyctxError} EFAULT where r6 is not the context */
export function packetNumber(
  vm: Interpreter,
  { registers, view, context }: RunState,
  { at }: Decoded,
  offset: number,
  bytes: number,
): number | undefined {
  if (registers[6] !== BigInt(context)) fault(vm, at, "r6 does not hold the context");
  const call = { program: vm.program, view, context, fail: (problem: string) => fault(vm, at, problem) };
  return loadFromPacket(call, offset, bytes);
}

/** @returns r0 @throws {AnyctxError} EFAULT when an argument is not what the helper's row says */
export function callHelper(vm: Interpreter, state: RunState, i: Decoded, helper: Helper): bigint {
  const { action, parameters, result } = helper;
  const call = new Call(vm, state, i.at, helper);
  const passed = parameters.map((parameter, index) => parameter.check(call, index + 1));
  const mocked = hostAnswer(vm.host, helper.name, passed);
  if (mocked !== undefined) return BigInt.asUintN(64, mocked);
  const answer = (ACTIONS[action.type] as Perform<typeof action.type>)(call, action as never, passed);
  const r0 = EXTEND[result](answer);
  if (result === "value" && r0 !== 0n) {
    const { valueSize, readOnly, inner } = call.map();
    if (inner === undefined) state.ranges.grant(Number(r0), valueSize, !readOnly);
    else state.innerMaps.set(Number(r0), { ...inner, address: Number(r0) });
  }
  if (result === "record" && r0 !== 0n) holdRecord(call, Number(r0), Number(passed[1]));
  return r0;
}

function holdRecord(call: Call, address: number, bytes: number): void {
  call.state.ranges.grant(address, bytes, true);
  call.hold(address, "a record that is neither submitted nor discarded", () => call.core("ringbufDiscard")(address, 0));
}
