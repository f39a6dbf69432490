/** From a line of ftrace's text to a record. */
import type { BatchWriter } from "../batch.ts";
import { ReadCounts } from "../counts.ts";
import type { FunctionEvent, SourceEvent } from "../event.ts";
import { RECORD } from "../record.ts";
import { type FormatTable, type FtraceFormat, MAX_STRUCT_BYTES } from "../tracepoints/format.ts";
import { isProbe } from "../tracepoints/functions.ts";
import { behindStamp, isAnnotation, lostIn } from "./between.ts";
import { ByteCache } from "./byte-cache.ts";
import { endOfLine, NEWLINE, textOf } from "./bytes.ts";
import { isMessageEvent, TextContinuation } from "./continuation.ts";
import { type LineSkip, SKIP_REASONS, type TraceCounts } from "./counts.ts";
import { createFormReader, type FormReader } from "./forms.ts";
import { type GraphLine, GraphReader } from "./graph.ts";
import { createHeadReader, FORMS, type Head, type HeadReader, layoutOfHeader, readHeaderLine } from "./head.ts";
import { createMatcher, type Matcher } from "./matcher.ts";
import { printItems, type Untold, untoldOf } from "./print.ts";
import { type ProbeLine, probeFormat, probeKey, probeLine, storeProbe, tracerLine } from "./probes.ts";
import { writeHead } from "./record-head.ts";
import type { SymbolTable } from "./symbols.ts";

export interface LineReader {
  readonly counts: TraceCounts;
  readonly events: readonly SourceEvent[];
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
/** A record names its event by a u16. */
const MOST_EVENTS = 65536;
const HASH = 35;

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

/** What is needed to read a line. */
interface Reading {
  readonly head: HeadReader;
  readonly forms: FormReader;
  readonly graph: GraphReader;
  /** The events that trace-cmd prints function_graph's lines as. */
  readonly graphs: ReadonlySet<number>;
  readonly formats: FtraceFormat[];
  /** As `formats`. */
  readonly events: SourceEvent[];
  /** Events of functions that have come, by what tells them apart. */
  readonly probes: Map<string, number>;
  /** Events whose formats are probes'. */
  readonly probed: Set<number>;
  readonly symbols: SymbolTable;
  /** By FORMS and event, as `formats`; made when the first line of it comes. Events of functions have those of the last row. */
  readonly kinds: readonly (LineKind | undefined)[][];
  /** Index of an event by its name. */
  readonly indexes: ReadonlyMap<string, number>;
  /** The same of names that have come as they are written, -1: of none; in the order of FORMS. */
  readonly names: readonly ByteCache[];
  /** Names of the flags that the file's header has told so far. */
  readonly headerNames: string[];
  readonly counts: TraceCounts;
  readonly cpus: number;
  readonly recordBytes: number;
  readonly texts: TextContinuation;
}

/** How the lines of an event are read. */
interface LineKind {
  /** Index in the table of events. */
  readonly event: number;
  readonly format: FtraceFormat;
  readonly matcher: Matcher;
  /** It may have several lines. */
  readonly isMessage: boolean;
}

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
    ...{ kinds: Object.values(FORMS).map(() => []), names, indexes, headerNames: [] },
    ...{ counts, cpus, recordBytes, texts: new TextContinuation(), forms: createFormReader(head) },
    ...{ graph: new GraphReader(head), graphs: new Set(graphs) },
  };
  return {
    counts,
    recordBytes,
    events,
    readLines: (text, from, to, batch) => readLines(reading, text, from, to, batch),
  };
}

