/** Whether what was looked at from one state holds from another: every run that the second allows is one that the first allows. */
import {
  isPacket,
  NOTHING,
  type NumberRegister,
  type PointerRegister,
  type Register,
  referenceOf,
  rely,
  sameTarget,
  type Target,
} from "./registers.ts";
import type { StackObject, StackWord } from "./stack.ts";
import type { Frame, Reference, State, WordSet } from "./state.ts";
import { includesScalar } from "./values/scalar.ts";

/** Numbers of the one state by those of the other: what is told apart in one is told apart in both. */
class Matching {
  /** Numbers by which nothing was decided count too. */
  readonly exact: boolean;

  constructor(exact: boolean) {
    this.exact = exact;
  }

  readonly #to = new Map<number, number>();
  /** How much more numbers of an id are plus in the one state than in the other: of all of them the same. */
  readonly #more = new Map<number, bigint>();
  readonly #from = new Map<number, number>();
  /** Every number so far was the same number. */
  isSame = true;

  /** The same, of what is either there or not: 0 is nothing. */
  same(known: number, now: number): boolean {
    return known === 0 ? now === 0 : now !== 0 && this.match(known, now);
  }

  /** The same of registers that are constants away from a number. */
  matchNumber(known: NumberRegister, now: NumberRegister): boolean {
    if (!this.match(known.id, now.id)) return false;
    if (known.id === 0) return true;
    const more = BigInt.asIntN(64, now.plus - known.plus);
    const before = this.#more.get(known.id);
    if (before === undefined) this.#more.set(known.id, more);
    return before === undefined || before === more;
  }

