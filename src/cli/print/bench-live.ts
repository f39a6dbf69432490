/** What live sources cost, as people read it. */
import type { LiveRow } from "../../bench/live.ts";
import { heading, left, right, spreadText, table } from "../text.ts";

export function liveParagraph(rows: readonly LiveRow[]): string {
  const cells = rows.map(({ name, nanoseconds }) => [name, spreadText(nanoseconds, 0)]);
  const columns = [left("a function with"), right("ns")];
  return [heading("live", "what a program adds to a call, median (least-most)"), table(columns, cells)].join("\n");
}
