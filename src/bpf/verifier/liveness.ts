/** Which registers an instruction or one behind it may read before they are written: what the others hold does not matter. */
import { edgeOf } from "../analysis/edges.ts";
import { writtenRegister } from "../analysis/structure.ts";
import { helperById } from "../helpers/table.ts";
import { REGISTERS } from "../isa/instructions.ts";
import { registersRead } from "./checker.ts";
import type { Step } from "./subject.ts";

/** Registers of a call that hold nothing behind it. */
const CALLERS = 0b111111;
const ARGUMENTS = 0b111110;
const ALL: number = (1 << REGISTERS) - 1;

function read({ operation, slot }: Step): number {
  const { effect } = operation;
  if (effect.type === "call") {
    const parameters = effect.target === "helper" ? helperById(slot.imm)?.parameters.length : undefined;
    return parameters === undefined ? ARGUMENTS : ((1 << parameters) - 1) << 1;
  }
  return registersRead(operation, slot).reduce((set, register) => set | (1 << register), 0);
}

function written({ operation: { effect }, slot }: Step): number {
  if (effect.type === "call" || effect.type === "packet") return CALLERS;
  const register = writtenRegister(effect, slot);
  return register === undefined ? 0 : 1 << register;
}

function nextOf({ at, slot, operation }: Step, steps: readonly (Step | undefined)[]): number[] {
  const { effect } = operation;
  if (effect.type === "exit") return [];
  const edge = edgeOf(effect, slot, at);
  const next = steps[at + 1] === undefined ? at + 2 : at + 1;
  if (effect.type === "goto") return [edge?.target ?? next];
  return edge?.type === "jump" ? [next, edge.target] : [next];
}

/** By slot, the slots that lead to it. */
function previous(steps: readonly (Step | undefined)[]): number[][] {
  const before: number[][] = steps.map(() => []);
  for (const step of steps) if (step !== undefined) for (const next of nextOf(step, steps)) before[next]?.push(step.at);
  return before;
}

/**
 * By slot, a bit a register. Functions do not jump into each other, so that all are done at once. A slot is looked at again only where
 * one behind it has changed, which each of its bits does once.
 */
export function liveRegisters(steps: readonly (Step | undefined)[]): readonly number[] {
  const live = steps.map(() => 0);
  const before = previous(steps);
  const open = steps.flatMap((step) => (step === undefined ? [] : [step.at]));
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const step = steps[at];
    if (step === undefined) continue;
    const behind = nextOf(step, steps).reduce((set, next) => set | (live[next] ?? ALL), 0);
    const found = (behind & ~written(step)) | read(step);
    if (found === live[at]) continue;
    live[at] = found;
    for (const each of before[at] ?? []) open.push(each);
  }
  return live;
}
