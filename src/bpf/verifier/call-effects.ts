/** What a helper call leaves: in memory, on the stack, of what the run has to give back, and in r0. */
import type { Helper } from "../helpers/helper.ts";
import type { Leads } from "../helpers/rules.ts";
import type { LinkedMap } from "../linked.ts";
import type { ObjectType } from "../object/fields.ts";
import type { CheckedHelperCall } from "./helper-call.ts";
import type { FoundStackObject } from "./proof-objects.ts";
import { REFERENCES } from "./references.ts";
import { Refusal } from "./refusal.ts";
import {
  ANY_NUMBER,
  memory,
  number,
  type PointerRegister,
  pointer,
  type Register,
  referenceOf,
  releasedRegister,
  type Target,
} from "./registers.ts";
import { constantAt, smear, wordAt } from "./stack.ts";
import { forgetObject, overwrite, putObject } from "./stack-objects.ts";
import type { LockPlace, Reference, State } from "./state.ts";
import type { Subject } from "./subject.ts";
import { constant, scalarIn, UNKNOWN, WIDTHS } from "./values/scalar.ts";
import { between, signedBetween } from "./values/word.ts";

/** Things that a run may have at a time: nobody keeps account of so many, and each takes time at every call and comparison. */
const MOST_HELD = 128;

/**
 * The run has something more to give back.
 * @returns its number
 * @throws {Refusal} it has too many
 */
export function hold(subject: Subject, state: State, kind: Reference["kind"], at: number, place?: LockPlace): number {
  if (state.references.length >= MOST_HELD) {
    const message = `it has ${MOST_HELD} things that it has to give back, and takes ${REFERENCES[kind].noun} besides`;
    throw new Refusal("limit", at, message, "Give back what is done with before the next one is taken.");
  }
  const id = subject.nextId++;
  state.references = [...state.references, { id, kind, at, ...(place === undefined ? {} : { place }) }];
  return id;
}

/** Which value: told apart only where that matters. */
export function instanceOf(subject: Subject, { fields }: LinkedMap): number {
  return fields.length === 0 ? 0 : subject.nextId++;
}

type Result = { readonly target: Target; readonly offset?: number; readonly never?: true } | undefined;

/** The thing that a call's row says its result leads to. */
type LeadsTo = {
  readonly [Type in Exclude<Leads["type"], "anywhere">]: (
    subject: Subject,
    state: State,
    at: number,
    call: CheckedHelperCall,
    leads: Extract<Leads, { readonly type: Type }>,
  ) => Result;
};

const LEADS_TO: LeadsTo = {
  memory: (_, __, ___, { bytes, stackObjects }, { what, writable }) => {
    const { object } = stackObjects.find(({ does }) => does === "uses") ?? {};
    const isDynptr = object?.kind === "dynptr";
    const packet = isDynptr && object.leads === "packet";
    const goes = { reference: object?.reference ?? 0, dynptr: isDynptr ? object.id : 0, packet, aligned: !isDynptr };
    return { target: memory(what, bytes, { writable, ...goes }) };
  },
  object: (subject, state, at, call, leads) => {
    const { foundField, foundObject } = call;
    const { holds } = foundField?.field ?? {};
    if (holds?.thing !== undefined) {
      const reference = hold(subject, state, holds.thing, at);
      return { target: { type: "kernel", what: holds.thing, reference } };
    }
    const object = holds === undefined ? foundObject?.object : subject.program.types.get(holds.type);
    if (holds?.copies === true && object !== undefined) return copiesOf(subject, state, at, object);
    // What a map says it keeps is another thing of the kernel's: there are none here that it could keep.
    if (object === undefined) return undefined;
    const lock = state.references.findLast(({ kind }) => kind === "lock")?.id ?? 0;
    const reference = leads.owned ? hold(subject, state, "object", at) : 0;
    const instance = leads.of === "argument" ? (foundObject?.instance ?? 0) : subject.nextId++;
    const target: Target = { type: "object", object, instance, reference, borrowed: leads.owned ? 0 : lock };
    // One more reference to what the run has is always to be had.
    const never = leads.of === "argument" && (foundObject?.reference ?? 0) !== 0;
    return { target, offset: holds?.node ?? 0, ...(never ? { never: true } : {}) };
  },
  copies: (subject, state, at, { foundObject }) =>
    foundObject === undefined ? undefined : copiesOf(subject, state, at, foundObject.object),
  copy: (_, __, ___, { foundCopies }, { always }) => {
    if (foundCopies === undefined) return undefined;
    const { object, reference } = foundCopies;
    const target = memory("a CPU's copy", object.bytes, { writable: true, reference, aligned: true });
    return { target, ...(always ? { never: true } : {}) };
  },
  kernel: (subject, state, at, { foundThing, helper }, { what, owned, shape }) => {
    const shared = owned === "argument" && foundThing !== undefined ? referenceOf(foundThing.target) : 0;
    const reference = owned === true ? hold(subject, state, what, at) : shared;
    // Of the current task there always is one.
    return {
      target: { type: "kernel", what, reference, shape },
      ...(helper.parameters.length === 0 ? { never: true } : {}),
    };
  },
};

