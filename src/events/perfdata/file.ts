/**
 * What is in a `perf.data`, as perf writes it to a file or to a pipe: attributes of events, the kernel's formats, records one behind the
 * other. Source: Linux `tools/perf/Documentation/perf.data-file-format.txt` and `include/uapi/linux/perf_event.h`.
 */
import { AnyctxError } from "../../error.ts";
import { Cursor, letters } from "../bytes.ts";
import {
  isTracingData,
  newTracingData,
  readTracingData,
  TRACING_MAGIC_BYTES,
  type TracingData,
} from "../tracepoints/tracing-data.ts";

const MAGIC = "PERFILE2";
const OLD_MAGIC = "PERFFILE";
const BIG_ENDIAN = "2ELIFREP";

/** Whether an input begins as a `perf.data` does, of whatever age and byte order. */
export function isPerfData(first: Uint8Array): boolean {
  return [MAGIC, OLD_MAGIC, BIG_ENDIAN].includes(letters(first.subarray(0, 8)));
}

/** What is asked of samples, by `PERF_SAMPLE_` bits. */
export interface Attribute {
  readonly type: number;
  readonly config: bigint;
  readonly sampleType: number;
  readonly readFormat: number;
  /** Whether every record ends with who and when. */
  readonly everywhere: boolean;
  readonly ids: readonly bigint[];
}

export interface PerfData {
  readonly attributes: readonly Attribute[];
  readonly tracing: TracingData;
  /** Records from here on. */
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** `PERF_TYPE_TRACEPOINT`. */
export const TRACEPOINT = 2;
export const RECORD_TYPES = {
  lost: 2,
  comm: 3,
  fork: 7,
  sample: 9,
  lostSamples: 13,
  attribute: 64,
  tracingData: 66,
  compressed: 81,
  compressed2: 83,
} as const;

const PIPE_HEADER_BYTES = 16;
const TRACING_FEATURE = 1;
const FEATURE_BITS = 256;
const SAMPLE_ID_ALL = 1n << 18n;

/** @throws {AnyctxError} BAD_TRACE for a file that is cut or damaged, UNSUPPORTED for one of another kind */
export function readPerfData(bytes: Uint8Array, name: string): PerfData {
  const cursor = new Cursor(bytes, name);
  const magic = letters(cursor.take(MAGIC.length, "magic"));
  if (magic === BIG_ENDIAN)
    throw new AnyctxError("UNSUPPORTED", `${name} is a perf.data of a big-endian machine; little-endian ones are read`);
  if (magic !== MAGIC)
    throw new AnyctxError("UNSUPPORTED", `${name} is a perf.data of before 2010; newer ones are read`);
  return cursor.size("size of the header") === PIPE_HEADER_BYTES ? readPipe(cursor, name) : readFile(cursor, name);
}

function readFile(cursor: Cursor, name: string): PerfData {
  const attributeBytes = cursor.size("size of an attribute");
  const attributesAt = cursor.size("place of the attributes");
  const attributesBytes = cursor.size("size of the attributes");
  const from = cursor.size("place of the records");
  const length = cursor.size("size of the records");
  cursor.skip(16, "event types");
  const features = cursor.take(FEATURE_BITS / 8, "features");
  if (attributeBytes < 64 || attributesBytes % attributeBytes !== 0)
    throw new AnyctxError("BAD_TRACE", `${name} is damaged: attributes of ${attributeBytes} bytes`);
  const attributes: Attribute[] = [];
  for (let at = attributesAt; at < attributesAt + attributesBytes; at += attributeBytes)
    attributes.push(attributeAt(new Cursor(cursor.bytes, name, at), attributeBytes - 16, true));
  // perf that was killed has not written how long the records are: up to the end, then.
  const to = length === 0 ? cursor.bytes.length : Math.min(from + length, cursor.bytes.length);
  const tracing = length === 0 ? newTracingData() : featureTracing(cursor, features, from + length, name);
  return { attributes, tracing, bytes: cursor.bytes, from, to };
}

/** An attribute, and the ids that its samples have: behind it, or where it says (`placed`). */
function attributeAt(cursor: Cursor, bytes: number, placed: boolean): Attribute {
  const start = cursor.at;
  const type = cursor.u32("type of an event");
  cursor.u32("size of an attribute");
  const config = cursor.u64("event");
  cursor.u64("period");
  const sampleType = Number(cursor.u64("sample type") & 0xffff_ffffn);
  const readFormat = Number(cursor.u64("read format") & 0xffn);
  const everywhere = (cursor.u64("flags") & SAMPLE_ID_ALL) !== 0n;
  cursor.at = start;
  cursor.skip(bytes, "attribute");
  const ids: bigint[] = [];
  if (placed) {
    const list = new Cursor(cursor.bytes, "ids of an attribute", cursor.size("place of ids"));
    for (let left = cursor.size("size of ids") / 8; left >= 1; left--) ids.push(list.u64("id"));
  }
  return { type, config, sampleType, readFormat, everywhere, ids };
}

/** The kernel's formats, which lie behind the records. */
function featureTracing(cursor: Cursor, features: Uint8Array, behind: number, name: string): TracingData {
  const isSet = (bit: number): boolean => (((features[bit >> 3] as number) >> (bit & 7)) & 1) === 1;
  if (!isSet(TRACING_FEATURE)) return newTracingData();
  const before = isSet(0) ? 1 : 0;
  const table = new Cursor(cursor.bytes, name, behind + before * 16);
  return tracingAt(new Cursor(cursor.bytes, name, table.size("place of the formats")), name);
}

function tracingAt(cursor: Cursor, name: string): TracingData {
  const data = newTracingData();
  if (!isTracingData(cursor.bytes.subarray(cursor.at, cursor.at + TRACING_MAGIC_BYTES)))
    throw new AnyctxError("BAD_TRACE", `${name} is damaged: no formats at byte ${cursor.at}`);
  cursor.skip(TRACING_MAGIC_BYTES, "formats");
  const version = cursor.text("version");
  cursor.skip(2, "byte order");
  cursor.u32("page size");
  readTracingData(cursor, data, Number(version) >= 0.6);
  return data;
}

/** Written to a pipe: attributes and formats are records among the others. */
function readPipe(cursor: Cursor, name: string): PerfData {
  const attributes: Attribute[] = [];
  let tracing = newTracingData();
  const from = cursor.at;
  const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset, cursor.bytes.length);
  for (let at = from; at + 8 <= cursor.bytes.length; ) {
    const [type, size] = [view.getUint32(at, true), view.getUint16(at + 6, true)];
    if (size < 8) break;
    if (type === RECORD_TYPES.attribute) {
      const bytes = view.getUint32(at + 12, true);
      const attribute = attributeAt(new Cursor(cursor.bytes, name, at + 8), bytes, false);
      const ids = new Cursor(cursor.bytes.subarray(at + 8 + bytes, at + size), name);
      const list = Array.from({ length: Math.max(0, (size - 8 - bytes) >> 3) }, () => ids.u64("id"));
      attributes.push({ ...attribute, ids: list });
    }
    if (type === RECORD_TYPES.tracingData) tracing = tracingAt(new Cursor(cursor.bytes, name, at + size), name);
    at += size + behindRecord(view, at, type);
  }
  return { attributes, tracing, bytes: cursor.bytes, from, to: cursor.bytes.length };
}

/** Bytes that follow a record without being counted in its size: the formats, in a pipe. */
export function behindRecord(view: DataView, at: number, type: number): number {
  return type === RECORD_TYPES.tracingData && at + 12 <= view.byteLength ? (view.getUint32(at + 8, true) + 7) & ~7 : 0;
}
