/** Whether the arguments of a helper call are what the helper's row says, and what follows from them. */

import { type Helper, isKernelFunction, mapRegister } from "../helpers/helper.ts";
import type { ProvenCall, StackObjectKind } from "../helpers/parameters/parameter-kind.ts";
import { latin, parseFormat } from "../helpers/print.ts";
import type { KernelThing } from "../helpers/rules.ts";
import type { MapBinding } from "../host.ts";
import type { LinkedMap } from "../linked.ts";
import type { FieldKind } from "../object/fields.ts";
import { checkAccess, neverWritten } from "./access.ts";
import {
  type FoundField,
  type FoundStackObject,
  type Proving,
  proveCopiedType,
  proveCopies,
  proveField,
  proveKernelThing,
  proveNode,
  proveObject,
  provePointee,
  proveStackObject,
  proveTypeNumber,
  proveZeroFields,
} from "./proof-objects.ts";
import { Refusal } from "./refusal.ts";
import {
  type CopiesTarget,
  describe,
  isPacket,
  type ObjectTarget,
  type PointerRegister,
  type Register,
  referenceOf,
  rely,
} from "./registers.ts";
import type { State } from "./state.ts";
import { nameOf, type Subject } from "./subject.ts";
import { constantOf } from "./values/scalar.ts";

/** Memory that a helper may write to: at least `least` and at most `most` bytes from a pointer on. */
export interface Written {
  readonly pointer: PointerRegister;
  readonly least: number;
  readonly most: number;
}

export const LARGEST_SIZE = 0x7fffffffn;
/** What is printed is handed over as so many bytes. */
const VALUE_BYTES = 8;
/** Characters of a format. */
const SHOWN = 60;

/** Roles of map functions that change what a map holds. */
const CHANGES: ReadonlySet<string> = new Set(["update", "delete", "push", "pop"]);

export class Proof implements ProvenCall, Proving {
  readonly subject: Subject;
  readonly state: State;
  readonly at: number;
  readonly helper: Helper;
  readonly written: Written[] = [];
  /** Numbers of what the run has no longer, with the call that takes it. */
  readonly released: number[] = [];
  /** Objects that stay where they are put, and may be looked at as long as the lock is held. */
  lent: number | undefined;
  foundMap: LinkedMap | undefined;
  foundField: FoundField | undefined;
  readonly stackObjects: FoundStackObject[] = [];
  /** The object that the call is about. */
  foundObject: ObjectTarget | undefined;
  foundNode: number | undefined;
  /** The object for each CPU that the call is about. */
  foundCopies: CopiesTarget | undefined;
  /** The thing of the kernel's that the call is about. */
  foundThing: PointerRegister | undefined;
  /** The first slot of the function that the helper calls. */
  function: number | undefined;
  /** Bytes of memory that the call gives. */
  bytes = 0;

  constructor(subject: Subject, state: State, at: number, helper: Helper) {
    this.subject = subject;
    this.state = state;
    this.at = at;
    this.helper = helper;
  }

  held(register: number): Register {
    const held = this.state.register(register);
    if (held.type === "nothing") throw neverWritten(this.at, register, held);
    return held;
  }

  get name(): string {
    return this.helper.name.replace(/^(?!bpf_)/, "bpf_").replace(/_impl$/, "");
  }

  refusal(register: number, wanted: string, suggestion: string): Refusal {
    const held = this.held(register);
    const released = held.type === "number" ? held.released : undefined;
    const what =
      released !== undefined
        ? `${released.what}, which was given back before`
        : held.type === "number"
          ? `the number ${describe(held)}`
          : `a pointer to ${describe(held)}`;
    const message = `${this.name}() takes ${wanted} as argument ${register} and is given ${what}`;
    const because = released === undefined ? [] : [{ at: released.at, what: `${released.what} was given away here` }];
    return new Refusal("argument", this.at, message, suggestion, because);
  }

  number(register: number): void {
    this.held(register);
  }

  map(): MapBinding {
    if (this.foundMap !== undefined) return this.foundMap;
    const register = mapRegister(this.helper);
    const held = this.held(register);
    if (held.type !== "pointer" || held.target.type !== "map")
      throw this.refusal(register, "a map", "Pass the address of a map: &map.");
    const { map } = held.target;
    if (held.maybeNull) throw this.refusal(register, "a map", "Compare the map with NULL first.");
    const { action, maps } = this.helper;
    if (map.kind.inner === true && map.inner === undefined) throw this.#ofMaps(map);
    if (action.type === "map") this.#checkRole(map, action.role);
    else if (maps?.includes(map.kind.type) === false) throw this.#ofKind(map);
    this.foundMap = map;
    return map;
  }

