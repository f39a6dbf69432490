/**
 * What tools print behind an event's fields, where they were asked for it: trace-cmd how long a task waited (`report -w`), perf addresses in
 * columns of their own, with a symbol and a file (`-F +ip,+sym,+dso`, `+addr`). A text that the fields end with must not take it for its own.
 */
import type { Target } from "../batch.ts";
import { bytesOf, endOfLine, textOf } from "./bytes.ts";
import type { Matcher } from "./fields/matcher.ts";

/** What may be a number in a column of 16. */
const NUMBER = / *[0-9a-f]+(?=\s|$)/g;
const COLUMN = 16;
/** A place in a file behind it can be nothing else. */
const PLACE = / \S+ \(.+\)\s*$/;
/** Columns that are looked at. */
const MOST_COLUMNS = 6;

const LATENCY = / Latency: \d+\.\d{3} usecs\s*$/;

/** What the lines of a text have shown so far: whether there are such columns. */
export interface Tails {
  known: "none" | "some" | undefined;
}

const matchText = (matcher: Matcher, fields: string, target: Target): boolean =>
  matcher.match(bytesOf(`${fields}\n`), 0, target) >= 0 && matcher.isWhole;

/** Matches the fields at `from` of a line that trace-cmd printed. @returns as a matcher does */
export function matchReported(matcher: Matcher, text: Uint8Array, from: number, target: Target): number {
  const found = matcher.match(text, from, target);
  if (found >= 0 && matcher.isWhole) return found;
  const end = endOfLine(text, from);
  const line = textOf(text, from, end);
  const latency = LATENCY.exec(line)?.index;
  if (latency === undefined) return found;
  return matchText(matcher, line.slice(0, latency), target) ? end : matcher.match(text, from, target);
}

/**
 * Matches the fields at `from` of a line that perf script printed.
 * @returns as a matcher does
 */
export function matchBefore(matcher: Matcher, text: Uint8Array, from: number, target: Target, tails: Tails): number {
  const end = endOfLine(text, from);
  const line = tails.known === "none" ? "" : textOf(text, from, end);
  const columns = columnsOf(line);
  // All lines have the same columns.
  if (columns.length === 0) tails.known = "none";
  if (PLACE.test(line.slice(columns[0] ?? line.length))) tails.known = "some";
  for (const column of columns) {
    if (!matchText(matcher, line.slice(0, column), target)) continue;
    if (!matcher.endsInText) tails.known = "some";
    else if (tails.known !== "some") matcher.markLast();
    return end;
  }
  return matcher.match(text, from, target);
}

/** Where columns may begin: some have a blank in front of them. */
function columnsOf(line: string): number[] {
  const numbers = [...line.matchAll(NUMBER)].filter(([number]) => number.length >= COLUMN);
  return numbers.slice(0, MOST_COLUMNS).flatMap(({ 0: number, index }) => {
    const from = index + number.length - COLUMN;
    return line[from - 1] === " " ? [from - 1, from] : [from];
  });
}
