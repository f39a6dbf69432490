/** Arguments that are objects, the fields that keep them, what lies on the stack under functions of its own, and the kernel's things. */
import type { StackObjectKind } from "../helpers/parameters/parameter-kind.ts";
import type { KernelThing } from "../helpers/rules.ts";
import { FRAME_BYTES } from "../host.ts";
import type { LinkedMap } from "../linked.ts";
import type { FieldKind, ObjectType, SpecialField } from "../object/fields.ts";
import { Refusal } from "./refusal.ts";
import {
  type CopiesTarget,
  type ObjectTarget,
  type PointerRegister,
  type Register,
  rely,
  type Target,
} from "./registers.ts";
import { isZeroByte, type StackObject, wordAt } from "./stack.ts";
import { objectAt, objectsIn, STACK_OBJECT_WORDS } from "./stack-objects.ts";
import type { LockPlace, State } from "./state.ts";
import type { Subject } from "./subject.ts";
import { constantOf } from "./values/scalar.ts";

/** What is known of a call while its arguments are looked at, one after the other. */
export interface Proving {
  readonly subject: Subject;
  readonly state: State;
  readonly at: number;
  /** As authors call the helper. */
  readonly name: string;
  readonly released: number[];
  lent: number | undefined;
  readonly foundField: FoundField | undefined;
  /** @throws {Refusal} nothing was put into the register */
  held(register: number): Register;
  isZero(register: number): boolean;
  refusal(register: number, wanted: string, suggestion: string): Refusal;
}

/** A field that a call is about, and where it is. */
export interface FoundField {
  readonly field: SpecialField;
  readonly place: LockPlace;
}

/** What a call makes, uses or ends on the stack. */
export interface FoundStackObject {
  readonly does: "begins" | "uses" | "ends";
  readonly kind: StackObject["kind"];
  readonly leads: StackObject["leads"];
  readonly frame: number;
  readonly offset: number;
  /** What is there; undefined where it is made. */
  readonly object: StackObject | undefined;
}

function exactOffset({ offset }: PointerRegister): number | undefined {
  const exact = constantOf(offset);
  return exact === undefined ? undefined : Number(BigInt.asIntN(64, exact));
}

/** A pointer that is sure to lead somewhere, at an offset that is known. */
function pointerAt(proof: Proving, register: number, wanted: string): readonly [PointerRegister, number] {
  const held = proof.held(register);
  const suggestion = "Pass the address of the member itself: &value->member.";
  if (held.type !== "pointer") throw proof.refusal(register, wanted, suggestion);
  if (held.maybeNull) throw proof.refusal(register, wanted, "Compare the pointer with NULL first.");
  const at = exactOffset(held);
  if (at === undefined) throw proof.refusal(register, `${wanted} at an offset that is known`, suggestion);
  return [held, at];
}

/** What has fields, and which. */
function fieldsOf(
  target: Target,
): { fields: readonly SpecialField[]; of: LinkedMap | ObjectType; instance: number } | undefined {
  if (target.type === "value") return { fields: target.map.fields, of: target.map, instance: target.instance };
  if (target.type === "object") return { fields: target.object.fields, of: target.object, instance: target.instance };
  return undefined;
}

const FIELD_WORDS: Readonly<Record<FieldKind, string>> = {
  lock: "a lock (struct bpf_spin_lock) in a map's value or an object",
  timer: "a timer (struct bpf_timer) in a map's value",
  workqueue: "a workqueue (struct bpf_wq) in a map's value",
  list: "a list (struct bpf_list_head) in a map's value or an object",
  tree: "a tree (struct bpf_rb_root) in a map's value or an object",
  listNode: "a list's node",
  treeNode: "a tree's node",
  references: "a number of references",
  pointer: "a place for a pointer (__kptr) in a map's value or an object",
  unknown: "a field",
};

/** Kinds that may only be touched while the lock beside them is held. */
const GUARDED: ReadonlySet<FieldKind> = new Set(["list", "tree"]);

export function proveField(proof: Proving, register: number, kind: FieldKind): FoundField {
  const wanted = FIELD_WORDS[kind];
  const [held, at] = pointerAt(proof, register, wanted);
  const found = fieldsOf(held.target);
  const field = found?.fields.find((each) => each.offset === at && each.kind === kind);
  if (found === undefined || field === undefined)
    throw proof.refusal(register, wanted, "Declare it as a member of the map's value, and pass its address.");
  const { of, instance } = found;
  if (GUARDED.has(kind)) checkGuard(proof, found, field);
  return { field, place: { of, instance, offset: at } };
}

