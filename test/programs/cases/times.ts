import type { BtfValue } from "../../../src/bpf/object/btf.ts";
import { Random } from "../../../src/sim/random.ts";
import { type Answer, countBy, type Entries, type ProgramCase, pick, type Run, somePackets } from "../case.ts";
import { otherPacket, packetOf } from "../packets.ts";

/** Things that begin and end, some of which have not begun, and how long each took. */
function pairs(): { readonly runs: Run[]; readonly answers: Answer[]; readonly open: Map<bigint, bigint> } {
  const random = new Random(7);
  const open = new Map<bigint, bigint>();
  const [runs, answers]: [Run[], Answer[]] = [[], []];
  let time = 5n;
  for (let step = 0; step < 150; step++) {
    time += BigInt(pick(random, [1, 3, 700, 90_000, 12_000_000]));
    const number = BigInt(random.below(10));
    const begun = open.get(number);
    if (random.below(2) === 0) {
      runs.push({ program: "begins", args: [number], time });
      answers.push({ result: 0 });
      open.set(number, time);
    } else {
      runs.push({ program: "ends", args: [number], time });
      answers.push({ result: begun === undefined ? -1 : Math.floor(Math.log2(Number(time - begun))) });
      open.delete(number);
    }
  }
  return { runs, answers, open };
}

const PAIRS = pairs();
const ENDED = PAIRS.answers.filter((_, index) => PAIRS.runs[index]?.program === "ends");

/** Memory that is taken and given back: addresses that are taken twice or given back unknown are refused. */
function memory(): {
  readonly runs: Run[];
  readonly answers: Answer[];
  readonly held: Map<bigint, bigint>;
  readonly most: bigint;
} {
  const random = new Random(8);
  const held = new Map<bigint, bigint>();
  const [runs, answers]: [Run[], Answer[]] = [[], []];
  let [now, most] = [0n, 0n];
  for (let step = 0; step < 150; step++) {
    const [address, bytes] = [0xffff888000000000n + BigInt(random.below(20)) * 64n, BigInt(1 + random.below(4096))];
    const known = held.get(address);
    const takes = random.below(5) < 3;
    runs.push(takes ? { program: "takes", args: [address, bytes] } : { program: "gives", args: [address] });
    answers.push({ result: (known === undefined) === takes ? 0 : -1 });
    if (takes && known === undefined) held.set(address, bytes);
    if (!takes) held.delete(address);
    now = [...held.values()].reduce((sum, each) => sum + each, 0n);
    if (now > most) most = now;
  }
  return { runs, answers, held, most };
}

const MEMORY = memory();
const sumOf = (numbers: Iterable<bigint>): bigint => [...numbers].reduce((sum, each) => sum + each, 0n);

const IDLE = 1_000_000n;

/** Packets of sessions, with pauses in which some of them end. */
function sessions(): {
  readonly runs: Run[];
  readonly answers: Answer[];
  readonly expired: bigint;
  readonly left: number[];
} {
  const random = new Random(10);
  const known = new Map<number, { packets: number; last: bigint }>();
  const [runs, answers]: [Run[], Answer[]] = [[], []];
  let [time, expired] = [0n, 0n];
  for (let step = 0; step < 100; step++) {
    const advance = BigInt(pick(random, [0, 1000, 400_000, 999_999, 1_000_001]));
    time += advance;
    for (const [mark, { packets, last }] of known)
      if (last + IDLE <= time) {
        expired += BigInt(packets);
        known.delete(mark);
      }
    const mark = 1 + random.below(4);
    const packets = (known.get(mark)?.packets ?? 0) + 1;
    known.set(mark, { packets, last: time });
    runs.push({ packet: otherPacket(), mark, advance });
    answers.push({ result: packets });
  }
  return { runs, answers, expired, left: [...known.keys()] };
}

const SESSIONS = sessions();
const SHAPES = somePackets(11, 40);
const LOGGED_FROM = 120;

/** Counts by tenant: two have a map, the third has none. */
const MARKS = Array.from({ length: 60 }, (_, index) => (((index * 7) % 5) << 8) | (index % 3));
function tenants(): { readonly answers: Answer[]; readonly counts: Map<number, number> } {
  const counts = new Map<number, number>();
  const answers = MARKS.map((mark) => {
    if ((mark & 0xff) === 2) return { result: -1 };
    counts.set(mark, (counts.get(mark) ?? 0) + 1);
    return { result: counts.get(mark) ?? 0 };
  });
  return { answers, counts };
}

const TENANTS = tenants();
const countsOf = (tenant: number): Entries =>
  [...TENANTS.counts]
    .filter(([mark]) => (mark & 0xff) === tenant)
    .map(([mark, count]): [BtfValue, BtfValue] => [mark >>> 8, BigInt(count)]);

const TOOK = countBy(
  ENDED.filter(({ result }) => result >= 0),
  ({ result }) => result,
);

export const TIMES: readonly ProgramCase[] = [
  {
    ...{ object: "times", program: "ends", doc: "how long things take, as a histogram" },
    runs: PAIRS.runs,
    answers: PAIRS.answers,
    maps: {
      began: [...PAIRS.open],
      took: Array.from({ length: 32 }, (_, slot) => [slot, BigInt(TOOK.get(slot) ?? 0)]),
    },
    variables: { without_beginning: BigInt(ENDED.filter(({ result }) => result < 0).length) },
    notByLinux: "its time is its own",
  },
  {
    ...{ object: "times", program: "takes", doc: "memory that was not given back, and the most there was" },
    runs: MEMORY.runs,
    answers: MEMORY.answers,
    maps: { held: [...MEMORY.held] },
    variables: { held_bytes: sumOf(MEMORY.held.values()), most_bytes: MEMORY.most },
  },
  {
    ...{ object: "times", program: "keep_session", doc: "timers that end sessions" },
    runs: SESSIONS.runs,
    answers: SESSIONS.answers,
    variables: { expired: SESSIONS.expired },
    notByLinux: "its time is its own",
  },
  {
    ...{ object: "times", program: "log_packet", doc: "a log in a ring buffer" },
    runs: SHAPES.map((shape) => ({ packet: packetOf(shape), mark: LOGGED_FROM })),
    answers: SHAPES.map((shape) => ({ result: packetOf(shape).length < LOGGED_FROM ? 0 : 1 })),
  },
  {
    ...{ object: "times", program: "by_tenant", doc: "a map for each tenant, in a map of maps" },
    runs: MARKS.map((mark) => ({ packet: otherPacket(), mark })),
    answers: TENANTS.answers,
    maps: { red: countsOf(0), blue: countsOf(1) },
  },
];
