/** Why a program is refused. */

interface Category {
  readonly doc: string;
  /** What is refused would reach memory that is not the program's: there may be an input with which it does. */
  readonly memory: boolean;
}

export type CategoryName =
  | "null"
  | "bounds"
  | "type"
  | "released"
  | "read-only"
  | "context"
  | "argument"
  | "uninitialized"
  | "arithmetic"
  | "alignment"
  | "object"
  | "reference"
  | "frame"
  | "result"
  | "sleep"
  | "loop"
  | "limit"
  | "unsupported";

/** The kinds of reasons; the first word of every message. */
export const CATEGORIES: Readonly<Record<CategoryName, Category>> = {
  null: { doc: "A pointer that may be NULL is used without a comparison.", memory: true },
  bounds: { doc: "An access may lie outside of what its pointer leads into.", memory: true },
  type: { doc: "Something is used as an address that is none.", memory: true },
  released: { doc: "Something is used after it was given back.", memory: true },
  "read-only": { doc: "A write goes to what may only be read.", memory: true },
  context: { doc: "A part of the context is written to that its program type may only read.", memory: false },
  argument: { doc: "A helper is given what it does not take.", memory: false },
  uninitialized: { doc: "Something is read that was never written.", memory: false },
  arithmetic: { doc: "A pointer is calculated with as if it were a number.", memory: false },
  alignment: { doc: "An access is not at a multiple of its size.", memory: false },
  object: {
    doc: "A lock, a dynptr, an iterator, a list or the like is used in another way than by its functions.",
    memory: false,
  },
  reference: { doc: "What a run has is not given back: a record, an object, a lock, an iterator.", memory: false },
  frame: { doc: "A pointer to a function's own stack outlives the function.", memory: false },
  result: { doc: "What the program returns is not what its type allows.", memory: false },
  sleep: { doc: "A function that may sleep is called where nothing may.", memory: false },
  loop: { doc: "A loop comes back to where it was with nothing changed.", memory: false },
  limit: { doc: "There are more paths than are looked at.", memory: false },
  unsupported: { doc: "It needs what is not here: nothing was looked at, or nothing behind it.", memory: false },
};

/** Whether what is refused for this reason could reach memory that is not the program's. */
export function isMemorySafety(category: string): boolean {
  return (CATEGORIES as Readonly<Record<string, Category>>)[category]?.memory === true;
}

/** What the checker finds: thrown on the path that has it, and caught by whoever explores. */
export class Refusal extends Error {
  readonly category: CategoryName;
  /** The slot of the instruction. */
  readonly at: number;
  /** What an author could do. */
  readonly suggestion: string;
  /** Slots of instructions that led to it: where a pointer comes from, where a record was given back. */
  readonly because: readonly Because[];

  constructor(
    category: CategoryName,
    at: number,
    message: string,
    suggestion: string,
    because: readonly Because[] = [],
  ) {
    super(message);
    this.name = "Refusal";
    this.category = category;
    this.at = at;
    this.suggestion = suggestion;
    this.because = because;
  }
}

export interface Because {
  readonly at: number;
  readonly what: string;
}
