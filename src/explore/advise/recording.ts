/** Events that are replayed many times: kept in memory after the first time if they are few enough, otherwise read again. */
import type { EventBatch } from "../../events/batch.ts";
import type { EventStream } from "../../events/source.ts";

export type OpenStream = () => Promise<EventStream>;

/** Bytes of records that are kept. */
const MOST_KEPT = 1 << 28;

export function keepStream(open: OpenStream, most: number = MOST_KEPT): OpenStream {
  let kept: { readonly stream: EventStream; readonly batches: readonly EventBatch[] } | undefined;
  return async () => {
    if (kept !== undefined) return { ...kept.stream, batches: again(kept.batches) };
    const stream = await open();
    const keep = (batches: readonly EventBatch[]): void => {
      kept = { stream, batches };
    };
    return { ...stream, batches: collect(stream.batches, most, keep) };
  };
}

async function* again(batches: readonly EventBatch[]): AsyncGenerator<EventBatch> {
  yield* batches;
}

/** Passes batches on, and to `keep` when all of them were read and are no more than `most` bytes. */
async function* collect(
  batches: AsyncIterable<EventBatch>,
  most: number,
  keep: (batches: readonly EventBatch[]) => void,
): AsyncGenerator<EventBatch> {
  const seen: EventBatch[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    bytes += batch.bytes.length;
    if (bytes > most) {
      seen.length = 0;
      yield batch;
      continue;
    }
    const kept = { bytes: batch.bytes, count: batch.count };
    seen.push(kept);
    yield kept;
  }
  if (bytes <= most) keep(seen);
}
