/**
 * Ctrl-C while a trace is read ends the trace there: what was seen until then is still reported, as with a trace that
 * is written while we read. A second one ends the process.
 */
const INTERRUPTED = 130;

export interface Interruptible {
  /** What `source` gives until the first interrupt. */
  until<T>(source: AsyncIterable<T>): AsyncIterable<T>;
  /** Leaves later interrupts to the process. */
  done(): void;
}

export function untilInterrupt(): Interruptible {
  let stop = (): void => undefined;
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  const interrupt = (): void => {
    process.once("SIGINT", () => process.exit(INTERRUPTED));
    stop();
  };
  process.once("SIGINT", interrupt);
  return {
    until: (source) => passOn(source, stopped),
    done: () => process.off("SIGINT", interrupt),
  };
}

/** The source may be waiting for bytes that never come when it is stopped, so nothing waits for it to end. */
async function* passOn<T>(source: AsyncIterable<T>, stopped: Promise<undefined>): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), stopped]);
    if (next === undefined || next.done === true) return;
    yield next.value;
  }
}
