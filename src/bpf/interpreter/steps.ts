/** How each type of operation is carried out: one row a type, each making the step function of one operation. */

import type { KernelMemory } from "../host.ts";
import type { Effect } from "../isa/instructions.ts";
import { ACCESSES, loadInto } from "./accesses.ts";
import { arithmeticStep, branchStep } from "./arithmetic.ts";
import { callHelper, packetNumber, tailCall } from "./calls.ts";
import { enter, leave } from "./frames.ts";
import { WIDE_STEPS } from "./halves.ts";
import {
  checkedAddress,
  clearArguments,
  type Decoded,
  fault,
  type Interpreter,
  type RunState,
  type Step,
} from "./state.ts";

type Of<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
type Handlers = { readonly [Type in Effect["type"]]: (effect: Of<Type>) => Step };

const TWO_32 = 2 ** 32;

function register(state: RunState, number: number): bigint {
  return state.registers[number] ?? 0n;
}

/** An address below 2^32 that the run may access, from a register's words; undefined: it is none. */
function plainAddress(state: RunState, i: Decoded, base: number, bytes: number, write: boolean): number | undefined {
  const { halves } = state;
  if (halves[base * 2 + 1] !== 0) return undefined;
  const address = ((halves[base * 2] as number) >>> 0) + i.offset;
  return address >= 0 && address < TWO_32 && state.ranges.allows(address, bytes, write) ? address : undefined;
}

function access(vm: Interpreter, state: RunState, i: Decoded, base: number, bytes: number, write: boolean): number {
  const found = plainAddress(state, i, base, bytes, write);
  if (found === undefined) {
    const address = BigInt.asUintN(64, register(state, base) + BigInt(i.offset));
    return checkedAddress(vm, state, i.at, address, bytes, write);
  }
  if (!write) vm.options.reads?.(found - state.context, bytes);
  return found;
}

/** What a load finds outside of what the run was granted: the kernel's memory, zeroes where there is none. */
function kernelView(kernel: KernelMemory, state: RunState, i: Decoded, bytes: number): DataView | undefined {
  if (plainAddress(state, i, i.src, bytes, false) !== undefined) return undefined;
  const address = BigInt.asUintN(64, register(state, i.src) + BigInt(i.offset));
  const found = kernel.read(address, bytes) ?? new Uint8Array(bytes);
  return new DataView(found.buffer, found.byteOffset);
}

export const HANDLERS: Handlers = {
  alu: arithmeticStep,
  cast: ({ to }) => {
    const isPointer = to === "pointer";
    return (vm, { halves }, i) => {
      const { arena } = vm.program;
      const low = halves[i.by] as number;
      const moves = isPointer && low !== 0 && arena?.asAddresses === false;
      halves[i.to] = low;
      halves[i.to + 1] = moves ? Number(BigInt.asIntN(32, arena.first >> 32n)) : 0;
      return i.next;
    };
  },
  load: (effect) => {
    const { bytes } = effect;
    const loadAt = ACCESSES.load(effect);
    return (vm, state, i) => {
      const isPlain = vm.kernel === undefined || effect.ordered === true;
      const foreign = isPlain ? undefined : kernelView(vm.kernel as KernelMemory, state, i, bytes);
      if (foreign === undefined) return loadAt(vm, state, i, access(vm, state, i, i.src, bytes, false));
      loadInto(state, i, foreign, 0, effect);
      return i.next;
    };
  },
  store: (effect) => {
    const storeAt = ACCESSES.store(effect);
    return (vm, state, i) => storeAt(vm, state, i, access(vm, state, i, i.dst, effect.bytes, true));
  },
  atomic: (effect) => {
    const atomicAt = ACCESSES.atomic(effect);
    return (vm, state, i) => atomicAt(vm, state, i, access(vm, state, i, i.dst, effect.bytes, true));
  },
  branch: branchStep,
  mayGoto: () => (_, state, i) => {
    if (state.turns === 0) return i.target;
    state.turns--;
    return i.next;
  },
  goto: () => (_, __, i) => i.target,
  constant: () => WIDE_STEPS["mov"] as Step,
  call: ({ target }) =>
    target === "local"
      ? (_, state, i) => enter(state, i.target, i.next)
      : (vm, state, i) => {
          const { helper } = i;
          if (helper === undefined) return fault(vm, i.at, "the helper is unknown");
          if (helper.action.type === "tail" && tailCall(vm, state, i)) return leave(vm, state, i);
          state.registers[0] = callHelper(vm, state, i, helper);
          clearArguments(state);
          return i.next;
        },
  packet: ({ bytes, indirect }) => {
    return (vm, state, i) => {
      const base = indirect ? (state.halves[i.by] as number) : 0;
      const found = packetNumber(vm, state, i, (base + i.imm) | 0, bytes);
      state.halves[0] = found ?? 0;
      state.halves[1] = 0;
      if (found === undefined) return leave(vm, state, i);
      clearArguments(state);
      return i.next;
    };
  },
  exit: () => leave,
  refused: () => (vm, _, i) => fault(vm, i.at, "this instruction is not supported"),
};