function copiesOf(subject: Subject, state: State, at: number, object: ObjectType): Result {
  return { target: { type: "copies", object, reference: hold(subject, state, "object", at) } };
}

function leadsTo(subject: Subject, state: State, at: number, call: CheckedHelperCall): Register | undefined {
  const { leads } = call.helper;
  if (leads === undefined) return undefined;
  if (leads.type === "anywhere") return number(UNKNOWN, true);
  const found = (LEADS_TO[leads.type] as LeadsTo["memory"])(subject, state, at, call, leads as never);
  if (found === undefined) return ANY_NUMBER;
  const { target, offset = 0, never = false } = found;
  // It is told by its own number that there is nothing to give back where there is none.
  const acquires = leads.type === "copies" || ("owned" in leads && leads.owned === true);
  const id = acquires ? referenceOf(target) : subject.nextId++;
  const maybe = never ? {} : { maybeNull: true, id };
  return pointer(target, at, { offset: constant(offset), ...maybe });
}

const ARRAYS: ReadonlySet<string> = new Set(["array", "percpu_array"]);
const INDEX_BYTES = 4;

/** Whether an array is looked up under a constant that is one of its indices: what is there is no NULL (Linux since 6.14). */
function isSurelyThere(state: State, { name }: Helper, { address, kind, maxEntries }: LinkedMap): boolean {
  const key = state.register(2);
  // An inner map is one of many, of which each has its own size.
  if (name !== "map_lookup_elem" || address === 0 || !ARRAYS.has(kind.type)) return false;
  if (key.type !== "pointer" || key.target.type !== "stack") return false;
  const { mask, smin } = key.offset.wide;
  const stack = state.frames[key.target.frame]?.stack;
  const index = mask !== 0n || stack === undefined ? undefined : constantAt(stack, Number(smin), INDEX_BYTES);
  return index !== undefined && index < BigInt(maxEntries);
}

/** What r0 is after a call, by the helper's result. */
function resultOf(subject: Subject, state: State, at: number, call: CheckedHelperCall): Register {
  const { helper, foundMap: map, bytes } = call;
  const fresh = (target: Target): PointerRegister => pointer(target, at, { maybeNull: true, id: subject.nextId++ });
  const led = leadsTo(subject, state, at, call);
  if (led !== undefined) return led;
  switch (helper.result) {
    case "value":
      if (map === undefined) return ANY_NUMBER;
      if (map.inner !== undefined) return fresh({ type: "map", map: map.inner });
      if (isSurelyThere(state, helper, map))
        return pointer({ type: "value", map, instance: instanceOf(subject, map) }, at);
      return fresh({ type: "value", map, instance: instanceOf(subject, map) });
    case "record": {
      const reference = hold(subject, state, "record", at);
      const record = memory("a record", bytes, { writable: true, reference, aligned: true });
      return pointer(record, at, { maybeNull: true, id: reference });
    }
    case "i32":
      return number(scalarIn(WIDTHS, signedBetween(WIDTHS.wide, leastOf(helper), mostOf(state, helper))));
    case "u32":
      return number(scalarIn(WIDTHS, between(WIDTHS.wide, 0n, 2n ** 32n - 1n)));
    case "address":
    case "i64":
    case "u64":
      return ANY_NUMBER;
    case "none":
      return { type: "nothing", lostAt: at };
  }
}

/** MAX_ERRNO of Linux: what a helper that returns a length returns otherwise is an errno. */
const MOST_ERRNO = 4095n;

function leastOf({ atMostSize }: CheckedHelperCall["helper"]): bigint {
  return atMostSize === true ? -MOST_ERRNO : -(2n ** 31n);
}

/** The most that a helper returns: of those that return a length the size that they were given. */
function mostOf(state: State, { atMostSize, parameters }: CheckedHelperCall["helper"]): bigint {
  const index = parameters.findIndex(({ sized }) => sized);
  const size = state.register(index + 2);
  if (atMostSize !== true || index < 0 || size.type !== "number") return 2n ** 31n - 1n;
  return size.scalar.wide.smax;
}

const BORROWED = "an object in a list or a tree, looked at while a lock was held";

