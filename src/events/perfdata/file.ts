/** What is in a `perf.data` before its records, as perf writes it to a file. */
import { AnyctxError } from "../../error.ts";
import { type ByteRange, Cursor, letters } from "../bytes.ts";
import {
  checkLong,
  isTracingData,
  newTracingData,
  readTracingData,
  TRACING_MAGIC_BYTES,
  type TracingData,
} from "../tracepoints/tracing-data.ts";
import { type Attribute, readAttribute, readIds } from "./attribute.ts";
import { chunksOf } from "./records.ts";

const MAGIC = "PERFILE2";
const OLD_MAGIC = "PERFFILE";
const BIG_ENDIAN = "2ELIFREP";

/** Whether an input begins as a `perf.data` does, of whatever age and byte order. */
export function isPerfData(first: Uint8Array): boolean {
  return [MAGIC, OLD_MAGIC, BIG_ENDIAN].includes(letters(first.subarray(0, MAGIC.length)));
}

export interface PerfData {
  readonly attributes: readonly Attribute[];
  readonly tracing: TracingData;
  /** Its samples are in other files of the same folder. */
  readonly isElsewhere: boolean;
  /** The records, cut anywhere. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Magic and size of the header: so many bytes say how perf wrote it. */
export const BEGINNING_BYTES = 16;
const HEADER_BYTES = 104;
const TRACING_FEATURE = 1;
const FOLDER_FEATURE = 24;
const FEATURE_BYTES = 32;
const SECTION_BYTES = 16;

/** Whether perf wrote it to a pipe. @throws {AnyctxError} UNSUPPORTED for one of another kind, BAD_TRACE: cut */
export function isPipe(beginning: Uint8Array, name: string): boolean {
  const cursor = new Cursor(beginning, name);
  const magic = letters(cursor.take(MAGIC.length, "magic"));
  if (magic === BIG_ENDIAN)
    throw new AnyctxError("UNSUPPORTED", `${name} is a perf.data of a big-endian machine; little-endian ones are read`);
  if (magic !== MAGIC)
    throw new AnyctxError("UNSUPPORTED", `${name} is a perf.data of before 2010; newer ones are read`);
  return cursor.size("size of the header") === BEGINNING_BYTES;
}

/** @throws {AnyctxError} BAD_TRACE for a file that is cut or damaged */
export function readPerfFile(range: ByteRange, name: string): PerfData {
  const cursor = new Cursor(range.subarray(0, HEADER_BYTES), name, BEGINNING_BYTES);
  const attributeBytes = cursor.size("size of an attribute");
  const attributes = section(cursor, "attributes");
  const records = section(cursor, "records");
  section(cursor, "event types");
  const features = cursor.take(FEATURE_BYTES, "features");
  if (attributeBytes < 64 || attributes.length % attributeBytes !== 0)
    throw new AnyctxError("BAD_TRACE", `${name} is damaged: attributes of ${attributeBytes} bytes`);
  const list = cursorAt(range, attributes, name);
  const all: Attribute[] = [];
  while (list.at < list.bytes.length) {
    const attribute = readAttribute(list, attributeBytes - SECTION_BYTES);
    const ids = section(list, "ids");
    all.push({ ...attribute, ids: readIds(cursorAt(range, ids, name), ids.length) });
  }
  const behind = records.from + records.length;
  // perf that was killed has not written how long the records are: up to the end, then.
  const isWhole = records.length > 0;
  return {
    attributes: all,
    isElsewhere: isWhole && isSet(features, FOLDER_FEATURE),
    tracing: isWhole ? tracingOf(range, features, behind, name) : newTracingData(),
    chunks: chunksOf(range.part(records.from, isWhole ? behind : range.length)),
  };
}

interface Section {
  readonly from: number;
  readonly length: number;
}

function section(cursor: Cursor, what: string): Section {
  return { from: cursor.size(`place of ${what}`), length: cursor.size(`size of ${what}`) };
}

function cursorAt(range: ByteRange, { from, length }: Section, name: string): Cursor {
  const bytes = range.subarray(from, from + length);
  if (bytes.length === length) return new Cursor(bytes, name);
  throw new AnyctxError("BAD_TRACE", `${name} is cut or damaged: no ${length} bytes at byte ${from}`);
}

const isSet = (features: Uint8Array, bit: number): boolean => (((features[bit >> 3] as number) >> (bit & 7)) & 1) === 1;

/** The kernel's formats: what features have lies behind the records, and before that where. */
function tracingOf(range: ByteRange, features: Uint8Array, behind: number, name: string): TracingData {
  if (!isSet(features, TRACING_FEATURE)) return newTracingData();
  const before = isSet(features, 0) ? 1 : 0;
  const table = cursorAt(range, { from: behind + before * SECTION_BYTES, length: SECTION_BYTES }, name);
  return tracingIn(cursorAt(range, section(table, "formats"), name), name);
}

/** @throws {AnyctxError} BAD_TRACE: damaged */
export function tracingIn(cursor: Cursor, name: string): TracingData {
  const data = newTracingData();
  if (!isTracingData(cursor.bytes.subarray(cursor.at, cursor.at + TRACING_MAGIC_BYTES)))
    throw new AnyctxError("BAD_TRACE", `${name} is damaged: no formats where they should be`);
  cursor.skip(TRACING_MAGIC_BYTES, "formats");
  const version = cursor.text("version");
  cursor.u8("byte order");
  checkLong(cursor.u8("size of a long"), `${name} is a perf.data`);
  cursor.u32("page size");
  readTracingData(cursor, data, Number(version) >= 0.6);
  return data;
}
