import type { BtfValue } from "../../../src/bpf/object/btf.ts";
import { type Answer, countBy, type ProgramCase, somePackets } from "../case.ts";
import { asRead, ETHERNET_BYTES, otherPacket, type PacketShape, packetOf, withoutEthernet } from "../packets.ts";

const SHAPES = somePackets(1, 60);
const PACKETS = SHAPES.map((shape) => packetOf(shape));
const ALL = [...PACKETS, otherPacket(), otherPacket()];

const slotOf = (bytes: number): number => Math.floor(Math.log2(bytes));

/** The array's places from 0 on, zero where nothing was counted. */
function filled(length: number, counts: ReadonlyMap<number, number>): [BtfValue, BtfValue][] {
  return Array.from({ length }, (_, index) => [index, BigInt(counts.get(index) ?? 0)]);
}

function bySource(): [BtfValue, BtfValue][] {
  const sources = new Map<number, { packets: bigint; bytes: bigint }>();
  for (const [index, { source }] of SHAPES.entries()) {
    const { packets, bytes } = sources.get(source) ?? { packets: 0n, bytes: 0n };
    sources.set(source, {
      packets: packets + 1n,
      bytes: bytes + BigInt((PACKETS[index]?.length ?? 0) - ETHERNET_BYTES),
    });
  }
  // What an ARP packet has where another one has its source.
  sources.set(0, { packets: 2n, bytes: 2n * BigInt(otherPacket().length - ETHERNET_BYTES) });
  return [...sources].map(([source, traffic]) => [asRead(source), traffic]);
}

/** How often the source was another one, with the step that the program takes at seven. */
function changes(): { readonly before: number[]; readonly after: number } {
  let [last, count] = [0, 0];
  const before = SHAPES.map(({ source }) => {
    if (source !== last) count++;
    last = source;
    const seen = count;
    if (count === 7) count = 100;
    return seen;
  });
  return { before, after: count };
}

/** The columns of a source in the sketch, a row each. */
function columnsOf({ source }: PacketShape): number[] {
  let hash = asRead(source);
  return Array.from({ length: 4 }, () => {
    hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> 0;
    return hash & 63;
  });
}

function sketch(): { readonly answers: Answer[]; readonly rows: number[][] } {
  const rows = Array.from({ length: 4 }, () => new Array<number>(64).fill(0));
  const answers = SHAPES.map((shape) => {
    const counts = columnsOf(shape).map((column, row) => {
      const counts = rows[row] ?? [];
      counts[column] = (counts[column] ?? 0) + 1;
      return counts[column] ?? 0;
    });
    return { result: Math.min(...counts) };
  });
  return { answers, rows };
}

const SOURCES = SHAPES.map(({ source }) => BigInt(asRead(source)));
const CHANGES = changes();
const SKETCH = sketch();
const protocolOf = (index: number): number => SHAPES[index]?.protocol ?? 0;

export const COUNTING: readonly ProgramCase[] = [
  {
    ...{ object: "counting", program: "by_protocol", doc: "packets by protocol, in an array" },
    runs: ALL.map((packet) => ({ packet })),
    answers: ALL.map((_, index) => ({ result: protocolOf(index) })),
    maps: {
      protocols: filled(
        256,
        countBy(ALL, (packet) => protocolOf(ALL.indexOf(packet))),
      ),
    },
  },
  {
    ...{ object: "counting", program: "by_size", doc: "sizes by powers of two, on two CPUs" },
    runs: ALL.map((packet, index) => ({ packet, cpu: index % 2 })),
    answers: ALL.map((packet) => ({ result: slotOf(packet.length) })),
    maps: {
      sizes: filled(
        16,
        countBy(ALL, ({ length }) => slotOf(length)),
      ),
    },
  },
  {
    ...{
      object: "counting",
      program: "by_source",
      doc: "packets and bytes by source, in a hash, without Ethernet headers",
    },
    runs: ALL.map((packet) => ({ packet })),
    answers: ALL.map((packet) => ({ result: 2, packet: withoutEthernet(packet) })),
    maps: { sources: bySource() },
  },
  {
    ...{ object: "counting", program: "by_bits", doc: "or, and, xor, exchange and compare-and-exchange of variables" },
    runs: PACKETS.map((packet) => ({ packet })),
    answers: CHANGES.before.map((result) => ({ result })),
    variables: {
      all_bits: SOURCES.reduce((bits, source) => bits | source, 0n),
      common_bits: SOURCES.reduce((bits, source) => bits & source, 2n ** 64n - 1n),
      parity: SOURCES.reduce((bits, source) => bits ^ source, 0n),
      changes: CHANGES.after,
    },
  },
  {
    ...{ object: "counting", program: "by_sketch", doc: "a count-min sketch" },
    runs: PACKETS.map((packet) => ({ packet })),
    answers: SKETCH.answers,
    maps: { sketch: SKETCH.rows.map((row, index) => [index, row]) },
  },
];
