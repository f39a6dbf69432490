/** Programs on what sockets of a map send. */
import { onPackets } from "./packet.ts";
import { SK_MSG_MD } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";

export const SK_MSG: ProgramType<Readonly<Record<string, never>>> = {
  name: "sk_msg",
  doc: "Runs on what a socket sends; its context is `struct sk_msg_md`.",
  prefixes: ["sk_msg"],
  section: "sk_msg",
  parse: () => ({}),
  describe: () => "messages of sockets",
  attaches: () => false,
  packet: SK_MSG_MD,
  context: onPackets(
    SK_MSG_MD,
    () => [],
    () => ({ 4: "16-72", 8: "0-16 72-80" }),
  ),
  caller: () => "sk_msg",
  result: { ignored: false, doc: "What becomes of it: 1 sends it, 0 drops it." },
};
