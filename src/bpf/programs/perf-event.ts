/** Programs on samples of perf events: counters that overflow, clocks. */
import { numbered, onlyOf, payloadBytes, plainContext } from "./context.ts";
import type { DirectContext, DirectInput, ProgramType } from "./program-type.ts";
import { words } from "./readable.ts";
import { REGISTERS_BYTES, registersOf } from "./registers.ts";

const WHAT = "A program on samples";
/** What recordings' samples of clocks and counters are events of. Their payload is the context. */
const CATEGORY = "perf";
/** `struct bpf_perf_event_data`: registers, the sample's period, its address. */
const DATA_BYTES: number = REGISTERS_BYTES + 16;

function contextOf(given: DirectInput): DirectContext {
  const { context } = given;
  if (context === undefined) {
    const bytes = new Uint8Array(DATA_BYTES);
    bytes.set(registersOf(WHAT, given));
    return plainContext(bytes);
  }
  onlyOf(WHAT, given, ["context"]);
  return plainContext(context);
}

export const PERF_EVENT: ProgramType<{ readonly event: string }> = {
  name: "perf_event",
  doc: "Runs on each sample of a clock or a counter; its context is `struct bpf_perf_event_data` of x86-64.",
  prefixes: ["perf_event"],
  section: "perf_event/NAME",
  parse: ([event = ""]) => ({ event }),
  describe: ({ event }) => (event === "" ? "samples of clocks and counters" : `samples of ${event}`),
  // Names are those that perf has: cpu-clock, cache-misses. Which event it is whoever opens it says, and not the object: without a name
  // it runs on each.
  attaches: (target, { category, name }) => category === CATEGORY && (target.event === "" || target.event === name),
  context: {
    room: 0,
    of: ({ format }) => ({ fields: format?.fields ?? [], bytes: payloadBytes }),
    access: { bytes: () => DATA_BYTES, readable: () => ({ ...words("168-184"), 8: "0-184" }) },
    example: (_, index) => numbered(DATA_BYTES, 0, index),
    direct: contextOf,
  },
  caller: () => "perf_event",
  result: { ignored: false, doc: "Whether perf's own readers get the sample too: 0 keeps it from them." },
};
