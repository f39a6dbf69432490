/** Programs on device files that a cgroup's tasks open. */
import { structContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";

export const CGROUP_DEVICE: ProgramType<Readonly<Record<string, never>>> = {
  name: "cgroup_device",
  doc: "Runs when a device file is opened or made; its context is `struct bpf_cgroup_dev_ctx`.",
  prefixes: ["cgroup/dev"],
  section: "cgroup/dev",
  parse: () => ({}),
  describe: () => "device files of a cgroup",
  attaches: () => false,
  context: structContext("A program on a device file", "bpf_cgroup_dev_ctx", 12, {
    readable: () => ({ ...words("0-4"), 4: "0-12" }),
  }),
  caller: () => "cgroup_device",
  result: { ignored: false, doc: "Whether it may: 1 allows, 0 refuses." },
};
