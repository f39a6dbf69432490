/**
 * Calls of global functions with types: the arguments are what the types say, and what the function does is looked at once, whoever calls
 * it and with whatever.
 */
import { helperById } from "../helpers/table.ts";
import type { Subprogram } from "../linked.ts";
import { checkAccess } from "./access.ts";
import { afterCall, losePacket } from "./call-effects.ts";
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

/** Sections in which no more is done than is seen. */
const SHORT: ReadonlySet<string> = new Set(["lock", "preempt", "interrupts"]);

/** Functions, by their beginning, that move the packet, or call one that does. */
function movesPacket({ program, steps }: Subject, { start, end }: Subprogram, seen = new Set<number>()): boolean {
  if (seen.has(start)) return false;
  seen.add(start);
  for (let at = start; at < end; at++) {
    const { operation, slot } = steps[at] ?? {};
    if (operation?.effect.type !== "call" || slot === undefined) continue;
    const helper = operation.effect.target === "helper" ? helperById(slot.imm) : undefined;
    if (helper?.movesPacket === true || helper?.action.type === "tail") return true;
    const called = program.subprograms.find((each) => each.start === at + 1 + slot.imm);
    const isLocal = operation.effect.target === "local";
    if (isLocal && called !== undefined && movesPacket({ program, steps } as Subject, called, seen)) return true;
  }
  return false;
}

/** The state behind the call; what it was given to write to may be anything. */
export function callGlobal(subject: Subject, step: Step, state: State, called: GlobalFunction): void {
  checkArguments(subject, step, state, called);
  const within = state.references.find(({ kind }) => SHORT.has(kind));
  if (within !== undefined) {
    const { noun, suggestion } = REFERENCES[within.kind];
    const message = `${called.name}(), a global function, is called with ${noun}`;
    throw new Refusal("object", step.at, message, `Make it static, or end that before. ${suggestion}`);
  }
  called.takes.forEach((parameter, place) => {
    const held = state.register(place + 1);
    if (parameter.type !== "memory" || held.type !== "pointer" || held.target.type !== "stack") return;
    const { frame } = held.target;
    const { smin, smax } = held.offset.wide;
    const bytes = Number(smax - smin) + parameter.bytes;
    overwrite(state, step.at, frame, Number(smin), bytes);
    smear(state.ownFrame(frame).stack, Number(smin), bytes, false);
  });
  if (movesPacket(subject, called)) losePacket(state);
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
