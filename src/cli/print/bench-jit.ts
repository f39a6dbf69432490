/** What compiled programs take, and what their checks cost, as people read it. */
import type { JitRow } from "../../bench/jit.ts";
import type { LoopFigures } from "../../bench/jit-loops.ts";
import type { Spread } from "../../bench/statistics.ts";
import { heading, left, right, spreadText, table } from "../text.ts";

export function loopsParagraph({ rows, compiling, skipped }: LoopFigures): string {
  const text = (spread: Spread | undefined, digits: number): string =>
    spread === undefined ? "-" : spreadText(spread, digits);
  const cells = rows.map(({ name, compiled, native, ratio, interpreted }) => [
    ...[name, spreadText(compiled, 2), text(native, 2), text(ratio, 2), spreadText(interpreted, 1)],
  ]);
  const columns = [left("a loop, ns a turn"), right("compiled"), right("clang -O2"), right("ratio")];
  const rest = "interpreted: ns an instruction";
  return [
    heading("loops", `nanoseconds, median (least-most); ${rest}`),
    table([...columns, right("interpreted")], cells),
    `  compiling: ${spreadText(compiling, 1)} ms for 1,000 instructions`,
    ...(skipped === undefined ? [] : [`  nothing native is measured: ${skipped}`]),
  ].join("\n");
}

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
