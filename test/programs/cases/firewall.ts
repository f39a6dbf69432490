import type { BtfValue } from "../../../src/bpf/object/btf.ts";
import { Random } from "../../../src/sim/random.ts";
import { type Answer, type ProgramCase, pick, type Run, somePackets } from "../case.ts";
import { asRead, ICMP, otherPacket, type PacketShape, packetOf, UDP, withoutEthernet } from "../packets.ts";

const [DROP, PASS] = [1, 2];
const SHAPES = somePackets(3, 80);

/** Prefix lengths, addresses and verdicts. */
const RULES: readonly (readonly [bits: number, address: number, verdict: number])[] = [
  [8, 0x0a000000, PASS],
  [16, 0x0a010000, DROP],
  [24, 0x0a010100, PASS],
  [32, 0x0a030303, DROP],
  [14, 0x0a080000, DROP],
];

function verdictOf({ source }: PacketShape): number {
  const fits = RULES.filter(([bits, address]) => bits === 0 || source >>> (32 - bits) === address >>> (32 - bits));
  return fits.sort(([a], [b]) => b - a)[0]?.[2] ?? DROP;
}

const CLOSED = [22, 443];

function closedCounts(): [BtfValue, BtfValue][] {
  const goes = (port: number): number =>
    SHAPES.filter(({ protocol, destinationPort }) => protocol !== ICMP && destinationPort === port).length;
  return CLOSED.map((port) => [port, BigInt(goes(port))]);
}

/** Knocks at ports, of two sources in turn. */
function knocks(): PacketShape[] {
  const ports = [22, 7000, 8000, 9000, 22, 7000, 7000, 8000, 22, 9000, 22, 80, 22, 9000, 8000, 7000];
  return ports.flatMap((destinationPort, index) =>
    [0x0a000001, 0x0a000002].map((source) => ({
      ...{ source, destination: 0xc0a80001, protocol: UDP, sourcePort: 5, ttl: 64, payload: new Uint8Array(0) },
      // The second source knocks one port later than the first.
      destinationPort: source === 0x0a000001 ? destinationPort : (ports[index - 1] ?? 1),
    })),
  );
}

function knocked(): { readonly answers: Answer[]; readonly states: Map<number, number> } {
  const states = new Map<number, number>();
  const answers = knocks().map(({ source, destinationPort }): Answer => {
    const state = states.get(source) ?? 0;
    if (destinationPort === 22) return { result: state === 3 ? PASS : DROP };
    const next = [7000, 8000, 9000][state] === destinationPort ? state + 1 : destinationPort === 7000 ? 1 : 0;
    states.set(source, state === 3 ? 3 : next);
    return { result: DROP };
  });
  return { answers, states };
}

const KNOCKED = knocked();

/** Packets at times that come in bursts, of two sources. */
function timed(): { readonly runs: Run[]; readonly answers: Answer[] } {
  const random = new Random(9);
  const tokens = new Map<number, { tokens: number; filled: number }>();
  let time = 10_000;
  const runs: Run[] = [];
  const answers = Array.from({ length: 120 }, (): Answer => {
    time += pick(random, [0, 0, 0, 100, 900, 2500, 20_000]);
    const source = pick(random, [0x0a000001, 0x0a000002]);
    const shape = { ...(SHAPES[0] as PacketShape), source };
    runs.push({ packet: packetOf(shape), time: BigInt(time) });
    const bucket = tokens.get(source) ?? { tokens: 5, filled: time };
    const more = Math.floor((time - bucket.filled) / 1000);
    bucket.filled += more * 1000;
    bucket.tokens = Math.min(5, bucket.tokens + more);
    tokens.set(source, bucket);
    if (bucket.tokens === 0) return { result: DROP };
    bucket.tokens--;
    return { result: PASS };
  });
  return { runs, answers };
}

const TIMED = timed();

export const FIREWALL: readonly ProgramCase[] = [
  {
    ...{ object: "firewall", program: "by_prefix", doc: "the verdict of the longest prefix" },
    globals: { otherwise: DROP },
    put: { rules: RULES.map(([bits, address, verdict]) => [{ bits, address: asRead(address) }, verdict]) },
    runs: [...SHAPES.map((shape) => ({ packet: packetOf(shape) })), { packet: otherPacket() }],
    answers: [...SHAPES.map((shape) => ({ result: verdictOf(shape) })), { result: DROP }],
  },
  {
    ...{ object: "firewall", program: "by_port", doc: "closed ports, counted" },
    put: { closed: CLOSED.map((port) => [port, 0n]) },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: SHAPES.map(({ protocol, destinationPort }) => ({
      result: protocol !== ICMP && CLOSED.includes(destinationPort) ? 2 : 0,
    })),
    maps: { closed: closedCounts() },
  },
  {
    ...{ object: "firewall", program: "by_cgroup", doc: "what leaves a cgroup, without its Ethernet header" },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape) })),
    answers: SHAPES.map((shape) => ({
      result: shape.protocol !== ICMP && shape.destinationPort === 443 ? 0 : 1,
      packet: withoutEthernet(packetOf(shape)),
    })),
  },
  {
    ...{ object: "firewall", program: "by_knocking", doc: "a port that opens after three knocks" },
    runs: knocks().map((shape) => ({ packet: packetOf(shape) })),
    answers: KNOCKED.answers,
    maps: { knocks: [...KNOCKED.states].map(([source, state]) => [asRead(source), state]) },
  },
  {
    ...{ object: "firewall", program: "by_rate", doc: "a token bucket for each source" },
    ...TIMED,
    notByLinux: "its time is its own",
  },
];
