/** Unpacks a stream where it begins as a packed one does. */
import { AnyctxError } from "../error.ts";
import { peek } from "./peek.ts";

/** Turns packed chunks into unpacked ones; throws what it likes when they are damaged. */
export type Unpack = (packed: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** By the name of the packing; `zlib` is found inside of recordings only. */
export type Unpackers = Readonly<Partial<Record<PackingName | "zlib", Unpack>>>;

export type PackingName = "gzip" | "zstd" | "xz" | "bzip2" | "lz4";

interface Packing {
  readonly name: PackingName;
  /** The first bytes. */
  readonly magic: readonly number[];
  /** What files are named. */
  readonly suffix: string;
}

/** What is known by its first bytes; what can be unpacked depends on who opens it. */
const PACKINGS: readonly Packing[] = [
  { name: "gzip", magic: [0x1f, 0x8b], suffix: ".gz" },
  { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], suffix: ".zst" },
  { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], suffix: ".xz" },
  { name: "bzip2", magic: [0x42, 0x5a, 0x68], suffix: ".bz2" },
  { name: "lz4", magic: [0x04, 0x22, 0x4d, 0x18], suffix: ".lz4" },
];

const LONGEST_MAGIC = Math.max(...PACKINGS.map(({ magic }) => magic.length));

/** Gunzip by the platform's DecompressionStream, for browsers. */
export async function* gunzipStream(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* chunksOf(streamOf(packed).pipeThrough(new DecompressionStream("gzip")));
}

/** The same for zlib's own form. */
export async function* inflateStream(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* chunksOf(streamOf(packed).pipeThrough(new DecompressionStream("deflate")));
}

/** An iteration as a stream of the web. */
export function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/** A stream of the web as an iteration. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * The bytes as they are, or unpacked where the first of them are a packing's.
 * @throws {AnyctxError} BAD_TRACE while iterating: damaged or cut data; a packing that cannot be unpacked here; a name that promises one
 *   on something else
 */
export async function* unpackWhereNeeded(
  input: AsyncIterable<Uint8Array>,
  name: string,
  unpackers: Unpackers,
): AsyncGenerator<Uint8Array> {
  const { first, all, close } = await peek(input, LONGEST_MAGIC);
  try {
    const packing = PACKINGS.find(({ magic }) => magic.every((byte, index) => first[index] === byte));
    const promised = PACKINGS.find(({ suffix }) => name.endsWith(suffix));
    if (packing !== undefined) yield* unpack(all, name, packing.name, unpackers[packing.name]);
    else if (first.length > 0 && promised !== undefined)
      throw new AnyctxError(
        "BAD_TRACE",
        `${name} is named ${promised.suffix}, but byte 0 is not where a ${promised.name} file begins`,
      );
    else yield* all;
  } finally {
    await close();
  }
}

async function* unpack(
  packed: AsyncIterable<Uint8Array>,
  name: string,
  packing: PackingName,
  unpacker: Unpack | undefined,
): AsyncIterable<Uint8Array> {
  if (unpacker === undefined)
    throw new AnyctxError("BAD_TRACE", `${name} is packed by ${packing}, which is not unpacked here: unpack it first`);
  let bytes = 0;
  // An error of the input itself must not be taken for damaged data. (Only `next` is guarded: at `yield` the unpacker
  // may throw its own error into its source.)
  let inputError: unknown;
  const source = packed[Symbol.asyncIterator]();
  const watched = async function* (): AsyncIterable<Uint8Array> {
    for (;;) {
      const part = await source.next().catch((error: unknown) => {
        inputError = error;
        throw error;
      });
      if (part.done === true) return;
      yield part.value;
    }
  };
  try {
    for await (const chunk of unpacker(watched())) {
      bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (inputError !== undefined) throw inputError;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AnyctxError(
      "BAD_TRACE",
      `${name}: ${packing} data is damaged or cut after ${bytes} bytes of text: ${reason}`,
      {
        cause: error,
      },
    );
  }
}
