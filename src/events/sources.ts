/** The kinds of event source: one file and one row each. */
import { readTraceStream, type Trace, type TraceOptions } from "./ftrace/text.ts";

export interface EventSource {
  /** What the command line calls it. */
  readonly kind: string;
  readonly doc: string;
  readonly read: (input: AsyncIterable<Uint8Array>, options?: TraceOptions) => Trace;
}

export const EVENT_SOURCES: readonly EventSource[] = [
  {
    kind: "ftrace",
    doc: "Text of a Linux kernel trace (the file `trace` of tracefs, or `trace_pipe` saved), plain or gzipped.",
    read: readTraceStream,
  },
];

export function sourceByKind(kind: string): EventSource | undefined {
  return EVENT_SOURCES.find((source) => source.kind === kind);
}
