/** What a compiled program's checks cost, as people read it. */
import type { JitRow } from "../bench/jit.ts";
import { heading, left, right, spreadText, table } from "./text.ts";

export function jitParagraph(rows: readonly JitRow[]): string {
  const cells = rows.map(({ name, verified, unverified }) => [
    name,
    spreadText(verified, 2),
    spreadText(unverified, 2),
    (unverified.median / verified.median).toFixed(2),
  ]);
  const columns = [left("a loop that stores to"), right("verified"), right("unverified"), right("ratio")];
  return [heading("jit", "nanoseconds a turn, median (least-most)"), table(columns, cells)].join("\n");
}
