/** A refusal as an author reads it: where in the source, how the program gets there, and what its registers hold. */

import { disassembleAt } from "../isa/disassemble.ts";
import { FRAME_POINTER } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import type { Refusal } from "./refusal.ts";
import { describe } from "./registers.ts";
import type { State, Trail } from "./state.ts";
import { sourceAt } from "./subject.ts";

/** A place in a program, with its source where the object has that. */
export interface Place {
  readonly instruction: number;
  readonly file?: string;
  readonly line?: number;
}

/** One step of the way to a refusal. */
export interface PathStep extends Place {
  /** The instruction's text, and the line's. */
  readonly text: string;
  readonly source?: string;
  /** What happens there. */
  readonly what: string;
}

export interface Explained {
  readonly at: Place;
  /** The instruction that is refused. */
  readonly text: string;
  readonly source?: string;
  readonly path: readonly PathStep[];
  readonly registers: Readonly<Record<string, string>>;
}

/** Branches that are shown: the last ones, where there are more. */
const MOST_STEPS = 24;

export function placeOf(program: Pick<LinkedProgram, "lines">, at: number): Place {
  const source = sourceAt(program, at);
  return source === undefined ? { instruction: at } : { instruction: at, file: source.file, line: source.line };
}

function stepOf(program: LinkedProgram, at: number, what: string): PathStep {
  const source = sourceAt(program, at)?.text.trim();
  const text = disassembleAt(program.instructions, at);
  return { ...placeOf(program, at), text, ...(source === undefined || source === "" ? {} : { source }), what };
}

/** The branches of a path, the first first, up to the last so many. */
export function branchesOf(trail: Trail | undefined, most: number): Trail[] {
  const found: Trail[] = [];
  for (let each = trail; each !== undefined && found.length < most; each = each.before) found.unshift(each);
  return found;
}

function pathOf(program: LinkedProgram, { because }: Refusal, { trail }: State): PathStep[] {
  const branches = branchesOf(trail, MOST_STEPS).map(({ at, taken }) =>
    stepOf(program, at, taken ? "the branch is taken" : "the branch is not taken"),
  );
  return [...branches, ...because.map(({ at, what }) => stepOf(program, at, what))];
}

/** What each register holds that holds anything; r10 is always the same. */
function registersOf(state: State): Record<string, string> {
  const { registers } = state.frame;
  return Object.fromEntries(
    registers.flatMap((register, index) =>
      register.type === "nothing" || index === FRAME_POINTER ? [] : [[`r${index}`, describe(register)]],
    ),
  );
}

export function explain(program: LinkedProgram, refusal: Refusal, state: State): Explained {
  const source = sourceAt(program, refusal.at)?.text.trim();
  return {
    at: placeOf(program, refusal.at),
    text: disassembleAt(program.instructions, refusal.at),
    ...(source === undefined || source === "" ? {} : { source }),
    path: pathOf(program, refusal, state),
    registers: registersOf(state),
  };
}
