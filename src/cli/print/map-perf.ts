/** What programs' use of maps costs, as people read it. */
import type { MapPerfRow } from "../../bench/map-perf.ts";
import { heading, indent, left, right, size, spreadText, table } from "../text.ts";

function costCells({ name, threads, nanoseconds, dynamicToPreallocated }: MapPerfRow): string[] {
  const { preallocated, dynamic } = nanoseconds;
  const cell = (spread: typeof dynamic, decimals: number): string => (spread ? spreadText(spread, decimals) : "-");
  return [name, `${threads}`, cell(preallocated, 1), cell(dynamic, 1), cell(dynamicToPreallocated, 2)];
}

function memoryCells({ name, threads, memory = {} }: MapPerfRow): string[] {
  const cell = (figures: (typeof memory)["dynamic"]): string =>
    figures ? `${size(Math.round(figures.average))}, ${size(figures.peak)}` : "-";
  const live = memory.dynamic?.live ?? memory.preallocated?.live ?? 0;
  return [name, `${threads}`, size(Math.round(live)), cell(memory.preallocated), cell(memory.dynamic)];
}

export function mapPerfParagraph(rows: readonly MapPerfRow[]): string {
  const rounds = Object.values(rows[0]?.nanoseconds ?? {})[0]?.runs ?? 0;
  const costs = [left(""), right("threads"), right("preallocated, ns"), right("dynamic, ns"), right("x as fast")];
  const memory = [left(""), right("threads"), right("live"), right("preallocated"), right("dynamic")];
  const docs = new Set(rows.map(({ name, doc }) => `${name}: ${doc}`));
  return [
    heading("map-perf", `an operation of a program on each thread, median (least-most) of ${rounds} rounds`),
    table(costs, rows.map(costCells)),
    "",
    heading("memory", "bytes of the entries that are there; of the map's elements, average and most"),
    table(memory, rows.filter((row) => row.memory !== undefined).map(memoryCells)),
    "",
    indent([...docs].join("\n")),
  ].join("\n");
}
