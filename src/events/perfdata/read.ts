/** Reads the tracepoints, clocks and counters of a `perf.data`, in order of time. */
import { AnyctxError } from "../../error.ts";
import { BatchWriter, DEFAULT_BATCH_BYTES, type EventBatch } from "../batch.ts";
import { memoryRange, wholeOf } from "../bytes.ts";
import { ReadCounts } from "../counts.ts";
import type { SourceEvent } from "../event.ts";
import { peek } from "../peek.ts";
import type { ReadOptions, SkipReason, SourceEvents, SourceInput, Symbols } from "../source.ts";
import { COMMON_BYTES, ENTRY_RECORD_BYTES, MAX_ENTRY_BYTES, writeEntry } from "../tracepoints/entry.ts";
import type { FormatTable } from "../tracepoints/format.ts";
import { ProbeEvents } from "../tracepoints/functions.ts";
import { kernelSymbols } from "../tracepoints/symbols.ts";
import type { Unpack } from "../unpack.ts";
import { type Attribute, isCounter, kindsOf, TYPES, unsampledBy } from "./attribute.ts";
import { type CounterPlace, contextOf, counterEvent, writeCounter } from "./counter.ts";
import { BEGINNING_BYTES, isPipe, type PerfData, readPerfFile } from "./file.ts";
import { Rounds, type Row } from "./order.ts";
import { readPerfPipe } from "./pipe.ts";
import { chunksOf, type FoundRecord, Framer, RECORD_TYPES, recordsIn } from "./records.ts";
import { type Attribution, createAttribution, createSampleReader, type Moment, type SampleReader } from "./sample.ts";
import { TaskNames } from "./task-names.ts";

type Skip = "event" | "cpu" | "damaged" | "other";

const SKIP_REASONS: Readonly<Record<Skip, Omit<SkipReason, "reason">>> = {
  event: { doc: "an event whose format the file does not have" },
  cpu: { doc: "a CPU number beyond the given number of CPUs", option: "cpus" },
  damaged: { doc: "a record that is cut or damaged" },
  other: { doc: "a sample of something else than a tracepoint, a clock or a counter" },
};

/** What is needed to read records. */
interface Reading {
  readonly file: PerfData;
  readonly events: readonly SourceEvent[];
  /** Events of tracepoints by their number. */
  readonly tracepoints: ReadonlyMap<number, number>;
  readonly probes: ProbeEvents;
  readonly symbols: Symbols;
  /** By attribute; undefined: its samples are none that are read. */
  readonly readers: readonly (SampleReader | undefined)[];
  /** By attribute: where samples of clocks and counters are taken. */
  readonly counters: readonly (Omit<CounterPlace, "comm"> | undefined)[];
  readonly attribution: Attribution;
  readonly counts: ReadCounts<Skip>;
  readonly names: TaskNames;
  readonly name: string;
}

/** @param given formats for a recording that has none */
export async function readPerfEvents(
  input: SourceInput,
  options: Omit<ReadOptions, "formats"> = {},
  given?: FormatTable,
): Promise<SourceEvents> {
  const { name, range, unpackers = {} } = input;
  const file = await open(input);
  const reading = readingOf(file, name, given);
  const { events, counts, symbols } = reading;
  const batches = closing(readBatches(reading, unpackers.zstd, options), () => range?.close());
  return { events, counts, batches, symbols };
}

async function open({ bytes, range, name }: SourceInput): Promise<PerfData> {
  if (range !== undefined)
    return isPipe(range.subarray(0, BEGINNING_BYTES), name)
      ? readPerfPipe(chunksOf(range), name)
      : readPerfFile(range, name);
  const { first, all } = await peek(bytes, BEGINNING_BYTES);
  return isPipe(first, name) ? readPerfPipe(all, name) : readPerfFile(memoryRange(await wholeOf(all, name)), name);
}

async function* closing(batches: AsyncIterable<EventBatch>, close: () => void): AsyncIterable<EventBatch> {
  try {
    yield* batches;
  } finally {
    close();
  }
}

