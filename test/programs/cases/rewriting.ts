import { type ProgramCase, somePackets } from "../case.ts";
import { asRead, encapsulated, otherPacket, type PacketShape, packetOf, UDP } from "../packets.ts";

const SHAPES = somePackets(4, 40);
const INSIDE = (SHAPES[0] as PacketShape).source;
const OUTSIDE = 0xcb007107;
const isInside = ({ protocol, source }: PacketShape): boolean => protocol === UDP && source === INSIDE;

function reflected(shape: PacketShape): Uint8Array {
  const packet = packetOf(shape);
  const [to, from] = [packet.slice(0, 6), packet.slice(6, 12)];
  const [source, destination] = [packet.slice(26, 30), packet.slice(30, 34)];
  packet.set([...from, ...to]);
  packet.set([...destination, ...source], 26);
  return packet;
}

export const REWRITING: readonly ProgramCase[] = [
  {
    ...{ object: "rewriting", program: "next_hop", doc: "one hop less, and the checksum mended" },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: SHAPES.map((shape) =>
      shape.ttl <= 1 ? { result: 2 } : { result: 0, packet: packetOf({ ...shape, ttl: shape.ttl - 1 }) },
    ),
  },
  {
    ...{ object: "rewriting", program: "translate", doc: "another source address, in both checksums" },
    globals: { inside: asRead(INSIDE), outside: asRead(OUTSIDE) },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: SHAPES.map((shape) =>
      isInside(shape) ? { result: 1, packet: packetOf({ ...shape, source: OUTSIDE }) } : { result: 0 },
    ),
  },
  {
    ...{ object: "rewriting", program: "reflect", doc: "a packet back to where it came from" },
    runs: [...SHAPES.map((shape) => ({ packet: packetOf(shape) })), { packet: otherPacket() }],
    answers: [...SHAPES.map((shape) => ({ result: 3, packet: reflected(shape) })), { result: 2 }],
  },
  {
    ...{ object: "rewriting", program: "encapsulate", doc: "an outer header, for which there is room in front" },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: SHAPES.map((shape) => ({ result: 3, packet: encapsulated(shape, 0x0a000001, 0x0a000002) })),
  },
  {
    ...{ object: "rewriting", program: "trim", doc: "what lies behind the IP packet is cut off" },
    runs: SHAPES.map((shape, behind) => ({ packet: packetOf(shape, behind % 3) })),
    answers: SHAPES.map((shape, behind) => (behind % 3 === 0 ? { result: 2 } : { result: 3, packet: packetOf(shape) })),
  },
];
