/** `anyctx events`: what is in recordings, and what of them cannot be read. */
import type { Command } from "commander";
import { AnyctxError } from "../error.ts";
import { differencesOf } from "../events/differences.ts";
import type { SourceEvent } from "../events/event.ts";
import type { EventStream, SkipCount } from "../events/source.ts";
import { KNOWN_FORMATS } from "../events/sources.ts";
import { type CommandRow, EXIT, printJson } from "./command.ts";
import { type EventsDocument, printEvents, type SkippedRow } from "./print/events.ts";
import { progressBar } from "./progress.ts";
import { openRecording } from "./recording.ts";

interface EventsOptions {
  readonly formats?: string;
  readonly kind?: string;
  readonly json?: true;
}

function define(command: Command): void {
  command
    .summary("show what is in recordings")
    .description("Reads recordings to their end and says what is in them, and what of them cannot be read.")
    .argument("<files...>", "recordings of any kind that is known; - reads standard input")
    .option("--formats <folder>", "tracefs format files of the kernel that was recorded (its events/ folder)")
    .option("--kind <name>", "the kind of recording, whatever it begins with")
    .option("--json", "print one JSON document on stdout instead of tables: of several files a list")
    .action(events);
}

export const eventsCommand: CommandRow = { name: "events", define };

async function events(files: readonly string[], options: EventsOptions): Promise<void> {
  const documents: EventsDocument[] = [];
  for (const file of files) {
    try {
      const document = await describe(file, options);
      documents.push(document);
      if (options.json !== true) printEvents(document);
    } catch (error) {
      if (!(error instanceof AnyctxError) || files.length === 1) throw error;
      process.stderr.write(`anyctx: ${error.message}\n`);
      process.exitCode = EXIT.failed;
    }
  }
  if (options.json) printJson(files.length === 1 ? documents[0] : documents);
}

async function describe(file: string, { formats, kind, json }: EventsOptions): Promise<EventsDocument> {
  const read = { ...(formats === undefined ? {} : { formats }), ...(kind === undefined ? {} : { kind }) };
  const name = file === "-" ? "standard input" : file;
  const stream = await openRecording(file === "-" ? process.stdin : file, { ...read, name });
  const bar = progressBar("reading", stream.progress.total, json !== true);
  try {
    for await (const batch of stream.batches) {
      batch.release?.();
      bar.update(stream.progress.read);
    }
  } finally {
    bar.stop();
  }
  return documentOf(name, stream);
}

/** Where events of the recording's kernel are not as those that are known without it. */
function differing(seen: readonly SourceEvent[]): EventsDocument["differs"] {
  const rows = seen.flatMap(({ name, category, format }) => {
    const known = KNOWN_FORMATS.find((each) => each.name === name && each.category === category);
    const found = known === undefined || known === format ? [] : differencesOf(format, known);
    return found.length === 0 ? [] : [[name, found] as const];
  });
  return Object.fromEntries(rows);
}

const skippedRow = ({ reason, doc, count, first, names }: SkipCount): SkippedRow => ({
  ...{ reason, doc, count, first },
  ...(names.size === 0 ? {} : { names: Object.fromEntries(names) }),
});

function documentOf(file: string, { kind, counts, events }: EventStream): EventsDocument {
  const seen = events.filter(({ index }) => (counts.byEvent[index] ?? 0) > 0);
  const byCount = [...seen].sort((a, b) => (counts.byEvent[b.index] ?? 0) - (counts.byEvent[a.index] ?? 0));
  const untold = seen.filter(({ unprinted }) => unprinted.length > 0);
  return {
    ...{ file, source: kind, lines: counts.lines, events: counts.read },
    byKind: Object.fromEntries(byCount.map(({ name, index }) => [name, counts.byEvent[index] ?? 0])),
    skipped: counts.skipped.map(skippedRow),
    unreadable: counts.unreadable,
    unprinted: Object.fromEntries(untold.map(({ name, unprinted }) => [name, unprinted])),
    differs: differing(seen),
    lost: counts.lost,
  };
}
