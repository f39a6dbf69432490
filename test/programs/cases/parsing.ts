import { Random } from "../../../src/sim/random.ts";
import { countBy, type ProgramCase, pick, type Run, somePackets } from "../case.ts";
import { asRead, ICMP, otherPacket, type PacketShape, packetOf, portAsRead, TCP, UDP } from "../packets.ts";

const SHAPES = somePackets(5, 60);
const ALL = [...SHAPES.map((shape) => packetOf(shape)), otherPacket()];
const UDP_SHAPE: PacketShape = { ...(SHAPES[0] as PacketShape), protocol: UDP };
const DNS_HEADER_BYTES = 12;
const PAYLOAD_AT = 14 + 20 + 8;

/** A question for a name, as RFC 1035 4.1.2 has it; cut off behind so many of its bytes. */
function question(labels: readonly string[], cut = Number.POSITIVE_INFINITY): Uint8Array {
  const name = labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.of(...new Uint8Array(DNS_HEADER_BYTES), ...[...name, 0].slice(0, cut));
}

const NAMES: readonly (readonly string[])[] = [
  [],
  ["org"],
  ["example", "org"],
  ["a", "b", "c", "d", "e", "f"],
  ["x".repeat(63), "y"],
  Array.from({ length: 63 }, () => "z"),
];

const nameBytes = (labels: readonly string[]): number => labels.reduce((bytes, { length }) => bytes + length + 1, 0);

/** Hashes three words as the program does. */
function mix(a: number, b: number, c: number): number {
  let hash = Math.imul(a, 0x85ebca6b) >>> 0;
  hash = ((hash ^ (hash >>> 13)) + Math.imul(b, 0xc2b2ae35)) >>> 0;
  hash = ((hash ^ (hash >>> 16)) + c) >>> 0;
  return (hash ^ (hash >>> 11)) >>> 0;
}

function serverOf({ protocol, source, destination, sourcePort, destinationPort }: PacketShape): number {
  if (protocol === ICMP) return -1;
  const ports = ((portAsRead(sourcePort) << 16) | portAsRead(destinationPort)) >>> 0;
  return mix(asRead(source), asRead(destination), ports) % 4;
}

/** UDP packets whose header says more, or less, than there is. */
function payloads(): { readonly runs: Run[]; readonly sizes: number[] } {
  const random = new Random(6);
  const made = SHAPES.map((shape) => {
    const packet = packetOf({ ...shape, protocol: UDP });
    const there = packet.length - PAYLOAD_AT;
    const said = pick(random, [there, Math.max(0, there - 3), there + 100]);
    new DataView(packet.buffer).setUint16(14 + 20 + 4, said + 8);
    return { packet, size: Math.min(said, there) };
  });
  return { runs: made.map(({ packet }) => ({ packet })), sizes: made.map(({ size }) => size) };
}

const PAYLOADS = payloads();
const verdictOf = (protocol: number | undefined): number => (protocol === TCP ? 2 : protocol === UDP ? 3 : 1);
const protocols = countBy(SHAPES, ({ protocol }) => protocol);
const servers = countBy(SHAPES, serverOf);

export const PARSING: readonly ProgramCase[] = [
  {
    ...{ object: "parsing", program: "dns_name", doc: "a name's labels, by a function that is called in a loop" },
    runs: [
      ...NAMES.map((labels) => ({ packet: packetOf({ ...UDP_SHAPE, payload: question(labels) }) })),
      { packet: packetOf({ ...UDP_SHAPE, payload: question(["example", "org"], 5) }) },
      { packet: packetOf({ ...UDP_SHAPE, payload: question(["q".repeat(64)]) }) },
    ],
    answers: [
      ...NAMES.map((labels) => ({ result: (labels.length << 16) | nameBytes(labels) })),
      { result: -1 },
      { result: -1 },
    ],
  },
  {
    ...{ object: "parsing", program: "payload", doc: "headers through slices of a dynptr" },
    runs: [...PAYLOADS.runs, { packet: packetOf({ ...UDP_SHAPE, protocol: TCP }) }],
    answers: [...PAYLOADS.sizes.map((result) => ({ result })), { result: -2 }],
  },
  {
    ...{ object: "parsing", program: "dispatch", doc: "tail calls by protocol" },
    runs: ALL.map((packet) => ({ packet })),
    answers: ALL.map((_, index) => ({ result: verdictOf(SHAPES[index]?.protocol) })),
    variables: { tcp_seen: protocols.get(TCP) ?? 0, udp_seen: protocols.get(UDP) ?? 0 },
  },
  {
    ...{ object: "parsing", program: "balance", doc: "a server for each flow, by a hash" },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: SHAPES.map((shape) => ({ result: serverOf(shape) })),
    maps: { servers: [0, 1, 2, 3].map((server) => [server, BigInt(servers.get(server) ?? 0)]) },
  },
];
