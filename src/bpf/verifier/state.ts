/** One path's state: registers and stack of each frame, what is reserved, and how the path came here. */
import type { Helper } from "../helpers/helper.ts";
import type { CallbackRules, HeldKind } from "../helpers/rules.ts";
import { FRAME_POINTER, REGISTERS } from "../isa/instructions.ts";
import type { LinkedMap } from "../linked.ts";
import type { ObjectType } from "../object/fields.ts";
import { Basis } from "./basis.ts";
import { NOTHING, type NumberRegister, pointer, type Register } from "./registers.ts";
import { mapSpills, type ReadonlyStack, type Stack } from "./stack.ts";
import { includesScalar, plus } from "./values/scalar.ts";

/** A function that is being called. States share frames until one of them changes its own. */
export interface Frame {
  readonly registers: readonly Register[];
  readonly stack: ReadonlyStack;
  /** The function's first slot. */
  readonly start: number;
  /** Where the caller goes on; -1 for the program itself. */
  readonly returnTo: number;
  /** Of a function that a helper calls: by what rules, and how many references there were before. */
  readonly callback: CallbackFrame | undefined;
  /** The name of a global function that is looked at by itself. */
  readonly global: string | undefined;
  /** How often the helper that is being called has called back from this frame. */
  readonly turns: number;
  /** Once it is shared, and somebody has asked: numbers of its registers and of spilled ones that are none of 0. */
  ids: ReadonlySet<number> | undefined;
}

/** A frame that one state alone has. */
interface OwnFrame extends Frame {
  readonly registers: Register[];
  readonly stack: Stack;
  turns: number;
}

export interface CallbackFrame {
  readonly helper: Helper;
  readonly rules: CallbackRules;
  /** How many things to be given back there were before, with what is lent for the call. */
  readonly references: number;
  /** The number of what it is given for as long as it runs; 0: nothing. */
  readonly lent: number;
}

/** What a run has and has not given back. */
export interface Reference {
  readonly id: number;
  readonly kind: HeldKind;
  /** The call that it comes from. */
  readonly at: number;
  /** Of a lock: which. */
  readonly place?: LockPlace;
}

/** Where a lock is: in a value of a map or in an object, told apart by its instance. */
export interface LockPlace {
  readonly of: LinkedMap | ObjectType;
  readonly instance: number;
  readonly offset: number;
}

/** How a path went: a branch that was taken or not, a call, the last first. */
export interface Trail {
  readonly at: number;
  readonly taken: boolean;
  readonly before: Trail | undefined;
}

/** A set of words of the stack, two numbers of 32 bits a frame. */
export type WordSet = number[];

/** A place where paths are compared, as those that passed it see it. */
export interface Passed {
  readonly before: Passed | undefined;
  /** Words that are read behind it, on whatever path. */
  readonly read: WordSet;
  /** Words that were written between the place before and this one. */
  readonly written: WordSet;
}

/** As many frames as there may be (`src/bpf/host.ts`), two numbers each. */
const SET_LENGTH = 16;

export function wordSet(): WordSet {
  return new Array<number>(SET_LENGTH).fill(0);
}

export class State {
  readonly #frames: Frame[];
  /** A bit a frame: no other state has it. */
  #own = 0;
  at: number;
  /** Turns of loops that end by themselves, on this path: of iterators, of functions that helpers call. */
  turns: number;
  references: readonly Reference[];
  trail: Trail | undefined;
  /** The last place that it passed, and the words that it has written since. */
  passed: Passed | undefined;
  written: WordSet;

  constructor(frames: Frame[], more: Pick<State, "at" | "turns" | "references" | "trail" | "passed" | "written">) {
    this.#frames = frames;
    this.turns = more.turns;
    this.at = more.at;
    this.references = more.references;
    this.trail = more.trail;
    this.passed = more.passed;
    this.written = more.written;
  }

  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** The function that runs. */
  get frame(): Frame {
    return this.#frames[this.#frames.length - 1] as Frame;
  }

  get depth(): number {
    return this.#frames.length - 1;
  }

  register(index: number): Register {
    return this.frame.registers[index] ?? NOTHING;
  }

  set(index: number, register: Register): void {
    this.ownFrame().registers[index] = register;
  }

