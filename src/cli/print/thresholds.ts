/** Fixed against adaptive watermarks, as people read it. */
import type { Outcome, ThresholdsRow } from "../../bench/thresholds.ts";
import { count, heading, left, right, size, table } from "../text.ts";

function cells({ misses, cachedBytes }: Outcome): string[] {
  return [count(Math.round(misses)), size(Math.round(cachedBytes))];
}

export function thresholdsParagraph(rows: readonly ThresholdsRow[]): string {
  const columns = [
    left("workload"),
    ...[right("asked"), right("fixed: misses"), right("cached"), right("adaptive: misses"), right("cached")],
  ];
  const lines = rows.map(({ workload, fixed, adaptive }) => [
    workload,
    count(Math.round(fixed.asked)),
    ...cells(fixed),
    ...cells(adaptive),
  ]);
  const rest = "allocations that found nothing, and the mean of the bytes that lay cached";
  return [heading("thresholds", rest), table(columns, lines)].join("\n");
}
