/** A linked program: what linking hands to the interpreter and the JIT, and what they may rely on. */
import type { MapBinding } from "./host.ts";
import type { Instruction } from "./isa/instructions.ts";
import type { ObjectType, SpecialField } from "./object/fields.ts";
import type { GlobalPrototype } from "./object/prototypes.ts";
import type { SourceLine } from "./object/spec.ts";
import type { ProgramKind, UnsupportedKind } from "./programs/program-type.ts";

/**
 * Pure data, structured-cloneable. Every slot is a known operation or the second slot of a wide load; registers are
 * 0 to 10 and r10 is never written; jumps stay inside their subprogram, calls and callbacks go to the first slot of one;
 * no subprogram runs off its end; call chains are at most MAX_FRAMES deep.
 */
export interface LinkedProgram {
  readonly name: string;
  readonly kind: ProgramKind | UnsupportedKind;
  /** It may sleep: its section says so (`fentry.s`), or user space runs it. */
  readonly sleepable?: true;
  readonly instructions: readonly Instruction[];
  /** In order of `start`, covering all slots; the first is the program itself. `end` is exclusive. */
  readonly subprograms: readonly Subprogram[];
  /** Every map the program refers to. */
  readonly maps: readonly LinkedMap[];
  /** Ids of the helpers it calls. */
  readonly helpers: readonly number[];
  readonly lines: readonly SourceLine[];
  /** The object's own types that it names, and those that they and its maps lead to, by their numbers. */
  readonly types: ReadonlyMap<number, ObjectType>;
  /** The first slot of the function that makes a program's result of what it has ended itself with (`bpf_throw`). */
  readonly exception?: number;
  /** The arena map that it uses, if it does. */
  readonly arena?: LinkedArena;
  /** What the verifier has proven, where it has accepted the program: nobody need check it again. */
  readonly proofs?: Proofs;
  /** What the verifier believed, where it was asked to say: in order of `at`. */
  readonly beliefs?: readonly Belief[];
}

/** A program's arena map, and where its pointers are: what tells them from other addresses is the verifier alone. */
export interface LinkedArena {
  /** Address of the map. */
  readonly map: number;
  readonly first: bigint;
  readonly asAddresses: boolean;
  /** By slot, as the verifier has found: ARENA_ACCESS, ARENA_POINTER or 0. */
  readonly pointers: Uint8Array;
}

/** The instruction accesses the map. */
export const ARENA_ACCESS = 1;
/** It calculates with a pointer into the map, in 64 bits: of which 32 stay. */
export const ARENA_POINTER = 2;

export interface Proofs {
  /** By slot: 1 where each access of the instruction, or each pointer that a call is given, leads to memory that the run may so access. */
  readonly inside: Uint8Array;
  /** By slot, of instructions that read a context whose size only a run knows: how many bytes it has to have. */
  readonly contextEnds: ReadonlyMap<number, number>;
  /** Every loop ends by itself, after fewer turns than anybody counts. */
  readonly ends: boolean;
}

/** What a register holds before an instruction, in every run that gets there. */
export interface Belief {
  readonly at: number;
  readonly register: number;
  /**
   * A number, or an address that many bytes from where the context begins, from the top of a function's stack or from some object;
   * a map's address.
   */
  readonly holds: "number" | "context" | "stack" | "map" | "pointer";
  /** Of the number, or of the offset from the object: bits that are known and those that are not, bounds unsigned and signed. */
  readonly value: bigint;
  readonly mask: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  /** The map's address, where it holds one. */
  readonly map: number;
  /** Of the stack: how many frames above the running function's the one is that it leads into. */
  readonly frames: number;
}

export interface Subprogram {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Of a global function with types: what it takes, by which it is verified. */
  readonly takes?: GlobalPrototype;
  /** What kernels have against the declaration of a global function, where they have anything. */
  readonly problem?: string;
  /** Its types say that it returns no number. */
  readonly isVoid?: true;
}

export interface LinkedMap extends MapBinding {
  readonly inner?: LinkedMap;
  readonly readOnly: boolean;
  /** Programs may write to its values and not read them. */
  readonly writeOnly: boolean;
  /** The program holds the address of its first value, as it does for data sections. */
  readonly direct: boolean;
  /** Parts of its values that are no plain memory, in order of their offsets. */
  readonly fields: readonly SpecialField[];
  /** What is in it and stays as it is: constants of the object. */
  readonly contents?: Uint8Array;
}
