/** Programs on settings of the kernel that a cgroup's tasks read or write. */
import { structContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";

/** `file_pos`. */
const FILE_POSITION = { offset: 4, bytes: 4 };

export const CGROUP_SYSCTL: ProgramType<Readonly<Record<string, never>>> = {
  name: "cgroup_sysctl",
  doc: "Runs when a setting is read or written; its context is `struct bpf_sysctl`.",
  prefixes: ["cgroup/sysctl"],
  section: "cgroup/sysctl",
  parse: () => ({}),
  describe: () => "settings that a cgroup's tasks use",
  attaches: () => false,
  context: structContext("A program on a setting", "bpf_sysctl", 8, {
    writable: () => [FILE_POSITION],
    readable: () => words("0-8"),
  }),
  caller: () => "cgroup_sysctl",
  result: { ignored: false, doc: "Whether it may: 1 allows, 0 refuses." },
};
