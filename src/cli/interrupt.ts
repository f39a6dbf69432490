/**
 * Ctrl-C while a trace is read ends the trace there: what was seen until then is still reported, as with a trace that
 * is written while we read. A second one ends the process.
 */
import type { EventBatch } from "../events/batch.ts";
import type { Trace } from "../events/ftrace.ts";

const INTERRUPTED = 130;

export interface Stopping {
  /** The trace, which ends at the first interrupt. */
  readonly trace: Trace;
  /** Leaves later interrupts to the process. */
  done(): void;
}

export function stopOnInterrupt(trace: Trace): Stopping {
  let stop = (): void => undefined;
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  const interrupt = (): void => {
    process.off("SIGINT", interrupt);
    process.once("SIGINT", () => process.exit(INTERRUPTED));
    stop();
  };
  process.on("SIGINT", interrupt);
  return {
    trace: { ...trace, batches: until(stopped, trace.batches) },
    done: () => process.off("SIGINT", interrupt),
  };
}

/** Passes batches on until `stopped`; the input may be waiting for bytes then, so nothing waits for it. */
async function* until(stopped: Promise<undefined>, batches: AsyncIterable<EventBatch>): AsyncIterable<EventBatch> {
  const iterator = batches[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), stopped]);
    if (next === undefined) return process.stdin.unref?.();
    if (next.done === true) return;
    yield next.value;
  }
}
