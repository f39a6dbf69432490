/** From a line of ftrace's text to a record. */
import type { BatchWriter } from "../batch.ts";
import { ReadCounts } from "../counts.ts";
import type { SourceEvent } from "../event.ts";
import { RECORD } from "../record.ts";
import { type FormatTable, type FtraceFormat, MAX_STRUCT_BYTES } from "../tracepoints/format.ts";
import { isProbe } from "../tracepoints/functions.ts";
import { asToolsKnow } from "../tracepoints/plugins.ts";
import {
  behindStamp,
  hasHead,
  isAnnotation,
  isOfPage,
  isOfPerf,
  isStackTitle,
  isTitleOfReport,
  lackingIn,
  lostIn,
  overwrittenIn,
  tracerOf,
} from "./between.ts";
import { ByteCache } from "./byte-cache.ts";
import { endOfLine, NEWLINE, textOf } from "./bytes.ts";
import { isMessageEvent, TextContinuation } from "./continuation.ts";
import { type LineSkip, SKIP_REASONS, type TraceCounts } from "./counts.ts";
import { createMatcher } from "./fields/matcher.ts";
import { keepCalls, probeOfLine, readProbe } from "./function-lines.ts";
import { GraphReader } from "./graph.ts";
import { FORMS } from "./head/event-name.ts";
import { createFormReader } from "./head/forms.ts";
import { createHeadReader, type Head, layoutOfHeader, readHeaderLine } from "./head/head.ts";
import { missingColumns } from "./head/perf.ts";
import { readRawData } from "./raw-data.ts";
import { begin, eventOf, keep, type LineKind, type Reading } from "./reading.ts";
import type { SymbolTable } from "./symbols.ts";
import { matchBefore, matchReported } from "./tail.ts";

export interface LineReader {
  readonly counts: TraceCounts;
  readonly events: readonly SourceEvent[];
  /** Why nothing of the text can be used, from the line on that says so. */
  readonly unusable: string | undefined;
  /** The most bytes a record can take, for a line of at most `MAX_LINE_BYTES`. */
  readonly recordBytes: number;
  /**
   * Reads whole lines from `from` on, until `to` or until the batch is full; `text[to - 1]` is a newline.
   * @returns where it stopped
   */
  readLines(text: Uint8Array, from: number, to: number, batch: BatchWriter): number;
}

export const MAX_LINE_BYTES = 16384;
const ALL_CPUS = 65536;
const HASH = 35;
/** The row of kinds behind those of FORMS: events with their names as trace-cmd and perf print them. */
const TOOLS = Object.keys(FORMS).length;
const DISTANCES =
  "its times go back, as those of perf script --deltatime do, which are distances to the event before: print it without";

/** Its lines begin with the name of the function that wrote them, `tracing_mark_write`. */
const MARKER = "print";
const MARKER_NAMES = ["tracing_mark_write"];
const GRAPH_NAMES = ["funcgraph_entry", "funcgraph_exit"];
const ENTER = "sys_enter_";
/** How names of events are written, in the order of FORMS. */
const PREFIXES = [
  ["", ""],
  [ENTER, "sys_"],
  ["sys_exit_", "sys_"],
] as const;

export function createLineReader(formats: FormatTable, symbols: SymbolTable, cpus: number = ALL_CPUS): LineReader {
  const events = formats.map((format, index) => eventOf(format, index));
  const counts = new ReadCounts(SKIP_REASONS, events);
  const recordBytes = RECORD.payload + MAX_STRUCT_BYTES + MAX_LINE_BYTES + 8;
  const names = PREFIXES.map(() => new ByteCache());
  const head = createHeadReader();
  const indexes = indexByName(formats);
  const graphs = GRAPH_NAMES.flatMap((name) => indexes.get(name) ?? []);
  const reading: Reading = {
    ...{ head, formats: [...formats], events, probes: new Map(), probed: new Set(), symbols },
    ...{ kinds: [...Object.values(FORMS), TOOLS].map(() => []), names, indexes, headerNames: [] },
    ...{ counts, cpus, recordBytes, texts: new TextContinuation(), forms: createFormReader(head) },
    ...{ tails: { known: undefined }, isReport: false },
    ...{ graph: new GraphReader(head), graphs: new Set(graphs) },
  };
  return {
    counts,
    recordBytes,
    events,
    get unusable() {
      return reading.forms.tellsDistances ? `line ${counts.lines}: ${DISTANCES}` : undefined;
    },
    readLines: (text, from, to, batch) => readLines(reading, text, from, to, batch),
  };
}

