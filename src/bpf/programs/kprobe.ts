/** Probes on functions, of the kernel or of a process: a program there gets the registers at the function's beginning or end. */
import { numbered } from "./context.ts";
import { runsOnFunction } from "./function-events.ts";
import type { ProgramType } from "./program-type.ts";
import { REGISTERS_BYTES, registersContext, registersOfCall } from "./registers.ts";

const WHAT = "A probe on a function";

/** Sections of programs that run when a function has returned, and of those that run both times. */
const AT_RETURN = /^(kret|uret)/;
const AT_BOTH = /session(\.s)?$/;

export const KPROBE: ProgramType<{ readonly function: string; readonly at: string }> = {
  name: "kprobe",
  doc: "Runs at a function's beginning or end; its context is `struct pt_regs` of x86-64.",
  prefixes: [
    ...["kprobe", "kretprobe", "kprobe.multi", "kretprobe.multi", "kprobe.session", "ksyscall", "kretsyscall"],
    ...["uprobe", "uretprobe", "uprobe.s", "uretprobe.s", "uprobe.multi", "uretprobe.multi", "usdt", "usdt.s"],
    ...["uprobe.multi.s", "uretprobe.multi.s", "uprobe.session", "uprobe.session.s"],
  ],
  section: "kprobe/FUNCTION",
  // Many tools name the function only when they attach.
  parse: (rest, first) => ({
    function: rest.join("/"),
    at: AT_BOTH.test(first) ? "both" : AT_RETURN.test(first) ? "return" : "entry",
  }),
  describe: ({ function: name }) => `probe on ${name === "" ? "a function" : name}`,
  attaches: ({ function: name, at }, event) => runsOnFunction(name, at, event),
  context: {
    room: REGISTERS_BYTES,
    of: registersOfCall,
    access: { bytes: () => REGISTERS_BYTES },
    example: (_, index) => numbered(REGISTERS_BYTES, 0, index),
    direct: (given) => registersContext(WHAT, given),
  },
  caller: () => "kprobe",
  result: {
    ignored: true,
    doc: "Nothing follows from it but at the beginning of a session: there 1 leaves the end out.",
  },
};