function checkGuard(proof: Proving, owner: { of: LockPlace["of"]; instance: number }, { name }: SpecialField): void {
  const guarded = proof.state.references.some(
    ({ place }) => place !== undefined && place.of === owner.of && place.instance === owner.instance,
  );
  if (guarded) return;
  const message = `${proof.name}() is called for ${name}, and the lock beside it is not held`;
  const suggestion = "Call bpf_spin_lock() for the lock in the same value before, and bpf_spin_unlock() behind it.";
  throw new Refusal("object", proof.at, message, suggestion);
}

/** Of each kind of parameter: the object, and what a new dynptr leads to. */
const STACK_KINDS: Readonly<
  Record<StackObjectKind, readonly [kind: StackObject["kind"], leads: StackObject["leads"]]>
> = {
  dynptr: ["dynptr", "memory"],
  record: ["dynptr", "record"],
  packet: ["dynptr", "packet"],
  iterator: ["iterator", "memory"],
  interrupts: ["interrupts", "memory"],
};

const STACK_WORDS: Readonly<Record<StackObject["kind"], string>> = {
  dynptr: "a dynptr",
  iterator: "an iterator",
  interrupts: "the state of interrupts",
};

export function proveStackObject(
  proof: Proving,
  register: number,
  parameter: StackObjectKind,
  does: FoundStackObject["does"],
): FoundStackObject {
  const [kind, leads] = STACK_KINDS[parameter];
  const words = STACK_WORDS[kind];
  const [held, offset] = pointerAt(proof, register, `${words} on the stack`);
  if (held.target.type === "dynptr" && kind === "dynptr" && does === "uses") return lent(held.target.reference);
  if (held.target.type !== "stack")
    throw proof.refusal(register, `${words} on the stack`, "Declare it as a local variable, and pass its address.");
  const { frame } = held.target;
  const bytes = STACK_OBJECT_WORDS[kind] * 8;
  if (offset < -FRAME_BYTES || offset + bytes > 0 || offset % 8 !== 0)
    throw proof.refusal(register, `${words} that lies wholly on the stack`, "Declare it as a local variable.");
  const place = { does, kind, leads, frame, offset };
  if (does === "begins") return begun(proof, place, bytes, words);
  const object = objectAt(proof.state, frame, offset);
  for (let at = offset; at < 0 && at < offset + bytes; at += 8) proof.state.markRead(frame, (-at - 1) >> 3);
  const isIt = object?.kind === kind && (does === "uses" || kind !== "dynptr" || object.leads === leads);
  if (!isIt) throw notThere(proof, register, words, does === "ends" && kind === "dynptr");
  if (does === "ends" && kind === "interrupts") checkOrder(proof, object);
  return { ...place, leads: object.leads, object };
}

/** A dynptr that a function was given for as long as it runs. */
function lent(reference: number): FoundStackObject {
  const object = { kind: "dynptr", id: reference, reference, part: 0, leads: "memory" } as const;
  return { does: "uses", kind: "dynptr", leads: "memory", frame: -1, offset: 0, object };
}

/** Room for something new: what has to be given back must not be lost by it. */
function begun(
  proof: Proving,
  place: Omit<FoundStackObject, "object">,
  bytes: number,
  words: string,
): FoundStackObject {
  for (const { kind, reference } of objectsIn(proof.state, place.frame, place.offset, bytes)) {
    const isHeld = proof.state.references.some(({ id }) => id === reference);
    if (!isHeld && kind === "dynptr") continue;
    const message = `${proof.name}() makes ${words} where ${STACK_WORDS[kind]} is that is still in use`;
    throw new Refusal("object", proof.at, message, "Use another variable, or end the first one before.");
  }
  return { ...place, object: undefined };
}

function notThere(proof: Proving, register: number, words: string, ends: boolean): Refusal {
  const suggestion = `Make it first, and pass the same variable; what it has ended or was written over is ${words} no more.`;
  return proof.refusal(register, ends ? `${words} to a record` : `${words} that was made before`, suggestion);
}

