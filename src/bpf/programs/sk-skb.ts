/** Programs on what sockets of a map receive. */
import { onPackets } from "./packet.ts";
import { SK_BUFF, SK_BUFF_WRITABLE } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";

const { priority, tcIndex } = SK_BUFF_WRITABLE;

const READABLE = {
  ...words("0-8 12-72 84-92 132-140 164-168 176-180"),
  ...{ 4: "0-8 12-72 76-140 164-168 176-180", 8: "48-64 168-176" },
};

export const SK_SKB: ProgramType<{ readonly place: string }> = {
  name: "sk_skb",
  doc: "Runs on what a socket receives; its context is `struct __sk_buff`.",
  prefixes: ["sk_skb"],
  section: "sk_skb/stream_verdict",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `packets of sockets${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  packet: SK_BUFF,
  context: onPackets(
    SK_BUFF,
    () => [priority, tcIndex],
    () => READABLE,
  ),
  caller: () => "sk_skb",
  result: { ignored: false, doc: "Of a parser the message's length; of a verdict 1 passes it on, 0 drops it." },
};
