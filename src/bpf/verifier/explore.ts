/**
 * Follows every path of a program, instruction by instruction, with what is known of its registers on that path. Branches are
 * looked at both ways where both can be; loops are gone round until they end.
 */
import { edgeOf } from "../analysis/edges.ts";
import { helperById } from "../helpers/table.ts";
import type { BeliefBook } from "./beliefs.ts";
import { branch } from "./branches.ts";
import { afterCall, helperCall, losePacket, release } from "./call-effects.ts";
import { calledBack, nextTurn } from "./callbacks.ts";
import { check, registersRead } from "./checker.ts";
import { beginGlobal, callGlobal, checkDeclaration, globalFunctionAt } from "./global-functions.ts";
import { type CheckedHelperCall, checkCall } from "./helper-call.ts";
import { liveRegisters } from "./liveness.ts";
import { Refusal } from "./refusal.ts";
import { ANY_NUMBER, NOTHING, number, pointer, type Register } from "./registers.ts";
import { checkStackDepth } from "./stack-depth.ts";
import { enteredFrame, State, wordSet } from "./state.ts";
import type { Step, Subject } from "./subject.ts";
import { transform } from "./transformer.ts";
import { constant } from "./values/scalar.ts";
import { closed, opened, Visits } from "./visits.ts";

/** Instructions on all paths together after which a program is given up, as in Linux. */
export const MOST_INSTRUCTIONS = 1_000_000;
/** Paths that wait to be followed. */
const MOST_WAITING = 8192;

export interface Exploration {
  /** Instructions on all paths together. */
  readonly instructions: number;
  /** States that were kept to be compared with. */
  readonly states: number;
  /** No path came to the turn of a loop that a run ends. */
  readonly ends: boolean;
  readonly refused?: { readonly refusal: Refusal; readonly state: State };
}

/** What a place is: paths come together there; a turn of a loop begins there that ends by itself. */
const MEETING = 1;
const TURNING = 2;

/** Whether a call may be the beginning of a turn: of an iteration, or of a function that the helper calls. */
function turns({ effect }: Step["operation"], { imm }: Step["slot"]): boolean {
  if (effect.type === "mayGoto") return true;
  if (effect.type !== "call" || effect.target !== "helper") return false;
  const { leads, calls } = helperById(imm) ?? {};
  return (leads?.type === "memory" && leads.of === "iterator") || (calls !== undefined && calls.later === undefined);
}

/** Slots where paths come together: where jumps lead, where functions begin and where calls return. */
function meetingPlaces({ steps }: Subject): Uint8Array {
  const places = new Uint8Array(steps.length);
  for (const step of steps) {
    if (step === undefined) continue;
    const edge = edgeOf(step.operation.effect, step.slot, step.at);
    if (edge !== undefined) places[edge.target] = MEETING;
    if (edge?.type === "call") places[step.at + 1] = MEETING;
  }
  for (const step of steps) if (step !== undefined && turns(step.operation, step.slot)) places[step.at] = TURNING;
  return places;
}

/** The beginning of the program, or of the function that it ends in if it ends itself. */
function begin(at = 0, given: Register = pointer({ type: "context" }, -1)): State {
  const frame = enteredFrame(0, -1, [given], { start: at, returnTo: -1 });
  return new State([frame], {
    at,
    turns: 0,
    references: [],
    trail: undefined,
    passed: undefined,
    written: wordSet(),
  });
}

class Explorer {
  readonly #subject: Subject;
  readonly #places: Uint8Array;
  readonly #visits: Visits;
  readonly #waiting: State[] = [begin()];
  readonly #beliefs: BeliefBook | undefined;
  readonly #most: number;
  /** Beginnings of global functions that are looked at, or were. */
  readonly #globals = new Set<number>();
  #instructions = 0;

  constructor(subject: Subject, most: number, beliefs: BeliefBook | undefined) {
    this.#subject = subject;
    this.#most = most;
    this.#beliefs = beliefs;
    this.#places = meetingPlaces(subject);
    this.#visits = new Visits(subject.steps.length, liveRegisters(subject.steps), beliefs !== undefined);
  }