/** Tables of formats by name: the kernel's has a thousand rows, and is every recording's. */
const byName = new WeakMap<FormatTable, ReadonlyMap<string, number>>();

function indexByName(formats: FormatTable): ReadonlyMap<string, number> {
  const known = byName.get(formats);
  if (known !== undefined) return known;
  const names = new Map<string, number>();
  for (const [index, { name }] of formats.entries()) if (!names.has(name)) names.set(name, index);
  const marker = formats.findIndex(({ name, category }) => name === MARKER && category === "ftrace");
  if (marker >= 0) for (const name of MARKER_NAMES) names.set(name, names.get(name) ?? marker);
  byName.set(formats, names);
  return names;
}

/** The event of a line's name, or -1. */
function eventNamed({ names, indexes }: Reading, { nameFrom, nameTo, form }: Head, text: Uint8Array): number {
  const cache = names[form] as ByteCache;
  const found = cache.find(text, nameFrom, nameTo);
  if (found >= 0) return cache.low(found);
  const [prefix, written] = PREFIXES[form] as (typeof PREFIXES)[number];
  const event = indexes.get(prefix + textOf(text, nameFrom + written.length, nameTo)) ?? -1;
  cache.add(text, nameFrom, nameTo, BigInt(event));
  return event;
}

function readLines(reading: Reading, text: Uint8Array, from: number, to: number, batch: BatchWriter): number {
  let position = from;
  while (position < to && batch.hasRoom() && !reading.forms.tellsDistances) {
    const first = text[position];
    // A flood of blank lines must cost next to nothing.
    if (first === NEWLINE && !reading.texts.isOpen) {
      reading.counts.skip("annotation");
      position++;
    } else if (first === HASH) {
      const next = text.indexOf(NEWLINE, position) + 1;
      readComment(reading, text, position, next);
      position = next;
    } else {
      const end = readLine(reading, text, position, batch);
      if (typeof end === "number") position = end + 1;
      else {
        if (end === "head") skipHeadless(reading, text, position, batch);
        else if (end !== undefined) skipLine(reading, end, text);
        position = text.indexOf(NEWLINE, position) + 1;
      }
    }
  }
  return position;
}

/** The header, before the first event, tells how the columns of flags are laid out. */
function readComment({ counts, head, headerNames }: Reading, text: Uint8Array, from: number, to: number): void {
  counts.lines++;
  counts.comments++;
  const comment = textOf(text, from, to);
  counts.lost += overwrittenIn(comment);
  if (counts.read > 0) return;
  readHeaderLine(comment, headerNames);
  const layout = layoutOfHeader(headerNames);
  if (layout !== undefined) head.useLayout(layout);
}

/** Whether an event's line begins at `from`: in the columns of tracefs' `trace`, or in another form. */
const readHead = ({ head, forms }: Reading, text: Uint8Array, from: number): "columns" | "form" | undefined => {
  if (from < 0) return undefined;
  if (head.read(text, from)) return "columns";
  return forms.read(text, from, endOfLine(text, from)) ? "form" : undefined;
};

/**
 * Reads one line into the batch.
 * @returns where its newline is, as far as that came out; otherwise undefined, or why it became no record
 */
function readLine(reading: Reading, text: Uint8Array, from: number, batch: BatchWriter): number | LineSkip | undefined {
  const found = readHead(reading, text, from) ?? readHead(reading, text, behindStamp(text, from));
  if (found === undefined) {
    const line = reading.graph.read(text, from, endOfLine(text, from));
    if (line?.event !== undefined) return readBetween(reading, line.event, batch);
    return line === undefined ? "head" : keepCalls(reading, line, batch);
  }
  return readEvent(reading, text, found, batch);
}

/** Reads an event that came between the lines of function_graph, whose head is read. */
function readBetween(reading: Reading, event: Uint8Array, batch: BatchWriter): LineSkip | undefined {
  if (!reading.head.readName(event, 0)) return "head";
  const end = readEvent(reading, event, "columns", batch);
  if (typeof end === "string") skipLine(reading, end, event);
  return undefined;
}

