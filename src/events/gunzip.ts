/** Unpacks a stream where it begins as gzip does. */
import { AnyctxError } from "../error.ts";
import { peek } from "./peek.ts";

/** Turns packed chunks into unpacked ones; throws what it likes when they are damaged. */
export type Gunzip = (packed: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Gunzip by the platform's DecompressionStream, for browsers. */
export async function* gunzipStream(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = packed[Symbol.asyncIterator]();
  const source = new ReadableStream<BufferSource>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  const reader = source.pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * The bytes as they are, or unpacked where the first two are gzip's.
 * @throws {AnyctxError} BAD_TRACE while iterating: damaged or cut data; a name in `.gz` on something else
 */
export async function* gunzipWhereNeeded(
  input: AsyncIterable<Uint8Array>,
  name: string,
  gunzip: Gunzip,
): AsyncGenerator<Uint8Array> {
  const { first, all, close } = await peek(input, 2);
  try {
    if (first[0] === 0x1f && first[1] === 0x8b) yield* unpack(all, name, gunzip);
    else if (first.length > 0 && name.endsWith(".gz"))
      throw new AnyctxError("BAD_TRACE", `${name} is named .gz, but byte 0 is not where a gzip file begins`);
    else yield* all;
  } finally {
    await close();
  }
}

async function* unpack(packed: AsyncIterable<Uint8Array>, name: string, gunzip: Gunzip): AsyncIterable<Uint8Array> {
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
    for await (const chunk of gunzip(watched())) {
      bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (inputError !== undefined) throw inputError;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AnyctxError("BAD_TRACE", `${name}: gzip data is damaged or cut after ${bytes} bytes of text: ${reason}`, {
      cause: error,
    });
  }
}
