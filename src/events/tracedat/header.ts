/**
 * What a `trace.dat` of trace-cmd says of itself, versions 6 and 7: formats, names of tasks and functions, where each CPU's pages lie.
 * Source: trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5).
 */
import { AnyctxError } from "../../error.ts";
import { type ByteRange, Cursor, letters } from "../bytes.ts";
import type { FtraceFormat } from "../tracepoints/format.ts";
import type { PageLayout } from "../tracepoints/ring.ts";
import {
  checkLong,
  isTracingData,
  newTracingData,
  readFormats,
  readFtraceFormats,
  readHeaderInfo,
  readTasks,
  readTracingData,
  TRACING_MAGIC_BYTES,
  type TracingData,
} from "../tracepoints/tracing-data.ts";

/** Whether an input begins as a `trace.dat` does. */
export const isTraceDat: (first: Uint8Array) => boolean = isTracingData;

/** Pages of one CPU in one buffer: where they lie, or packed. Pieces of the same ones follow each other. */
export interface CpuPages {
  /** Instances of tracefs have buffers of their own. */
  readonly buffer: number;
  readonly cpu: number;
  readonly pages: ByteRange | PackedPages;
}

export interface PackedPages {
  unpack(): Promise<Uint8Array>;
}

export interface TraceDat {
  readonly pageBytes: number;
  readonly layout: PageLayout;
  readonly formats: readonly FtraceFormat[];
  /** Names of tasks by pid. */
  readonly tasks: ReadonlyMap<number, string>;
  /** Text of `/proc/kallsyms`. */
  readonly kallsyms: string;
  readonly cpus: readonly CpuPages[];
  /** Text instead of pages, of a file that was recorded with a latency tracer. */
  readonly text?: Uint8Array;
  /** Bytes of pages that should be there and are not. */
  readonly missing: number;
}

/** What stands before the pages: formats, symbols, names. */
const MOST_HEADER_BYTES = 1 << 28;

/** Unpacks a piece whose size is known. @throws what it likes */
export type UnpackPiece = (packed: Uint8Array, algorithm: string) => Promise<Uint8Array>;

/** What the parts of the header come to, while they are read. */
interface Parts extends TracingData {
  readonly cpus: CpuPages[];
  /** Buffers that were read. */
  buffers: number;
  text?: Uint8Array;
  missing: number;
}

/** @throws {AnyctxError} BAD_TRACE for a file that is cut or damaged where it says what is in it, UNSUPPORTED for one of another kind */
export async function readTraceDat(range: ByteRange, name: string, unpack: UnpackPiece): Promise<TraceDat> {
  const cursor = new Cursor(range.subarray(0, MOST_HEADER_BYTES), name, TRACING_MAGIC_BYTES);
  const version = cursor.text("version");
  if (version !== "6" && version !== "7")
    throw new AnyctxError("UNSUPPORTED", `${name} is a trace.dat of version ${version}; 6 and 7 are read`);
  if (cursor.u8("byte order") !== 0)
    throw new AnyctxError("UNSUPPORTED", `${name} is a trace.dat of a big-endian machine; little-endian ones are read`);
  checkLong(cursor.u8("size of a long"), `${name} is a trace.dat`);
  const pageBytes = cursor.u32("page size");
  if (pageBytes < 64 || pageBytes > 1 << 24)
    throw new AnyctxError("BAD_TRACE", `${name} is damaged: pages of ${pageBytes} bytes`);
  const parts: Parts = { ...newTracingData(), cpus: [], buffers: 0, missing: 0 };
  if (version === "6") readVersion6(range, cursor, parts, name);
  else await readVersion7(range, cursor, parts, name, unpack);
  return { pageBytes, ...parts };
}

function readVersion6(range: ByteRange, cursor: Cursor, parts: Parts, name: string): void {
  readTracingData(cursor, parts, true);
  const cpus = cursor.u32("number of CPUs");
  for (const at of readBuffer6(range, cursor, parts, cpus))
    readBuffer6(range, new Cursor(range.subarray(at, at + MOST_HEADER_BYTES), name), parts, cpus);
}

/** Options and where the pages of one buffer lie. @returns where those of instances say so */
function readBuffer6(range: ByteRange, cursor: Cursor, parts: Parts, cpus: number): number[] {
  const buffers: number[] = [];
  let count = cpus;
  for (let kind = letters(cursor.take(10, "kind of data")); ; kind = letters(cursor.take(10, "kind of data"))) {
    if (kind.startsWith("latency")) {
      parts.text = cursor.bytes.subarray(cursor.at);
      return buffers;
    }
    if (kind.startsWith("flyrecord")) break;
    for (let option = cursor.u16("option"); option !== 0; option = cursor.u16("option")) {
      const data = new Cursor(cursor.take(cursor.u32("size of an option"), "option"), "an option");
      if (option === OPTION.buffer) buffers.push(data.size("place of a buffer"));
      else if (option === OPTION.cpus) count = data.u32("number of CPUs");
    }
  }
  const buffer = parts.buffers++;
  for (let cpu = 0; cpu < count; cpu++)
    addPages(range, parts, { buffer, cpu }, cursor.size("place"), cursor.size("size"));
  return buffers;
}

type Place = Pick<CpuPages, "buffer" | "cpu">;

/** Pages that lie in the file as they are. A file that ends before them has what is there. */
function addPages(range: ByteRange, parts: Parts, place: Place, from: number, length: number): void {
  const there = range.part(from, from + length);
  parts.missing += length - there.length;
  parts.cpus.push({ ...place, pages: there });
}

