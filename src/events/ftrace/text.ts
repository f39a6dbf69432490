/**
 * Reads ftrace's text (tracefs' `trace`, plain or gzipped) as batches of event records. Works on a stream of bytes with
 * constant memory, in Node and in browsers; `file.ts` opens files.
 *
 * What single lines hold is never an error: a line that gives no record is counted with its reason. A file that is no
 * trace at all, is damaged, or holds no event is one.
 */
import { AnyctxError } from "../../error.ts";
import { BatchWriter, type EventBatch } from "../batch.ts";
import { type Gunzip, gunzipStream, gunzipWhereNeeded } from "../gunzip.ts";
import { createSymbols, type SymbolTable } from "../symbols.ts";
import { NEWLINE } from "./bytes.ts";
import type { FormatTable } from "./format.ts";
import {
  createLineReader,
  type LineReader,
  MAX_LINE_BYTES,
  SKIP_REASONS,
  type TraceCounts,
  type TraceEvent,
} from "./lines.ts";
import { RECORDED_FORMATS } from "./recorded.ts";

export interface TraceOptions {
  /** Formats of the events to read; those of the recorded trace by default. At most 16,384. */
  readonly formats?: FormatTable;
  /** Lines of CPUs from this number on are skipped; no limit by default. */
  readonly cpus?: number;
  /** Bytes of a batch, 1 MiB by default; never less than the longest record. */
  readonly batchBytes?: number;
  /** What messages call the input. A name that ends in `.gz` promises gzip. */
  readonly name?: string;
  /** Bytes of the input, where they are known. */
  readonly totalBytes?: number;
  /** How to unpack gzip; the platform's DecompressionStream by default. */
  readonly gunzip?: Gunzip;
}

export interface Trace {
  /**
   * The batches, in order of the file; to be iterated once.
   * @throws {AnyctxError} BAD_TRACE while iterating: damaged or cut gzip data, an empty input, no event in it
   */
  readonly batches: AsyncIterable<EventBatch>;
  /** The event table: a record's `event` is an index into it. Known before the first batch. */
  readonly events: readonly TraceEvent[];
  /** Grows while batches are read. */
  readonly symbols: SymbolTable;
  /** Up to date with the last batch given out. */
  readonly counts: TraceCounts;
  /** Bytes of the input (as it lies there, packed or not) read so far, and in all where that is known. */
  readonly progress: { readonly read: number; readonly total: number | undefined };
}

const DEFAULT_BATCH_BYTES = 1 << 20;
const PIECE_BYTES = 1 << 18;
/** An event index is a u16 and the name table is bounded. */
const MAX_FORMATS = 16384;

export function readTraceStream(input: AsyncIterable<Uint8Array>, options: TraceOptions = {}): Trace {
  const { formats = RECORDED_FORMATS, name = "the trace", gunzip = gunzipStream } = options;
  if (formats.length > MAX_FORMATS)
    throw new AnyctxError("EINVAL", `${formats.length} event formats; at most ${MAX_FORMATS} can be used`);
  const symbols = createSymbols();
  const reader = createLineReader(formats, symbols, options.cpus);
  const progress = { read: 0, total: options.totalBytes };
  const text = gunzipWhereNeeded(countBytes(input, progress), name, gunzip);
  const batchBytes = options.batchBytes ?? DEFAULT_BATCH_BYTES;
  return {
    batches: readBatches(text, reader, batchBytes, name),
    events: reader.events,
    symbols,
    counts: reader.counts,
    progress,
  };
}

async function* countBytes(input: AsyncIterable<Uint8Array>, progress: { read: number }): AsyncIterable<Uint8Array> {
  for await (const chunk of input) {
    progress.read += chunk.length;
    yield chunk;
  }
}

/** The text as pieces of whole lines: a line that a chunk cuts is kept until its rest comes. */
async function* readBatches(
  text: AsyncIterable<Uint8Array>,
  reader: LineReader,
  batchBytes: number,
  name: string,
): AsyncIterable<EventBatch> {
  const batch = new BatchWriter(batchBytes, reader.recordBytes);
  const window = new Uint8Array(MAX_LINE_BYTES + PIECE_BYTES);
  let filled = 0;
  let tooLong = false;
  let bytes = 0;
  for await (const chunk of text) {
    bytes += chunk.length;
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      const piece = chunk.subarray(from, from + PIECE_BYTES);
      window.set(piece, filled);
      filled += piece.length;
      const end = window.subarray(0, filled).lastIndexOf(NEWLINE) + 1;
      let position = 0;
      if (tooLong && end > 0) {
        position = window.indexOf(NEWLINE) + 1;
        reader.skip("long");
        tooLong = false;
      }
      while (position < end) {
        position = reader.readLines(window, position, end, batch);
        const full = position < end ? batch.take() : undefined;
        if (full !== undefined) yield full;
      }
      window.copyWithin(0, end, filled);
      filled -= end;
      if (filled > MAX_LINE_BYTES) tooLong = true;
      if (tooLong) filled = 0;
    }
  }
  if (tooLong) reader.skip("long");
  else if (filled > 0) reader.skip("cut");
  const last = batch.take();
  if (last !== undefined) yield last;
  if (bytes === 0) throw new AnyctxError("BAD_TRACE", `${name} is empty`);
  if (reader.counts.read === 0) throw new AnyctxError("BAD_TRACE", noEvents(name, reader.counts));
}

/** Why a file without any event is none: the most frequent reason, with its first line. */
function noEvents(name: string, counts: TraceCounts): string {
  const [reason] = [...counts.skipped].sort(([, a], [, b]) => b - a)[0] ?? [];
  const lines = `${counts.lines} ${counts.lines === 1 ? "line" : "lines"}`;
  if (reason === undefined) return `${name} holds no event: ${lines}, all of them comments`;
  const unknown = reason === "event" ? ` (${[...counts.unknown.keys()].slice(0, 3).join(", ")})` : "";
  const first = counts.firstSkipped.get(reason);
  return `${name} holds no event that can be read in ${lines}; line ${first}: ${SKIP_REASONS[reason]}${unknown}`;
}
