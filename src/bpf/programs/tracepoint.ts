/** Tracepoints: a program there gets the struct that the event recorded, as it lies in the record. */
import type { EventFormat } from "../../events/event.ts";
import { KNOWN_FORMATS } from "../../events/sources.ts";
import { eitherOf, numbered, onlyOf, payloadBytes, plainContext } from "./context.ts";
import { payloadOf } from "./event-payload.ts";
import type { ProgramType } from "./program-type.ts";

/** Bytes of a made-up context of an event whose format is not known. */
const UNKNOWN_BYTES = 256;
const WHAT = "A program on a tracepoint";
/** The fields that every tracepoint begins with: type, flags, preemption depth, pid. */
const COMMON_BYTES = 8;

function formatOf(category: string, event: string): EventFormat | undefined {
  return KNOWN_FORMATS.find((format) => format.name === event && format.category === category);
}

function exampleOf(format: EventFormat | undefined, index: number): Uint8Array {
  const context = numbered(format?.size ?? UNKNOWN_BYTES, COMMON_BYTES, index);
  if (format === undefined) return context;
  const view = new DataView(context.buffer);
  view.setUint16(0, format.id, true);
  // A place of text behind the struct, where there is none: the empty text.
  for (const { kind, offset } of format.fields)
    if (kind === "dataLoc" || kind === "relLoc") view.setUint32(offset, format.size, true);
  return context;
}

export const TRACEPOINT: ProgramType<{ readonly category: string; readonly event: string }> = {
  name: "tracepoint",
  doc: "Runs on an event of the kernel's trace; its context is the struct that the event records.",
  prefixes: ["tracepoint", "tp"],
  section: "tracepoint/CATEGORY/EVENT",
  // Without an event it is attached to none, until a loader says which.
  parse: ([category = "", event = ""]) =>
    (category === "") === (event === "") ? { category, event } : "names no event",
  describe: ({ category, event }) => (event === "" ? "a tracepoint" : `tracepoint ${category}:${event}`),
  attaches: (target, event) => target.event === event.name && target.category === event.category,
  context: {
    room: 0,
    of: ({ format }) => ({ fields: format?.fields ?? [], bytes: payloadBytes }),
    access: { bytes: ({ category, event }) => formatOf(category, event)?.size },
    example: ({ category, event }, index) => exampleOf(formatOf(category, event), index),
    direct: (given, target) => {
      onlyOf(WHAT, given, ["context", "fields"]);
      eitherOf(WHAT, given, "context", "fields");
      if (given.fields === undefined) return plainContext(given.context ?? new Uint8Array(0));
      return plainContext(
        payloadOf(formatOf(target.category, target.event), given.fields, TRACEPOINT.describe(target)),
      );
    },
  },
  caller: () => "tracepoint",
  result: { ignored: true, doc: "In a kernel, 0 keeps the event from perf's own readers. Here nobody asks." },
};
