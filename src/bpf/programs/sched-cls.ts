/** Programs on packets on their way in or out, where Linux's traffic control has them. */
import { isPacketEvent, onPackets } from "./packet.ts";
import { SK_BUFF, SK_BUFF_WRITABLE } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";

export const SCHED_CLS: ProgramType<{ readonly place: string }> = {
  name: "sched_cls",
  doc: "Runs on each packet of a device, on its way in or out; its context is `struct __sk_buff`.",
  prefixes: ["tc", "tcx", "classifier", "action", "netkit"],
  section: "tc",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `packets of traffic control${place === "" ? "" : ` (${place})`}`,
  attaches: (_, event) => isPacketEvent(event),
  packet: SK_BUFF,
  context: onPackets(SK_BUFF, () => Object.values(SK_BUFF_WRITABLE)),
  caller: () => "sched_cls",
  result: {
    ignored: false,
    doc: "What becomes of the packet: 0 passed on, 2 dropped, 7 redirected, -1 as by default.",
  },
};
