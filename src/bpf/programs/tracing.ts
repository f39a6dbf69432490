/** Programs on functions and tracepoints by their types: what they get are the arguments, pointers to the kernel's own objects too. */
import type { Caller } from "../helpers/callers.ts";
import { ARGUMENT_BYTES, MOST_TYPED_ARGUMENTS, typedArguments } from "./context.ts";
import { argumentsOfCall, runsOnFunction } from "./function-events.ts";
import type { ProgramType } from "./program-type.ts";
import { RAW_ARGUMENTS, tracepointArguments } from "./raw-tracepoint.ts";

/** The prefix of those that run on a tracepoint: its events are in recordings. */
const ON_TRACEPOINT = "tp_btf";

/** When programs on a function run. */
const MOMENTS: Readonly<Record<string, string>> = {
  ...{ fentry: "entry", fexit: "return", fmod_ret: "entry", fsession: "both" },
};

/** As whom they call helpers. */
const CALLED: Readonly<Record<string, Caller>> = {
  ...{ fentry: "fentry", fexit: "fexit", fmod_ret: "fmod_ret", fsession: "fexit", tp_btf: "tp_btf", iter: "iter" },
};

export const TRACING: ProgramType<{ readonly function: string; readonly at: string }> = {
  name: "tracing",
  doc: "Runs at a function's beginning or end, on a tracepoint's arguments or on objects in turn; its context is a u64 for each.",
  prefixes: [
    ...["fentry", "fexit", "fmod_ret", "fentry.s", "fexit.s", "fmod_ret.s", ON_TRACEPOINT, "iter", "iter.s"],
    ...["fsession", "fsession.s"],
  ],
  section: "fentry/FUNCTION",
  parse: (rest, at) => ({ function: rest.join("/"), at }),
  describe: ({ function: name }) => `typed program on ${name === "" ? "a function" : name}`,
  // Of a tracepoint whose arguments are not known nothing could be given.
  attaches: ({ function: name, at }, event) =>
    at === ON_TRACEPOINT
      ? name === event.name && event.function === undefined && RAW_ARGUMENTS[event.name] !== undefined
      : runsOnFunction(name, MOMENTS[at.replace(/\.s$/, "")] ?? "", event),
  followsPointers: true,
  context: {
    ...typedArguments("A typed program"),
    room: MOST_TYPED_ARGUMENTS * ARGUMENT_BYTES,
    of: (event, functions) =>
      event.function === undefined ? tracepointArguments(event) : argumentsOfCall(event, functions),
  },
  caller: ({ at }) => CALLED[at.replace(/\.s$/, "")],
  result: {
    ignored: true,
    doc: "Of fmod_ret what the function returns instead, if it is not 0; otherwise nothing.",
    between: ({ at }) => (/^f(entry|exit)/.test(at) ? [0, 0] : at.startsWith("iter") ? [0, 1] : undefined),
  },
};
