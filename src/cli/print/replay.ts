/** The replay measurement as people read it. */
import type { ReadingRates, ReplayRates } from "../../bench/replay.ts";
import type { Spread } from "../../bench/statistics.ts";
import { count, heading, left, plural, right, table } from "../text.ts";

function cells(name: string, { median, minimum, maximum }: Spread): string[] {
  return [name, ...[median, minimum, maximum].map((value) => count(Math.round(value)))];
}

const COLUMNS = [left("a second"), right("median"), right("least"), right("most")];

export function readingParagraph({ events, readPerSecond }: ReadingRates): string {
  const rest = `${plural(events, "event")}, ${plural(readPerSecond.runs, "round")}`;
  return [heading("reading", rest), table(COLUMNS, [cells("events read", readPerSecond)])].join("\n");
}

export function replayParagraph(rates: ReplayRates): string {
  const { events, linesPerSecond, plainLinesPerSecond, eventsPerSecond } = rates;
  const rows = [
    cells("lines read, with gunzip", linesPerSecond),
    cells("lines read, unpacked before", plainLinesPerSecond),
    cells("events replayed, compiled", eventsPerSecond.jit),
    cells("events replayed, interpreted", eventsPerSecond.interpreter),
  ];
  const rest = `memleak on ${plural(events, "recorded event")}, ${plural(linesPerSecond.runs, "round")}`;
  return [heading("replay", rest), table(COLUMNS, rows)].join("\n");
}