/** Numbers of sections and options (version 7). */
const OPTION = {
  done: 0,
  buffer: 3,
  cpus: 8,
  headerInfo: 16,
  ftrace: 17,
  formats: 18,
  kallsyms: 19,
  tasks: 21,
  text: 22,
} as const;
const COMPRESSED = 1;
/** Kind, flags, name, size; and of one that is packed both sizes. */
const SECTION_HEAD_BYTES = 24;
/** More sections of options than any file has: one that leads back to itself must not be followed for ever. */
const MOST_SECTIONS = 1000;

async function readVersion7(
  range: ByteRange,
  cursor: Cursor,
  parts: Parts,
  name: string,
  unpack: UnpackPiece,
): Promise<void> {
  const algorithm = cursor.text("compression");
  cursor.text("version of the compression");
  const file: File7 = { range, name, unpack: (packed) => unpack(packed, algorithm) };
  let next = cursor.size("place of the options");
  for (let sections = 0; next !== 0; sections++) {
    if (sections >= MOST_SECTIONS) throw new AnyctxError("BAD_TRACE", `${name} is damaged: its options never end`);
    const options = await sectionAt(file, next);
    next = 0;
    for (let id = options.u16("option"); ; id = options.u16("option")) {
      const data = new Cursor(options.take(options.u32("size of an option"), "option"), `an option of ${name}`);
      if (id === OPTION.done) {
        next = data.size("place of the next options");
        break;
      }
      await readOption(file, id, data, parts);
    }
  }
}

interface File7 {
  readonly range: ByteRange;
  readonly name: string;
  readonly unpack: (packed: Uint8Array) => Promise<Uint8Array>;
}

async function readOption(file: File7, id: number, data: Cursor, parts: Parts): Promise<void> {
  if (id === OPTION.headerInfo) readHeaderInfo(await sectionAt(file, data.size("place")), parts);
  else if (id === OPTION.ftrace) readFtraceFormats(await sectionAt(file, data.size("place")), parts);
  else if (id === OPTION.formats) readFormats(await sectionAt(file, data.size("place")), parts);
  else if (id === OPTION.kallsyms || id === OPTION.tasks) {
    const section = await sectionAt(file, data.size("place"));
    const size = id === OPTION.tasks ? section.size("size") : section.u32("size");
    const text = letters(section.take(size, "text"));
    if (id === OPTION.tasks) readTasks(text, parts);
    else parts.kallsyms = text;
  } else if (id === OPTION.text) {
    const section = await sectionAt(file, data.size("place"));
    parts.text = section.bytes.subarray(section.at);
  } else if (id === OPTION.buffer) await readBuffer(file, data, parts);
}

/** A section, unpacked, from behind its header on. */
async function sectionAt(file: File7, at: number): Promise<Cursor> {
  const head = new Cursor(file.range.subarray(at, at + SECTION_HEAD_BYTES), `a section of ${file.name} at byte ${at}`);
  head.u16("section");
  const isPacked = (head.u16("flags of a section") & COMPRESSED) !== 0;
  head.u32("name of a section");
  const size = head.size("size of a section");
  const what = `a section of ${file.name}`;
  if (!isPacked) return new Cursor(takeAt(file, at + head.at, size), what);
  const packed = head.u32("packed size");
  head.u32("size");
  return new Cursor(await unpackPiece(file, takeAt(file, at + head.at, packed)), what);
}

/** A copy of bytes that have to be there. */
function takeAt({ range, name }: File7, from: number, length: number): Uint8Array {
  const bytes = range.subarray(from, from + length);
  if (bytes.length === length) return bytes;
  throw new AnyctxError("BAD_TRACE", `${name} is cut or damaged: no ${length} bytes at byte ${from}`);
}

async function unpackPiece(file: File7, packed: Uint8Array): Promise<Uint8Array> {
  try {
    return await file.unpack(packed);
  } catch (error) {
    if (error instanceof AnyctxError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AnyctxError("BAD_TRACE", `${file.name}: packed data is damaged: ${reason}`, { cause: error });
  }
}

/** The pages of one instance: as they are, or in pieces that are packed one by one. */
async function readBuffer(file: File7, data: Cursor, parts: Parts): Promise<void> {
  const at = data.size("place of a buffer");
  data.text("name of a buffer");
  data.text("clock");
  data.u32("page size");
  const section = new Cursor(file.range.subarray(at, at + SECTION_HEAD_BYTES), file.name);
  section.u16("section");
  const isPacked = (section.u16("flags of a section") & COMPRESSED) !== 0;
  const buffer = parts.buffers++;
  for (let cpus = data.u32("number of CPUs"); cpus > 0; cpus--) {
    const place = { buffer, cpu: data.u32("CPU") };
    const [from, length] = [data.size("place"), data.size("size")];
    if (!isPacked || length === 0) addPages(file.range, parts, place, from, length);
    else addPacked(file, parts, place, from);
  }
}

/** Each piece is unpacked when its turn comes. */
function addPacked(file: File7, parts: Parts, buffer: Place, from: number): void {
  const numbers = new Uint32Array(1);
  const numberAt = (at: number): number => {
    new Uint8Array(numbers.buffer).set(takeAt(file, at, 4));
    return numbers[0] as number;
  };
  let at = from + 4;
  for (let chunks = numberAt(from); chunks > 0; chunks--) {
    const [place, packed] = [at + 8, numberAt(at)];
    if (place + packed > file.range.length) takeAt(file, place, packed);
    parts.cpus.push({ ...buffer, pages: { unpack: () => unpackPiece(file, takeAt(file, place, packed).slice()) } });
    at = place + packed;
  }
}