  match(known: number, now: number): boolean {
    if (known === 0) return true;
    if (known !== now) this.isSame = false;
    const before = this.#to.get(known);
    if (before !== undefined) return before === now && now !== 0;
    if (now !== 0) {
      if (this.#from.has(now)) return false;
      this.#from.set(now, known);
    }
    this.#to.set(known, now);
    return true;
  }
}

function coversPointer(known: PointerRegister, now: PointerRegister, ids: Matching): boolean {
  const { target } = known;
  if (!sameTarget(target, now.target) || known.fixed !== now.fixed || !includesScalar(known.offset, now.offset))
    return false;
  if (now.maybeNull && !known.maybeNull) return false;
  if (isPacket(target)) return known.range <= now.range && matchesPacket(known, now, ids);
  if (!coversTarget(target, now.target, ids)) return false;
  return known.maybeNull === now.maybeNull && (!known.maybeNull || ids.match(known.id, now.id));
}

/** What is told apart of one kind of target: which value it is, and what has to be given back with it. */
function coversTarget(known: Target, now: Target, ids: Matching): boolean {
  if (!ids.same(referenceOf(known), referenceOf(now))) return false;
  if (known.type === "value" && now.type === "value") return ids.same(known.instance, now.instance);
  if (known.type === "memory" && now.type === "memory") return ids.same(known.dynptr, now.dynptr);
  if (known.type !== "object" || now.type !== "object") return true;
  return ids.same(known.instance, now.instance) && ids.same(known.borrowed, now.borrowed);
}

/** Pointers without an unknown offset are all told apart from those with one. */
function matchesPacket(known: PointerRegister, now: PointerRegister, ids: Matching): boolean {
  return known.id === 0 || now.id === 0 ? known.id === now.id : ids.match(known.id, now.id);
}

function coversNumber(known: NumberRegister, now: NumberRegister, ids: Matching): boolean {
  if (known.kernel && !now.kernel) return false;
  // Whatever it is now, nothing would come out otherwise.
  if (!ids.exact && !known.basis.kept) return true;
  return includesScalar(known.scalar, now.scalar) && ids.matchNumber(known, now);
}

function coversRegister(known: Register, now: Register, ids: Matching): boolean {
  if (known.type === "nothing") return true;
  if (known.type === "number") return now.type === "number" && coversNumber(known, now, ids);
  return now.type === "pointer" && coversPointer(known, now, ids);
}

const NO_WORD: StackWord = { written: 0, zero: 0, spills: [] };

function coversObject(known: StackObject | undefined, now: StackObject | undefined, ids: Matching): boolean {
  if (known === undefined) return true;
  if (now === undefined || known.kind !== now.kind || known.part !== now.part || known.leads !== now.leads)
    return false;
  return ids.same(known.id, now.id) && ids.same(known.reference, now.reference);
}

function coversWord(known: StackWord, now: StackWord, ids: Matching): boolean {
  if (known === now && known.spills.length === 0 && known.object === undefined) return true;
  if ((known.written & ~now.written) !== 0 || (known.zero & ~now.zero) !== 0) return false;
  if (!coversObject(known.object, now.object, ids)) return false;
  return known.spills.every((spill) => {
    const same = now.spills.find(({ offset, bytes }) => offset === spill.offset && bytes === spill.bytes);
    return same !== undefined && coversRegister(spill.register, same.register, ids);
  });
}

function isIn(set: WordSet, frame: number, word: number): boolean {
  return ((set[frame * 2 + (word >> 5)] ?? 0) & (1 << (word & 31))) !== 0;
}

function coversFrame(
  known: Frame,
  now: Frame,
  live: number,
  read: WordSet | undefined,
  frame: number,
  ids: Matching,
): boolean {
  if (known.returnTo !== now.returnTo || known.turns > now.turns) return false;
  for (let index = 0; index < known.registers.length; index++) {
    if ((live & (1 << index)) === 0) continue;
    if (!coversRegister(known.registers[index] ?? NOTHING, now.registers[index] ?? NOTHING, ids)) return false;
  }
  const words = Math.max(known.stack.length, now.stack.length);
  for (let word = 0; word < words; word++)
    if (
      (read === undefined || isIn(read, frame, word)) &&
      !coversWord(known.stack[word] ?? NO_WORD, now.stack[word] ?? NO_WORD, ids)
    )
      return false;
  return true;
}

function coversReference(known: Reference, now: Reference | undefined, ids: Matching): boolean {
  if (now === undefined || known.kind !== now.kind || !ids.same(known.id, now.id)) return false;
  const [a, b] = [known.place, now.place];
  if (a === undefined || b === undefined) return a === b;
  return a.of === b.of && a.offset === b.offset && ids.same(a.instance, b.instance);
}

/** Registers of a frame that matter: of one whose function was called by a helper those of the call too, which is made again. */
function matterIn({ frames, at }: State, index: number, live: readonly number[]): number {
  const above = frames[index + 1];
  if (above === undefined) return live[at] ?? 0;
  return (live[above.returnTo] ?? 0) & (above.callback === undefined ? KEPT : -1);
}

/** r6 to r9: what a caller has when its call ends. */
const KEPT = 0b1111000000;

/**
 * @param live registers that matter, by slot
 * @param read words of the stack that matter; undefined: all of them, and all numbers, as paths from the state have not come to an end
 */
export function covers(known: State, now: State, live: readonly number[], read: WordSet | undefined): boolean {
  if (known.frames.length !== now.frames.length || known.references.length !== now.references.length) return false;
  const ids = new Matching(read === undefined);
  const holds = (index: number): boolean => {
    const [a, b] = [known.frames[index] as Frame, now.frames[index] as Frame];
    return coversFrame(a, b, matterIn(known, index, live), read, index, ids);
  };
  const given = known.references === now.references;
  const covered = (reference: Reference, index: number): boolean =>
    coversReference(reference, now.references[index], ids);
  const shared: number[] = [];
  for (let index = known.frames.length - 1; index >= 0; index--) {
    if (known.frames[index] === now.frames[index]) shared.push(index);
    else if (!holds(index)) return false;
  }
  if (!given && !known.references.every(covered)) return false;
  // What both have is the same, except for which other registers hold the same.
  return ids.isSame || (shared.every(holds) && (!given || known.references.every(covered)));
}

/** Registers of two states that are in the same place and not the same: those of frames, and spilled ones. */
function* pairs(known: State, now: State): Generator<readonly [known: Register, now: Register]> {
  for (const [index, frame] of known.frames.entries()) {
    const other = now.frames[index];
    if (other === frame) continue;
    for (const [at, register] of frame.registers.entries()) yield [register, other?.registers[at] ?? NOTHING];
    for (const [at, word] of frame.stack.entries()) {
      const same = other?.stack[at];
      if (word === same) continue;
      for (const { offset, bytes, register } of word?.spills ?? []) {
        const spill = same?.spills.find((each) => each.offset === offset && each.bytes === bytes);
        yield [register, spill?.register ?? NOTHING];
      }
    }
  }
}

/** What was decided by numbers of the state that covers is decided by those of the state that it covers. */
export function inheritReliance(known: State, now: State): void {
  const relied: Register[] = [];
  const kept: Register[] = [];
  // What is relied on from here may be what the one before was made of: that comes when all is seen.
  for (const [before, after] of pairs(known, now)) {
    if (before.type !== "number") continue;
    if (before.basis.relied) relied.push(after);
    else if (before.basis.kept) kept.push(after);
    else if (after.type !== "number" || !includesScalar(before.scalar, after.scalar)) before.basis.ignored = true;
  }
  for (const register of relied) rely(register);
  for (const register of kept) keep(register);
}

function keep(register: Register): void {
  if (register.type === "number") register.basis.keep();
}

/** A path ends in a loop: all that it takes there counts wherever states are compared, as the turn that it begins is not looked at. */
export function keepAll(state: State, live: readonly number[]): void {
  state.frames.forEach(({ registers, stack }, frame) => {
    const matter = matterIn(state, frame, live);
    registers.forEach((register, index) => {
      if ((matter & (1 << index)) !== 0) keep(register);
    });
    stack.forEach((word, index) => {
      if (word === undefined) return;
      state.markRead(frame, index);
      for (const { register } of word.spills) keep(register);
    });
  });
}
