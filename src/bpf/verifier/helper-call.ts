/** Helper calls: whether the arguments are what the helper's row says, and what a call leaves. */

import { type Helper, mapRegister } from "../helpers/helper.ts";
import type { ProvenCall } from "../helpers/parameters/parameter-kind.ts";
import { helperById } from "../helpers/table.ts";
import type { MapBinding } from "../host.ts";
import type { LinkedMap } from "../linked.ts";
import { checkAccess, neverWritten } from "./access.ts";
import { Refusal } from "./refusal.ts";
import { describe, type PointerRegister, type Register, rely } from "./registers.ts";
import type { State } from "./state.ts";
import { nameOf, type Step, type Subject } from "./subject.ts";
import { constantOf } from "./values/scalar.ts";

/** Memory that a helper may write to: at least `least` and at most `most` bytes from a pointer on. */
export interface Written {
  readonly pointer: PointerRegister;
  readonly least: number;
  readonly most: number;
}

/** What a call does, as far as its arguments say. */
export interface CheckedHelperCall {
  readonly helper: Helper;
  readonly map: LinkedMap | undefined;
  readonly written: readonly Written[];
  /** The record that it gives back. */
  readonly released: PointerRegister | undefined;
}

const LARGEST_SIZE = 0x7fffffffn;

/** Roles of map functions that change what a map holds. */
const CHANGES: ReadonlySet<string> = new Set(["update", "delete", "push", "pop"]);

class Proof implements ProvenCall {
  readonly subject: Subject;
  readonly state: State;
  readonly at: number;
  readonly helper: Helper;
  readonly written: Written[] = [];
  released: PointerRegister | undefined;
  found: LinkedMap | undefined;

  constructor(subject: Subject, state: State, at: number, helper: Helper) {
    this.subject = subject;
    this.state = state;
    this.at = at;
    this.helper = helper;
  }

  #held(register: number): Register {
    const held = this.state.register(register);
    if (held.type === "nothing") throw neverWritten(this.at, register, held);
    return held;
  }

  refusal(register: number, wanted: string, suggestion: string): Refusal {
    const held = this.#held(register);
    const what = held.type === "number" ? `the number ${describe(held)}` : `a pointer to ${describe(held)}`;
    const message = `bpf_${this.helper.name}() takes ${wanted} as argument ${register} and is given ${what}`;
    return new Refusal("argument", this.at, message, suggestion);
  }

  number(register: number): void {
    this.#held(register);
  }

  map(): MapBinding {
    if (this.found !== undefined) return this.found;
    const register = mapRegister(this.helper);
    const held = this.#held(register);
    if (held.type !== "pointer" || held.target.type !== "map")
      throw this.refusal(register, "a map", "Pass the address of a map: &map.");
    const { map } = held.target;
    if (held.maybeNull) throw this.refusal(register, "a map", "Compare the map with NULL first.");
    const { action } = this.helper;
    if (map.kind.inner === true) throw this.#ofMaps(map);
    if (action.type === "map") this.#checkRole(map, action.role);
    this.found = map;
    return map;
  }

  /** What such a map's values are is a map of which the linked program says nothing. */
  #ofMaps({ name }: LinkedMap): Refusal {
    const message = `bpf_${this.helper.name}() is called for map ${name}, a map of maps, and what those hold is not known here`;
    return new Refusal("argument", this.at, message, "Name the map itself, or load the program unverified.");
  }

  #checkRole(map: LinkedMap, role: keyof LinkedMap["kind"]["program"]): void {
    if (map.kind.program[role] === undefined) {
      const message = `bpf_${this.helper.name}() cannot be called for map ${map.name}, which is of kind ${map.kind.type}`;
      throw new Refusal("argument", this.at, message, "Use a helper for this kind of map, or another kind.");
    }
    if (!map.readOnly || !CHANGES.has(role)) return;
    const message = `bpf_${this.helper.name}() changes map ${map.name}, which programs may only read`;
    throw new Refusal("read-only", this.at, message, "Create the map without BPF_F_RDONLY_PROG.");
  }

  pointer(register: number, bytes: number, write: boolean): void {
    this.#range(register, bytes, bytes, write);
  }

  #range(register: number, least: number, most: number, write: boolean): void {
    const held = this.#held(register);
    if (held.type === "number") {
      const suggestion = "Pass the address of a variable, of a map's value or of a record.";
      const isNull = constantOf(held.scalar) === 0n;
      throw this.refusal(register, `a pointer to ${most} bytes`, isNull ? "NULL is no place for it." : suggestion);
    }
    const does = write ? "write" : "read";
    checkAccess(this.subject, this.state, { at: this.at, register, offset: 0, bytes: most, does, helper: true });
    if (write && held.type === "pointer") this.written.push({ pointer: held, least, most });
  }

  #size(register: number): readonly [least: number, most: number] {
    const held = this.#held(register);
    if (held.type !== "number") throw this.refusal(register, "a size", "Pass a number.");
    rely(held);
    const { umin, umax } = held.scalar.wide;
    if (umax > LARGEST_SIZE)
      throw this.refusal(register, "a size of at most 2147483647", "Compare the size first: it may be negative here.");
    return [Number(umin), Number(umax)];
  }

  size(register: number): void {
    this.#size(register);
  }

  sized(register: number, write: boolean): void {
    const [least, most] = this.#size(register + 1);
    this.#range(register, least, most, write);
  }

  record(register: number): void {
    const held = this.#held(register);
    const suggestion = "Pass what bpf_ringbuf_reserve() returned, as it was and once only.";
    if (held.type !== "pointer" || held.target.type !== "record")
      throw this.refusal(register, "a reserved record", suggestion);
    if (held.maybeNull) {
      const name = nameOf(this.subject, register, held).replaceAll("`", "");
      throw this.refusal(register, "a reserved record", `Compare it with NULL first: if (!${name}) return 0;`);
    }
    if (constantOf(held.offset) !== 0n) throw this.refusal(register, "a record's beginning", suggestion);
    this.released = held;
  }

  context(register: number): void {
    const held = this.#held(register);
    const isContext = held.type === "pointer" && held.target.type === "context" && constantOf(held.offset) === 0n;
    if (!isContext) throw this.refusal(register, "the program's context", "Pass the context as the program got it.");
  }

  isZero(register: number): boolean {
    const held = this.#held(register);
    if (held.type !== "number" || constantOf(held.scalar) !== 0n) return false;
    rely(held);
    return true;
  }

  unproven(register: number, kind: string): void {
    const wanted = `an argument (${kind}) that is not followed yet`;
    throw this.refusal(register, wanted, "Do without the helper, or load the program unverified.");
  }
}

