/** Reads the tracepoints of a `perf.data`, in order of time. */
import { AnyctxError } from "../../error.ts";
import { BatchWriter, DEFAULT_BATCH_BYTES, type EventBatch } from "../batch.ts";
import { wholeOf } from "../bytes.ts";
import { ReadCounts } from "../counts.ts";
import type { SourceEvent } from "../event.ts";
import type { ReadOptions, SkipReason, SourceEvents, SourceInput } from "../source.ts";
import { COMMON_BYTES, ENTRY_RECORD_BYTES, MAX_ENTRY_BYTES, writeEntry } from "../tracepoints/entry.ts";
import { KERNEL_FORMATS } from "../tracepoints/kernel-formats.ts";
import { kernelSymbols } from "../tracepoints/symbols.ts";
import { type Attribute, behindRecord, type PerfData, RECORD_TYPES, readPerfData, TRACEPOINT } from "./file.ts";
import { createSampleReader, type SampleReader } from "./sample.ts";

type Skip = "event" | "cpu" | "damaged" | "other";

const SKIP_REASONS: Readonly<Record<Skip, Omit<SkipReason, "reason">>> = {
  event: { doc: "an event whose format the file does not have" },
  cpu: { doc: "a CPU number beyond the given number of CPUs", option: "cpus" },
  damaged: { doc: "a record that is cut or damaged" },
  other: { doc: "a sample of something else than a tracepoint" },
};

export async function readPerfEvents(
  { bytes, name, unpackers = {} }: SourceInput,
  options: Omit<ReadOptions, "formats"> = {},
): Promise<SourceEvents> {
  const file = await unpacked(readPerfData(await wholeOf(bytes, name), name), unpackers.zstd, name);
  const traced = file.attributes.filter(({ type }) => type === TRACEPOINT);
  if (traced.length === 0)
    throw new AnyctxError("BAD_TRACE", `${name} is a perf.data without tracepoints: ${whatElse(file.attributes)}`);
  // A file that does not say has the formats of common events; their numbers may be another kernel's.
  const formats = file.tracing.formats.length > 0 ? file.tracing.formats : KERNEL_FORMATS;
  const events = formats.map(
    (format, index): SourceEvent => ({
      ...{ index, name: format.name, category: format.category, unprinted: [], unreadable: [] },
      get format() {
        return format;
      },
    }),
  );
  const counts = new ReadCounts<Skip>(SKIP_REASONS, events);
  const symbols = kernelSymbols(file.tracing.kallsyms);
  return { events, counts, batches: readBatches({ file, events, counts, name }, options), symbols };
}

const TYPES = [
  "hardware counters",
  "software clocks and counters",
  "tracepoints",
  "caches",
  "raw counters",
  "breakpoints",
];

function whatElse(attributes: readonly Attribute[]): string {
  const kinds = new Set(attributes.map(({ type }) => TYPES[type] ?? "counters of a device"));
  return kinds.size === 0 ? "it has no event at all" : `it has samples of ${[...kinds].join(", ")}`;
}

/** perf record -z packs records into others: all of them are one stream. */
async function unpacked(
  file: PerfData,
  unzstd: ((packed: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>) | undefined,
  name: string,
): Promise<PerfData> {
  const { bytes } = file;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const packed: Uint8Array[] = [];
  const plain: Uint8Array[] = [];
  for (const { at, size, type } of recordsOf(file, () => undefined)) {
    const isNewer = type === RECORD_TYPES.compressed2;
    if (type !== RECORD_TYPES.compressed && !isNewer) plain.push(bytes.subarray(at, at + size));
    else if (isNewer) packed.push(bytes.subarray(at + 16, at + 16 + Number(view.getBigUint64(at + 8, true))));
    else packed.push(bytes.subarray(at + 8, at + size));
  }
  if (packed.length === 0) return file;
  if (unzstd === undefined)
    throw new AnyctxError("UNSUPPORTED", `${name} is packed by zstd inside, which is not unpacked here`);
  const parts: Uint8Array[] = [];
  try {
    const stream = async function* (): AsyncIterable<Uint8Array> {
      yield* packed;
    };
    for await (const part of unzstd(stream())) parts.push(part);
  } catch (cause) {
    // perf does not end the stream: what came before is whole.
    if (parts.length === 0)
      throw new AnyctxError("BAD_TRACE", `${name}: packed data is damaged: ${String(cause)}`, { cause });
  }
  const whole = await wholeOf(
    (async function* () {
      yield* plain;
      yield* parts;
    })(),
    name,
  );
  return { ...file, bytes: whole, from: 0, to: whole.length };
}

interface FoundRecord {
  readonly at: number;
  readonly size: number;
  readonly type: number;
}

/** The records, one behind the other. @param damaged is told where no record can be, and the rest is given up */
function* recordsOf({ bytes, from, to }: PerfData, damaged: () => void): Generator<FoundRecord> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = from; at < to; ) {
    const size = at + 8 <= to ? view.getUint16(at + 6, true) : 0;
    if (size < 8 || at + size > to) {
      damaged();
      return;
    }
    const type = view.getUint32(at, true);
    yield { at, size, type };
    at += size + behindRecord(view, at, type);
  }
}