  /** A frame to be changed; the one that runs if none is named. */
  ownFrame(index: number = this.depth): OwnFrame {
    const bit = 1 << index;
    if ((this.#own & bit) === 0) {
      this.#frames[index] = copyOf(this.#frames[index] as Frame);
      this.#own |= bit;
    }
    return this.#frames[index] as OwnFrame;
  }

  copy(): State {
    this.#own = 0;
    const { at, turns, references, trail, passed } = this;
    return new State(this.#frames.slice(), { at, turns, references, trail, passed, written: this.written.slice() });
  }

  /**
   * Changes registers and spilled ones.
   * @param id all that are changed have this number; 0: any may be
   */
  mapAll(change: (register: Register) => Register, id = 0): void {
    for (let index = 0; index < this.#frames.length; index++) {
      const frame = this.#frames[index] as Frame;
      const isShared = (this.#own & (1 << index)) === 0;
      if (id !== 0 && isShared && !idsIn(frame).has(id)) continue;
      const { registers, stack } = frame;
      for (let at = 0; at < registers.length; at++) {
        const before = registers[at] ?? NOTHING;
        const after = change(before);
        if (after !== before) this.ownFrame(index).registers[at] = after;
      }
      for (let at = 0; at < stack.length; at++) {
        const before = stack[at];
        const after = before && mapSpills(before, change);
        if (after !== before) this.ownFrame(index).stack[at] = after;
      }
    }
  }

  /**
   * A number was found out more of: all that are known to be the same, or a constant away from it, are narrowed with it, as long as they
   * are known to be.
   */
  narrow(index: number, register: NumberRegister): void {
    const before = this.register(index);
    this.set(index, register);
    if (register.id === 0 || before === register) return;
    // Most of them are one that was stored more than once.
    let last: NumberRegister | undefined;
    let narrowed = register;
    this.mapAll((each) => {
      if (each.type !== "number" || each.id !== register.id) return each;
      if (each !== last) narrowed = narrowedWith(each, register);
      last = each;
      return narrowed;
    }, register.id);
  }

  /** A word of a frame is written whole: what was there before is read no more. */
  markWritten(frame: number, word: number): void {
    const index = frame * 2 + (word >> 5);
    this.written[index] = (this.written[index] ?? 0) | (1 << (word & 31));
  }

  /** A word is read: it matters at every place since it was written. */
  markRead(frame: number, word: number): void {
    const index = frame * 2 + (word >> 5);
    const bit = 1 << (word & 31);
    let written = this.written;
    for (let place = this.passed; place !== undefined && ((written[index] ?? 0) & bit) === 0; place = place.before) {
      const read = place.read[index] ?? 0;
      if ((read & bit) !== 0) return;
      place.read[index] = read | bit;
      written = place.written;
    }
  }

  /** A function is entered: nothing of its frame is older than that. */
  push(frame: Frame): void {
    this.#frames.push(frame);
    this.written[this.depth * 2] = -1;
    this.written[this.depth * 2 + 1] = -1;
  }

  /** The function at the top was left: what was its caller's goes on. */
  pop(): Frame {
    this.#own &= ~(1 << this.depth);
    return this.#frames.pop() as Frame;
  }
}

/** What is known of a number by another one that is a constant away from it, where that is more than was known. */
function narrowedWith(each: NumberRegister, { scalar, plus: from, basis }: NumberRegister): NumberRegister {
  if (each.plus === from) return { ...each, scalar, basis: new Basis(each.basis, basis) };
  const found = plus(scalar, each.plus - from);
  return includesScalar(each.scalar, found) ? { ...each, scalar: found, basis: new Basis(each.basis, basis) } : each;
}

function copyOf({ registers, stack, start, returnTo, callback, global, turns }: Frame): OwnFrame {
  return {
    registers: registers.slice(),
    stack: stack.slice(),
    start,
    returnTo,
    callback,
    global,
    turns,
    ids: undefined,
  };
}

/** Of a frame that is shared, and so does not change. */
function idsIn(frame: Frame): ReadonlySet<number> {
  if (frame.ids !== undefined) return frame.ids;
  const ids = new Set<number>();
  const note = (register: Register): void => {
    if (register.type !== "nothing" && register.id !== 0) ids.add(register.id);
  };
  frame.registers.forEach(note);
  for (const word of frame.stack) for (const { register } of word?.spills ?? []) note(register);
  frame.ids = ids;
  return ids;
}

/** Registers of a function that was just entered, with those that it was given. */
export function enteredFrame(
  frame: number,
  origin: number,
  given: readonly Register[],
  { start, returnTo, callback, global }: Pick<Frame, "start" | "returnTo"> & Partial<Frame>,
): Frame {
  const registers = new Array<Register>(REGISTERS).fill(NOTHING);
  given.forEach((register, index) => {
    registers[index + 1] = register;
  });
  registers[FRAME_POINTER] = pointer({ type: "stack", frame }, origin);
  return { registers, stack: [], start, returnTo, callback, global, turns: 0, ids: undefined };
}
