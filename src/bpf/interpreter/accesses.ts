/**
 * What loads, stores and atomics do at an address that is the run's. Numbers of 64 bits go from array to array, each by a way of its own: so
 * engines make no bigint of them, and V8 of Node 20 ends the process where two ways to a 64-bit number meet.
 */
import type { Effect } from "../isa/instructions.ts";
import { type Decoded, fault, type Interpreter, NOWHERE, type RunState, type StepAt } from "./state.ts";

type Of<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;
type AtomicName = Of<"atomic">["atomic"];

/**
 * A number of less than 8 bytes, as a signed word. A chain and no table, here and below: what a table holds is called by its address, which
 * processors foresee worse than how comparisons come out.
 */
function loadWord(view: DataView, at: number, bytes: number, signed: boolean): number {
  if (bytes === 4) return view.getInt32(at, true);
  if (bytes === 1) return signed ? view.getInt8(at) : view.getUint8(at);
  return signed ? view.getInt16(at, true) : view.getUint16(at, true);
}

function storeWord(view: DataView, at: number, bytes: number, low: number): void {
  if (bytes === 4) view.setInt32(at, low, true);
  else if (bytes === 1) view.setInt8(at, low);
  else view.setInt16(at, low, true);
}

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
export function loadInto(state: RunState, i: Decoded, view: DataView, at: number, { bytes, signed }: Of<"load">): void {
  const { halves } = state;
  if (bytes === 8) {
    state.registers[i.dst] = view.getBigUint64(at, true);
    return;
  }
  const low = loadWord(view, at, bytes, signed);
  halves[i.to] = low;
  halves[i.to + 1] = signed ? low >> 31 : 0;
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
      return i.next;
    };
  return (_, state, i, address) => {
    if (bytes === 8 && (address & 7) === 0) state.registers[i.dst] = state.longs[address / 8] as bigint;
    else loadInto(state, i, state.view, address, effect);
    return i.next;
  };
}

function storeOrderedStep({ bytes }: Of<"store">): StepAt {
  return (vm, state, i, address) => {
    const { longs, words, halves, registers } = state;
    const at = aligned(vm, i, address, bytes);
    if (bytes === 8) Atomics.store(longs, at / 8, registers[i.src] as bigint);
    else storeWordOrdered(words, at, bytes, halves[i.by] as number);
    return i.next;
  };
}

function storeStep({ bytes }: Of<"store">): StepAt {
  return (_, { view, longs, registers, halves }, i, address) => {
    if (bytes < 8) storeWord(view, address, bytes, halves[i.by] as number);
    else if ((address & 7) === 0) longs[address / 8] = registers[i.src] as bigint;
    else {
      view.setInt32(address, halves[i.by] as number, true);
      view.setInt32(address + 4, halves[i.by + 1] as number, true);
    }
    return i.next;
  };
}

function atomicStep({ bytes, fetch, atomic }: Of<"atomic">): StepAt {
  const isCompare = atomic === "cmpxchg";
  const [word, long] = [WORDS[atomic], LONGS[atomic]];
  return (vm, state, i, address) => {
    const at = aligned(vm, i, address, bytes);
    const { halves, words } = state;
    const into = fetch ? (isCompare ? 0 : i.src) : NOWHERE;
    if (bytes === 8) long(state, at / 8, i.src, into);
    else {
      const old = word(words, at >>> 2, halves[i.by] as number, halves[0] as number);
      halves[into * 2] = old;
      halves[into * 2 + 1] = 0;
    }
    return i.next;
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