/** It is gone: what still leads to it is a number, and what was borrowed with it too. */
export function release(state: State, at: number, id: number, lent: boolean): void {
  const kind = state.references.find((each) => each.id === id)?.kind;
  if (kind === undefined) return;
  const lock = state.references.findLast((each) => each.kind === "lock")?.id ?? 0;
  state.references = state.references.filter((each) => each.id !== id);
  const gone = releasedRegister(at, kind === "lock" ? BORROWED : REFERENCES[kind].noun);
  state.mapAll((each) => {
    if (each.type !== "pointer") return each;
    const { target } = each;
    const goes = referenceOf(target) === id || (target.type === "object" && target.borrowed === id);
    if (!goes) return each;
    // What is put into a list or a tree stays where it is as long as the lock is held.
    if (lent && target.type === "object") return { ...each, target: { ...target, reference: 0, borrowed: lock } };
    if (lent && (target.type === "copies" || target.type === "memory"))
      return { ...each, target: { ...target, reference: 0 } };
    return gone;
  });
  for (const frame of state.frames)
    for (const word of frame.stack)
      if (word?.object?.reference === id && word.object.part === 0) forgetObject(state, at, word.object);
}

/** The packet lies elsewhere: what led to it is a number, and it has to be asked for again. */
export function losePacket(state: State): void {
  const isOfPacket = (target: Target): boolean =>
    target.type === "packet" ||
    target.type === "packetMeta" ||
    target.type === "packetEnd" ||
    (target.type === "memory" && target.packet);
  state.mapAll((each) => (each.type === "pointer" && isOfPacket(each.target) ? ANY_NUMBER : each));
}

const FIRST_ARGUMENT = 1;
const LAST_ARGUMENT = 5;

/** A call leaves its result and nothing in the registers of its arguments. */
export function afterCall(state: State, at: number, result: Register): void {
  const lost: Register = { type: "nothing", lostAt: at };
  for (let index = FIRST_ARGUMENT; index <= LAST_ARGUMENT; index++) state.set(index, lost);
  state.set(0, result);
}

function writeMemory(state: State, at: number, { written }: CheckedHelperCall): void {
  for (const { pointer: to, least, most } of written) {
    if (to.target.type !== "stack") continue;
    const { frame } = to.target;
    const { smin, smax } = to.offset.wide;
    const { stack } = state.ownFrame(frame);
    const exact = smin === smax;
    overwrite(state, at, frame, Number(smin), Number(smax - smin) + most);
    if (exact && least > 0) smear(stack, Number(smin), least, true);
    if (!exact || most > least) smear(stack, Number(smin), Number(smax - smin) + most, false);
    if (exact) markCovered(state, frame, Number(smin), least);
  }
}

/** Words that lie in a range that is written for certain. */
function markCovered(state: State, frame: number, from: number, bytes: number): void {
  for (let at = Math.ceil(from / 8) * 8; at + 8 <= from + bytes; at += 8) state.markWritten(frame, wordAt(at));
}

/** Makes and ends what lies on the stack under functions of its own. */
function changeStackObjects(subject: Subject, at: number, state: State, { stackObjects }: CheckedHelperCall): void {
  const source = stackObjects.find(({ does }) => does === "uses");
  for (const found of stackObjects) {
    const { does, object } = found;
    if (does === "begins") make(subject, at, state, found, source);
    else if (does === "ends" && object !== undefined) {
      if (object.reference === 0) forgetObject(state, at, object);
      else release(state, at, object.reference, false);
    }
  }
}

function make(
  subject: Subject,
  at: number,
  state: State,
  { kind, leads, frame, offset }: FoundStackObject,
  source: FoundStackObject | undefined,
): void {
  const bytes = kind === "dynptr" ? 16 : 8;
  overwrite(state, at, frame, offset, bytes);
  // A second dynptr to the same goes with it.
  const copied = source?.object;
  const isPlain = kind === "dynptr" && leads !== "record";
  const reference = copied?.reference ?? (isPlain ? 0 : hold(subject, state, kind, at));
  putObject(state, frame, offset, { kind, id: subject.nextId++, reference, leads: copied?.leads ?? leads });
}

/** What a helper does to memory and to what the run has, and what it returns. */
export function helperCall(subject: Subject, at: number, state: State, call: CheckedHelperCall): void {
  const { helper, released, lent, foundField, stackObjects } = call;
  writeMemory(state, at, call);
  const uses = stackObjects.find(({ does }) => does === "uses");
  const movesPacket = helper.movesPacket === true && (uses === undefined || uses.leads === "packet");
  const result = resultOf(subject, state, at, call);
  changeStackObjects(subject, at, state, call);
  for (const id of released) release(state, at, id, false);
  if (lent !== undefined) release(state, at, lent, true);
  if (helper.begins !== undefined) hold(subject, state, helper.begins, at, foundField?.place);
  if (movesPacket) losePacket(state);
  afterCall(state, at, result);
}
