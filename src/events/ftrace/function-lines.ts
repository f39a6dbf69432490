/** Lines of functions: of probes, of the function tracer and of function_graph. */
import type { BatchWriter } from "../batch.ts";
import type { SourceEvent } from "../event.ts";
import type { FtraceFormat } from "../tracepoints/format.ts";
import { endOfLine, textOf } from "./bytes.ts";
import type { LineSkip } from "./counts.ts";
import type { GraphLine } from "./graph.ts";
import { FORMS } from "./head/event-name.ts";
import { type ProbeLine, probeFormat, probeKey, probeLine, storeProbe, tracerLine } from "./probes.ts";
import { begin, eventOf, keep, type Reading } from "./reading.ts";

/** A record names its event by a u16. */
const MOST_EVENTS = 65536;

/** A line of a function's event. */
export function readProbe(reading: Reading, text: Uint8Array, batch: BatchWriter): LineSkip | undefined {
  const { nameFrom, nameTo, fields, cpu, form } = reading.head.head;
  const rest = textOf(text, fields, endOfLine(text, fields));
  const isTraced = form === FORMS.function;
  const name = isTraced ? "" : textOf(text, nameFrom, nameTo);
  const line = isTraced ? tracerLine(rest) : probeLine(name, rest);
  if (line === undefined) return isTraced ? "head" : "event";
  if (cpu >= reading.cpus) return "cpu";
  return isTraced
    ? keepCall(reading, line.function.name, line, "function", batch)
    : keepCall(reading, name, line, "probes", batch);
}

/** A call that is entered or returns becomes a record. */
function keepCall(
  reading: Reading,
  name: string,
  line: ProbeLine,
  category: string,
  batch: BatchWriter,
): LineSkip | undefined {
  const { counts, symbols } = reading;
  const event = probeEvent(reading, name, line, category);
  if (event === undefined) return "event";
  begin(reading, batch);
  const { target } = batch;
  const format = reading.formats[event] as FtraceFormat;
  const unread = storeProbe(line, format, target, symbols);
  if (unread === undefined) {
    target.bytes.fill(0, target.start, target.end);
    return "fields";
  }
  const [low, high] = [Number(BigInt.asIntN(32, unread)), Number(BigInt.asIntN(32, unread >> 32n))];
  keep(reading, batch, { event, format }, low, high);
  if (unread !== 0n) counts.unread(event, low, high);
  return undefined;
}

/** The calls of a line of function_graph: one that returns at once is a piece of its own. */
export function keepCalls(reading: Reading, { calls }: GraphLine, batch: BatchWriter): LineSkip | undefined {
  const { head } = reading.head;
  reading.texts.end();
  if (head.cpu >= reading.cpus) return "cpu";
  let skipped: LineSkip | undefined;
  for (const { call, after } of calls) {
    head.nanoseconds += after;
    skipped ??= keepCall(reading, call.function.name, call, "function", batch);
  }
  return skipped;
}

export function probeOfLine(reading: Reading, known: number, format: FtraceFormat, text: Uint8Array): number {
  const { fields } = reading.head.head;
  const line = probeLine(format.name, textOf(text, fields, endOfLine(text, fields)));
  if (line === undefined) return known;
  const key = `${known} ${probeKey(format.name, { ...line, arguments: [] })}`;
  return (
    rowOf(
      reading,
      key,
      () => format,
      (index) => eventOf(format, index, line.function),
    ) ?? known
  );
}

/** The row of the table of a function's event, which comes with the first of its lines; undefined: there are too many. */
function rowOf(
  { probes, formats, events }: Reading,
  key: string,
  makeFormat: () => FtraceFormat,
  makeEvent: (index: number, format: FtraceFormat) => SourceEvent,
): number | undefined {
  const known = probes.get(key);
  if (known !== undefined || events.length >= MOST_EVENTS) return known;
  const index = events.length;
  const format = makeFormat();
  formats.push(format);
  events.push(makeEvent(index, format));
  probes.set(key, index);
  return index;
}

/** The event of such lines. */
function probeEvent(reading: Reading, name: string, line: ProbeLine, category: string): number | undefined {
  return rowOf(
    reading,
    probeKey(name, line),
    () => probeFormat(name, line, category),
    (index, format) => ({ index, name, category, format, unprinted: [], unreadable: [], function: line.function }),
  );
}
