/** Where events come from. Everything here loads in a browser; what opens files is in `node.ts`. */
export type { EventBatch } from "./batch.ts";
export { contextOf } from "./context.ts";
export { type EventField, type EventFormat, type FormatTable, parseFormat } from "./format.ts";
export { RECORDED_FORMATS } from "./formats/recorded.ts";
export { readTraceStream, type Trace, type TraceOptions } from "./ftrace.ts";
export { type Gunzip, gunzipStream } from "./gunzip.ts";
export { SKIP_REASONS, type SkipReason, type TraceCounts, type TraceEvent } from "./lines.ts";
export { RAW_ARGUMENTS, type RawArgument, type RawContext, rawContext } from "./raw.ts";
export { CONTEXTS, type Context, LEVELS, type Level, RECORD, RECORD_FLAGS } from "./record.ts";
export { EVENT_SOURCES, type EventSource, sourceByKind } from "./sources.ts";
export { createSymbols, type SymbolTable } from "./symbols.ts";
