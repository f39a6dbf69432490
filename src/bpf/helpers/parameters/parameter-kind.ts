/**
 * What a kind of parameter is: how an argument of it is checked, and how it gets to the core. Rows are written against
 * the two interfaces here, which the interpreter and the JIT provide, so that a kind stands in one place and imports
 * neither. Registers are 1 to 5.
 */
import type { ByteWriter } from "../../../wasm/encode.ts";
import type { MapBinding } from "../../host.ts";
import type { FieldKind } from "../../object/fields.ts";
import type { KernelThing } from "../rules.ts";

/** A helper call as the interpreter carries it out. */
export interface CheckedCall {
  /** What the program passed. */
  value(register: number): bigint;
  /** Address of the program's context. */
  readonly context: number;
  /** The call's map. @throws {AnyctxError} EFAULT where its register holds none of the program's */
  map(): MapBinding;
  /** The register as an address of bytes that this run may read or write. @throws {AnyctxError} EFAULT */
  pointer(register: number, bytes: number, write: boolean): number;
  /** The register as a record that this run has reserved, which it then no longer has. @throws {AnyctxError} EFAULT */
  releaseRecord(register: number): number;
  /** Whether one of the program's functions begins at this slot. */
  isFunction(slot: bigint): boolean;
  /** @throws {AnyctxError} EFAULT with the register, what it holds and that it is `no` such thing */
  refuse(register: number, no: string): never;
}

/** A helper call as the verifier looks at it: whatever the registers may hold. Each method refuses what may go wrong. */
export interface ProvenCall {
  /** The register holds a value; which one does not matter. */
  number(register: number): void;
  /** The call's map. */
  map(): MapBinding;
  /** The register leads to so many bytes that may be read or written. */
  pointer(register: number, bytes: number, write: boolean): void;
  /** Where the call's map has values with fields that are no plain memory, they are 0 in what the register leads to. */
  plainValue(register: number): void;
  /** The register leads into a value of a map. */
  inValue(register: number): void;
  /** It leads to a multiple of so many bytes, where it leads to the stack. */
  aligned(register: number, bytes: number): void;
  /** The same as `pointer`, for as many bytes as the next register says at the most. */
  sized(register: number, write: boolean): void;
  /** The register holds a size, at least this and at most 2^31 - 1; `noMore`: this and nothing else. */
  size(register: number, least?: number, noMore?: true): void;
  /** The register holds a record that is reserved, which it then no longer does. */
  record(register: number): void;
  /** The register holds the program's context. */
  context(register: number): void;
  /** Whether the register holds the program's context. */
  isContext(register: number): boolean;
  /** Whether the register holds 0, and nothing else. */
  isZero(register: number): boolean;
  /** The register leads to the stack, or holds 0. */
  stackOrZero(register: number): void;
  /** The register leads to a text that ends within a constant of the object's. */
  text(register: number): Uint8Array;
  /** It leads to such a text, a format that Linux takes with as many bytes of values as the other register says. */
  format(register: number, size: number): void;
  /** The register holds one of the program's functions, which the helper calls. */
  callback(register: number): void;
  /** The register leads to such a field of a value or an object, which the call is about. */
  field(register: number, kind: FieldKind): void;
  /** The register leads to what lies on the stack and is known by its functions alone: it is made there, used, or ended. */
  stackObject(register: number, kind: StackObjectKind, does: "begins" | "uses" | "ends"): void;
  /** The register holds the number of one of the object's types. */
  typeNumber(register: number): void;
  /** The same, of a type that has a copy for each CPU. */
  copiedType(register: number): void;
  /** The register holds an object for each CPU; `ends`: of the run's own, which it then no longer has. */
  copies(register: number, does: "uses" | "ends"): void;
  /** The register holds an object of the run's own, which it then no longer has; or one that counts its references. */
  object(register: number, does: "ends" | "shares"): void;
  /** The register leads to a node as the call's list or tree holds them; `own`: of an object of the run's, which it then no longer has. */
  node(register: number, own: boolean): void;
  /** The register holds 0, or an object of the run's as the call's pointer leads to, which the run then no longer has. */
  pointee(register: number): void;
  /** The register holds a thing of the kernel's, or 0 where that is said; `ends`: the run then no longer has it. */
  kernelThing(register: number, what: KernelThing, does: "uses" | "usesOrNull" | "ends"): void;
}

/** What lies on the stack and is known by its functions alone. */
export type StackObjectKind = "dynptr" | "record" | "packet" | "iterator" | "interrupts";

/** An argument of a helper call, in the code that the JIT writes. */
export interface CompiledArgument {
  readonly out: ByteWriter;
  /** The call's map at this place in the code; undefined for calls without one. */
  readonly map: MapBinding | undefined;
  /** Leaves the register's 64 bits on the stack. */
  pushRegister(): void;
  /** Leaves the register as an i32 address of `bytes` bytes (undefined: not known), having checked what it must. */
  pushPointer(bytes: number | undefined): void;
  /** Takes an i32 from the stack and ends the run with EFAULT if it is not 0. */
  failIf(): void;
}

/** What a helper takes in one register. */
export interface ParameterKind {
  readonly name: string;
  readonly doc: string;
  /** As what it reaches the core. */
  readonly wasm: "i32" | "i64";
  /** The parameter behind it is the `size` of what it points to. */
  readonly sized: boolean;
  /** Memory of the calling function may have changed through it when the helper returns. */
  readonly writes: boolean;
  /** The verifier's way: what has to hold of the register. */
  prove(call: ProvenCall, register: number): void;
  /** The interpreter's way: the argument for the core. @throws {AnyctxError} EFAULT where it is no such thing */
  check(call: CheckedCall, register: number): number | bigint;
  /** The JIT's way: leaves the argument, of type `wasm`, on the stack. */
  push(argument: CompiledArgument): void;
}
