/** Socket filters: a program there gets a packet and says how much of it is kept. */
import { RECORD } from "../../events/record.ts";
import { numbered, payloadBytes } from "./context.ts";
import { packetContext } from "./packet.ts";
import { placePacket, SK_BUFF, SK_BUFF_PART } from "./packet-struct.ts";
import type { EventContext, ProgramType } from "./program-type.ts";

/** Of a record whose payload is the packet, with up to 7 zeroes behind it. */
const OF_PACKET: EventContext = {
  fields: [],
  bytes: () => SK_BUFF.bytes,
  write(source, record, target, at) {
    new Uint8Array(target.buffer, target.byteOffset + at, SK_BUFF.bytes).fill(0);
    const begin = record + RECORD.payload;
    placePacket(target, at, SK_BUFF, begin, begin + payloadBytes(source, record));
  },
};

const { tcClass, addresses, meta, flowKeys, time, wireLength } = SK_BUFF_PART;
/** Where the packet is, besides: these programs have only helpers to read it. */
const HIDDEN = [tcClass, [76, 84], addresses, meta, flowKeys, time, wireLength] as const;

export const SOCKET_FILTER: ProgramType<Readonly<Record<string, never>>> = {
  name: "socket_filter",
  doc: "Filters packets; its context is `struct __sk_buff`.",
  prefixes: ["socket"],
  section: "socket",
  parse: () => ({}),
  describe: () => "socket filter",
  attaches: (_, event) => event.name === "packet",
  packet: SK_BUFF,
  context: {
    room: SK_BUFF.bytes,
    of: () => OF_PACKET,
    access: { bytes: () => SK_BUFF.bytes, writable: [[48, 68]], hidden: HIDDEN },
    example: (_, index) => numbered(SK_BUFF.bytes, (SK_BUFF.meta ?? 0) + 4, index),
    direct: (given) => packetContext(SK_BUFF, given),
  },
  helpers: ["base", "packet"],
  result: {
    ignored: false,
    doc: "How many bytes of the packet are kept: 0 drops it, more than it has keeps all of it.",
  },
};
