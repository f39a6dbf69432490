/**
 * Reads ftrace's text (tracefs' `trace`) as batches of event records, on a stream of bytes with constant memory.
 *
 * What single lines hold is never an error: a line that gives no record is counted with its reason. A text that holds no
 * event is one.
 */
import { AnyctxError } from "../../error.ts";
import { BatchWriter, DEFAULT_BATCH_BYTES, type EventBatch } from "../batch.ts";
import type { ReadOptions, SourceEvents, SourceInput } from "../source.ts";
import type { FormatTable } from "../tracepoints/format.ts";
import { KERNEL_FORMATS } from "../tracepoints/kernel-formats.ts";
import { NEWLINE, textOf } from "./bytes.ts";
import { noEvents, type TraceCounts } from "./counts.ts";
import { createLineReader, type LineReader, MAX_LINE_BYTES } from "./lines.ts";
import { createSymbols, type SymbolTable } from "./symbols.ts";

export interface TraceOptions extends Omit<ReadOptions, "formats"> {
  /** Formats of the events to read; those of the recorded trace by default. At most 16,384. */
  readonly formats?: FormatTable;
}

export interface Trace extends SourceEvents {
  readonly counts: TraceCounts;
  readonly symbols: SymbolTable;
}

const PIECE_BYTES = 1 << 18;
/** An event index is a u16 and the name table is bounded. */
const MAX_FORMATS = 16384;

/** Whether an input that begins so may be a trace: a task's name may hold any byte but a NUL, the rest is plain text. */
export function isText(first: Uint8Array): boolean {
  return !first.includes(0);
}

/** `#P:2` of the header: the CPUs that were online when the trace was read. */
export function cpusOfHeader(first: Uint8Array): number | undefined {
  const cpus = Number(/^# entries-in-buffer.*#P:(\d+)\s*$/m.exec(textOf(first, 0, first.length))?.[1]);
  return cpus > 0 ? cpus : undefined;
}

export function readTrace({ bytes, name }: SourceInput, options: TraceOptions = {}): Trace {
  const { formats = KERNEL_FORMATS, cpus, batchBytes = DEFAULT_BATCH_BYTES, asTheyCome = false } = options;
  if (formats.length > MAX_FORMATS)
    throw new AnyctxError("EINVAL", `${formats.length} event formats; at most ${MAX_FORMATS} can be used`);
  const symbols = createSymbols();
  const reader = createLineReader(formats, symbols, cpus);
  const { events, counts } = reader;
  return { batches: readBatches(bytes, reader, { batchBytes, name, asTheyCome }), events, symbols, counts };
}

interface BatchOptions {
  readonly batchBytes: number;
  /** What messages call the input. */
  readonly name: string;
  readonly asTheyCome: boolean;
}

/** The text as pieces of whole lines: a line that a chunk cuts is kept until its rest comes. */
async function* readBatches(
  text: AsyncIterable<Uint8Array>,
  reader: LineReader,
  { batchBytes, name, asTheyCome }: BatchOptions,
): AsyncIterable<EventBatch> {
  const batch = new BatchWriter(batchBytes, reader.recordBytes);
  const window = new Uint8Array(MAX_LINE_BYTES + PIECE_BYTES);
  let filled = 0;
  let tooLong = false;
  for await (const chunk of text) {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      const piece = chunk.subarray(from, from + PIECE_BYTES);
      window.set(piece, filled);
      filled += piece.length;
      const end = window.subarray(0, filled).lastIndexOf(NEWLINE) + 1;
      let position = 0;
      if (tooLong && end > 0) {
        position = window.indexOf(NEWLINE) + 1;
        reader.counts.skip("long");
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
    const now = asTheyCome ? batch.take() : undefined;
    if (now !== undefined) yield now;
  }
  if (tooLong) reader.counts.skip("long");
  else if (filled > 0) reader.counts.skip("cut");
  const last = batch.take();
  if (last !== undefined) yield last;
  if (reader.counts.read === 0) throw new AnyctxError("BAD_TRACE", noEvents(name, reader.counts));
}
