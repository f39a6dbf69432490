/** Every program of an object through the verifier, each by itself: a bad one hides none of the others. */

import { checkBooleans, checkOptions } from "../arguments.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import type { ObjectSpec, ProgramSpec } from "../bpf/object/spec.ts";
import { type Policy, policyFinding } from "../bpf/policy.ts";
import type { Explained, PathStep, Place } from "../bpf/verifier/explain.ts";
import type { CategoryName } from "../bpf/verifier/refusal.ts";
import { RULES } from "../bpf/verifier/rules.ts";
import { type Accepted, type Refused, verifyProgram } from "../bpf/verifier/verify.ts";
import { AnyctxError } from "../error.ts";
import { mapKindByBpfType, NO_PREALLOC } from "../maps/kinds.ts";
import { checkChoices, type Hashes } from "./choices.ts";
import { linkTried, mapsUsed, placeholders, reasonOf } from "./select.ts";

export interface VerifyObjectOptions {
  /** A kernel whose rules hold besides those of safety. */
  readonly policy?: Policy;
  /** Says what was believed before each instruction. */
  readonly beliefs?: boolean;
  /** As in `LoadOptions`: all hashes preallocated, or all dynamic. */
  readonly hashes?: Hashes;
}

/**
 * What is found of one program. `unsupported`: it does not load here; `policy`: the kernel that was named does not allow it. Of
 * neither anything was looked at.
 */
export interface ProgramVerdict extends Partial<Explained> {
  readonly program: string;
  readonly section: string;
  readonly verdict: "accepted" | "rejected";
  readonly category?: CategoryName | "policy";
  readonly message?: string;
  readonly suggestion?: string;
  readonly at?: Place;
  readonly path: readonly PathStep[];
  readonly branches: Refused["branches"];
  /** States that were kept to be compared with, and instructions on all paths together. */
  readonly states: number;
  readonly instructions: number;
  /** Bytes of its context that it reads. */
  readonly contextBytes: number;
  /** As it was linked: against what stands for its maps. */
  readonly linked?: LinkedProgram;
}

/** What the policy has against the maps that a program uses; undefined: nothing. */
function policyProblem(object: ObjectSpec, program: ProgramSpec, options: VerifyObjectOptions): string | undefined {
  const { policy, hashes } = options;
  if (policy === undefined) return undefined;
  const used = mapsUsed(object, [program]);
  for (const { name, bpfType, flags } of object.maps) {
    if (!used.has(name)) continue;
    const isChosen = hashes !== undefined && mapKindByBpfType(bpfType)?.memoryUse === "hash";
    const dynamic = isChosen ? hashes === "dynamic" : (flags & NO_PREALLOC) !== 0;
    const about = { type: program.kind.type, section: program.section };
    const finding = policyFinding(policy, false, about, { bpfType, dynamic });
    if (finding?.verdict === "refuse") return `map ${name}: ${finding.message} (${policy})`;
  }
  return undefined;
}

/** @throws {AnyctxError} what keeps the program from loading at all */
function lookAt(object: ObjectSpec, program: ProgramSpec, options: VerifyObjectOptions): ProgramVerdict {
  const { policy, beliefs = false } = options;
  const linked = linkTried(object, program, placeholders(object));
  const rules = policy === undefined ? {} : { rules: RULES[policy] };
  const found: Accepted | Refused = verifyProgram(linked, { ...rules, beliefs });
  const { name, section } = program;
  if (found.verdict === "rejected") return { program: name, section, ...found };
  const { program: believed, verdict, ...counts } = found;
  return { program: name, section, verdict, path: [], branches: [], ...counts, linked: believed };
}

function withoutALook(
  { name, section }: ProgramSpec,
  category: "policy" | "unsupported",
  message: string,
): ProgramVerdict {
  const nothing = { path: [], branches: [], states: 0, instructions: 0, contextBytes: 0 };
  return { program: name, section, verdict: "rejected", category, message, ...nothing };
}

/** Looks at one program; what does not load is rejected with the reason. */
export function verifyOne(object: ObjectSpec, program: ProgramSpec, options: VerifyObjectOptions = {}): ProgramVerdict {
  const problem = policyProblem(object, program, options);
  if (problem !== undefined) return withoutALook(program, "policy", problem);
  try {
    return lookAt(object, program, options);
  } catch (error) {
    if (!(error instanceof AnyctxError)) throw error;
    return withoutALook(program, "unsupported", reasonOf(object, program, error));
  }
}

const OPTIONS: readonly (keyof VerifyObjectOptions)[] = ["policy", "beliefs", "hashes"];

/**
 * Looks at each program of an object.
 * @throws {AnyctxError} EINVAL: an option that there is not, or a value that is none of what it may be
 */
export function verifyObject(object: ObjectSpec, options: VerifyObjectOptions = {}): ProgramVerdict[] {
  checkOptions("verifyObject", options, OPTIONS);
  checkBooleans("verifyObject", options, ["beliefs"]);
  checkChoices(options);
  return object.programs.map((program) => verifyOne(object, program, options));
}

/** A refusal in one sentence, for whoever skips the program. */
export function refusalText({ category, message, at }: Pick<Refused, "category" | "message" | "at">): string {
  const place = at.line === undefined ? `instruction ${at.instruction}` : `${at.file}:${at.line}`;
  return `the verifier refuses it (${category}) at ${place}: ${message}`;
}
