/** A helper call: whether it may be made as things are, and what it does as far as its arguments say. */

import type { Helper } from "../helpers/helper.ts";
import type { HeldKind } from "../helpers/rules.ts";
import { helperById } from "../helpers/table.ts";
import { checkFinalResult } from "./checker.ts";
import { LARGEST_SIZE, Proof } from "./proof.ts";
import { REFERENCES } from "./references.ts";
import { Refusal } from "./refusal.ts";
import { rely } from "./registers.ts";
import type { State } from "./state.ts";
import type { Step, Subject } from "./subject.ts";
import { constantOf } from "./values/scalar.ts";

/** What a call does. */
export type CheckedHelperCall = Readonly<
  Pick<Proof, "helper" | "written" | "released" | "lent" | "stackObjects" | "function" | "bytes"> &
    Pick<Proof, "foundMap" | "foundField" | "foundObject" | "foundNode" | "foundThing" | "foundCopies">
>;

function followed(at: number, helper: Helper): Helper {
  const { result, leads, name, final } = helper;
  if (typeof final === "object")
    throw new Refusal(final.category, at, `${final.why}: every run would be stopped`, final.suggestion);
  if (result !== "address" || leads !== undefined) return helper;
  const message = `bpf_${name}() is called, and what it gives is not followed`;
  throw new Refusal("argument", at, message, "Do without it, or load the program unverified.");
}

/** @throws {Refusal} the call may not be made, or an argument may not be what the helper's row says */
export function checkCall(subject: Subject, { at, slot }: Step, state: State): CheckedHelperCall {
  const row = helperById(slot.imm);
  if (row === undefined) throw new Refusal("argument", at, `there is no helper ${slot.imm}`, "Use another helper.");
  const helper = followed(at, row);
  const proof = new Proof(subject, state, at, helper);
  checkUnderLock(proof);
  if (helper.sleeps === true) checkMaySleep(subject, state, at, proof.name);
  helper.parameters.slice(0, helper.required).forEach((parameter, index) => {
    parameter.prove(proof, index + 1);
  });
  checkSections(proof);
  checkOwner(proof);
  if (helper.action.type === "tail") checkNothingHeld(state, at, "it goes on in another program");
  if (helper.final === "exit") checkThrow(subject, proof);
  proof.bytes = givenBytes(proof);
  return proof;
}

/** While a lock is held others wait: nothing is called that takes its time. */
function checkUnderLock(proof: Proof): void {
  const { state, at, helper } = proof;
  const lock = state.references.find(({ kind }) => kind === "lock");
  if (lock === undefined || helper.underLock === true) return;
  const message = `${proof.name}() is called while a lock is held`;
  const because = [{ at: lock.at, what: REFERENCES.lock.begun }];
  throw new Refusal("object", at, message, "Call it before the lock is taken or behind bpf_spin_unlock().", because);
}

/** Sections in which nothing else may run on the CPU, or nothing may wait. */
const WAKEFUL: readonly HeldKind[] = ["rcu", "preempt", "interrupts"];

/** @throws {Refusal} what may sleep is called by a program that may not, or not there */
export function checkMaySleep({ type, program }: Subject, state: State, at: number, name: string): void {
  if (type === undefined) return;
  const held = state.references.findLast(({ kind }) => WAKEFUL.includes(kind));
  if (held !== undefined) {
    const { noun, begun } = REFERENCES[held.kind];
    const message = `${name}() may sleep, and is called in ${noun}`;
    throw new Refusal("sleep", at, message, "Call it before or behind that.", [{ at: held.at, what: begun }]);
  }
  const later = state.frames[0]?.callback?.rules.later;
  if (later === undefined ? program.sleepable === true : later === "task") return;
  if (later !== undefined)
    throw new Refusal("sleep", at, `${name}() may sleep, and is called by a timer`, "Have a workqueue call it.");
  const message = `${name}() may sleep, and a program of type ${type.name} in this section may not`;
  throw new Refusal("sleep", at, message, "Call it in a program that may: of a section with .s, or syscall.");
}

