/** Programs on packets of the sockets of a cgroup. */
import { onPackets, SK_BUFF } from "./packet.ts";
import type { ProgramType } from "./program-type.ts";

export const CGROUP_SKB: ProgramType<{ readonly place: string }> = {
  name: "cgroup_skb",
  doc: "Runs on packets of a cgroup's sockets, from the network header on; its context is `struct __sk_buff`.",
  prefixes: ["cgroup_skb"],
  section: "cgroup_skb/ingress",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `packets of a cgroup${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  context: onPackets(SK_BUFF),
  helpers: ["base"],
  result: { ignored: false, doc: "Whether the packet goes on: 1 lets it through, 0 drops it." },
};