/** @throws {AnyctxError} BAD_TRACE for a recording of other things than events that are read */
function readingOf(file: PerfData, name: string, given: FormatTable | undefined): Reading {
  const { attributes, tracing } = file;
  if (file.isElsewhere)
    throw new AnyctxError(
      "UNSUPPORTED",
      `${name} is of perf record --threads: its events are in the files beside it, which are not read`,
    );
  const isTraced = attributes.some(({ type }) => type === TYPES.tracepoint);
  if (!isTraced && !attributes.some(isCounter))
    throw new AnyctxError(
      "BAD_TRACE",
      `${name} is a perf.data without tracepoints, clocks and counters: ${kindsOf(attributes)}`,
    );
  const formats = !isTraced ? [] : tracing.formats.length > 0 ? tracing.formats : given;
  // Numbers of events are each kernel's own.
  if (formats === undefined)
    throw new AnyctxError(
      "BAD_TRACE",
      `${name} does not say what its events are, as perf was ended before it wrote that: --formats does, with the formats of the kernel that recorded`,
    );
  const unprinted = unsampledBy(attributes.filter(({ type }) => type === TYPES.tracepoint));
  const events = formats.map(
    (format, index): SourceEvent => ({
      ...{ index, name: format.name, category: format.category, unprinted, unreadable: [] },
      get format() {
        return format;
      },
    }),
  );
  const counters = attributes.map((attribute) => {
    if (!isCounter(attribute)) return undefined;
    const event = events.length;
    events.push(counterEvent(attribute, event));
    return { event, ...contextOf(attribute) };
  });
  const symbols = kernelSymbols(tracing.kallsyms);
  return {
    ...{ file, events, counters, name, counts: new ReadCounts<Skip>(SKIP_REASONS, events), names: new TaskNames() },
    tracepoints: new Map(formats.map(({ id }, index) => [id, index])),
    readers: attributes.map((attribute) => (isRead(attribute) ? createSampleReader(attribute) : undefined)),
    ...{ attribution: createAttribution(attributes), symbols, probes: new ProbeEvents(events, symbols) },
  };
}

const isRead = (attribute: Attribute): boolean => attribute.type === TYPES.tracepoint || isCounter(attribute);

async function* readBatches(
  reading: Reading,
  unzstd: Unpack | undefined,
  { cpus = 65536, batchBytes = DEFAULT_BATCH_BYTES, asTheyCome = false }: ReadOptions,
): AsyncIterable<EventBatch> {
  const batch = new BatchWriter(batchBytes, ENTRY_RECORD_BYTES);
  for await (const rows of rowsInOrder(reading, unzstd)) {
    for (const row of rows) {
      const full = batch.hasRoom() ? undefined : batch.take();
      if (full !== undefined) yield full;
      readRow(reading, row, cpus, batch);
    }
    const now = asTheyCome ? batch.take() : undefined;
    if (now !== undefined) yield now;
  }
  const last = batch.take();
  if (last !== undefined) yield last;
  if (reading.counts.read === 0)
    throw new AnyctxError("BAD_TRACE", `${reading.name} is a perf.data without an event that can be read`);
}

/** What is sorted: samples and names of tasks, a round at a time. */
async function* rowsInOrder(reading: Reading, unzstd: Unpack | undefined): AsyncGenerator<readonly Row[]> {
  const rounds = new Rounds();
  const packed: Uint8Array[] = [];
  const framer = new Framer();
  for await (const chunk of reading.file.chunks) {
    const piece = framer.add(chunk);
    for (const record of piece === undefined ? [] : recordsIn(piece)) {
      if (isPacked(record)) packed.push(packedIn(record));
      // What is packed comes last, and may be of any round.
      else if (record.type === RECORD_TYPES.finishedRound && packed.length === 0) yield rounds.end();
      else note(reading, record, rounds);
    }
    if (framer.isDamaged) break;
  }
  let isCut = framer.isCut;
  if (packed.length > 0) isCut = (await noteUnpacked(reading, packed, unzstd, rounds)) || isCut;
  yield rounds.rest();
  if (isCut) reading.counts.skip("damaged");
}

const isPacked = ({ type }: FoundRecord): boolean =>
  type === RECORD_TYPES.compressed || type === RECORD_TYPES.compressed2;

/** What `perf record -z` has packed: the newer kind says how much of the record that is. */
function packedIn({ piece: { bytes, view }, at, size, type }: FoundRecord): Uint8Array {
  if (type === RECORD_TYPES.compressed || size < 16) return bytes.subarray(at + 8, at + size);
  return bytes.subarray(at + 16, Math.min(at + size, at + 16 + Number(view.getBigUint64(at + 8, true))));
}

