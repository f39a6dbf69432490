/**
 * The door to events: unpacks an input where it is packed, looks at its first bytes and lets the kind of source that
 * knows them read it. Works on a stream of bytes, in Node and in browsers; `file.ts` opens files.
 */
import { AnyctxError } from "../error.ts";
import type { ByteRange } from "./bytes.ts";
import { foreignKind, foreignText } from "./foreign.ts";
import { peek } from "./peek.ts";
import type { EventSource, EventStream, ReadOptions } from "./source.ts";
import { EVENT_SOURCES } from "./sources.ts";
import { gunzipStream, inflateStream, type Unpackers, unpackWhereNeeded } from "./unpack.ts";

/** So many bytes tell what an input is. */
const PEEK_BYTES = 512;
/** So many of them a message shows. */
const SHOWN_BYTES = 8;

export interface OpenOptions extends ReadOptions {
  /** The kind of source, whatever the input begins with; by default its first bytes tell. */
  readonly kind?: string;
  /** What messages call the input, `the input` by default. A name that ends in `.gz` promises gzip. */
  readonly name?: string;
  /** Bytes of the input, where they are known. */
  readonly totalBytes?: number;
  /** The input where it lies, for kinds that go to and fro in it. */
  readonly range?: ByteRange;
  /** How to unpack what is packed; gzip by the platform's DecompressionStream by default, others not at all. */
  readonly unpackers?: Unpackers;
}

/**
 * Opens a stream of bytes as a stream of events. Waits for its first bytes.
 * @param sources the kinds that the input may be of
 * @throws {AnyctxError} BAD_TRACE for an input that is empty, of no known kind, or damaged where it begins; EINVAL for a
 *   `kind` that is not there; while iterating, as `SourceEvents.batches` says
 */
export async function openEventStream(
  input: AsyncIterable<Uint8Array>,
  options: OpenOptions = {},
  sources: readonly EventSource[] = EVENT_SOURCES,
): Promise<EventStream> {
  const { kind, name = "the input", totalBytes, range, unpackers, ...readOptions } = options;
  const unpack = { gzip: gunzipStream, zlib: inflateStream, ...unpackers };
  const progress = { read: 0, total: totalBytes };
  const { first, all, close } = await peek(unpackWhereNeeded(counted(input, progress), name, unpack), PEEK_BYTES);
  try {
    if (first.length === 0) throw new AnyctxError("BAD_TRACE", `${name} is empty`);
    const source = kind === undefined ? recognized(first, name, sources) : named(kind, sources);
    const cpus = source.cpus?.(first);
    // What was packed is not where it lies.
    const placed = source.inPlace === true && range !== undefined && beginsWith(range, first) ? range : undefined;
    if (placed === undefined) range?.close();
    else await close();
    const input = { bytes: all, name, unpackers: unpack, ...(placed === undefined ? {} : { range: placed }) };
    return {
      ...(await source.read(input, readOptions)),
      kind: source.kind,
      progress: placed === undefined ? progress : progressOf(placed),
      ...(cpus === undefined ? {} : { cpus }),
    };
  } catch (error) {
    range?.close();
    await close();
    throw error;
  }
}

function beginsWith(range: ByteRange, first: Uint8Array): boolean {
  const bytes = range.subarray(0, first.length);
  return bytes.length === first.length && first.every((byte, index) => bytes[index] === byte);
}

function progressOf(range: ByteRange): EventStream["progress"] {
  return {
    total: range.length,
    get read() {
      return range.read;
    },
  };
}

async function* counted(input: AsyncIterable<Uint8Array>, progress: { read: number }): AsyncIterable<Uint8Array> {
  for await (const chunk of input) {
    progress.read += chunk.length;
    yield chunk;
  }
}

const kindsOf = (sources: readonly EventSource[]): string => sources.map(({ kind }) => kind).join(", ");

function named(kind: string, sources: readonly EventSource[]): EventSource {
  const source = sources.find((each) => each.kind === kind);
  if (source !== undefined) return source;
  throw new AnyctxError("EINVAL", `"${kind}" is no kind of event source; known are ${kindsOf(sources)}`);
}

function recognized(first: Uint8Array, name: string, sources: readonly EventSource[]): EventSource {
  const text = foreignText(first);
  const source = text === undefined ? sources.find(({ recognizes }) => recognizes(first)) : undefined;
  if (source !== undefined) return source;
  const foreign = text ?? foreignKind(first);
  const what = foreign === undefined ? `${name} begins with ${shown(first)}, as` : `${name} is ${foreign}, which`;
  throw new AnyctxError(
    "BAD_TRACE",
    foreign === undefined
      ? `${what} no kind of events that can be read does; known are ${kindsOf(sources)}`
      : `${what} holds no events; known are ${kindsOf(sources)}`,
  );
}

/** `7f 45 4c 46 (.ELF)` */
function shown(first: Uint8Array): string {
  const bytes = [...first.subarray(0, SHOWN_BYTES)];
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = bytes.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
  return `${hex} (${text})`;
}