/** What was saved last is restored first. */
function checkOrder(proof: Proving, { reference }: StackObject): void {
  const last = proof.state.references.findLast(({ kind }) => kind === "interrupts");
  if (last?.id === reference) return;
  const message = `${proof.name}() is called for an earlier state than the last that was saved`;
  throw new Refusal("reference", proof.at, message, "Restore what was saved last first.");
}

/** A lock or a pointer that is kept for others must not be made up: what is copied to where one is has to be 0. */
export function proveZeroFields(proof: Proving, register: number, fields: readonly SpecialField[]): void {
  const held = proof.held(register);
  const at = held.type === "pointer" ? exactOffset(held) : undefined;
  const wrong = fields.find(({ offset, bytes }) => !isZeroAt(proof.state, held, at, offset, bytes));
  if (wrong === undefined) return;
  const message = `${proof.name}() is given a value whose ${wrong.name}, ${FIELD_WORDS[wrong.kind]}, is not known to be 0`;
  const suggestion = "Give it a variable that is all zeroes there: struct value value = {};";
  throw new Refusal("object", proof.at, message, suggestion);
}

function isZeroAt(state: State, held: Register, at: number | undefined, offset: number, bytes: number): boolean {
  if (held.type !== "pointer" || at === undefined) return false;
  const { target } = held;
  if (target.type === "value")
    return target.map.contents?.subarray(at + offset, at + offset + bytes).every((byte) => byte === 0) === true;
  if (target.type !== "stack") return false;
  const stack = state.frames[target.frame]?.stack ?? [];
  return Array.from({ length: bytes }, (_, index) => at + offset + index).every((byte) => {
    state.markRead(target.frame, wordAt(byte));
    return isZeroByte(stack, byte);
  });
}

export function proveTypeNumber(proof: Proving, register: number): ObjectTarget {
  const held = proof.held(register);
  rely(held);
  const id = held.type === "number" ? constantOf(held.scalar) : undefined;
  const object = id === undefined ? undefined : proof.subject.program.types.get(Number(id));
  if (object === undefined)
    throw proof.refusal(
      register,
      "the number of a struct",
      "Call bpf_obj_new() with a struct: bpf_obj_new(typeof(*p)).",
    );
  const has = (kind: FieldKind): boolean => object.fields.some((field) => field.kind === kind);
  if (has("listNode") && has("treeNode") && !has("references")) {
    const message = `${proof.name}() makes a ${object.name}, which may be in a list and in a tree, and does not count its references`;
    throw new Refusal("object", proof.at, message, "Give the struct a member struct bpf_refcount.");
  }
  return { type: "object", object, instance: 0, reference: 0, borrowed: 0 };
}

/** As in Linux. */
const MOST_COPY_BYTES = 512;

/** A type that has a copy for each CPU: numbers alone, as nobody looks through copies for what they keep. */
export function proveCopiedType(proof: Proving, register: number): ObjectTarget {
  const target = proveTypeNumber(proof, register);
  const { name, bytes, fields, plain } = target.object;
  const why =
    fields.length > 0
      ? `has a special field (${fields[0]?.name})`
      : !plain
        ? "has a pointer"
        : `has ${bytes} bytes, of at most ${MOST_COPY_BYTES}`;
  if (fields.length === 0 && plain && bytes <= MOST_COPY_BYTES) return target;
  const message = `${proof.name}() makes a copy for each CPU of ${name}, which ${why}`;
  throw new Refusal("object", proof.at, message, "Copy a smaller struct of numbers.");
}

export function proveCopies(proof: Proving, register: number, does: "uses" | "ends"): CopiesTarget {
  const own = does === "ends" ? " of its own" : "";
  const wanted = `an object for each CPU${own}`;
  const [{ target }] = pointerAt(proof, register, wanted);
  if (target.type !== "copies" || (does === "ends" && target.reference === 0))
    throw proof.refusal(register, wanted, "Pass what bpf_percpu_obj_new() or a map gave.");
  if (does === "ends") proof.released.push(target.reference);
  return target;
}

/** An object of the run's own, at its beginning. */
function own(proof: Proving, register: number, wanted: string): PointerRegister & { readonly target: ObjectTarget } {
  const [held, at] = pointerAt(proof, register, wanted);
  const { target } = held;
  const suggestion = "Pass what bpf_obj_new() or a list, a tree or a map gave, once only.";
  if (target.type !== "object" || target.reference === 0) throw proof.refusal(register, wanted, suggestion);
  if (at !== 0) throw proof.refusal(register, `${wanted}, from its beginning`, suggestion);
  return { ...held, target };
}

