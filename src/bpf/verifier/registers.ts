/** What the verifier knows of a register or of a spilled one: nothing, a number, or a pointer into something. All of it is immutable. */
import type { KernelShape, KernelThing } from "../helpers/rules.ts";
import type { LinkedMap } from "../linked.ts";
import type { ObjectType } from "../object/fields.ts";
import { Basis, NO_BASIS } from "./basis.ts";
import { constant, type Scalar, UNKNOWN } from "./values/scalar.ts";

/** What a pointer leads into. */
export type Target =
  | { readonly type: "context" }
  /** A frame's stack, by the frame's number; offsets are below its top. */
  | { readonly type: "stack"; readonly frame: number }
  /** `instance`: which value, of maps whose values have locks and the like; 0 of others, and of variables. */
  | { readonly type: "value"; readonly map: LinkedMap; readonly instance: number }
  | { readonly type: "map"; readonly map: LinkedMap }
  | { readonly type: "packet" | "packetMeta" | "packetEnd" }
  /** Some byte of the program's arena map, or of none of its pages: accesses through it never fault. */
  | { readonly type: "arena" }
  | MemoryTarget
  | ObjectTarget
  /** A thing of the kernel's; `reference`: what the run has to give back with it, or 0. */
  | {
      readonly type: "kernel";
      readonly what: KernelThing;
      readonly reference: number;
      readonly shape?: KernelShape | undefined;
    }
  /** An object for each CPU; `reference`: what the run has to give back with it, or 0. */
  | { readonly type: "copies"; readonly object: ObjectType; readonly reference: number }
  /** A dynptr that lies in memory of the kernel's, and goes with a reference. */
  | { readonly type: "dynptr"; readonly reference: number }
  | { readonly type: "function"; readonly start: number };

/** So many bytes that a helper gave. */
export interface MemoryTarget {
  readonly type: "memory";
  readonly what: string;
  readonly bytes: number;
  readonly writable: boolean;
  /** What it goes with: the number of a reservation or an iteration; 0: of nothing that is given back. */
  readonly reference: number;
  /** The dynptr that it is a part of; 0: none. */
  readonly dynptr: number;
  /** A part of the packet, which may move. */
  readonly packet: boolean;
  /** It begins at a multiple of 8. */
  readonly aligned: boolean;
}

/** Memory that goes with nothing, is no part of anything, and begins anywhere, but for what is said. */
export function memory(what: string, bytes: number, more: Partial<Omit<MemoryTarget, "type">> = {}): MemoryTarget {
  const none = { writable: false, reference: 0, dynptr: 0, packet: false, aligned: false };
  return { type: "memory", what, bytes, ...none, ...more };
}

/** Types of targets that pointers lead to and through which nothing is accessed, but for what a kernel shows of its own. */
export const WITHOUT_MEMORY: ReadonlySet<Target["type"]> = new Set([
  ...(["map", "packetEnd", "function", "kernel", "copies", "dynptr"] as const),
]);

/** An object that a program has allocated. */
export interface ObjectTarget {
  readonly type: "object";
  readonly object: ObjectType;
  readonly instance: number;
  /** What the run has; 0: it has not got it, and may look at it while it holds the lock `borrowed`. */
  readonly reference: number;
  readonly borrowed: number;
}

export type CopiesTarget = Extract<Target, { readonly type: "copies" }>;

/** Nothing was put there since the function began, or since a call that leaves nothing. */
export interface NothingRegister {
  readonly type: "nothing";
  /** The call that has taken what was there. */
  readonly lostAt?: number;
}

export interface NumberRegister {
  readonly type: "number";
  readonly scalar: Scalar;
  /**
   * Registers of the same `id` that is not 0 hold the same number, each plus a constant of its own: what is found out of one holds for
   * all.
   */
  readonly id: number;
  readonly plus: bigint;
  /** It may be an address of the kernel's memory, which may be read wherever it leads. */
  readonly kernel: boolean;
  /** Whether something was decided by it. */
  readonly basis: Basis;
  /** It was a pointer until this call, which took what it led to. */
  readonly released?: { readonly at: number; readonly what: string };
}

export interface PointerRegister {
  readonly type: "pointer";
  readonly target: Target;
  /** Bytes from the beginning of the target; of packets those that are not known exactly. */
  readonly offset: Scalar;
  /** Of packets: bytes beyond `offset`. */
  readonly fixed: number;
  /** Of packets: how many bytes behind the place that `offset` leads to are there for certain. */
  readonly range: number;
  /** Of what may be null: which result; of packets: which unknown offset. Pointers of the same number are compared once for all. */
  readonly id: number;
  readonly maybeNull: boolean;
  /** The instruction that it comes from. */
  readonly origin: number;
}

export type Register = NothingRegister | NumberRegister | PointerRegister;

