/** Programs on the hooks of Linux's security modules. */
import { ARGUMENT_BYTES, argumentsContext, numbered, withoutEvents } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

const WHAT = "A program on a security hook";
/** Linux's most for a function, and the result so far. */
const MOST_ARGUMENTS = 13;

export const LSM: ProgramType<{ readonly hook: string }> = {
  name: "lsm",
  doc: "Decides at a security hook; its context is the hook's arguments and the result so far, a u64 for each.",
  prefixes: ["lsm", "lsm.s", "lsm_cgroup"],
  section: "lsm/HOOK",
  parse: ([hook = ""]) => (hook === "" ? "names no hook" : { hook }),
  describe: ({ hook }) => `security hook ${hook}`,
  attaches: () => false,
  followsPointers: true,
  context: {
    ...withoutEvents(WHAT),
    example: (_, index) => numbered(MOST_ARGUMENTS * ARGUMENT_BYTES, 0, index),
    direct: (given) => argumentsContext(WHAT, given, MOST_ARGUMENTS),
  },
  helpers: ["base", "tracing"],
  result: { ignored: false, doc: "Whether the kernel goes on: 0 allows, -errno refuses." },
};
