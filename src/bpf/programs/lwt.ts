/** Programs on packets of a route: of lightweight tunnels. */
import { ROUTES } from "../helpers/callers.ts";
import { isPacketEvent, onPackets } from "./packet.ts";
import { ETHERNET_BYTES, SK_BUFF, SK_BUFF_WRITABLE } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";

const { mark, priority, cb } = SK_BUFF_WRITABLE;

const READABLE = {
  ...words("0-72 84-88 164-168 176-180"),
  ...{ 4: "0-72 76-88 164-168 176-180", 8: "48-64 168-176" },
};

export const LWT: ProgramType<{ readonly hook: string }> = {
  name: "lwt",
  doc: "Runs on packets of a route, on their way in, out or on; its context is `struct __sk_buff`.",
  prefixes: ["lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local"],
  section: "lwt_xmit",
  parse: (_, hook) => ({ hook }),
  describe: () => "packets of a route",
  attaches: (_, event) => isPacketEvent(event),
  packet: SK_BUFF,
  packetReadOnly: ({ hook }) => hook !== "lwt_xmit",
  context: onPackets(
    SK_BUFF,
    () => [mark, priority, cb],
    () => READABLE,
    ETHERNET_BYTES,
  ),
  caller: ({ hook }) => ROUTES.find((each) => each === hook),
  result: {
    ignored: false,
    doc: "What becomes of the packet: 0 goes on, 2 drops it, 7 sends it elsewhere, 128 routes it anew.",
  },
};