  /** A map of maps of which the object does not say what those are like. */
  #ofMaps({ name }: LinkedMap): Refusal {
    const message = `${this.name}() is called for map ${name}, a map of maps, and what those hold is not known here`;
    return new Refusal("argument", this.at, message, "Name the map itself, or load the program unverified.");
  }

  #ofKind({ name, kind }: LinkedMap): Refusal {
    const message = `${this.name}() cannot be called for map ${name}, which is of kind ${kind.type}`;
    return new Refusal("argument", this.at, message, "Use a helper for this kind of map, or another kind.");
  }

  #checkRole(map: LinkedMap, role: keyof LinkedMap["kind"]["program"]): void {
    if (map.kind.program[role] === undefined) throw this.#ofKind(map);
    if (!map.readOnly || !CHANGES.has(role)) return;
    const message = `${this.name}() changes map ${map.name}, which programs may only read`;
    throw new Refusal("read-only", this.at, message, "Create the map without BPF_F_RDONLY_PROG.");
  }

  pointer(register: number, bytes: number, write: boolean): void {
    this.range(register, bytes, bytes, write);
  }

  range(register: number, least: number, most: number, write: boolean): void {
    const held = this.held(register);
    if (held.type === "number") {
      const suggestion = "Pass the address of a variable, of a map's value or of a record.";
      const isNull = constantOf(held.scalar) === 0n;
      throw this.refusal(register, `a pointer to ${most} bytes`, isNull ? "NULL is no place for it." : suggestion);
    }
    if (held.type === "pointer" && isPacket(held.target) && this.helper.takesPacket !== true)
      throw this.refusal(register, "memory that is no packet's", "Copy what is needed to a variable, and pass that.");
    // Only functions of the kernel's own take the context as memory: its fields are not where Linux has them.
    if (held.type === "pointer" && held.target.type === "context" && !isKernelFunction(this.helper))
      throw this.refusal(register, "memory that is not the context's", "Copy the fields to a variable, and pass that.");
    const does = write ? "write" : "read";
    checkAccess(this.subject, this.state, { at: this.at, register, offset: 0, bytes: most, does, helper: true });
    if (write && held.type === "pointer") this.written.push({ pointer: held, least, most });
  }

  plainValue(register: number): void {
    if (this.foundMap !== undefined) proveZeroFields(this, register, this.foundMap.fields);
  }

  inValue(register: number): void {
    const held = this.held(register);
    if (held.type === "pointer" && held.target.type === "value") return;
    throw this.refusal(register, "memory in a map's value", "Put it into a map, or into a global variable.");
  }

  aligned(register: number, bytes: number): void {
    const held = this.held(register);
    if (held.type !== "pointer" || held.target.type !== "stack") return;
    const { value, mask } = held.offset.wide;
    if (((value | mask) & BigInt(bytes - 1)) === 0n) return;
    throw this.refusal(register, `a number of ${bytes} bytes, at a multiple of that`, "Declare it as such a number.");
  }

  #size(register: number, least = 0, noMore = false): readonly [least: number, most: number] {
    const held = this.held(register);
    if (held.type !== "number") throw this.refusal(register, "a size", "Pass a number.");
    rely(held);
    const { umin, umax } = held.scalar.wide;
    if (umax > LARGEST_SIZE)
      throw this.refusal(register, "a size of at most 2147483647", "Compare the size first: it may be negative here.");
    if (umin < least) throw this.refusal(register, `a size of at least ${least}`, "Compare the size with 0 first.");
    if (noMore && umax > least)
      throw this.refusal(
        register,
        `the size ${least}, as there is no memory,`,
        "Pass 0 for the size where the pointer is NULL.",
      );
    return [Number(umin), Number(umax)];
  }

  size(register: number, least = 0, noMore?: true): void {
    this.#size(register, least, noMore);
  }

  sized(register: number, write: boolean): void {
    const [least, most] = this.#size(register + 1);
    this.range(register, least, most, write);
  }

  record(register: number): void {
    const held = this.held(register);
    const suggestion = "Pass what bpf_ringbuf_reserve() returned, as it was and once only.";
    const reference = held.type === "pointer" ? referenceOf(held.target) : 0;
    const kind = this.state.references.find(({ id }) => id === reference)?.kind;
    if (held.type !== "pointer" || held.target.type !== "memory" || kind !== "record")
      throw this.refusal(register, "a reserved record", suggestion);
    if (held.maybeNull) {
      const name = nameOf(this.subject, register, held).replaceAll("`", "");
      throw this.refusal(register, "a reserved record", `Compare it with NULL first: if (!${name}) return 0;`);
    }
    if (constantOf(held.offset) !== 0n) throw this.refusal(register, "a record's beginning", suggestion);
    this.released.push(reference);
  }

  isContext(register: number): boolean {
    const held = this.held(register);
    return held.type === "pointer" && held.target.type === "context" && constantOf(held.offset) === 0n;
  }

  context(register: number): void {
    if (!this.isContext(register))
      throw this.refusal(register, "the program's context", "Pass the context as the program got it.");
  }

  isZero(register: number): boolean {
    const held = this.held(register);
    if (held.type !== "number" || constantOf(held.scalar) !== 0n) return false;
    rely(held);
    return true;
  }

  stackOrZero(register: number): void {
    const held = this.held(register);
    if ((held.type === "pointer" && held.target.type === "stack") || this.isZero(register)) return;
    throw this.refusal(register, "a pointer to the stack, or 0,", "Put the pointer into a variable, and pass that.");
  }

  text(register: number): Uint8Array {
    const held = this.held(register);
    const wanted = "a constant text that ends with a NUL";
    const suggestion = 'Pass a constant of the program: static const char text[] = "...";';
    if (held.type !== "pointer" || held.target.type !== "value" || held.maybeNull)
      throw this.refusal(register, wanted, suggestion);
    const { contents } = held.target.map;
    const at = constantOf(held.offset);
    if (contents === undefined || at === undefined || at >= BigInt(contents.length))
      throw this.refusal(register, wanted, suggestion);
    const end = contents.indexOf(0, Number(at));
    if (end < 0) throw this.refusal(register, wanted, "The text has no NUL at its end.");
    return contents.subarray(Number(at), end);
  }

  format(register: number, size: number): void {
    const format = latin(this.text(register));
    this.#size(size);
    const held = this.held(size);
    // Linux goes by the bits that it knows of a number, as here, where that is not one alone.
    const bytes = held.type === "number" ? Number(held.scalar.wide.value) : 0;
    const values = bytes / VALUE_BYTES;
    if (Number.isInteger(values) && parseFormat(format, values) !== undefined) return;
    const message = `${this.name}() is given the format ${JSON.stringify(format.slice(0, SHOWN))} and ${bytes} bytes of values, of 8 bytes each, which Linux does not take together`;
    const suggestion = "Give each conversion a value, and only conversions that bpf_snprintf() is said to know.";
    throw new Refusal("argument", this.at, message, suggestion);
  }

  callback(register: number): void {
    const held = this.held(register);
    if (held.type !== "pointer" || held.target.type !== "function")
      throw this.refusal(register, "a function of the program", "Pass the name of a static function.");
    this.function = held.target.start;
  }

  field(register: number, kind: FieldKind): void {
    this.foundField = proveField(this, register, kind);
  }

  stackObject(register: number, kind: StackObjectKind, does: "begins" | "uses" | "ends"): void {
    this.stackObjects.push(proveStackObject(this, register, kind, does));
  }

  typeNumber(register: number): void {
    this.foundObject = proveTypeNumber(this, register);
  }

  copiedType(register: number): void {
    this.foundObject = proveCopiedType(this, register);
  }

  copies(register: number, does: "uses" | "ends"): void {
    this.foundCopies = proveCopies(this, register, does);
  }

  object(register: number, does: "ends" | "shares"): void {
    this.foundObject = proveObject(this, register, does);
  }

  node(register: number, own: boolean): void {
    this.foundNode = proveNode(this, register, own);
  }

  pointee(register: number): void {
    provePointee(this, register);
  }

  kernelThing(register: number, what: KernelThing, does: "uses" | "usesOrNull" | "ends"): void {
    this.foundThing = proveKernelThing(this, register, what, does);
  }
}
