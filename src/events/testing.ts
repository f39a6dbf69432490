/** Helpers of the tests of sources. */
import type { EventStream } from "./source.ts";

/** Bytes as a stream of chunks. */
export async function* chunksIn(bytes: Uint8Array, length = 4096): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += length) yield bytes.subarray(from, from + length);
}

/** Reads a stream to its end. @returns records */
export async function drain({ batches }: Pick<EventStream, "batches">): Promise<number> {
  let records = 0;
  for await (const { count } of batches) records += count;
  return records;
}
