/**
 * A schedule: the decisions that differ from what happens by itself. By itself a fiber runs to its end, then the one it
 * interrupted goes on, then the first that can.
 */

/** Step of a decision about what comes after the end of a fiber. */
export const AT_END = 0;

export interface Decision {
  /** Index of the running fiber; -1 before the first. */
  readonly fiber: number;
  /** Right before this access of the fiber (counted from 1), or AT_END. */
  readonly step: number;
  /** Index of the fiber that runs then. */
  readonly to: number;
}

/** `0@12>1,1@end>0`: one word of a command line. */
export function formatSchedule(decisions: readonly Decision[]): string {
  if (decisions.length === 0) return "none";
  return decisions.map(({ fiber, step, to }) => `${fiber}@${step === AT_END ? "end" : step}>${to}`).join(",");
}

/** The decisions of `formatSchedule`'s text; undefined if it is not one. */
export function parseSchedule(text: string): Decision[] | undefined {
  if (text === "none") return [];
  const decisions: Decision[] = [];
  for (const part of text.split(",")) {
    const [, fiber, step, to] = /^(-?\d+)@(end|\d+)>(\d+)$/.exec(part) ?? [];
    if (fiber === undefined || to === undefined) return undefined;
    decisions.push({ fiber: Number(fiber), step: step === "end" ? AT_END : Number(step), to: Number(to) });
  }
  return decisions;
}