/** Objects that programs allocate, lists and trees of them, and memory that only a helper's action knows: kernel functions above all. */
function isFollowed({ name, result }: Helper): boolean {
  return result !== "address" && name !== "kptr_xchg" && !name.startsWith("bpf_");
}

/** @throws {Refusal} an argument may not be what the helper's row says */
export function checkCall(subject: Subject, { at, slot }: Step, state: State): CheckedHelperCall {
  const helper = helperById(slot.imm);
  if (helper === undefined) throw new Refusal("argument", at, `there is no helper ${slot.imm}`, "Use another helper.");
  if (!isFollowed(helper)) {
    const name = helper.name.replace(/^(?!bpf_)/, "bpf_");
    const message = `${name}() is called, and what it does to objects is not followed yet`;
    throw new Refusal("argument", at, message, "Do without it, or load the program unverified.");
  }
  const proof = new Proof(subject, state, at, helper);
  helper.parameters.slice(0, helper.required).forEach((parameter, index) => {
    parameter.prove(proof, index + 1);
  });
  if (helper.result === "record") checkReservation(proof);
  if (helper.action.type === "tail") checkTail(state, at);
  const { found, written, released } = proof;
  return { helper, map: found, written, released };
}

/** How many bytes a reservation asks for. */
export function reservedBytes(state: State): number | undefined {
  const size = state.register(2);
  rely(size);
  const value = size.type === "number" ? constantOf(size.scalar) : undefined;
  return value === undefined || value > LARGEST_SIZE ? undefined : Number(value);
}

/** The other program does not know what this one has reserved. */
function checkTail({ references: [reference] }: State, at: number): void {
  if (reference === undefined) return;
  const message = "it goes on in another program with a record that is neither submitted nor discarded";
  const because = [{ at: reference.at, what: "the record is reserved here" }];
  throw new Refusal("reference", at, message, "Submit or discard the record before bpf_tail_call().", because);
}

function checkReservation(proof: Proof): void {
  if (reservedBytes(proof.state) === undefined)
    throw proof.refusal(
      2,
      "a constant size",
      "Reserve as much as the largest record needs, or use bpf_ringbuf_output().",
    );
}
