/**
 * Calls of global functions with types: the arguments are what the types say, and what the function does is looked at once, whoever calls
 * it and with whatever.
 */
import type { Helper } from "../helpers/helper.ts";
import { helperById } from "../helpers/table.ts";
import type { Subprogram } from "../linked.ts";
import { checkAccess } from "./access.ts";
import { afterCall, losePacket } from "./call-effects.ts";
import { checkMaySleep } from "./helper-call.ts";
import { REFERENCES } from "./references.ts";
import { Refusal } from "./refusal.ts";
import { ANY_NUMBER, describe, isArena, memory, pointer, type Register } from "./registers.ts";
import { smear } from "./stack.ts";
import { overwrite } from "./stack-objects.ts";
import { enteredFrame, State, wordSet } from "./state.ts";
import type { Step, Subject } from "./subject.ts";
import { constantOf } from "./values/scalar.ts";

export type GlobalFunction = Subprogram & Required<Pick<Subprogram, "takes">>;

export function globalFunctionAt({ program }: Subject, start: number): GlobalFunction | undefined {
  return program.subprograms.find((each): each is GlobalFunction => each.start === start && each.takes !== undefined);
}

/** @throws {Refusal} no kernel takes a global function that is declared so */
export function checkDeclaration({ program }: Subject, { at }: Step, start: number): void {
  const { name, problem } = program.subprograms.find((each) => each.start === start) ?? {};
  if (problem === undefined) return;
  const message = `${name}(), a global function, ${problem}`;
  throw new Refusal("argument", at, message, "Return a number and take what has a size, or make the function static.");
}

function refusal({ at }: Step, { name }: GlobalFunction, index: number, wanted: string, held: Register): Refusal {
  const message = `${name}(), a global function, takes ${wanted} as argument ${index} and is given ${describe(held)}`;
  return new Refusal("argument", at, message, "Pass what its declaration says, or make the function static.");
}

/** @throws {Refusal} an argument is not what the function's declaration says */
function checkArguments(subject: Subject, step: Step, state: State, called: GlobalFunction): void {
  const { at } = step;
  called.takes.forEach((parameter, place) => {
    const register = place + 1;
    const held = state.register(register);
    const isPointer = held.type === "pointer";
    if (parameter.type === "number") {
      if (held.type !== "number") throw refusal(step, called, register, "a number", held);
    } else if (parameter.type === "arena") {
      if (held.type !== "number" && !isArena(held))
        throw refusal(step, called, register, "a pointer into the arena map", held);
    } else if (parameter.type === "context") {
      const isContext = isPointer && held.target.type === "context" && constantOf(held.offset) === 0n;
      if (!isContext) throw refusal(step, called, register, "the program's context", held);
    } else if (parameter.maybeNull && held.type === "number" && constantOf(held.scalar) === 0n) return;
    else if (!isPointer || (held.maybeNull && !parameter.maybeNull))
      throw refusal(step, called, register, `a pointer to ${parameter.bytes} bytes`, held);
    else {
      // What may be NULL is looked at there as it is where it is not.
      const seen = state.copy();
      seen.set(register, { ...held, maybeNull: false });
      for (const does of ["read", "write"] as const)
        checkAccess(subject, seen, { at, register, offset: 0, bytes: parameter.bytes, does, helper: true });
    }
  });
}

const movesPacket = ({ movesPacket, action }: Helper): boolean => movesPacket === true || action.type === "tail";
const sleeps = (helper: Helper): boolean => helper.sleeps === true;

/** Whether a function calls a helper that `is` is true for, or a function that does. */
function calls(
  subject: Subject,
  { start, end }: Subprogram,
  is: (helper: Helper) => boolean,
  seen: Set<number> = new Set(),
): boolean {
  if (seen.has(start)) return false;
  seen.add(start);
  for (let at = start; at < end; at++) {
    const { operation, slot } = subject.steps[at] ?? {};
    if (operation?.effect.type !== "call" || slot === undefined) continue;
    const { target } = operation.effect;
    const helper = target === "helper" ? helperById(slot.imm) : undefined;
    if (helper !== undefined && is(helper)) return true;
    if (target !== "local") continue;
    const called = subject.program.subprograms.find((each) => each.start === at + 1 + slot.imm);
    if (called !== undefined && calls(subject, called, is, seen)) return true;
  }
  return false;
}

/** @throws {Refusal} a lock is held, under which no more is done than is seen; or it may sleep where nothing may */
function checkSections(subject: Subject, { at }: Step, state: State, called: GlobalFunction): void {
  const lock = state.references.find(({ kind }) => kind === "lock");
  if (lock !== undefined) {
    const message = `${called.name}(), a global function, is called while a lock is held`;
    const because = [{ at: lock.at, what: REFERENCES.lock.begun }];
    throw new Refusal("object", at, message, `Make it static. ${REFERENCES.lock.suggestion}`, because);
  }
  if (calls(subject, called, sleeps)) checkMaySleep(subject, state, at, called.name);
}

/** The state behind the call; what it was given to write to may be anything. */
export function callGlobal(subject: Subject, step: Step, state: State, called: GlobalFunction): void {
  checkArguments(subject, step, state, called);
  checkSections(subject, step, state, called);
  called.takes.forEach((parameter, place) => {
    const held = state.register(place + 1);
    if (parameter.type !== "memory" || held.type !== "pointer" || held.target.type !== "stack") return;
    const { frame } = held.target;
    const { smin, smax } = held.offset.wide;
    const bytes = Number(smax - smin) + parameter.bytes;
    overwrite(state, step.at, frame, Number(smin), bytes);
    smear(state.ownFrame(frame).stack, Number(smin), bytes, false);
  });
  if (calls(subject, called, movesPacket)) losePacket(state);
  afterCall(state, step.at, ANY_NUMBER);
  state.at = step.at + 1;
}

/** The state in which the function begins, by its types alone. */
export function beginGlobal(subject: Subject, { start, takes, name }: GlobalFunction): State {
  const registers = takes.map((parameter): Register => {
    if (parameter.type === "number" || parameter.type === "arena") return ANY_NUMBER;
    if (parameter.type === "context") return pointer({ type: "context" }, -1);
    const { bytes, maybeNull } = parameter;
    return pointer(
      memory("memory of the caller's", bytes, { writable: true }),
      -1,
      maybeNull ? { maybeNull, id: subject.nextId++ } : {},
    );
  });
  const frame = enteredFrame(0, -1, registers, { start, returnTo: -1, global: name });
  const nothing = { references: [], trail: undefined, passed: undefined };
  return new State([frame], { at: start, turns: 0, ...nothing, written: wordSet() });
}