/** What a call begins or ends that its arguments say nothing of. */
function checkSections(proof: Proof): void {
  const { helper, state, at, foundField } = proof;
  const { ends } = helper;
  if (ends === undefined) return;
  const { name } = proof;
  const held = state.references.findLast(({ kind }) => kind === ends);
  if (held === undefined) {
    const message = `${name}() is called, and there is nothing to end: ${REFERENCES[ends].noun} was not begun`;
    throw new Refusal("reference", at, message, "Call it once for each beginning, on every path.");
  }
  if (ends !== "lock") {
    proof.released.push(held.id);
    return;
  }
  const { of, instance, offset } = held.place ?? {};
  const { place } = foundField ?? {};
  if (place?.of !== of || place?.instance !== instance || place?.offset !== offset) {
    const message = `${name}() is called for another lock than the one that is held`;
    throw new Refusal("object", at, message, "Give back the lock that was taken.", [
      { at: held.at, what: REFERENCES.lock.begun },
    ]);
  }
  proof.released.push(held.id);
}

/** What is in a map's value calls its function with that map. */
function checkOwner({ foundMap, foundField, name, at }: Proof): void {
  if (foundMap === undefined || foundField === undefined) return;
  const { of } = foundField.place;
  if ("kind" in of && of.address === foundMap.address) return;
  const message = `${name}() is given ${foundField.field.name} of a value of map ${"kind" in of ? of.name : "?"} and map ${foundMap.name}`;
  throw new Refusal("argument", at, message, "Pass the map that the value is in.");
}

/** Whoever runs next does not know what this one has. */
export function checkNothingHeld({ references: [reference] }: State, at: number, does: string): void {
  if (reference === undefined) return;
  const { noun, left, begun, suggestion } = REFERENCES[reference.kind];
  const because = [{ at: reference.at, what: begun }];
  throw new Refusal("reference", at, `${does} with ${noun} that is ${left}`, suggestion, because);
}

/** @throws {Refusal} others have to be ended first, or it is no end of the program alone */
function checkThrow(subject: Subject, { state, at }: Proof): void {
  if (state.frames.some(({ callback }) => callback !== undefined)) {
    const message = "bpf_throw() is called in a function that a helper calls";
    throw new Refusal("argument", at, message, "Return from it, and end the program behind the helper's call.");
  }
  const { exception } = subject.program;
  if (exception !== undefined && state.frames[0]?.start === exception) {
    const message = "bpf_throw() is called in the function that is called when the program has ended itself";
    throw new Refusal("argument", at, message, "Return what the program is to return.");
  }
  checkNothingHeld(state, at, "it ends the program");
  if (exception === undefined) checkFinalResult(subject, at, state.register(1));
}

/** The bytes that a call gives: of a reservation, or as its row says. */
function givenBytes(proof: Proof): number {
  const { helper } = proof;
  if (helper.result === "record") {
    const size = constantSize(proof, 2, "Reserve as much as the largest record needs, or use bpf_ringbuf_output().");
    // No ring gives a record so large: there is nothing in it to access.
    return size > LARGEST_SIZE ? 0 : Number(size);
  }
  if (helper.leads?.type !== "memory") return 0;
  const { bytes } = helper.leads;
  if (typeof bytes === "number") return bytes;
  const suggestion = "Ask for a number of bytes that is a constant.";
  const size = constantSize(proof, bytes.argument, suggestion);
  if (size > LARGEST_SIZE) throw proof.refusal(bytes.argument, "a constant size", suggestion);
  return Number(size);
}

function constantSize(proof: Proof, register: number, suggestion: string): bigint {
  const size = proof.held(register);
  rely(size);
  const value = size.type === "number" ? constantOf(size.scalar) : undefined;
  if (value === undefined) throw proof.refusal(register, "a constant size", suggestion);
  return value;
}
