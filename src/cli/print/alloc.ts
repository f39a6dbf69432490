/** What allocating and freeing costs, as people read it. */
import type { AllocFigures, AllocRow } from "../../bench/alloc.ts";
import type { AllocRatio } from "../../bench/alloc-ratios.ts";
import type { Spread } from "../../bench/statistics.ts";
import { count, heading, indent, left, right, size, table } from "../text.ts";

/** `37.0 (33.9-59.2)` */
function spreadText({ median, minimum, maximum }: Spread, digits: number): string {
  const [middle, least, most] = [median, minimum, maximum].map((value) => value.toFixed(digits));
  return `${middle} (${least}-${most})`;
}

function targetText({ target, atLeast, met }: AllocRatio): string {
  if (target === undefined) return "";
  return `${atLeast ? "at least" : "at most"} ${Number(target.toFixed(2))}: ${met ? "met" : "missed"}`;
}

function rowCells({ name, doc, nanoseconds, skipped }: AllocRow): string[] {
  return [name, nanoseconds === undefined ? "-" : spreadText(nanoseconds, 2), skipped ?? doc];
}

/** What the allocator owned while objects went from one CPU to the other. */
function heldText({ handOverBytes, handOverBound, handOverObjects }: AllocFigures): string {
  const target = `at most ${size(handOverBound)}: ${handOverBytes <= handOverBound ? "met" : "missed"}`;
  return `While ${count(handOverObjects)} objects were handed over the allocator owned ${size(handOverBytes)} (${target}).`;
}

export function allocParagraph(figures: AllocFigures): string {
  const { rows, ratios } = figures;
  const runs = ratios[0]?.ratio.runs ?? 0;
  const costs = table([left("what"), right("ns"), left("")], rows.map(rowCells));
  const cells = ratios.map((each) => [each.name, spreadText(each.ratio, 2), targetText(each)]);
  const compared = table([left("compared"), right("ratio"), left("target")], cells);
  const rest = `an allocation and a free, median (least-most) of ${runs} rounds of each in turn`;
  return [heading("alloc", rest), costs, "", compared, "", indent(heldText(figures))].join("\n");
}
