/** The headline measurement as people read it. */
import { type Headline, type HeadlineRow, MAP_MODES, type MapMode } from "../../bench/headline.ts";
import type { Spread } from "../../bench/statistics.ts";
import { heading, indent, left, plural, right, table } from "../text.ts";

const MODE_NAMES: Readonly<Record<MapMode, string>> = {
  dynamic: "dynamic",
  preallocated: "preallocated",
  before: "before per-CPU caches",
};

function spreadCells({ median, minimum, maximum }: Spread, digits: number): string[] {
  return [median, minimum, maximum].map((value) => value.toFixed(digits));
}

function rowsOf({ threads, nanoseconds, dynamicToPreallocated, dynamicToBefore }: HeadlineRow): string[][] {
  const cells = [
    ...MAP_MODES.map((mode) => [MODE_NAMES[mode], "ns a pair", ...spreadCells(nanoseconds[mode], 1)]),
    ["dynamic to preallocated", "x as fast", ...spreadCells(dynamicToPreallocated, 2)],
    ["dynamic to before", "x as fast", ...spreadCells(dynamicToBefore, 1)],
  ];
  return cells.map((row, index) => [index === 0 ? plural(threads, "thread") : "", ...row]);
}

/** Which maps have a fast path, and in how large an arena: the ratios depend on it. */
function arenaLine({ cpus, fastPath }: Headline): string {
  const names = (has: boolean): string => {
    const modes = MAP_MODES.filter((mode) => fastPath[mode] === has);
    return modes.length === 0 ? "none" : modes.map((mode) => MODE_NAMES[mode]).join(", ");
  };
  return indent(`arena of ${plural(cpus, "CPU slot")}; fast path: ${names(true)}; none: ${names(false)}`);
}

export function headlineParagraph(headline: Headline): string {
  const columns = [left(""), left("hash map"), left(""), right("median"), right("least"), right("most")];
  const runs = headline.rows[0]?.nanoseconds.dynamic.runs ?? 0;
  const rest = `update+delete by a compiled program, measured just now in ${runs} rounds of each in turn`;
  return [heading("headline", rest), table(columns, headline.rows.flatMap(rowsOf)), arenaLine(headline)].join("\n");
}
