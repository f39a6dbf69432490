import { Random } from "../../../src/sim/random.ts";
import type { Answer, ProgramCase, Run } from "../case.ts";
import { otherPacket } from "../packets.ts";

/** Numbers that are put in, and zeroes, which take one out. */
function turns(seed: number, count: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => (random.below(5) < 2 ? 0 : 1 + random.below(60_000)));
}

const runsOf = (marks: readonly number[]): Run[] => marks.map((mark) => ({ packet: otherPacket(), mark }));

const LINE = turns(1, 80);
const CALENDAR = turns(2, 80);
const ENDS = turns(3, 60);
const MOVES = turns(4, 60);
const EXCHANGES = turns(5, 60).map((number) => number + 1);

/** @param take which of the numbers that wait is taken out */
function waiting(marks: readonly number[], take: (numbers: number[]) => number | undefined): Answer[] {
  const numbers: number[] = [];
  return marks.map((mark) => {
    if (mark === 0) return { result: take(numbers) ?? -1 };
    numbers.push(mark);
    return { result: 0 };
  });
}

function least(numbers: number[]): number | undefined {
  numbers.sort((a, b) => a - b);
  return numbers.shift();
}

const ROOM = 8;
const E2BIG = 7;

/** A queue and a stack that are given the same. */
function bothEnds(): Answer[] {
  const [queue, stack]: [number[], number[]] = [[], []];
  return ENDS.map((mark) => {
    if (mark === 0 && queue.length === 0) return { result: -1 };
    if (mark === 0) return { result: (((queue.shift() ?? 0) << 16) | (stack.pop() ?? 0)) >> 0 };
    if (queue.length === ROOM) return { result: -E2BIG };
    queue.push(mark);
    stack.push(mark);
    return { result: 0 };
  });
}

/** What both numbers of each account are, and how often they changed. */
function balances(): { readonly moves: number; readonly balance: readonly [bigint, bigint] }[] {
  return [0, 1].map((account) => {
    const moved = MOVES.filter((mark) => (mark & 1) === account);
    const sum = moved.reduce((total, mark) => total + (mark >>> 1), 0);
    return { moves: moved.length, balance: [BigInt(-sum), BigInt(sum)] };
  });
}

function exchanged(): Answer[] {
  const places = new Map<number, number>();
  return EXCHANGES.map((mark) => {
    const before = places.get(mark & 3) ?? 0;
    places.set(mark & 3, mark >>> 2);
    return { result: before };
  });
}

export const STRUCTURES: readonly ProgramCase[] = [
  {
    ...{ object: "structures", program: "line", doc: "a list: who came first is first" },
    runs: runsOf(LINE),
    answers: waiting(LINE, (numbers) => numbers.shift()),
  },
  {
    ...{ object: "structures", program: "calendar", doc: "a red-black tree: the least is first" },
    runs: runsOf(CALENDAR),
    answers: waiting(CALENDAR, least),
  },
  {
    ...{ object: "structures", program: "both_ends", doc: "a queue and a stack of eight places" },
    runs: runsOf(ENDS),
    answers: bothEnds(),
  },
  {
    ...{ object: "structures", program: "move", doc: "two numbers under a lock" },
    runs: runsOf(MOVES),
    answers: MOVES.map(() => ({ result: 0 })),
    maps: { accounts: balances().map(({ moves, balance }, index) => [index, { lock: { val: 0 }, moves, balance }]) },
  },
  {
    ...{ object: "structures", program: "exchange", doc: "objects that a map's values keep" },
    runs: runsOf(EXCHANGES),
    answers: exchanged(),
  },
];
