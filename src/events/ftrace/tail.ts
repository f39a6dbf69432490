/**
 * What perf script prints behind an event's fields, where it was asked for: addresses in columns of their own, with a symbol and a file
 * (`-F +ip,+sym,+dso`, `+addr`). A text that the fields end with must not take it for its own.
 */
import type { Target } from "../batch.ts";
import { bytesOf, endOfLine, textOf } from "./bytes.ts";
import type { Matcher } from "./matcher.ts";

/** What may be a number in a column of 16. */
const NUMBER = / *[0-9a-f]+(?=\s|$)/g;
const COLUMN = 16;
/** A place in a file behind it can be nothing else. */
const PLACE = / \S+ \(.+\)\s*$/;
/** Columns that are looked at. */
const MOST_COLUMNS = 6;

/** What the lines of a text have shown so far: whether there are such columns. */
export interface Tails {
  known: "none" | "some" | undefined;
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
    if (matcher.match(bytesOf(`${line.slice(0, column)}\n`), 0, target) < 0 || !matcher.isWhole) continue;
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
