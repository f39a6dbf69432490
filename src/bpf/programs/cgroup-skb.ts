/** Programs on packets of the sockets of a cgroup. */
import { numbered, withoutEvents } from "./context.ts";
import { packetContext, SK_BUFF } from "./packet.ts";
import type { ProgramType } from "./program-type.ts";

export const CGROUP_SKB: ProgramType<{ readonly place: string }> = {
  name: "cgroup_skb",
  doc: "Runs on packets of a cgroup's sockets, from the network header on; its context is `struct __sk_buff`.",
  prefixes: ["cgroup_skb"],
  section: "cgroup_skb/ingress",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `packets of a cgroup${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  context: {
    ...withoutEvents("A program on packets"),
    example: (_, index) => numbered(SK_BUFF.bytes, SK_BUFF.meta + 4, index),
    direct: (given) => packetContext(SK_BUFF, given),
  },
  helpers: ["base"],
  result: { ignored: false, doc: "Whether the packet goes on: 1 lets it through, 0 drops it." },
};
