/** Functions that helpers call, any number of times, and turns of iterators. */
import type { CallbackArgument, CallbackRules } from "../helpers/rules.ts";
import { hold, instanceOf } from "./call-effects.ts";
import type { CheckedHelperCall } from "./helper-call.ts";
import { ANY_NUMBER, memory, number, pointer, type Register, rely, zero } from "./registers.ts";
import { enteredFrame, State, wordSet } from "./state.ts";
import type { Subject } from "./subject.ts";
import { constant, scalarIn, WIDTHS } from "./values/scalar.ts";
import { between } from "./values/word.ts";

/** How many turns a call may take at the most; undefined: nobody knows. */
function mostTurns(state: State, { arguments: [first] }: CallbackRules): bigint | undefined {
  const turns = first === "turn" ? state.register(1) : undefined;
  return turns?.type === "number" ? turns.scalar.low.umax : undefined;
}

const MOST_TURNS = 0xffffffffn;

function turnNumber(most = MOST_TURNS): Register {
  return number(scalarIn(WIDTHS, between(WIDTHS.wide, 0n, most === 0n ? 0n : most - 1n)));
}

/** The map that a call is about: its own, or the one in whose value the field is. */
function mapOf({ foundMap, foundField }: CheckedHelperCall) {
  const of = foundField?.place.of;
  return foundMap ?? (of !== undefined && "kind" in of ? of : undefined);
}

function given(
  subject: Subject,
  at: number,
  state: State,
  call: CheckedHelperCall,
  argument: CallbackArgument,
): Register {
  const map = mapOf(call);
  const field = call.foundField;
  if (typeof argument !== "string") return state.register(argument.register);
  if (argument === "dynptr") return pointer({ type: "dynptr", reference: lentIn(state) }, at);
  if (argument === "turn") return turnNumber(mostTurns(state, { arguments: ["turn"] }));
  if (argument === "node") {
    const { holds } = field?.field ?? {};
    const object = holds === undefined ? undefined : subject.program.types.get(holds.type);
    if (object === undefined || holds === undefined) return ANY_NUMBER;
    const lock = state.references.findLast(({ kind }) => kind === "lock")?.id ?? 0;
    const target = { type: "object", object, instance: subject.nextId++, reference: 0, borrowed: lock } as const;
    return pointer(target, at, { offset: constant(holds.node) });
  }
  if (map === undefined || argument === "number") return ANY_NUMBER;
  if (argument === "map") return pointer({ type: "map", map }, at);
  if (argument === "value") return pointer({ type: "value", map, instance: instanceOf(subject, map) }, at);
  return pointer(memory("a key", map.keySize), at);
}

/** What was lent last: the state is that of the function that is about to be entered. */
function lentIn({ references }: State): number {
  return references[references.length - 1]?.id ?? 0;
}

/**
 * The state in which a function is entered that a helper calls; undefined where it is called no more, or not with any effect on this run.
 * It comes back to the call, which is then looked at again.
 */
export function calledBack(subject: Subject, at: number, state: State, call: CheckedHelperCall): State | undefined {
  const { helper, function: start = 0 } = call;
  const rules = helper.calls;
  if (rules === undefined) return undefined;
  const most = mostTurns(state, rules);
  if (most !== undefined) rely(state.register(1));
  if (most !== undefined && BigInt(state.frame.turns) >= most) return undefined;
  if (rules.later !== undefined) {
    subject.lateFunctions.add(start);
    const registers = rules.arguments.map((argument) => given(subject, at, state, call, argument));
    const callback = { helper, rules, references: 0, lent: 0 };
    const frame = enteredFrame(0, -1, registers, { start, returnTo: -1, callback });
    const { trail, turns } = state;
    return new State([frame], { at: start, turns, references: [], trail, passed: undefined, written: wordSet() });
  }
  const entered = state.copy();
  const lent = rules.arguments.includes("dynptr") ? hold(subject, entered, "dynptr", at) : 0;
  const registers = rules.arguments.map((argument) => given(subject, at, entered, call, argument));
  const callback = { helper, rules, references: entered.references.length, lent };
  entered.ownFrame().turns++;
  entered.turns++;
  entered.push(enteredFrame(entered.frames.length, -1, registers, { start, returnTo: at, callback }));
  entered.at = start;
  return entered;
}

/** An iterator's turn: the state that is given is the one behind its end; what is returned has a next thing. */
export function nextTurn(state: State): State {
  const next = state.copy();
  const found = state.register(0);
  state.set(0, zero());
  if (found.type === "pointer") next.set(0, { ...found, maybeNull: false, id: 0 });
  next.turns++;
  return next;
}
