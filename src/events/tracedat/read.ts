/** Reads trace-cmd's `trace.dat`: the pages of all CPUs, merged in order of time. */
import { AnyctxError } from "../../error.ts";
import { BatchWriter, DEFAULT_BATCH_BYTES, type EventBatch } from "../batch.ts";
import { type ByteRange, memoryRange, wholeOf } from "../bytes.ts";
import { ReadCounts } from "../counts.ts";
import type { SourceEvent } from "../event.ts";
import type { ReadOptions, SkipReason, SourceEvents, SourceInput } from "../source.ts";
import { COMMON_BYTES, ENTRY_RECORD_BYTES, writeEntry } from "../tracepoints/entry.ts";
import { ProbeEvents } from "../tracepoints/functions.ts";
import { kernelSymbols } from "../tracepoints/symbols.ts";
import type { Unpackers } from "../unpack.ts";
import { CpuCursor } from "./cursor.ts";
import { type CpuPages, readTraceDat, type TraceDat } from "./header.ts";

type Skip = "event" | "cpu" | "damaged" | "cut";

const SKIP_REASONS: Readonly<Record<Skip, Omit<SkipReason, "reason">>> = {
  event: { doc: "an event whose format the file does not have" },
  cpu: { doc: "a CPU number beyond the given number of CPUs", option: "cpus" },
  damaged: { doc: "the rest of a page in which no entry can be" },
  cut: { doc: "pages that the file ends before" },
};

const TWO_32 = 2 ** 32;

export async function readTraceDatEvents(
  { bytes, range, name, unpackers = {} }: SourceInput,
  options: Omit<ReadOptions, "formats"> = {},
): Promise<SourceEvents> {
  const input = range ?? memoryRange(await wholeOf(bytes, name));
  const file = await readTraceDat(input, name, (packed, algorithm) => unpackPiece(packed, algorithm, unpackers, name));
  if (file.text !== undefined)
    throw new AnyctxError(
      "UNSUPPORTED",
      `${name} is a trace.dat that holds text instead of events: trace-cmd report prints it, and that is read`,
    );
  const events = file.formats.map(
    (format, index): SourceEvent => ({
      ...{ index, name: format.name, category: format.category, unprinted: [], unreadable: [] },
      get format() {
        return format;
      },
    }),
  );
  const counts = new ReadCounts<Skip>(SKIP_REASONS, events);
  const symbols = kernelSymbols(file.kallsyms);
  const probes = new ProbeEvents(events, symbols);
  const batches = closing(readBatches({ file, name, counts, probes }, options), input);
  return { events, counts, batches, symbols };
}

async function* closing(batches: AsyncIterable<EventBatch>, input: ByteRange): AsyncIterable<EventBatch> {
  try {
    yield* batches;
  } finally {
    input.close();
  }
}

async function unpackPiece(
  packed: Uint8Array,
  algorithm: string,
  unpackers: Unpackers,
  name: string,
): Promise<Uint8Array> {
  const unpack = algorithm === "zstd" ? unpackers.zstd : algorithm === "zlib" ? unpackers.zlib : undefined;
  if (unpack === undefined)
    throw new AnyctxError("UNSUPPORTED", `${name} is packed by ${algorithm} inside, which is not unpacked here`);
  return wholeOf(
    unpack(
      (async function* () {
        yield packed;
      })(),
    ),
    name,
  );
}

/** A cursor for each CPU of each buffer. */
function cursorsOf(file: TraceDat): CpuCursor[] {
  const cpus = new Map<string, { cpu: number; pieces: CpuPages["pages"][] }>();
  for (const { buffer, cpu, pages } of file.cpus) {
    const key = `${buffer} ${cpu}`;
    const known = cpus.get(key);
    if (known === undefined) cpus.set(key, { cpu, pieces: [pages] });
    else known.pieces.push(pages);
  }
  return [...cpus.values()].map(({ cpu, pieces }) => new CpuCursor(cpu, pieces, file));
}

interface Reading {
  readonly file: TraceDat;
  readonly name: string;
  readonly counts: ReadCounts<Skip>;
  readonly probes: ProbeEvents;
}

async function* readBatches(
  { file, name, counts, probes }: Reading,
  { cpus = 65536, batchBytes = DEFAULT_BATCH_BYTES }: ReadOptions,
): AsyncIterable<EventBatch> {
  const batch = new BatchWriter(batchBytes, ENTRY_RECORD_BYTES);
  const cursors = cursorsOf(file);
  for (const cursor of cursors) await cursor.open();
  const origin = cursors.reduce(
    (least, { start }) => (start !== undefined && start < least ? start : least),
    2n ** 64n - 1n,
  );
  const [originLow, originHigh] = [Number(origin & 0xffff_ffffn), Number(origin >> 32n)];
  for (const cursor of cursors) cursor.begin(origin);
  for (const cursor of cursors) await catchUp(cursor);
  const indexes = new Map(file.formats.map(({ id }, index) => [id, index]));
  const tasks = new TaskNames(file.tasks);
  for (let next = earliest(cursors); next !== undefined; next = earliest(cursors)) {
    const { page, view, from, length, time, cpu } = next;
    const known = length < COMMON_BYTES ? undefined : indexes.get(view.getUint16(from, true));
    if (known === undefined) counts.skip("event");
    else if (cpu >= cpus) counts.skip("cpu");
    else {
      if (!batch.hasRoom()) {
        const full = batch.take();
        if (full !== undefined) yield full;
      }
      const low = originLow + (time % TWO_32);
      const timeHigh = originHigh + Math.floor(time / TWO_32) + (low >= TWO_32 ? 1 : 0);
      const comm = tasks.of(view.getInt32(from + 4, true), cpu);
      const event = probes.of(known, page, from, length);
      writeEntry(batch, view, from, length, { timeLow: low % TWO_32, timeHigh, cpu, comm, event });
      counts.keep(event);
    }
    next.advance();
    if (next.isWaiting) await catchUp(next);
  }
  for (const { lost, damaged } of cursors) {
    counts.lost += lost;
    for (let left = damaged; left > 0; left--) counts.skip("damaged");
  }
  if (file.missing > 0) counts.skip("cut");
  const last = batch.take();
  if (last !== undefined) yield last;
  if (counts.read === 0) throw new AnyctxError("BAD_TRACE", `${name} is a trace.dat without an event that can be read`);
}

/** Goes on where pieces have to be unpacked first. */
async function catchUp(cursor: CpuCursor): Promise<void> {
  while (cursor.isWaiting) {
    await cursor.load();
    cursor.advance();
  }
}

/** The cursor whose entry is the next in time; undefined: all are at their end. */
function earliest(cursors: readonly CpuCursor[]): CpuCursor | undefined {
  let first: CpuCursor | undefined;
  for (const cursor of cursors) if (!cursor.done && (first === undefined || cursor.time < first.time)) first = cursor;
  return first;
}

/** Names of tasks by the pid of an entry, as bytes. */
class TaskNames {
  readonly #names = new Map<number, Uint8Array>();
  readonly #idle = new Map<number, Uint8Array>();

  constructor(names: ReadonlyMap<number, string>) {
    for (const [pid, name] of names) this.#names.set(pid, encode(name));
  }

  of(pid: number, cpu: number): Uint8Array {
    if (pid !== 0) return this.#names.get(pid) ?? UNKNOWN;
    const known = this.#idle.get(cpu) ?? encode(`swapper/${cpu}`);
    this.#idle.set(cpu, known);
    return known;
  }
}

const encode = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 0xff);
/** As the kernel prints a task whose name it has not kept. */
const UNKNOWN = encode("<...>");