  explore(): Exploration {
    const { exception } = this.#subject.program;
    if (exception !== undefined) this.#waiting.unshift(begin(exception, ANY_NUMBER));
    for (let state = this.#waiting.pop(); state !== undefined; state = this.#waiting.pop()) {
      this.#visits.restart();
      const refusal = this.#follow(state);
      const counts = { instructions: this.#instructions, states: this.#visits.kept, ends: false };
      if (refusal !== undefined) return { ...counts, refused: { refusal, state } };
    }
    const ends = !this.#places.includes(TURNING);
    return { instructions: this.#instructions, states: this.#visits.kept, ends, ...this.#asAWhole() };
  }

  /** What is against a program although none of its accesses is wrong. */
  #asAWhole(): Pick<Exploration, "refused"> {
    const { far } = this.#subject;
    if (far !== undefined) return { refused: far };
    try {
      checkStackDepth(this.#subject);
      return {};
    } catch (error) {
      if (error instanceof Refusal) return { refused: { refusal: error, state: begin() } };
      throw error;
    }
  }

  /** Follows a path to its end. */
  #follow(state: State): Refusal | undefined {
    try {
      while (this.#isOpen(state)) {
        if (++this.#instructions > this.#most) throw tooMany(state.at, `${this.#most} instructions were looked at`);
        this.#visits.step();
        if (!this.#step(state)) break;
      }
      closed(state);
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }

  #isOpen(state: State): boolean {
    const place = this.#places[state.at] ?? 0;
    return place === 0 || !this.#visits.isKnown(state, place === TURNING);
  }

  /** Carries out an instruction. @returns whether the path goes on */
  #step(state: State): boolean {
    const step = this.#subject.steps[state.at];
    if (step === undefined) throw new RangeError(`there is no instruction at ${state.at}`);
    const { at, operation, slot } = step;
    const { effect } = operation;
    const isHelper = effect.type === "call" && effect.target === "helper";
    const call = isHelper ? checkCall(this.#subject, step, state) : undefined;
    if (call === undefined) check(this.#subject, step, state);
    this.#beliefs?.note(
      at,
      call === undefined ? registersRead(operation, slot) : call.helper.parameters.map((_, index) => index + 1),
      state,
    );
    if (effect.type === "exit") return this.#leave(step, state);
    if (effect.type === "branch") return this.#branch(step, state, effect);
    const edge = edgeOf(effect, slot, at);
    if (effect.type === "goto" && edge !== undefined) state.at = edge.target;
    else if (effect.type === "mayGoto" && edge !== undefined) this.#mayGo(step, state, edge.target);
    else if (call !== undefined) {
      return this.#call(step, state, call);
    } else if (effect.type === "call" && edge !== undefined) this.#enter(step, state, edge.target);
    else {
      if (effect.type === "packet" && state.depth > 0) this.#endWithPacket(step, state);
      transform(this.#subject, step, state);
      state.at = this.#subject.steps[at + 1] === undefined ? at + 2 : at + 1;
    }
    return true;
  }

  /** A helper is called: it goes on behind it, with another turn of a loop to be looked at later. */
  #call({ at }: Step, state: State, call: CheckedHelperCall): boolean {
    const { final, leads } = call.helper;
    if (final !== undefined) return false;
    const other = call.function === undefined ? undefined : calledBack(this.#subject, at, state, call);
    if (other !== undefined) this.#wait(other, state);
    if (call.helper.action.type === "tail" && state.depth > 0) this.#wait(this.#tailCalled(at, state), state);
    if (state.frame.turns !== 0) state.ownFrame().turns = 0;
    helperCall(this.#subject, at, state, call);
    state.at = at + 1;
    if (leads?.type === "memory" && leads.of === "iterator") this.#wait(nextTurn(state), state);
    return true;
  }

  /** Another program has run in the place of the function, and comes back to its caller: the packet may have been moved by it. */
  #tailCalled(at: number, before: State): State {
    const state = before.copy();
    const { returnTo, callback } = state.pop();
    losePacket(state);
    if (callback === undefined) afterCall(state, at, ANY_NUMBER);
    state.at = returnTo;
    return state;
  }

  /** A function ends, and gives 0, where the packet has no such bytes. */
  #endWithPacket(step: Step, before: State): void {
    const state = before.copy();
    state.set(0, number(constant(0n)));
    this.#leave(step, state);
    this.#wait(state, before);
  }

  /** The loop ends, or takes another turn, which is looked at later. */
  #mayGo({ at }: Step, state: State, target: number): void {
    const other = state.copy();
    other.at = at + 1;
    other.turns++;
    this.#wait(other, state);
    state.at = target;
  }

  #wait(other: State, { at }: State): void {
    opened(other);
    this.#waiting.push(other);
    if (this.#waiting.length > MOST_WAITING) throw tooMany(at, `${MOST_WAITING} of its branches wait to be looked at`);
  }

  #branch(step: Step, state: State, effect: Parameters<typeof branch>[2]): boolean {
    const { at, slot } = step;
    const { taken, otherwise } = branch(step, state, effect);
    const before = state.trail;
    const target = edgeOf(effect, slot, at)?.target ?? at + 1;
    if (taken !== undefined && otherwise !== undefined) {
      taken.trail = { at, taken: true, before };
      otherwise.trail = { at, taken: false, before };
      taken.at = target;
      otherwise.at = at + 1;
      this.#wait(taken, state);
      return true;
    }
    state.at = taken !== undefined ? target : at + 1;
    return taken !== undefined || otherwise !== undefined;
  }

  #enter(step: Step, state: State, target: number): void {
    const { at } = step;
    if (target === this.#subject.program.exception) throw callsHandler(at);
    checkDeclaration(this.#subject, step, target);
    const called = globalFunctionAt(this.#subject, target);
    if (called !== undefined) {
      callGlobal(this.#subject, step, state, called);
      if (!this.#globals.has(target)) this.#wait(beginGlobal(this.#subject, called), state);
      this.#globals.add(target);
      return;
    }
    const given: Register[] = [1, 2, 3, 4, 5].map((index) => state.register(index));
    state.push(enteredFrame(state.frames.length, -1, given, { start: target, returnTo: at + 1 }));
    state.at = target;
  }

  #leave({ at }: Step, state: State): boolean {
    if (state.depth === 0) return false;
    const result = state.register(0);
    const { returnTo, callback } = state.pop();
    if (callback !== undefined) {
      if (callback.lent !== 0) release(state, at, callback.lent, false);
      // The helper may call it again, or not.
      state.at = returnTo;
      return true;
    }
    afterCall(state, returnTo - 1, result.type === "nothing" ? NOTHING : result);
    state.at = returnTo;
    return at >= 0;
  }
}

function callsHandler(at: number): Refusal {
  const message = "it calls the function that is called when it ends itself";
  return new Refusal("argument", at, message, "End it by bpf_throw(), or move what both do into another function.");
}

function tooMany(at: number, what: string): Refusal {
  const message = `it has too many paths, or too long ones: ${what} and it has not come to its end`;
  const suggestion = "Bound loops more tightly, or move their bodies into functions that do less.";
  return new Refusal("limit", at, message, suggestion);
}

export function explore(subject: Subject, most: number, beliefs?: BeliefBook): Exploration {
  return new Explorer(subject, most, beliefs).explore();
}
