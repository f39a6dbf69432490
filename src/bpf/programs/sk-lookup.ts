/** Programs that choose the socket for a connection or a datagram. */
import { structContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";

export const SK_LOOKUP: ProgramType<Readonly<Record<string, never>>> = {
  name: "sk_lookup",
  doc: "Runs where a listening socket is looked for; its context is `struct bpf_sk_lookup`.",
  prefixes: ["sk_lookup"],
  section: "sk_lookup",
  parse: () => ({}),
  describe: () => "lookups of sockets",
  attaches: () => false,
  context: structContext("A program on a lookup", "bpf_sk_lookup", 72, {
    readable: () => ({ ...words("8-68"), 8: "0-8" }),
  }),
  caller: () => "sk_lookup",
  result: {
    ignored: false,
    doc: "Whether the packet goes on: 1, with the socket that was chosen; 0 drops the packet.",
  },
};
