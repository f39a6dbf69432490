/** Two sides of a comparison, measured in turn: what one costs alone says little on a machine that others use as well. */
import { type Spread, spreadOf } from "../src/bench/statistics.ts";
import { left, right, table } from "../src/cli/text.ts";

/** Figures of two sides, and the second's to the first's: the median of the ratios of single rounds. */
export interface Comparison {
  readonly name: string;
  readonly unit: "ns" | "ms" | "M/s";
  readonly first: string;
  readonly second: string;
  readonly figures: readonly [Spread, Spread];
  readonly ratio: Spread;
}

/** What is compared: each side measures once. */
export interface Pair extends Omit<Comparison, "figures" | "ratio"> {
  readonly measure: readonly [Measure, Measure];
}
export type Measure = () => number | Promise<number>;

/** Rounds before those that count: the engine compiles what is hot, and memory is touched for the first time. */
const WARM_UP = 2;

export async function compareSides(
  { measure: [one, other], ...rest }: Pair,
  rounds: number,
  warmUp: number = WARM_UP,
): Promise<Comparison> {
  const taken: [number, number][] = [];
  for (let round = -warmUp; round < rounds; round++) {
    const figures: [number, number] = [await one(), await other()];
    if (round >= 0) taken.push(figures);
  }
  return {
    ...rest,
    figures: [spreadOf(taken.map(([first]) => first)), spreadOf(taken.map(([, second]) => second))],
    ratio: spreadOf(taken.map(([first, second]) => second / first)),
  };
}

/** The median, and the least and the most. */
export function spreadText({ median, minimum, maximum }: Spread): string {
  const [middle, least, most] = [median, minimum, maximum].map((value) => value.toFixed(median < 10 ? 2 : 1));
  return `${middle} (${least}-${most})`;
}

/** @param besides what the second sides are called where they have no names of their own */
export function showComparisons(rows: readonly Comparison[], besides = "beside it"): string {
  const cells = rows.map(({ name, first, second, unit, figures: [ours, theirs], ratio }) => [
    name,
    `${spreadText(ours)} ${first}`,
    `${spreadText(theirs)} ${second}`,
    spreadText(ratio),
    unit,
  ]);
  return table([left("what"), right("arena's"), right(besides), right("x as fast"), left("")], cells);
}
