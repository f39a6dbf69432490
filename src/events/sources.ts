/**
 * The kinds of event source: one row each. An input is of the first kind that recognizes it, so kinds that are known by
 * a magic number stand before those that are known by being text.
 */
import type { EventFormat } from "./event.ts";
import { cpusOfHeader, isText, readTrace } from "./ftrace/text.ts";
import type { EventSource } from "./source.ts";
import { KERNEL_FORMATS } from "./tracepoints/kernel-formats.ts";

export const EVENT_SOURCES: readonly EventSource[] = [
  {
    kind: "ftrace",
    doc: "Text of a Linux kernel trace (the file `trace` of tracefs, or `trace_pipe` saved), plain or gzipped.",
    formats: KERNEL_FORMATS,
    recognizes: isText,
    cpus: cpusOfHeader,
    read: async (input, { formats, ...options }) => {
      if (formats === undefined) return readTrace(input, options);
      const { loadFormats } = await import("./tracepoints/load-formats.ts");
      return readTrace(input, { ...options, formats: loadFormats(formats) });
    },
  },
];

/** Formats of the events that are known before anything is read. */
export const KNOWN_FORMATS: readonly EventFormat[] = EVENT_SOURCES.flatMap(({ formats }) => formats);
