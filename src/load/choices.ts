/** Options of loading of which there are a few. */
import { checkOneOf } from "../arguments.ts";
import { POLICIES } from "../bpf/policy.ts";

/** `jit`: compiled to WebAssembly; `interpreter`: the reference, which checks every access. */
export type Engine = "jit" | "interpreter";
const ENGINES: readonly Engine[] = ["jit", "interpreter"];

/** Which hashes there may be, where all are to be alike. */
export type Hashes = "preallocated" | "dynamic";
const HASHES: readonly Hashes[] = ["preallocated", "dynamic"];

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  ...{ engine: ENGINES, policy: POLICIES, programs: ["some", "any"], hashes: HASHES },
};

/** @throws {AnyctxError} EINVAL for an option that is there and none of what it may be */
export function checkChoices(options: object): void {
  for (const [name, known] of Object.entries(CHOICES)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) checkOneOf(name, value, known);
  }
}