/** Reads an event whose head is read. */
function readEvent(
  reading: Reading,
  text: Uint8Array,
  found: "columns" | "form",
  batch: BatchWriter,
): number | LineSkip | undefined {
  const { head, counts } = reading;
  reading.texts.end();
  const { cpu, form } = head.head;
  if (form === FORMS.function) return readProbe(reading, text, batch);
  if (form === FORMS.raw) return readRawData(reading, text, batch);
  const event = eventNamed(reading, head.head, text);
  if (event < 0) return form === FORMS.named ? readProbe(reading, text, batch) : "event";
  if (cpu >= reading.cpus) return "cpu";
  if (reading.graphs.has(event)) {
    const line = reading.graph.readFields(text, head.head.fields, endOfLine(text, head.head.fields));
    if (line !== undefined) return keepCalls(reading, line, batch);
  }
  const { forms } = reading;
  const isOfTool = found === "form" ? forms.isOfTool : reading.isReport;
  const row = isOfTool && form === FORMS.named ? TOOLS : form;
  const kind = (reading.kinds[row] as readonly LineKind[])[event] ?? kindOfLine(reading, row, event, text);
  const { matcher, isMessage } = kind;
  const { target, position } = batch;
  begin(reading, batch);
  const start = isMessage ? messageStart(kind.format, head.head) : head.head.fields;
  const end = !isOfTool
    ? matcher.match(text, start, target)
    : forms.isPerf
      ? matchBefore(matcher, text, start, target, reading.tails)
      : matchReported(matcher, text, start, target);
  if (end < 0) return "fields";
  if (isMessage) reading.texts.begin(kind.format, position, target);
  const { unreadLow, unreadHigh } = matcher.unread;
  keep(reading, batch, kind, unreadLow | matcher.neverLow, unreadHigh | matcher.neverHigh);
  if ((unreadLow | unreadHigh) !== 0) counts.unread(kind.event, unreadLow, unreadHigh);
  return end;
}

/** What looks like a marker's name is its first field: the function that wrote it. Tools print the event's name in front. */
function messageStart({ name }: FtraceFormat, { nameFrom, nameTo, fields }: Head): number {
  return name === MARKER && nameTo - nameFrom !== MARKER.length ? nameFrom : fields;
}

/** How a line of the named event is read: one of a probe whose format is known is an event of its function, which has that format. */
function kindOfLine(reading: Reading, form: number, named: number, text: Uint8Array): LineKind {
  const { formats, probed, kinds } = reading;
  const format = formats[named] as FtraceFormat;
  const isOfProbe = probed.has(named) || isProbe(format);
  if (isOfProbe) probed.add(named);
  const event = isOfProbe ? probeOfLine(reading, named, format, text) : named;
  const table = kinds[isOfProbe ? FORMS.function : form] as (LineKind | undefined)[];
  const kind = table[event] ?? makeKind(reading, form, event, format);
  table[event] = kind;
  return kind;
}

function makeKind(reading: Reading, form: number, event: number, format: FtraceFormat): LineKind {
  // `)` ends the fields of a call as it is entered.
  const printed = form === TOOLS ? asToolsKnow(format) : format;
  const matcher = createMatcher(printed, reading.symbols, form === FORMS.enter ? ")" : "");
  // Formats that are worked out when they are asked for are from now on what they came to: each line asks.
  const whole = { ...format };
  reading.formats[event] = whole;
  return { event, format: whole, matcher, isMessage: isMessageEvent(format) };
}

function skipLine({ counts, head }: Reading, reason: LineSkip, text: Uint8Array): void {
  if (reason === "event") counts.skip(reason, textOf(text, head.head.nameFrom, head.head.nameTo));
  else counts.skip(reason);
}

/** A line without a head is not always one that should have one. */
function skipHeadless(reading: Reading, text: Uint8Array, from: number, batch: BatchWriter): void {
  const { counts, texts, forms, indexes } = reading;
  const to = endOfLine(text, from);
  const line = textOf(text, Math.max(from, behindStamp(text, from)), to);
  const lost = lostIn(line);
  const tracer = tracerOf(line);
  if (isTitleOfReport(line)) {
    reading.isReport = true;
    reading.head.useTool();
  }
  if (lost !== undefined) {
    counts.lost += lost;
    counts.skip("lost");
  } else if (isStackTitle(line) || isOfPerf(line, forms.isPerf) || isOfPage(line)) {
    texts.end();
    counts.skip("annotation");
  } else if (tracer !== undefined) {
    texts.end();
    counts.skip("tracer", tracer);
  } else if (!hasHead(line) && texts.add(text, from, to, batch)) counts.skip("continued");
  else if (isAnnotation(line)) counts.skip("annotation");
  else {
    const missing = missingColumns(line) ?? lackingIn(line, (name) => indexes.has(name));
    counts.skip(missing === undefined ? "head" : "columns", missing);
  }
}