/** A row of the table of events. What its lines tell is worked out when somebody asks. */
function eventOf(format: FtraceFormat, index: number, probe?: FunctionEvent): SourceEvent {
  let untold: Untold | undefined;
  const know = (): Untold => {
    untold ??= untoldOf(format, printItems(format));
    return untold;
  };
  const event: SourceEvent = {
    index,
    name: format.name,
    category: format.category,
    format,
    get unprinted() {
      return know().unprinted;
    },
    get unreadable() {
      return know().unreadable;
    },
  };
  return probe === undefined ? event : Object.assign(event, { function: probe });
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
  while (position < to && batch.hasRoom()) {
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
  if (counts.read > 0) return;
  readHeaderLine(textOf(text, from, to), headerNames);
  const layout = layoutOfHeader(headerNames);
  if (layout !== undefined) head.useLayout(layout);
}

/** Whether an event's line begins at `from`, in any form. */
const readHead = ({ head, forms }: Reading, text: Uint8Array, from: number): boolean =>
  from >= 0 && (head.read(text, from) || forms.read(text, from, endOfLine(text, from)));

/**
 * Reads one line into the batch.
 * @returns where its newline is, as far as that came out; otherwise undefined, or why it became no record
 */
function readLine(reading: Reading, text: Uint8Array, from: number, batch: BatchWriter): number | LineSkip | undefined {
  const { head, counts } = reading;
  if (!readHead(reading, text, from) && !readHead(reading, text, behindStamp(text, from))) {
    const line = reading.graph.read(text, from, endOfLine(text, from));
    return line === undefined ? "head" : keepCalls(reading, line, batch);
  }
  reading.texts.end();
  const { cpu, form } = head.head;
  if (form === FORMS.function) return readProbe(reading, text, batch);
  const event = eventNamed(reading, head.head, text);
  if (event < 0) return form === FORMS.named ? readProbe(reading, text, batch) : "event";
  if (cpu >= reading.cpus) return "cpu";
  if (reading.graphs.has(event)) {
    const line = reading.graph.readFields(text, head.head.fields, endOfLine(text, head.head.fields));
    if (line !== undefined) return keepCalls(reading, line, batch);
  }
  const kind = (reading.kinds[form] as readonly LineKind[])[event] ?? kindOfLine(reading, form, event, text);
  const { matcher, isMessage } = kind;
  const { target, position } = batch;
  begin(reading, batch);
  const end = matcher.match(text, isMessage ? messageStart(kind.format, head.head) : head.head.fields, target);
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

/** A record begins: what of it the fields may take. */
function begin({ recordBytes }: Reading, { target, position }: BatchWriter): void {
  target.start = position + RECORD.payload;
  target.limit = position + recordBytes;
}

/** The record whose payload is there becomes one. */
function keep(
  { head: { head, records }, counts }: Reading,
  batch: BatchWriter,
  { event, format: { id } }: Pick<LineKind, "event" | "format">,
  unreadLow: number,
  unreadHigh: number,
): void {
  const { target, position } = batch;
  const size = (target.end - position + 7) & ~7;
  writeHead(target, position, records, head.row, {
    nanoseconds: head.nanoseconds,
    event,
    id,
    size,
    unreadLow,
    unreadHigh,
  });
  batch.keep(size);
  counts.keep(event);
}

/** A line of a function's event. */
function readProbe(reading: Reading, text: Uint8Array, batch: BatchWriter): LineSkip | undefined {
  const { nameFrom, nameTo, fields, cpu, form } = reading.head.head;
  const rest = textOf(text, fields, endOfLine(text, fields));
  const isTraced = form === FORMS.function;
  const name = isTraced ? "" : textOf(text, nameFrom, nameTo);
  const line = isTraced ? tracerLine(rest) : probeLine(name, rest);
  if (line === undefined) return isTraced ? "head" : "event";
  if (cpu >= reading.cpus) return "cpu";
  return isTraced
    ? keepCall(reading, line.function.name, line, "function", batch)
    : keepCall(reading, name, line, "probes", batch);
}

/** A call that is entered or returns becomes a record. */
function keepCall(
  reading: Reading,
  name: string,
  line: ProbeLine,
  category: string,
  batch: BatchWriter,
): LineSkip | undefined {
  const { counts, symbols } = reading;
  const event = probeEvent(reading, name, line, category);
  if (event === undefined) return "event";
  begin(reading, batch);
  const { target } = batch;
  const format = reading.formats[event] as FtraceFormat;
  const unread = storeProbe(line, format, target, symbols);
  if (unread === undefined) {
    target.bytes.fill(0, target.start, target.end);
    return "fields";
  }
  const [low, high] = [Number(BigInt.asIntN(32, unread)), Number(BigInt.asIntN(32, unread >> 32n))];
  keep(reading, batch, { event, format }, low, high);
  if (unread !== 0n) counts.unread(event, low, high);
  return undefined;
}

/** The calls of a line of function_graph: one that returns at once is a piece of its own. */
function keepCalls(reading: Reading, { calls }: GraphLine, batch: BatchWriter): LineSkip | undefined {
  const { head } = reading.head;
  reading.texts.end();
  if (head.cpu >= reading.cpus) return "cpu";
  let skipped: LineSkip | undefined;
  for (const { call, after } of calls) {
    head.nanoseconds += after;
    skipped ??= keepCall(reading, call.function.name, call, "function", batch);
  }
  return skipped;
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
  const matcher = createMatcher(format, reading.symbols, form === FORMS.enter ? ")" : "");
  // Formats that are worked out when they are asked for are from now on what they came to: each line asks.
  const whole = { ...format };
  reading.formats[event] = whole;
  return { event, format: whole, matcher, isMessage: isMessageEvent(format) };
}

function probeOfLine(reading: Reading, known: number, format: FtraceFormat, text: Uint8Array): number {
  const { fields } = reading.head.head;
  const line = probeLine(format.name, textOf(text, fields, endOfLine(text, fields)));
  if (line === undefined) return known;
  const key = `${known} ${probeKey(format.name, { ...line, arguments: [] })}`;
  return (
    rowOf(
      reading,
      key,
      () => format,
      (index) => eventOf(format, index, line.function),
    ) ?? known
  );
}

/** The row of the table of a function's event, which comes with the first of its lines; undefined: there are too many. */
function rowOf(
  { probes, formats, events }: Reading,
  key: string,
  makeFormat: () => FtraceFormat,
  makeEvent: (index: number, format: FtraceFormat) => SourceEvent,
): number | undefined {
  const known = probes.get(key);
  if (known !== undefined || events.length >= MOST_EVENTS) return known;
  const index = events.length;
  const format = makeFormat();
  formats.push(format);
  events.push(makeEvent(index, format));
  probes.set(key, index);
  return index;
}

/** The event of such lines. */
function probeEvent(reading: Reading, name: string, line: ProbeLine, category: string): number | undefined {
  return rowOf(
    reading,
    probeKey(name, line),
    () => probeFormat(name, line, category),
    (index, format) => ({ index, name, category, format, unprinted: [], unreadable: [], function: line.function }),
  );
}

function skipLine({ counts, head }: Reading, reason: LineSkip, text: Uint8Array): void {
  if (reason === "event") counts.skip(reason, textOf(text, head.head.nameFrom, head.head.nameTo));
  else counts.skip(reason);
}

/** A line without a head is not always one that should have one. */
function skipHeadless({ counts, texts }: Reading, text: Uint8Array, from: number, batch: BatchWriter): void {
  const to = endOfLine(text, from);
  const line = textOf(text, from, to);
  const lost = lostIn(line);
  if (lost !== undefined) {
    counts.lost += lost;
    counts.skip("lost");
  } else if (texts.add(text, from, to, batch)) counts.skip("continued");
  else counts.skip(isAnnotation(line) ? "annotation" : "head");
}
