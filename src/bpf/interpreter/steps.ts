/** How each type of operation is carried out: one row a type, each making the step function of one operation. */

import type { KernelMemory } from "../host.ts";
import type { Effect, Operand } from "../isa/instructions.ts";
import { callHelper, packetNumber, tailCall } from "./calls.ts";
import { enter, leave } from "./frames.ts";
import {
  checkedAddress,
  clearArguments,
  type Decoded,
  fault,
  type Interpreter,
  type RunState,
  type Step,
  type StepAt,
} from "./state.ts";

type Of<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
type Handlers = { readonly [Type in Effect["type"]]: (effect: Of<Type>) => Step };

const LOW = 0xffffffffn;

function register(state: RunState, number: number): bigint {
  return state.registers[number] ?? 0n;
}

function operandOf(state: RunState, { src, imm }: Decoded, operand: Operand | "none"): bigint {
  return operand === "src" ? register(state, src) : imm;
}

function access(vm: Interpreter, state: RunState, i: Decoded, base: number, bytes: number, write: boolean): number {
  const address = BigInt.asUintN(64, register(state, base) + BigInt(i.offset));
  return checkedAddress(vm, state, i.at, address, bytes, write);
}

/** What a load finds outside of what the run was granted: the kernel's memory, zeroes where there is none. */
function kernelView(kernel: KernelMemory, state: RunState, i: Decoded, bytes: number): DataView | undefined {
  const address = BigInt.asUintN(64, register(state, i.src) + BigInt(i.offset));
  if (address <= LOW && state.ranges.allows(Number(address), bytes, false)) return undefined;
  const found = kernel.read(address, bytes) ?? new Uint8Array(bytes);
  return new DataView(found.buffer, found.byteOffset);
}

/** Loads by size and sign, as unsigned 64-bit values. */
const LOADS: Readonly<Record<string, (view: DataView, at: number) => bigint>> = {
  u1: (view, at) => BigInt(view.getUint8(at)),
  u2: (view, at) => BigInt(view.getUint16(at, true)),
  u4: (view, at) => BigInt(view.getUint32(at, true)),
  u8: (view, at) => view.getBigUint64(at, true),
  s1: (view, at) => BigInt(view.getInt8(at)),
  s2: (view, at) => BigInt(view.getInt16(at, true)),
  s4: (view, at) => BigInt(view.getInt32(at, true)),
};

const STORES: Readonly<Record<number, (view: DataView, at: number, value: bigint) => void>> = {
  1: (view, at, value) => view.setUint8(at, Number(value & 0xffn)),
  2: (view, at, value) => view.setUint16(at, Number(value & 0xffffn), true),
  4: (view, at, value) => view.setUint32(at, Number(value & LOW), true),
  8: (view, at, value) => view.setBigUint64(at, value, true),
};

type Words = {
  readonly [name in "add" | "or" | "and" | "xor"]: (array: Int32Array, at: number, value: number) => number;
};
type Longs = {
  readonly [name in "add" | "or" | "and" | "xor"]: (array: BigInt64Array, at: number, value: bigint) => bigint;
};
const WORDS: Words & { xchg: Words["add"] } = {
  add: (array, at, value) => Atomics.add(array, at, value),
  or: (array, at, value) => Atomics.or(array, at, value),
  and: (array, at, value) => Atomics.and(array, at, value),
  xor: (array, at, value) => Atomics.xor(array, at, value),
  xchg: (array, at, value) => Atomics.exchange(array, at, value),
};
const LONGS: Longs & { xchg: Longs["add"] } = {
  add: (array, at, value) => Atomics.add(array, at, value),
  or: (array, at, value) => Atomics.or(array, at, value),
  and: (array, at, value) => Atomics.and(array, at, value),
  xor: (array, at, value) => Atomics.xor(array, at, value),
  xchg: (array, at, value) => Atomics.exchange(array, at, value),
};

