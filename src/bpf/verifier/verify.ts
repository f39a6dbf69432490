/** The verifier's door: one linked program, and whether every run of it is safe. */
import type { LinkedProgram } from "../linked.ts";
import { BeliefBook } from "./beliefs.ts";
import { branchesOf, type Explained, explain } from "./explain.ts";
import { explore, MOST_INSTRUCTIONS } from "./explore.ts";
import type { CategoryName, Refusal } from "./refusal.ts";
import { OWN_RULES, type Rules } from "./rules.ts";
import type { State } from "./state.ts";
import { subjectOf } from "./subject.ts";

export interface VerifyOptions {
  /** Those of a kernel, where it is to be as strict as that. */
  readonly rules?: Rules;
  /** Instructions on all paths together after which it is given up; 1,000,000 if not given, as in Linux. */
  readonly mostInstructions?: number;
  /** Says what was believed before each instruction. */
  readonly beliefs?: boolean;
}

interface Looked {
  /** Instructions on all paths together, and states that were kept to be compared with. */
  readonly instructions: number;
  readonly states: number;
  /** Bytes of its context that the program reads, from the first to behind the last one. */
  readonly contextBytes: number;
}

export interface Accepted extends Looked {
  readonly verdict: "accepted";
  /** The program with what was proven, and with what is believed of its registers, where that was asked for. */
  readonly program: LinkedProgram;
}

export interface Refused extends Looked, Explained {
  readonly verdict: "rejected";
  readonly category: CategoryName;
  readonly message: string;
  readonly suggestion: string;
  /** The program with what was found of its pointers so far. */
  readonly linked: LinkedProgram;
  /** The branches on the way, for whoever looks for an input that takes it. */
  readonly branches: readonly { readonly at: number; readonly taken: boolean }[];
}

/** Branches of a path that are of use to a search. */
const MOST_BRANCHES = 1000;

/** Whether every run of a program is safe: it ends, it reaches nothing that is not its own, and it gives back what it has reserved. */
export function verifyProgram(program: LinkedProgram, options: VerifyOptions = {}): Accepted | Refused {
  const { rules = OWN_RULES, mostInstructions = MOST_INSTRUCTIONS } = options;
  const subject = subjectOf(program, rules);
  const book = options.beliefs === true ? new BeliefBook() : undefined;
  const { instructions, states, ends, refused } = explore(subject, mostInstructions, book);
  const looked = { instructions, states, contextBytes: subject.contextRead };
  const seen = withPointers(program, subject.arenaPointers);
  if (refused === undefined) {
    const proven = { ...seen, proofs: subject.proofs.proofs(program.instructions.length, ends) };
    const beliefs = book?.beliefs();
    return { ...looked, verdict: "accepted", program: beliefs === undefined ? proven : { ...proven, beliefs } };
  }
  const { refusal, state } = refused;
  const why = { ...reasonOf(refusal), ...explain(program, refusal, state), branches: branchesIn(state) };
  return { ...looked, ...why, linked: seen };
}

/** The program with what was found of its pointers into its arena map. */
function withPointers(program: LinkedProgram, found: ReadonlyMap<number, number>): LinkedProgram {
  if (program.arena === undefined) return program;
  const pointers = new Uint8Array(program.instructions.length);
  for (const [at, what] of found) pointers[at] = what;
  return { ...program, arena: { ...program.arena, pointers } };
}

function reasonOf({
  category,
  message,
  suggestion,
}: Refusal): Pick<Refused, "verdict" | "category" | "message" | "suggestion"> {
  return { verdict: "rejected", category, message, suggestion };
}

function branchesIn({ trail }: State): Refused["branches"] {
  return branchesOf(trail, MOST_BRANCHES).map(({ at, taken }) => ({ at, taken }));
}
