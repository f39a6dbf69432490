/** Programs at the hooks of netfilter. */
import { structContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

export const NETFILTER: ProgramType<Readonly<Record<string, never>>> = {
  name: "netfilter",
  doc: "Runs at a hook of netfilter; its context is `struct bpf_nf_ctx`, two pointers to the kernel's own objects.",
  prefixes: ["netfilter"],
  section: "netfilter",
  parse: () => ({}),
  describe: () => "packets at a hook of netfilter",
  attaches: () => false,
  followsPointers: true,
  context: structContext("A program at a hook of netfilter", "bpf_nf_ctx", 16, { readable: () => ({ 8: "0-16" }) }),
  caller: () => "netfilter",
  result: { ignored: false, doc: "Whether the packet goes on: 1 accepts, 0 drops it.", between: () => [0, 1] },
};
