/** A trace that is replayed many times: kept in memory after the first time if it is small enough, otherwise read again. */
import type { EventBatch } from "../events/batch.ts";
import type { Trace } from "../events/ftrace/text.ts";

export type OpenTrace = () => Promise<Trace>;

/** Bytes of records that are kept. */
const MOST_KEPT = 1 << 28;

export function keepTrace(open: OpenTrace, most: number = MOST_KEPT): OpenTrace {
  let kept: { readonly trace: Trace; readonly batches: readonly EventBatch[] } | undefined;
  return async () => {
    if (kept !== undefined) return { ...kept.trace, batches: again(kept.batches) };
    const trace = await open();
    const keep = (batches: readonly EventBatch[]): void => {
      kept = { trace, batches };
    };
    return { ...trace, batches: collect(trace.batches, most, keep) };
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
    if (bytes <= most) seen.push(batch);
    else seen.length = 0;
    yield batch;
  }
  if (bytes <= most) keep(seen);
}
