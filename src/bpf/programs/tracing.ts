/** Programs on functions and tracepoints by their types: what they get are the arguments, pointers to the kernel's own objects too. */
import { typedArguments } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

export const TRACING: ProgramType<{ readonly function: string; readonly at: string }> = {
  name: "tracing",
  doc: "Runs at a function's beginning or end, on a tracepoint's arguments or on objects in turn; its context is a u64 for each.",
  prefixes: [
    ...["fentry", "fexit", "fmod_ret", "fentry.s", "fexit.s", "fmod_ret.s", "tp_btf", "iter", "iter.s"],
    ...["fsession", "fsession.s"],
  ],
  section: "fentry/FUNCTION",
  parse: (rest, at) => ({ function: rest.join("/"), at }),
  describe: ({ function: name }) => `typed program on ${name === "" ? "a function" : name}`,
  attaches: () => false,
  followsPointers: true,
  context: typedArguments("A typed program"),
  helpers: ["base", "task", "tracing"],
  result: {
    ignored: true,
    doc: "Of fmod_ret what the function returns instead, if it is not 0; otherwise nothing.",
    between: ({ at }) => (/^f(entry|exit)/.test(at) ? [0, 0] : at.startsWith("iter") ? [0, 1] : undefined),
  },
};
