import type { BtfValue } from "../../../src/bpf/object/btf.ts";
import { type Answer, type Entries, type ProgramCase, type Run, somePackets } from "../case.ts";
import { asRead, ICMP, otherPacket, type PacketShape, packetOf, portAsRead } from "../packets.ts";

const SHAPES = somePackets(2, 150);
const ROOM = 32;

interface Flow {
  readonly shape: PacketShape;
  packets: bigint;
  bytes: bigint;
  last: bigint;
}

const isFlow = ({ protocol }: PacketShape): boolean => protocol !== ICMP;

function nameOf({ source, destination, sourcePort, destinationPort, protocol }: PacketShape): string {
  return [source, destination, sourcePort, destinationPort, protocol].join();
}

function keyOf({ source, destination, sourcePort, destinationPort, protocol }: PacketShape): BtfValue {
  return {
    source: asRead(source),
    destination: asRead(destination),
    source_port: portAsRead(sourcePort),
    destination_port: portAsRead(destinationPort),
    protocol,
  };
}

/** The table after all packets, the number of one being its time, and what each was answered. */
function table(): { readonly flows: Map<string, Flow>; readonly answers: Answer[]; readonly refused: bigint } {
  const flows = new Map<string, Flow>();
  let refused = 0n;
  const answers = SHAPES.map((shape, index): Answer => {
    if (!isFlow(shape)) return { result: 0 };
    const [known, bytes, last] = [flows.get(nameOf(shape)), BigInt(packetOf(shape).length), BigInt(index)];
    if (known !== undefined) {
      Object.assign(known, { packets: known.packets + 1n, bytes: known.bytes + bytes, last });
      return { result: 2 };
    }
    if (flows.size === ROOM) {
      refused++;
      return { result: -1 };
    }
    flows.set(nameOf(shape), { shape, packets: 1n, bytes, last });
    return { result: 1 };
  });
  return { flows, answers, refused };
}

const { flows: FLOWS, answers: ANSWERS, refused: REFUSED } = table();
const entriesOf = (flows: readonly Flow[]): Entries =>
  flows.map(({ shape, packets, bytes, last }) => [keyOf(shape), { packets, bytes, last }]);
const TABLE_RUNS = SHAPES.map((shape, mark): Run => ({ packet: packetOf(shape), mark }));

/** Flows not seen since then go. */
const OLDEST = 120;
const YOUNG = [...FLOWS.values()].filter(({ last }) => last >= BigInt(OLDEST));

/** The number that each flow was given when it came first; 0 when it comes. */
function numbered(): { readonly answers: Answer[]; readonly numbers: Map<string, [PacketShape, number]> } {
  const numbers = new Map<string, [PacketShape, number]>();
  const answers = SHAPES.map((shape): Answer => {
    if (!isFlow(shape)) return { result: -1 };
    const known = numbers.get(nameOf(shape));
    if (known !== undefined) return { result: known[1] };
    numbers.set(nameOf(shape), [shape, numbers.size + 1]);
    return { result: 0 };
  });
  return { answers, numbers };
}

const NUMBERED = numbered();

export const FLOW_CASES: readonly ProgramCase[] = [
  {
    ...{ object: "flows", program: "flow_table", doc: "a table of flows with a bound" },
    runs: TABLE_RUNS,
    answers: ANSWERS,
    maps: { flows: entriesOf([...FLOWS.values()]) },
    variables: { refused: REFUSED },
  },
  {
    ...{ object: "flows", program: "sweep_flows", doc: "old flows are deleted by a function for each entry" },
    runs: [
      ...TABLE_RUNS.map((run): Run => ({ ...run, program: "flow_table" })),
      { packet: otherPacket(), mark: OLDEST },
      { packet: otherPacket(), mark: OLDEST },
    ],
    answers: [...ANSWERS, { result: ((FLOWS.size - YOUNG.length) << 16) | YOUNG.length }, { result: YOUNG.length }],
    maps: { flows: entriesOf(YOUNG) },
  },
  {
    ...{ object: "flows", program: "flow_cache", doc: "a cache of the last flows" },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: NUMBERED.answers,
    maps: { recent: [...NUMBERED.numbers.values()].map(([shape, number]) => [keyOf(shape), BigInt(number)]) },
  },
  {
    ...{ object: "flows", program: "seen_before", doc: "a Bloom filter of flows" },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: NUMBERED.answers.map(({ result }) => ({ result: result > 0 ? 1 : result })),
  },
];