export const NOTHING: NothingRegister = { type: "nothing" };

export function number(scalar: Scalar, kernel = false, basis: Basis = new Basis()): NumberRegister {
  return { type: "number", scalar, id: 0, plus: 0n, kernel, basis };
}

export function isArena(
  register: Register,
): register is PointerRegister & { readonly target: { readonly type: "arena" } } {
  return register.type === "pointer" && register.target.type === "arena";
}

export const ANY_NUMBER: NumberRegister = number(UNKNOWN, false, NO_BASIS);

export function zero(): NumberRegister {
  return number(constant(0));
}

/** Something is decided by what a register holds, if that is a number; of pointers all that is known counts at all times. */
export function rely(register: Register): void {
  if (register.type === "number") register.basis.rely();
}

export function pointer(target: Target, origin: number, more: Partial<PointerRegister> = {}): PointerRegister {
  const none = { fixed: 0, range: 0, id: 0, maybeNull: false };
  return { type: "pointer", target, offset: constant(0), origin, ...none, ...more };
}

export function isPacket({ type }: Target): boolean {
  return type === "packet" || type === "packetMeta";
}

/** Whether both lead into the same thing. */
export function sameTarget(a: Target, b: Target): boolean {
  if (a === b) return true;
  if (a.type !== b.type) return false;
  if (a.type === "stack" && b.type === "stack") return a.frame === b.frame;
  if ("map" in a && "map" in b) return a.map === b.map;
  if (a.type === "function" && b.type === "function") return a.start === b.start;
  if ("object" in a && "object" in b) return a.object === b.object;
  if (a.type === "kernel" && b.type === "kernel") return a.what === b.what && a.shape === b.shape;
  if (a.type !== "memory" || b.type !== "memory") return true;
  return a.bytes === b.bytes && a.writable === b.writable && a.packet === b.packet && a.aligned === b.aligned;
}

/** What a pointer may be of: the number of what is to be given back; 0: nothing. */
export function referenceOf(target: Target): number {
  return "reference" in target ? target.reference : 0;
}

/** What a pointer leads to is gone since this call. */
export function releasedRegister(at: number, what: string): NumberRegister {
  return { ...ANY_NUMBER, released: { at, what } };
}

/** What a target is, for people. */
export function describeTarget(target: Target): string {
  switch (target.type) {
    case "stack":
      return "the stack";
    case "value":
      return target.map.direct && target.map.name.startsWith(".")
        ? `the variables in ${target.map.name}`
        : `a value of map ${target.map.name}`;
    case "map":
      return `map ${target.map.name}`;
    case "memory":
      return `${target.what} of ${target.bytes} bytes`;
    case "object":
      return `an object of type ${target.object.name}`;
    case "kernel":
      return `a ${target.what}`;
    case "packetEnd":
      return "the end of the packet";
    case "packetMeta":
      return "the packet's metadata";
    case "function":
      return "a function";
    case "copies":
      return `an object of type ${target.object.name} for each CPU`;
    case "dynptr":
      return "a dynptr";
    case "arena":
      return "the arena map";
    default:
      return `the ${target.type}`;
  }
}

/** Bounds of a number, shortly: `5`, `0..255`, `-3..7`, `any number`. */
export function describeScalar({ wide }: Scalar): string {
  const { umin, umax, smin, smax, value, mask } = wide;
  if (mask === 0n) return String(smin);
  const signed = smin > -(2n ** 63n) || smax < 2n ** 63n - 1n;
  const unsigned = umin > 0n || umax < 2n ** 64n - 1n;
  const step = mask & -mask;
  const multiple = step > 1n && (value & (step - 1n)) === 0n ? ` in steps of ${step}` : "";
  if (unsigned && (smin >= 0n || !signed)) return `${umin}..${umax}${multiple}`;
  return signed ? `${smin}..${smax}${multiple}` : "any number";
}

/** What a register holds, for people. */
export function describe(register: Register): string {
  if (register.type === "nothing") return "nothing";
  if (register.type === "number")
    return register.kernel
      ? `a kernel address or number ${describeScalar(register.scalar)}`
      : describeScalar(register.scalar);
  const { target, offset, fixed, maybeNull, range } = register;
  const exact = offset.wide.mask === 0n ? offset.wide.smin + BigInt(fixed) : undefined;
  const moved =
    exact === undefined
      ? ` + ${describeScalar(offset)}${fixed === 0 ? "" : ` + ${fixed}`}`
      : exact === 0n
        ? ""
        : ` ${exact < 0n ? "-" : "+"} ${exact < 0n ? -exact : exact}`;
  const checked = isPacket(target) ? ` (${range} bytes of it compared with its end)` : "";
  return `${describeTarget(target)}${moved}${checked}${maybeNull ? ", or NULL" : ""}`;
}
