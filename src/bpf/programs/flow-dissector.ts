/** Programs that take packets apart into the numbers of their flow. */
import { flowContext } from "./flow-keys.ts";
import { onPackets } from "./packet.ts";
import { SK_BUFF } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";

export const FLOW_DISSECTOR: ProgramType<Readonly<Record<string, never>>> = {
  name: "flow_dissector",
  doc: "Takes a packet apart; its context is `struct __sk_buff`, whose `flow_keys` leads to what it fills in.",
  prefixes: ["flow_dissector"],
  section: "flow_dissector",
  parse: () => ({}),
  describe: () => "flows of packets",
  attaches: () => false,
  packet: SK_BUFF,
  context: {
    ...onPackets(
      SK_BUFF,
      () => [],
      () => ({ 4: "76-84", 8: "144-152" }),
    ),
    direct: flowContext,
  },
  caller: () => "flow_dissector",
  result: {
    ignored: false,
    doc: "How far it got: 0 where the packet was understood, 2 where not, 129 where the kernel is to do it.",
  },
};
