/** Socket filters: a program there gets a packet and says how much of it is kept. */
import { numbered } from "./context.ts";
import { isPacketEvent, ofPackets, packetContext, packetRoom } from "./packet.ts";
import { ETHERNET_BYTES, SK_BUFF, SK_BUFF_WRITABLE } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";

/** Not where the packet is: these programs have only helpers to read it. */
const READABLE = { ...words("0-72 84-88 164-168 176-180"), 8: "48-64 168-176" };

export const SOCKET_FILTER: ProgramType<Readonly<Record<string, never>>> = {
  name: "socket_filter",
  doc: "Filters packets; its context is `struct __sk_buff`. Of a recording it sees them whole, run directly from the network header on.",
  prefixes: ["socket"],
  section: "socket",
  parse: () => ({}),
  describe: () => "socket filter",
  attaches: (_, event) => isPacketEvent(event),
  packet: SK_BUFF,
  context: {
    room: packetRoom(SK_BUFF),
    of: ofPackets("A socket filter", SK_BUFF),
    access: { bytes: () => SK_BUFF.bytes, writable: () => [SK_BUFF_WRITABLE.cb], readable: () => READABLE },
    example: (_, index) => numbered(SK_BUFF.bytes, (SK_BUFF.meta ?? 0) + 4, index),
    direct: (given) => packetContext(SK_BUFF, given, 0, ETHERNET_BYTES),
  },
  caller: () => "socket_filter",
  result: {
    ignored: false,
    doc: "How many bytes of the packet are kept: 0 drops it, more than it has keeps all of it.",
  },
};
