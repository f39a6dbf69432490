/** Programs on packets of the sockets of a cgroup. */
import { isPacketEvent, onPackets } from "./packet.ts";
import { ETHERNET_BYTES, SK_BUFF, SK_BUFF_WRITABLE } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";

const { mark, priority, cb, tstamp } = SK_BUFF_WRITABLE;

const READABLE = {
  ...words("0-72 84-92 132-140 164-168 176-180"),
  ...{ 4: "0-72 76-140 164-168 176-180", 8: "48-64 152-160 168-176 184-192" },
};

export const CGROUP_SKB: ProgramType<{ readonly place: string }> = {
  name: "cgroup_skb",
  doc: "Runs on packets of a cgroup's sockets, from the network header on; its context is `struct __sk_buff`.",
  prefixes: ["cgroup_skb", "cgroup/skb"],
  section: "cgroup_skb/ingress",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `packets of a cgroup${place === "" ? "" : ` (${place})`}`,
  attaches: (_, event) => isPacketEvent(event),
  packet: SK_BUFF,
  packetReadOnly: () => true,
  context: onPackets(
    SK_BUFF,
    () => [mark, priority, cb, tstamp],
    () => READABLE,
    ETHERNET_BYTES,
  ),
  caller: () => "cgroup_skb",
  result: {
    ignored: false,
    doc: "Whether the packet goes on: 1 lets it through, 0 drops it; what leaves, 2 and 3 do so with a sign of congestion.",
    between: ({ place }) => [0, place === "egress" ? 3 : 1],
  },
};