/** Records that perf has packed into others: all of them are one stream. @returns whether it is cut */
async function noteUnpacked(
  reading: Reading,
  packed: readonly Uint8Array[],
  unzstd: Unpack | undefined,
  rounds: Rounds,
): Promise<boolean> {
  const { name } = reading;
  if (unzstd === undefined)
    throw new AnyctxError("UNSUPPORTED", `${name} is packed by zstd inside, which is not unpacked here`);
  const framer = new Framer();
  let any = false;
  try {
    const stream = async function* (): AsyncIterable<Uint8Array> {
      yield* packed;
    };
    for await (const part of unzstd(stream())) {
      any = true;
      const piece = framer.add(part);
      for (const record of piece === undefined ? [] : recordsIn(piece)) note(reading, record, rounds);
    }
  } catch (cause) {
    // perf does not end the stream: what came before is whole.
    if (!any) throw new AnyctxError("BAD_TRACE", `${name}: packed data is damaged: ${String(cause)}`, { cause });
  }
  return framer.isCut;
}

const moment: Moment = { timeLow: 0, timeHigh: 0 };

/** Takes a record up that matters, or counts it. */
function note(reading: Reading, record: FoundRecord, rounds: Rounds): void {
  const { counts, attribution, readers, counters } = reading;
  const { type, at, size, piece } = record;
  const { view } = piece;
  if (type === RECORD_TYPES.lost && size >= 24) counts.lost += Number(view.getBigUint64(at + 16, true));
  else if (type === RECORD_TYPES.lostSamples && size >= 16) counts.lost += Number(view.getBigUint64(at + 8, true));
  else if (type === RECORD_TYPES.comm && size > 16) {
    attribution.readTime(view, at + size, moment);
    rounds.add(record, -1, moment);
  } else if (type === RECORD_TYPES.fork && size >= 32) {
    moment.timeLow = view.getUint32(at + 24, true);
    moment.timeHigh = view.getUint32(at + 28, true);
    rounds.add(record, -1, moment);
  } else if (type === RECORD_TYPES.sample) {
    const attribute = attribution.attributeOf(view, at + 8, at + size);
    const reader = readers[attribute];
    if (reader?.read(view, at + 8, at + size) === true) rounds.add(record, attribute, reader.sample);
    else if (reader !== undefined && counters[attribute] !== undefined) counts.skip("damaged");
    else counts.skip("other");
  }
}

/** A row becomes a record, or the name of a task. */
function readRow(reading: Reading, row: Row, cpus: number, batch: BatchWriter): void {
  const { piece, at, size, type } = row.record;
  const { view, bytes } = piece;
  if (type === RECORD_TYPES.comm) reading.names.take(view.getInt32(at + 12, true), bytes.subarray(at + 16, at + size));
  else if (type === RECORD_TYPES.fork)
    reading.names.inherit(view.getInt32(at + 16, true), view.getInt32(at + 20, true));
  else {
    const skipped = readSample(reading, row, cpus, batch);
    if (skipped !== undefined) reading.counts.skip(skipped);
  }
}

/** @returns why it becomes no record */
function readSample(reading: Reading, { record, attribute }: Row, cpus: number, batch: BatchWriter): Skip | undefined {
  const { counts, names, counters, tracepoints, probes } = reading;
  const { piece, at, size } = record;
  const { view, bytes } = piece;
  const reader = reading.readers[attribute] as SampleReader;
  reader.read(view, at + 8, at + size);
  const { from, length, timeLow, timeHigh, cpu, pid, tid } = reader.sample;
  const comm = names.of(tid, cpu);
  const counter = counters[attribute];
  if (counter !== undefined) {
    if (cpu >= cpus) return "cpu";
    const unread = writeCounter(batch, view, reader.sample, { ...counter, comm });
    counts.keep(counter.event);
    if (unread !== 0) counts.unread(counter.event, unread, 0);
    return undefined;
  }
  const hasEntry = length >= COMMON_BYTES && length <= MAX_ENTRY_BYTES;
  const known = hasEntry ? tracepoints.get(view.getUint16(from, true)) : undefined;
  if (known === undefined) return "event";
  const event = probes.of(known, bytes, from, length);
  if (cpu >= cpus) return "cpu";
  writeEntry(batch, view, from, length, { timeLow, timeHigh, cpu, tgid: pid, comm, event });
  counts.keep(event);
  return undefined;
}
