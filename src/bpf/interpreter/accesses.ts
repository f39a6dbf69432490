/**
 * What loads, stores and atomics do at an address that is the run's. Numbers of 64 bits go from array to array, each by a way of its own: so
 * engines make no bigint of them, and V8 of Node 20 ends the process where two ways to a 64-bit number meet.
 */
import { type Effect, REGISTERS } from "../isa/instructions.ts";
import { type Decoded, fault, type Interpreter, type RunState, type StepAt } from "./state.ts";

type Of<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
type AtomicName = Of<"atomic">["atomic"];

/** Loads of less than 8 bytes by size and sign, as signed words. */
const LOADS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  u1: (view, at) => view.getUint8(at),
  u2: (view, at) => view.getUint16(at, true),
  u4: (view, at) => view.getInt32(at, true),
  s1: (view, at) => view.getInt8(at),
  s2: (view, at) => view.getInt16(at, true),
  s4: (view, at) => view.getInt32(at, true),
};

/** Stores of less than 8 bytes. */
const STORES: Readonly<Record<number, (view: DataView, at: number, low: number) => void>> = {
  1: (view, at, low) => view.setInt8(at, low),
  2: (view, at, low) => view.setInt16(at, low, true),
  4: (view, at, low) => view.setInt32(at, low, true),
};

/** Atomics on a word: the old one. `expected` is r0's. */
const WORDS: Readonly<Record<AtomicName, (array: Int32Array, at: number, value: number, expected: number) => number>> =
  {
    add: (array, at, value) => Atomics.add(array, at, value),
    or: (array, at, value) => Atomics.or(array, at, value),
    and: (array, at, value) => Atomics.and(array, at, value),
    xor: (array, at, value) => Atomics.xor(array, at, value),
    xchg: (array, at, value) => Atomics.exchange(array, at, value),
    cmpxchg: (array, at, value, expected) => Atomics.compareExchange(array, at, expected, value),
  };

/** Where 64 bits of memory and a register meet. */
interface LongPlace {
  readonly longs: BigInt64Array;
  readonly registers: BigUint64Array;
}

/** Atomics on 8 bytes: the register `into` gets the old number. */
const LONGS: Readonly<Record<AtomicName, (place: LongPlace, at: number, src: number, into: number) => void>> = {
  add: ({ longs, registers }, at, src, into) => {
    registers[into] = Atomics.add(longs, at, registers[src] as bigint);
  },
  or: ({ longs, registers }, at, src, into) => {
    registers[into] = Atomics.or(longs, at, registers[src] as bigint);
  },
  and: ({ longs, registers }, at, src, into) => {
    registers[into] = Atomics.and(longs, at, registers[src] as bigint);
  },
  xor: ({ longs, registers }, at, src, into) => {
    registers[into] = Atomics.xor(longs, at, registers[src] as bigint);
  },
  xchg: ({ longs, registers }, at, src, into) => {
    registers[into] = Atomics.exchange(longs, at, registers[src] as bigint);
  },
  cmpxchg: ({ longs, registers }, at, src, into) => {
    registers[into] = Atomics.compareExchange(longs, at, registers[0] as bigint, registers[src] as bigint);
  },
};

/** Puts what lies somewhere into an instruction's register. */
type LoadFrom = (state: RunState, i: Decoded, view: DataView, at: number) => void;

export function loadFrom({ bytes, signed }: Of<"load">): LoadFrom {
  const load = LOADS[`${signed ? "s" : "u"}${bytes}`];
  if (load === undefined)
    return ({ registers }, { dst }, view, at) => {
      registers[dst] = view.getBigUint64(at, true);
    };
  return ({ halves }, { dst }, view, at) => {
    const low = load(view, at);
    halves[dst * 2] = low;
    halves[dst * 2 + 1] = signed ? low >> 31 : 0;
  };
}

/** Where an atomic goes, if it may. */
function aligned(vm: Interpreter, i: Decoded, address: number, bytes: number): number {
  if (address % bytes !== 0) fault(vm, i.at, `an atomic of ${bytes} bytes at 0x${address.toString(16)} is misaligned`);
  return address;
}

/** Bits from a word's lowest to the number of less than 8 bytes in it, and the number's mask. */
function placeInWord(address: number, bytes: number): readonly [shift: number, mask: number] {
  return [(address & 3) * 8, bytes === 4 ? 0xffffffff : 2 ** (bytes * 8) - 1];
}

