/** Programs that choose among sockets of the same port. */
import { onPackets } from "./packet.ts";
import { SK_REUSEPORT_MD } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";

const READABLE = { 1: "16-20 24-32", 2: "16-32", 4: "16-36", 8: "0-16 40-56" };

export const SK_REUSEPORT: ProgramType<{ readonly place: string }> = {
  name: "sk_reuseport",
  doc: "Runs on a packet for which there are several sockets; its context is `struct sk_reuseport_md`.",
  prefixes: ["sk_reuseport"],
  section: "sk_reuseport",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `choices among sockets of a port${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  packet: SK_REUSEPORT_MD,
  context: onPackets(
    SK_REUSEPORT_MD,
    () => [],
    () => READABLE,
  ),
  caller: () => "sk_reuseport",
  result: {
    ignored: false,
    doc: "What becomes of the packet: 1 passes the packet to the socket that was chosen, 0 drops it.",
  },
};
