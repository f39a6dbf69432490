/** What is in a recording, as people read it. */
import type { SkipCount, UnreadableCount } from "../../events/source.ts";
import { clip, count, heading, indent, left, plural, printable, right, styled, table } from "../text.ts";

/** Pieces that became no event; with how many of each name where they have names: of events, of columns that are missing. */
export interface SkippedRow extends Pick<SkipCount, "reason" | "doc" | "count" | "first"> {
  readonly names?: Readonly<Record<string, number>>;
}

/** What `anyctx events --json` prints of one recording; of several a list of these. */
export interface EventsDocument {
  readonly file: string;
  /** The kind of source that reads it. */
  readonly source: string;
  /** Lines of a text; of other recordings entries, samples, packets. */
  readonly lines: number;
  readonly events: number;
  /** Events by name, the most frequent first. */
  readonly byKind: Readonly<Record<string, number>>;
  readonly skipped: readonly SkippedRow[];
  /** Fields that are there and cannot be read. */
  readonly unreadable: readonly UnreadableCount[];
  /** Fields that the recording has no place for, by event. */
  readonly unprinted: Readonly<Record<string, readonly string[]>>;
  /** How formats that came with the recording, or `--formats`, differ from those that are known: sentences by event. */
  readonly differs: Readonly<Record<string, readonly string[]>>;
  /** Events that whoever recorded says were lost. */
  readonly lost: number;
}

/** Kinds that are listed: a recording may have hundreds. */
const MOST_KINDS = 40;
/** Names of what was skipped that a line shows. */
const [MOST_NAMES, NAME_COLUMNS] = [5, 30];

export function printEvents(document: EventsDocument): void {
  const paragraphs = [summary(document), kinds(document), unreadable(document), unprinted(document), differs(document)];
  process.stdout.write(`${paragraphs.filter((text) => text !== "").join("\n\n")}\n\n`);
}

function summary({ file, source, lines, events, skipped, lost }: EventsDocument): string {
  const rows = [
    `${source}: ${plural(events, "event")} in ${plural(lines, "line")} (or entries, samples, packets)`,
    ...skipped.map((row) =>
      styled("yellow", `${count(row.count)} skipped, first ${count(row.first)}: ${row.doc}${named(row)}`),
    ),
    ...(lost === 0 ? [] : [styled("yellow", `${plural(lost, "event")} lost while it was recorded`)]),
  ];
  return [heading(printable(file)), indent(rows.join("\n"))].join("\n");
}

function named({ names = {} }: SkippedRow): string {
  const all = Object.keys(names);
  if (all.length === 0) return "";
  const shown = all.slice(0, MOST_NAMES).map((name) => clip(printable(name), NAME_COLUMNS));
  return `: ${shown.join(", ")}${all.length > shown.length ? ", ..." : ""}`;
}

function kinds({ byKind }: EventsDocument): string {
  const all = Object.entries(byKind);
  if (all.length === 0) return "";
  const rows = all.slice(0, MOST_KINDS).map(([name, number]) => [printable(name), count(number)]);
  const rest = all.length > MOST_KINDS ? `and ${count(all.length - MOST_KINDS)} more (--json has all)` : "";
  return [heading("kinds", rest), table([left("event"), right("events")], rows)].join("\n");
}

function unreadable({ unreadable: fields }: EventsDocument): string {
  if (fields.length === 0) return "";
  const rows = fields.map(({ event, field, count: number }) => [printable(event), printable(field), count(number)]);
  const note = "there, but what they were does not follow: 0 in these events";
  return [heading("unreadable", note), table([left("event"), left("field"), right("events")], rows)].join("\n");
}

function unprinted({ unprinted: fields }: EventsDocument): string {
  const rows = Object.entries(fields).map(([event, names]) => [printable(event), printable(names.join(", "))]);
  if (rows.length === 0) return "";
  return [
    heading("not recorded", "no place in this form: always 0"),
    table([left("event"), left("fields")], rows),
  ].join("\n");
}

function differs({ differs: events }: EventsDocument): string {
  const rows = Object.entries(events).map(([event, found]) => [printable(event), printable(found.join("; "))]);
  if (rows.length === 0) return "";
  const note = "formats of its kernel, by which it is read, beside those that are known";
  return [heading("another kernel", note), table([left("event"), left("fields")], rows)].join("\n");
}
