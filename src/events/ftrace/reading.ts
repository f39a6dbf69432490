/** What is needed to read a line, and how what it tells becomes a record. */
import type { BatchWriter } from "../batch.ts";
import type { FunctionEvent, SourceEvent } from "../event.ts";
import { RECORD } from "../record.ts";
import type { FtraceFormat } from "../tracepoints/format.ts";
import type { ByteCache } from "./byte-cache.ts";
import type { TextContinuation } from "./continuation.ts";
import type { TraceCounts } from "./counts.ts";
import type { Matcher } from "./fields/matcher.ts";
import { printItems } from "./format/print.ts";
import { type Untold, untoldOf } from "./format/untold.ts";
import type { GraphReader } from "./graph.ts";
import type { FormReader } from "./head/forms.ts";
import type { HeadReader } from "./head/head.ts";
import { writeHead } from "./head/record-head.ts";
import type { SymbolTable } from "./symbols.ts";
import type { Tails } from "./tail.ts";

export interface Reading {
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
  /** By FORMS and event, as `formats`; made when the first line of it comes. Events of functions have those of the row of functions. */
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
  readonly tails: Tails;
  /** The text says that trace-cmd printed it. */
  isReport: boolean;
}

/** How the lines of an event are read. */
export interface LineKind {
  /** Index in the table of events. */
  readonly event: number;
  readonly format: FtraceFormat;
  readonly matcher: Matcher;
  /** It may have several lines. */
  readonly isMessage: boolean;
}

/** A row of the table of events. What its lines tell is worked out when somebody asks. */
export function eventOf(format: FtraceFormat, index: number, probe?: FunctionEvent): SourceEvent {
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

/** A record begins: what of it the fields may take. */
export function begin({ recordBytes }: Reading, { target, position }: BatchWriter): void {
  target.start = position + RECORD.payload;
  target.limit = position + recordBytes;
}

/** The record whose payload is there becomes one. */
export function keep(
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