function signed32(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

/** The old value of the cell, unsigned. */
function atomic(state: RunState, effect: Of<"atomic">, address: number, value: bigint): bigint {
  const { atomic: name, bytes } = effect;
  const expected = register(state, 0);
  if (bytes === 4) {
    const { words } = state;
    const at = address >>> 2;
    const old =
      name === "cmpxchg"
        ? Atomics.compareExchange(words, at, signed32(expected), signed32(value))
        : WORDS[name](words, at, signed32(value));
    return BigInt(old >>> 0);
  }
  const at = address / 8;
  const old =
    name === "cmpxchg"
      ? Atomics.compareExchange(state.longs, at, BigInt.asIntN(64, expected), BigInt.asIntN(64, value))
      : LONGS[name](state.longs, at, BigInt.asIntN(64, value));
  return BigInt.asUintN(64, old);
}

/** Where an atomic goes, if it may. */
function aligned(vm: Parameters<typeof fault>[0], i: Decoded, address: number, bytes: number): number {
  if (address % bytes !== 0) fault(vm, i.at, `an atomic of ${bytes} bytes at 0x${address.toString(16)} is misaligned`);
  return address;
}

/** Bits from a word's lowest to the number of less than 4 bytes in it, and the number's mask. */
function placeInWord(address: number, bytes: number): readonly [shift: number, mask: number] {
  return [(address & 3) * 8, bytes === 4 ? 0xffffffff : 2 ** (bytes * 8) - 1];
}

function loadOrdered({ words, longs }: RunState, address: number, bytes: number): bigint {
  if (bytes === 8) return BigInt.asUintN(64, Atomics.load(longs, address / 8));
  const [shift, mask] = placeInWord(address, bytes);
  return BigInt(((Atomics.load(words, address >>> 2) >>> shift) & mask) >>> 0);
}

/** A number of less than 4 bytes is put into its word, whatever others put beside it meanwhile. */
function storeOrdered({ words, longs }: RunState, address: number, bytes: number, value: bigint): void {
  if (bytes === 8) {
    Atomics.store(longs, address / 8, BigInt.asIntN(64, value));
    return;
  }
  const [shift, mask] = placeInWord(address, bytes);
  const bits = (Number(BigInt.asUintN(32, value)) & mask) << shift;
  for (let seen = Atomics.load(words, address >>> 2); ; ) {
    const before = Atomics.compareExchange(words, address >>> 2, seen, (seen & ~(mask << shift)) | bits);
    if (before === seen) return;
    seen = before;
  }
}

/** What an access does at an address that is the run's, by its type. */
export const ACCESSES: {
  readonly load: (effect: Of<"load">) => StepAt;
  readonly store: (effect: Of<"store">) => StepAt;
  readonly atomic: (effect: Of<"atomic">) => StepAt;
} = {
  load: ({ bytes, signed, ordered }) => {
    if (ordered === true)
      return (vm, state, i, address) => {
        state.registers[i.dst] = loadOrdered(state, aligned(vm, i, address, bytes), bytes);
        state.pc = i.next;
      };
    const load = LOADS[`${signed ? "s" : "u"}${bytes}`];
    return (_, state, i, address) => {
      state.registers[i.dst] = BigInt.asUintN(64, load?.(state.view, address) ?? 0n);
      state.pc = i.next;
    };
  },
  store: ({ bytes, operand, ordered }) => {
    if (ordered === true)
      return (vm, state, i, address) => {
        storeOrdered(state, aligned(vm, i, address, bytes), bytes, operandOf(state, i, operand));
        state.pc = i.next;
      };
    const store = STORES[bytes];
    return (_, state, i, address) => {
      store?.(state.view, address, operandOf(state, i, operand));
      state.pc = i.next;
    };
  },
  atomic: (effect) => {
    const { bytes, fetch } = effect;
    const result = effect.atomic === "cmpxchg" ? () => 0 : (i: Decoded) => i.src;
    return (vm, state, i, address) => {
      const old = atomic(state, effect, aligned(vm, i, address, bytes), register(state, i.src));
      if (fetch) state.registers[result(i)] = old;
      state.pc = i.next;
    };
  },
};

export const HANDLERS: Handlers = {
  alu: ({ width, operand, alu }) => {
    const { evaluate } = alu;
    if (width === 64)
      return (_, state, i) => {
        state.registers[i.dst] = BigInt.asUintN(64, evaluate(register(state, i.dst), operandOf(state, i, operand), 64));
        state.pc = i.next;
      };
    return (_, state, i) => {
      const value = evaluate(register(state, i.dst) & LOW, operandOf(state, i, operand) & LOW, 32);
      state.registers[i.dst] = BigInt.asUintN(32, value);
      state.pc = i.next;
    };
  },
  cast: ({ to }) => {
    const isPointer = to === "pointer";
    return (vm, state, i) => {
      const { arena } = vm.program;
      const low = register(state, i.src) & LOW;
      const moves = isPointer && low !== 0n && arena?.asAddresses === false;
      state.registers[i.dst] = moves ? (arena.first & ~LOW) | low : low;
      state.pc = i.next;
    };
  },
  load: (effect) => {
    const { bytes, signed } = effect;
    const loadAt = ACCESSES.load(effect);
    const load = LOADS[`${signed ? "s" : "u"}${bytes}`];
    return (vm, state, i) => {
      const isPlain = vm.kernel === undefined || effect.ordered === true;
      const foreign = isPlain ? undefined : kernelView(vm.kernel as KernelMemory, state, i, bytes);
      if (foreign === undefined) return loadAt(vm, state, i, access(vm, state, i, i.src, bytes, false));
      state.registers[i.dst] = BigInt.asUintN(64, load?.(foreign, 0) ?? 0n);
      state.pc = i.next;
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
  branch: ({ width, operand, comparison }) => {
    const { evaluate } = comparison;
    return (_, state, i) => {
      const a = register(state, i.dst);
      const b = operandOf(state, i, operand);
      const taken = width === 64 ? evaluate(a, b, 64) : evaluate(a & LOW, b & LOW, 32);
      state.pc = taken ? i.target : i.next;
    };
  },
  mayGoto: () => (_, state, i) => {
    const isOver = state.turns === 0;
    if (!isOver) state.turns--;
    state.pc = isOver ? i.target : i.next;
  },
  goto: () => (_, state, i) => {
    state.pc = i.target;
  },
  constant: ({ holds }) => {
    // A function's address is the slot of its first instruction.
    const value = holds === "function" ? (i: Decoded) => BigInt(i.target) : (i: Decoded) => i.imm;
    return (_, state, i) => {
      state.registers[i.dst] = value(i);
      state.pc = i.next;
    };
  },
  call: ({ target }) =>
    target === "local"
      ? (_, state, i) => enter(state, i.target, i.next)
      : (vm, state, i) => {
          const { helper } = i;
          if (helper === undefined) return fault(vm, i.at, "the helper is unknown");
          if (helper.action.type === "tail" && tailCall(vm, state, i)) return leave(state);
          state.registers[0] = callHelper(vm, state, i, helper);
          clearArguments(state);
          state.pc = i.next;
        },
  packet: ({ bytes, indirect }) => {
    return (vm, state, i) => {
      const base = indirect ? register(state, i.src) : 0n;
      const found = packetNumber(vm, state, i, signed32(base + i.imm), bytes);
      state.registers[0] = BigInt(found ?? 0);
      if (found === undefined) return leave(state);
      clearArguments(state);
      state.pc = i.next;
    };
  },
  exit: () => (_, state) => leave(state),
  refused: () => (vm, state) => fault(vm, state.pc, "this instruction is not supported"),
};
