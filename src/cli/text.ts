/** How numbers, tables and headings look. Plain text where stdout is no terminal. */
import { styleText } from "node:util";
import Table from "cli-table3";
import type { Spread } from "../bench/statistics.ts";

type Style = Parameters<typeof styleText>[0];

/** Characters of a line of prose that is indented. */
export const PROSE_WIDTH = 98;

export function styled(style: Style, text: string): string {
  return process.stdout.isTTY && process.env["NO_COLOR"] === undefined ? styleText(style, text) : text;
}

export function heading(text: string, rest = ""): string {
  return styled("bold", text) + (rest === "" ? "" : `  ${rest}`);
}

/** 148959 -> 148,959 */
export function count(value: number | bigint): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

const UNITS = ["B", "KiB", "MiB", "GiB"] as const;

/** Bytes with one decimal: 8.0 KiB. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** `37.0 (33.9-59.2)`; `137 (134-160)` */
export function spreadText({ median, minimum, maximum }: Spread, decimals: number): string {
  const digits = median < 100 ? decimals : 0;
  const [middle, least, most] = [median, minimum, maximum].map((value) => value.toFixed(digits));
  return `${middle} (${least}-${most})`;
}

/** 1 event, 2 events */
export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** At most `width` characters, the end cut off. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Lines of at most `width` characters, cut at blanks; the second and those after it are indented. */
export function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `  ${word}`);
  }
  return lines.join("\n");
}

/** Text from an object file or a trace, which may hold anything: nothing in it may steer a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cf}/gu, (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16)}`);
}

const NO_BORDERS = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
  ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
  ...{ left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
} as const;

/** A column: its heading, and how its cells lie under it. */
export interface Column {
  readonly name: string;
  readonly align: "left" | "right";
}

export function left(name: string): Column {
  return { name, align: "left" };
}

export function right(name: string): Column {
  return { name, align: "right" };
}

/** Rows under a line of headings, without borders, indented. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    head: columns.map(({ name }) => styled("dim", name)),
    colAligns: columns.map(({ align }) => align),
    chars: NO_BORDERS,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
  });
  drawn.push(...rows.map((row) => [...row]));
  return indent(drawn.toString());
}

export function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
}
