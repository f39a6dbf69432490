/** Functions of a struct that the kernel calls: schedulers, congestion controls. */
import { typedArguments } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

export const STRUCT_OPS: ProgramType<{ readonly place: string }> = {
  name: "struct_ops",
  doc: "Stands for a function of the kernel's; its context is the function's arguments, a u64 for each.",
  prefixes: ["struct_ops", "struct_ops.s"],
  section: "struct_ops/FUNCTION",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `function of the kernel's that it replaces${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  followsPointers: true,
  context: typedArguments("A function that the kernel calls"),
  caller: () => "struct_ops",
  result: { ignored: false, doc: "What the function returns.", mayBeVoid: true },
};
