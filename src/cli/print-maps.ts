/** A shared map against JavaScript's own, as people read it. */
import type { MapsRow } from "../bench/maps.ts";
import type { Spread } from "../bench/statistics.ts";
import { heading, indent, left, right, table } from "./text.ts";

/** `37.0 (33.9-59.2)` */
function spreadText({ median, minimum, maximum }: Spread, digits: number): string {
  const [middle, least, most] = [median, minimum, maximum].map((value) => value.toFixed(digits));
  return `${middle} (${least}-${most})`;
}

export function mapsParagraph(rows: readonly MapsRow[]): string {
  const cells = rows.map(({ shape, arena, native, ratio }) => [
    shape,
    spreadText(arena, 1),
    spreadText(native, 1),
    spreadText(ratio, 2),
  ]);
  const columns = [left("use"), right("arena, ns a pair"), right("Map, ns a pair"), right("x as fast")];
  const rest = `set+delete from JavaScript, median (least-most) of ${rows[0]?.ratio.runs ?? 0} rounds of each in turn`;
  const docs = rows.map(({ shape, doc }) => `${shape}: ${doc}`).join("\n");
  return [heading("maps", rest), table(columns, cells), "", indent(docs)].join("\n");
}
