/** Which times of the allocator's benchmark are compared, and what is asked of the ratios. */
import { type Spread, spreadOf } from "./statistics.ts";

export interface AllocRatio {
  readonly name: string;
  readonly doc: string;
  /** Median of the rounds' own ratios, and what it should be: at most, or at least. */
  readonly ratio: Spread;
  readonly target: number | undefined;
  readonly atLeast: boolean;
  readonly met: boolean | undefined;
}

/** By a row's name, nanoseconds of each round. */
export type Taken = Map<string, number[]>;

/** What is compared: time of `over` to time of `under`. */
export interface RatioRow {
  readonly name: string;
  readonly doc: string;
  readonly over: string;
  readonly under: string;
  readonly target?: number;
  readonly atLeast?: true;
}

const RATIOS: readonly RatioRow[] = [
  row("pair", "bare list, called", 1.5),
  row("pair", "bare list, inline"),
  row("pair, any size", "pair"),
  row("burst", "bare burst, called", 2),
  row("burst", "bare burst, inline"),
  row("pair from JavaScript", "two empty calls", 1.5),
  row("pair, ObjectAllocator", "two empty calls"),
  {
    ...{ name: "throughput of two threads to one", over: "pair, one thread", under: "pair, two threads" },
    ...{ doc: "pairs a second of two threads, each on its CPU, to those of one", target: 1.8, atLeast: true },
  },
  {
    ...{ name: "throughput of handing over", over: "burst, one thread", under: "hand over" },
    ...{
      doc: "objects a second that go from one CPU to the other, to those that stay on one",
      target: 1 / 3,
      atLeast: true,
    },
  },
];

export function row(over: string, under: string, target?: number): RatioRow {
  const common = { name: `${over} / ${under}`, doc: `time of "${over}" to time of "${under}"`, over, under };
  return target === undefined ? common : { ...common, target };
}

/** The ratio of one row, if both of its sides were measured. */
function makeRatio({ name, doc, over, under, target, atLeast }: RatioRow, taken: Taken): AllocRatio[] {
  const upper = taken.get(over) ?? [];
  const lower = taken.get(under) ?? [];
  if (upper.length === 0 || lower.length === 0) return [];
  const ratio = spreadOf(upper.map((value, index) => value / (lower[index] ?? Number.NaN)));
  const met = target === undefined ? undefined : atLeast ? ratio.median >= target : ratio.median <= target;
  return [{ name, doc, ratio, target, atLeast: atLeast ?? false, met }];
}

/** Every ratio that was measured. */
export function compare(taken: Taken, more: readonly RatioRow[]): AllocRatio[] {
  return [...RATIOS, ...more].flatMap((each) => makeRatio(each, taken));
}
