/** Programs on the hooks of Linux's security modules. */
import { typedArguments } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

export const LSM: ProgramType<{ readonly hook: string }> = {
  name: "lsm",
  doc: "Decides at a security hook; its context is the hook's arguments and the result so far, a u64 for each.",
  prefixes: ["lsm", "lsm.s", "lsm_cgroup"],
  section: "lsm/HOOK",
  parse: ([hook = ""]) => (hook === "" ? "names no hook" : { hook }),
  describe: ({ hook }) => `security hook ${hook}`,
  attaches: () => false,
  followsPointers: true,
  context: typedArguments("A program on a security hook"),
  helpers: ["base", "task", "tracing"],
  result: { ignored: false, doc: "Whether the kernel goes on: 0 allows, -errno refuses.", between: [-4095, 1] },
};
