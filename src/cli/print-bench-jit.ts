/** What a compiled program's checks cost, as people read it. */
import type { JitRow } from "../bench/jit.ts";
import type { Spread } from "../bench/statistics.ts";
import { heading, left, right, table } from "./text.ts";

const figure = ({ median, minimum, maximum }: Spread): string =>
  `${median.toFixed(2)} (${minimum.toFixed(2)}-${maximum.toFixed(2)})`;

export function jitParagraph(rows: readonly JitRow[]): string {
  const cells = rows.map(({ name, verified, unverified }) => [
    name,
    figure(verified),
    figure(unverified),
    (unverified.median / verified.median).toFixed(2),
  ]);
  const columns = [left("a loop that stores to"), right("verified"), right("unverified"), right("ratio")];
  return [heading("jit", "nanoseconds a turn, median (least-most)"), table(columns, cells)].join("\n");
}
