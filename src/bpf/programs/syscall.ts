/** Programs that user space runs itself. */
import { givenContext, numbered, withoutEvents } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

const WHAT = "A program that user space runs";
const EXAMPLE_BYTES = 256;
/** Linux's most. */
const MOST_BYTES = 65535;

export const SYSCALL: ProgramType<Readonly<Record<string, never>>> = {
  name: "syscall",
  doc: "Runs when user space says so; its context is what user space gives it.",
  prefixes: ["syscall"],
  section: "syscall",
  parse: () => ({}),
  describe: () => "run by user space",
  attaches: () => false,
  context: {
    ...withoutEvents(WHAT),
    access: { bytes: () => undefined, writable: () => [{ offset: 0, bytes: MOST_BYTES, widths: [1, 2, 4, 8] }] },
    example: (_, index) => numbered(EXAMPLE_BYTES, 0, index),
    direct: (given) => givenContext(WHAT, given),
  },
  caller: () => "syscall",
  result: { ignored: false, doc: "User space gets it." },
};
