/** What the programs found: the largest entries of each map, histograms, global variables. */
import type { Symbols } from "../../events/source.ts";
import type { LoadedObject } from "../../load/load.ts";
import type { LoadedMap } from "../../load/maps.ts";
import { mapName } from "../names.ts";
import { type Column, clip, count, heading, indent, left, plural, printable, right, table } from "../text.ts";
import {
  contentsOf,
  type Entry,
  entriesOf,
  type Field,
  fieldsOf,
  histogramOf,
  isAmount,
  ranked,
  rankField,
  textOf,
  variablesOf,
} from "../values.ts";
import { histogram, sparkline } from "./chart.ts";

const SHOWN = 10;
const VARIABLE_CHARACTERS = 70;
const MOST_COLUMNS = 6;
/** Characters of a cell, in a table of few columns and of many. */
const WIDE_COLUMNS = 3;
const WIDE_CELL = 44;
const NARROW_CELL = 28;

export interface Found {
  readonly loaded: LoadedObject;
  readonly symbols: Symbols;
}

/** A paragraph for each map that has something to show. */
export function resultParagraphs(found: Found): string[] {
  const maps = found.loaded.maps.filter(({ spec, map }) => spec.contents === undefined && map.info.kind.walk);
  const paragraphs = maps.map((map) => mapParagraph(map, found));
  return [...paragraphs, variableParagraph(found)].filter((text) => text !== "");
}

function mapParagraph(loaded: LoadedMap, { symbols }: Found): string {
  const { spec, map, btf, objects } = loaded;
  const entries = entriesOf(loaded, btf);
  const summed = map.info.kind.perCpu ? ", summed over CPUs" : "";
  const title = mapName(spec.name, objects);
  if (map.info.kind.keys === "index") {
    const slots = histogramOf(entries.map(({ value }) => value));
    if (slots !== undefined)
      return [heading(title, `${map.info.kind.type}${summed}`), indent(histogram(slots).join("\n"))].join("\n");
  }
  if (entries.length === 0) return heading(title, "empty");
  return [heading(title, `${order(entries)}${summed}`), entryTable(ranked(entries).slice(0, SHOWN), symbols)].join(
    "\n",
  );
}

/** `top 10 of 94 by bytes`, so that nothing is left out without a word. */
function order(entries: readonly Entry[]): string {
  const field = rankField(entries);
  const by = field === undefined ? "" : ` by ${printable(field)}`;
  return entries.length > SHOWN
    ? `top ${SHOWN} of ${count(entries.length)} entries${by}, ${count(entries.length - SHOWN)} more`
    : `${plural(entries.length, "entry", "entries")}${by}`;
}

interface Cell {
  readonly column: Column;
  readonly text: string;
}

function entryTable(entries: readonly Entry[], symbols: Symbols): string {
  const rows = entries.map((entry) => entryCells(entry, symbols));
  const columns = (rows[0] ?? []).map(({ column }) => column);
  const characters = columns.length > WIDE_COLUMNS ? NARROW_CELL : WIDE_CELL;
  return table(
    columns,
    rows.map((cells) => cells.map(({ text }) => clip(text, characters))),
  );
}

/** Only so many fields fit beside each other; the last cell says how many are left out. */
function entryCells({ key, value }: Entry, symbols: Symbols): Cell[] {
  const keys = fieldsOf(key, "key").map((field) => makeCell(field, symbols, String));
  const values = fieldsOf(value, "value").map((field) => makeCell(field, symbols, count));
  const cells = [...keys, ...values];
  if (cells.length <= MOST_COLUMNS) return cells;
  const more = { column: left("and"), text: plural(cells.length - MOST_COLUMNS, "field") };
  return [...cells.slice(0, MOST_COLUMNS), more];
}

/** A key's number is a name, a value's an amount: they are written differently. */
function makeCell({ name, value }: Field, symbols: Symbols, write: (amount: number | bigint) => string): Cell {
  const title = printable(name);
  const slots = histogramOf(value);
  if (slots !== undefined) return { column: left(`${title} (from slot)`), text: sparkline(slots) };
  if (isAmount(value)) return { column: right(title), text: write(value) };
  return { column: left(title), text: printable(textOf(value, symbols)) };
}

function variableParagraph({ loaded, symbols }: Found): string {
  const lines = loaded.maps
    .filter(({ spec }) => (spec.variables ?? []).length > 0)
    .flatMap((map) => {
      const { spec, btf, objects } = map;
      const section = mapName(spec.name, objects);
      const variables = variablesOf(spec, btf, contentsOf(map));
      return variables.map(({ name, value }) => [section, printable(name), shortText(value, symbols)]);
    });
  if (lines.length === 0) return "";
  return [heading("global variables"), table([left("section"), left("name"), left("value")], lines)].join("\n");
}

function shortText(value: Field["value"], symbols: Symbols): string {
  return clip(printable(textOf(value, symbols)), VARIABLE_CHARACTERS);
}