export function proveObject(proof: Proving, register: number, does: "ends" | "shares"): ObjectTarget {
  if (does === "ends") {
    const { target } = own(proof, register, "an object of its own");
    proof.released.push(target.reference);
    return target;
  }
  const wanted = "an object that counts its references";
  const [{ target }, at] = pointerAt(proof, register, wanted);
  const isShared =
    target.type === "object" && at === 0 && target.object.fields.some(({ kind }) => kind === "references");
  if (!isShared) throw proof.refusal(register, wanted, "Give its struct a member struct bpf_refcount.");
  return target;
}

/** @returns where in its object the node is */
export function proveNode(proof: Proving, register: number, mustBeOwn: boolean): number {
  const { field } = proof.foundField ?? {};
  const [{ target }, at] = pointerAt(proof, register, "a node of an object");
  const holds = field?.holds;
  const wanted = `${mustBeOwn ? "the node of an object of its own" : "a node of an object"}, as ${field?.name ?? "it"} holds them,`;
  const type = holds === undefined ? undefined : proof.subject.program.types.get(holds.type);
  const isIt = target.type === "object" && target.object === type && at === holds?.node;
  if (!isIt) throw proof.refusal(register, wanted, "Pass the address of the member that __contains() names.");
  if (mustBeOwn && target.reference === 0)
    throw proof.refusal(register, wanted, "Put in what bpf_obj_new() or a removal gave, once only.");
  if (!mustBeOwn && target.reference !== 0 && !target.object.fields.some(({ kind }) => kind === "references"))
    throw proof.refusal(
      register,
      "a node that is in the tree",
      "Pass what bpf_rbtree_first() gave, while the lock is held.",
    );
  if (mustBeOwn) proof.lent = target.reference;
  return at;
}

export function provePointee(proof: Proving, register: number): void {
  if (proof.isZero(register)) return;
  const { field } = proof.foundField ?? {};
  if (field?.holds?.thing !== undefined) {
    proveKernelThing(proof, register, field.holds.thing, "ends");
    return;
  }
  const type = field?.holds === undefined ? undefined : proof.subject.program.types.get(field.holds.type);
  if (field?.holds?.copies === true) {
    const { object, reference } = proveCopies(proof, register, "ends");
    // In a read section nobody uses it again as long as it may be looked at.
    if (proof.state.references.some(({ kind }) => kind === "rcu")) {
      proof.released.pop();
      proof.lent = reference;
    }
    if (object === type) return;
    throw proof.refusal(
      register,
      `an object of type ${type?.name} for each CPU`,
      "Put in what the member's type says.",
    );
  }
  const wanted = `an object of type ${type?.name ?? "as the place has them"}, or 0,`;
  const { target } = own(proof, register, wanted);
  if (target.object !== type) throw proof.refusal(register, wanted, "Put in what the member's type says.");
  proof.released.push(target.reference);
}

export function proveKernelThing(
  proof: Proving,
  register: number,
  what: KernelThing,
  does: "uses" | "usesOrNull" | "ends",
): PointerRegister | undefined {
  const held = proof.held(register);
  const wanted = does === "ends" ? `a ${what} that it has to release` : `a ${what}`;
  if (held.type === "number" && held.kernel && does === "uses") {
    const { type, program } = proof.subject;
    if ("reason" in program.kind || type?.freesArguments?.(program.kind.target) !== true) return undefined;
    throw proof.refusal(register, wanted, "Use another hook: what this one is given is being freed.");
  }
  if (does === "usesOrNull" && proof.isZero(register)) return undefined;
  if (held.type !== "pointer" || held.target.type !== "kernel" || held.target.what !== what)
    throw proof.refusal(register, wanted, `Pass a ${what} as a helper gave it.`);
  if (held.maybeNull) throw proof.refusal(register, wanted, `Compare the ${what} with NULL first.`);
  if (exactOffset(held) !== 0)
    throw proof.refusal(register, `${wanted}, from its beginning`, `Pass the ${what} itself, and no member of it.`);
  const { reference } = held.target;
  if (does !== "ends") return held;
  if (!proof.state.references.some(({ id }) => id === reference))
    throw proof.refusal(register, wanted, `Release each ${what} once, and only what a lookup or an acquire gave.`);
  proof.released.push(reference);
  return held;
}