function loadOrdered({ halves, words, longs, registers }: RunState, dst: number, address: number, bytes: number): void {
  if (bytes === 8) {
    registers[dst] = Atomics.load(longs, address / 8);
    return;
  }
  const [shift, mask] = placeInWord(address, bytes);
  halves[dst * 2] = (Atomics.load(words, address >>> 2) >>> shift) & mask;
  halves[dst * 2 + 1] = 0;
}

/** A number of less than 4 bytes is put into its word, whatever others put beside it meanwhile. */
function storeWordOrdered(words: Int32Array, address: number, bytes: number, value: number): void {
  const [shift, mask] = placeInWord(address, bytes);
  const bits = (value & mask) << shift;
  for (let seen = Atomics.load(words, address >>> 2); ; ) {
    const before = Atomics.compareExchange(words, address >>> 2, seen, (seen & ~(mask << shift)) | bits);
    if (before === seen) return;
    seen = before;
  }
}

function loadStep(effect: Of<"load">): StepAt {
  const { bytes, ordered } = effect;
  if (ordered === true)
    return (vm, state, i, address) => {
      loadOrdered(state, i.dst, aligned(vm, i, address, bytes), bytes);
      state.pc = i.next;
    };
  const load = loadFrom(effect);
  return (_, state, i, address) => {
    if (bytes === 8 && (address & 7) === 0) state.registers[i.dst] = state.longs[address / 8] as bigint;
    else load(state, i, state.view, address);
    state.pc = i.next;
  };
}

function storeOrderedStep({ bytes, operand }: Of<"store">): StepAt {
  const isRegister = operand === "src";
  return (vm, state, i, address) => {
    const { longs, words, halves, registers } = state;
    const at = aligned(vm, i, address, bytes);
    if (bytes !== 8) storeWordOrdered(words, at, bytes, isRegister ? (halves[i.src * 2] as number) : i.low);
    else if (isRegister) Atomics.store(longs, at / 8, registers[i.src] as bigint);
    else Atomics.store(longs, at / 8, i.imm);
    state.pc = i.next;
  };
}

function storeStep({ bytes, operand }: Of<"store">): StepAt {
  const store = STORES[bytes];
  const isRegister = operand === "src";
  if (store !== undefined)
    return (_, state, i, address) => {
      store(state.view, address, isRegister ? (state.halves[i.src * 2] as number) : i.low);
      state.pc = i.next;
    };
  return (_, state, i, address) => {
    const { view, longs, registers, halves } = state;
    if ((address & 7) !== 0) {
      view.setInt32(address, isRegister ? (halves[i.src * 2] as number) : i.low, true);
      view.setInt32(address + 4, isRegister ? (halves[i.src * 2 + 1] as number) : i.high, true);
    } else if (isRegister) longs[address / 8] = registers[i.src] as bigint;
    else longs[address / 8] = i.imm;
    state.pc = i.next;
  };
}

/** What is written behind an array's end is lost: where the old number goes if nobody asks for it. */
const NOWHERE = REGISTERS;

function atomicStep({ bytes, fetch, atomic }: Of<"atomic">): StepAt {
  const isCompare = atomic === "cmpxchg";
  const [word, long] = [WORDS[atomic], LONGS[atomic]];
  return (vm, state, i, address) => {
    const at = aligned(vm, i, address, bytes);
    const { halves, words } = state;
    const into = fetch ? (isCompare ? 0 : i.src) : NOWHERE;
    if (bytes === 8) long(state, at / 8, i.src, into);
    else {
      const old = word(words, at >>> 2, halves[i.src * 2] as number, halves[0] as number);
      halves[into * 2] = old;
      halves[into * 2 + 1] = 0;
    }
    state.pc = i.next;
  };
}

/** By the type of access. */
export const ACCESSES: {
  readonly load: (effect: Of<"load">) => StepAt;
  readonly store: (effect: Of<"store">) => StepAt;
  readonly atomic: (effect: Of<"atomic">) => StepAt;
} = {
  load: loadStep,
  store: (effect) => (effect.ordered === true ? storeOrderedStep(effect) : storeStep(effect)),
  atomic: atomicStep,
};
