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

/** What editors put in front of a text. */
const BYTE_ORDER_MARK: readonly number[] = [0xef, 0xbb, 0xbf];

const startsWithMark = (bytes: Uint8Array): boolean => BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte);

/** The lines where they lie in the chunks; one that a chunk cuts is put together. */
async function* readBatches(
  text: AsyncIterable<Uint8Array>,
  reader: LineReader,
  { batchBytes, name, asTheyCome }: BatchOptions,
): AsyncIterable<EventBatch> {
  const batch = new BatchWriter(batchBytes, reader.recordBytes);
  const cut = new CutLine(reader);
  let isFirst = true;
  for await (const some of text) {
    // Of one class, whatever the platform's chunks are: what reads them is compiled for it.
    const begun = isFirst && startsWithMark(some) ? BYTE_ORDER_MARK.length : 0;
    isFirst = false;
    const chunk = new Uint8Array(some.buffer, some.byteOffset + begun, some.length - begun);
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    for (let position = 0; position < end; ) {
      const full = batch.hasRoom() ? undefined : batch.take();
      if (full !== undefined) yield full;
      position = cut.isOpen ? cut.end(chunk, batch) : reader.readLines(chunk, position, end, batch);
      if (reader.unusable !== undefined)
        throw new AnyctxError("BAD_TRACE", `${name} cannot be read: ${reader.unusable}`);
    }
    cut.begin(chunk.subarray(end));
    const now = asTheyCome ? batch.take() : undefined;
    if (now !== undefined) yield now;
  }
  cut.close();
  const last = batch.take();
  if (last !== undefined) yield last;
  if (reader.counts.read === 0) throw new AnyctxError("BAD_TRACE", noEvents(name, reader.counts));
}

/** A line of which chunks have so far had only the beginning. */
class CutLine {
  readonly #reader: LineReader;
  readonly #bytes = new Uint8Array(2 * MAX_LINE_BYTES);
  #length = 0;
  #tooLong = false;

  constructor(reader: LineReader) {
    this.#reader = reader;
  }

  get isOpen(): boolean {
    return this.#length > 0 || this.#tooLong;
  }

  /** Keeps what a chunk has behind its last newline. */
  begin(rest: Uint8Array): void {
    this.#tooLong ||= this.#length + rest.length > MAX_LINE_BYTES;
    if (this.#tooLong) this.#length = 0;
    else {
      this.#bytes.set(rest, this.#length);
      this.#length += rest.length;
    }
  }

  /** Reads the line with what a chunk, which has a newline, begins with. @returns where the chunk's own lines begin */
  end(chunk: Uint8Array, batch: BatchWriter): number {
    const next = chunk.indexOf(NEWLINE) + 1;
    this.begin(chunk.subarray(0, next));
    if (this.#tooLong) this.#reader.counts.skip("long");
    else this.#reader.readLines(this.#bytes, 0, this.#length, batch);
    this.#length = 0;
    this.#tooLong = false;
    return next;
  }

  /** Nothing follows. */
  close(): void {
    if (this.#tooLong) this.#reader.counts.skip("long");
    else if (this.#length > 0) this.#reader.counts.skip("cut");
  }
}