interface Reading {
  readonly file: PerfData;
  readonly events: readonly SourceEvent[];
  readonly counts: ReadCounts<Skip>;
  readonly name: string;
}

/** Where records that matter lie, in order of time: samples and names of tasks. */
function ordered({ file, counts }: Reading, reader: SampleReader): FoundRecord[] {
  const { bytes } = file;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rows: { readonly record: FoundRecord; readonly time: bigint }[] = [];
  for (const record of recordsOf(file, () => counts.skip("damaged"))) {
    const { at, size, type } = record;
    if (type === RECORD_TYPES.lost && size >= 24) counts.lost += Number(view.getBigUint64(at + 16, true));
    if (type === RECORD_TYPES.lostSamples && size >= 16) counts.lost += Number(view.getBigUint64(at + 8, true));
    if (type === RECORD_TYPES.comm && size > 16) rows.push({ record, time: reader.timeOf(view, at + size) });
    if (type === RECORD_TYPES.fork && size >= 32) rows.push({ record, time: view.getBigUint64(at + 24, true) });
    if (type !== RECORD_TYPES.sample) continue;
    if (reader.read(view, at + 8, at + size)) rows.push({ record, time: reader.sample.time });
    else counts.skip("other");
  }
  return rows.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).map(({ record }) => record);
}

async function* readBatches(
  reading: Reading,
  { cpus = 65536, batchBytes = DEFAULT_BATCH_BYTES }: ReadOptions,
): AsyncIterable<EventBatch> {
  const { file, events, counts, name } = reading;
  const { bytes } = file;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const batch = new BatchWriter(batchBytes, ENTRY_RECORD_BYTES);
  const reader = createSampleReader(file.attributes.find(({ type }) => type === TRACEPOINT) as Attribute);
  const { sample } = reader;
  const indexes = new Map(events.map(({ format: { id } }, index) => [id, index]));
  const names = new Map<number, Uint8Array>();
  for (const { at, size, type } of ordered(reading, reader)) {
    if (type === RECORD_TYPES.comm) {
      names.set(view.getInt32(at + 12, true), textAt(bytes, at + 16, at + size));
      continue;
    }
    if (type === RECORD_TYPES.fork) {
      // A thread has the name of the one that made it, until it takes another.
      const name = names.get(view.getInt32(at + 20, true));
      if (name !== undefined) names.set(view.getInt32(at + 16, true), name);
      continue;
    }
    reader.read(view, at + 8, at + size);
    const { from, length, time, cpu, pid, tid } = sample;
    const event = length >= COMMON_BYTES ? indexes.get(view.getUint16(from, true)) : undefined;
    if (event === undefined || length > MAX_ENTRY_BYTES) counts.skip("event");
    else if (cpu >= cpus) counts.skip("cpu");
    else {
      const full = batch.hasRoom() ? undefined : batch.take();
      if (full !== undefined) yield full;
      const [timeLow, timeHigh] = [Number(time & 0xffff_ffffn), Number(time >> 32n)];
      const comm = names.get(tid) ?? (tid === 0 ? idle(cpu) : UNKNOWN);
      writeEntry(batch, bytes, from, length, { timeLow, timeHigh, cpu, tgid: pid, comm, event });
      counts.keep(event);
    }
  }
  const last = batch.take();
  if (last !== undefined) yield last;
  if (counts.read === 0) throw new AnyctxError("BAD_TRACE", `${name} is a perf.data without an event that can be read`);
}

function textAt(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const end = bytes.indexOf(0, from);
  return bytes.subarray(from, end < 0 || end > to ? to : end);
}

const encode = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const UNKNOWN = encode("<...>");
const idle = (cpu: number): Uint8Array => encode(`swapper/${cpu}`);
