/**
 * Socket filters: a program there gets a packet and says how much of it is kept. The context is the packet's bytes, as a
 * source of packets has them in its event `packet`; a kernel gives a struct about the packet instead.
 */
import { numbered, onlyOf, payloadBytes, plainContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

/** Bytes of a made-up packet: the least that Ethernet sends. */
const EXAMPLE_BYTES = 64;

export const SOCKET_FILTER: ProgramType<Readonly<Record<string, never>>> = {
  name: "socket_filter",
  doc: "Filters packets; its context is the packet's bytes, with up to 7 zeroes behind them.",
  prefixes: ["socket"],
  section: "socket",
  parse: () => ({}),
  describe: () => "socket filter",
  attaches: (_, event) => event.name === "packet",
  context: {
    room: 0,
    of: () => ({ fields: [], bytes: payloadBytes }),
    example: (_, index) => numbered(EXAMPLE_BYTES, 0, index),
    direct(given) {
      onlyOf("A socket filter", given, ["packet"]);
      return plainContext(given.packet ?? new Uint8Array(0));
    },
  },
  helpers: ["base"],
  result: {
    ignored: false,
    doc: "How many bytes of the packet are kept: 0 drops it, more than it has keeps all of it.",
  },
};
