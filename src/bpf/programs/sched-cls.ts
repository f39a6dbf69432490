/** Programs on packets on their way in or out, where Linux's traffic control has them. */
import { isPacketEvent, onPackets } from "./packet.ts";
import { SK_BUFF, SK_BUFF_WRITABLE } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";

const READABLE = {
  ...{ 1: "0-76 84-88 160-168 176-181", 2: "0-76 84-88 160-168 176-180", 4: "0-88 140-144 160-168 176-180" },
  8: "48-64 152-160 168-176 184-192",
};

export const SCHED_CLS: ProgramType<{ readonly place: string }> = {
  name: "sched_cls",
  doc: "Runs on each packet of a device, on its way in or out; its context is `struct __sk_buff`.",
  prefixes: ["tc", "tcx", "classifier", "action", "netkit"],
  section: "tc",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `packets of traffic control${place === "" ? "" : ` (${place})`}`,
  attaches: (_, event) => isPacketEvent(event),
  packet: SK_BUFF,
  context: onPackets(
    SK_BUFF,
    () => Object.values(SK_BUFF_WRITABLE),
    () => READABLE,
  ),
  caller: () => "sched_cls",
  result: {
    ignored: false,
    doc: "What becomes of the packet: 0 passed on, 2 dropped, 7 redirected, -1 as by default.",
  },
};
