/** `# 41 buf: 01 02`: what was written to `trace_marker_raw`, a number and bytes. */
import type { BatchWriter } from "../batch.ts";
import { endOfLine, textOf } from "./bytes.ts";
import type { LineSkip } from "./counts.ts";
import { spacedBytes } from "./format/conversions.ts";
import { begin, keep, type Reading } from "./reading.ts";

const NAME = "raw_data";
const LINE = /^# ([0-9a-f]{1,8}) buf:((?: [0-9a-f]{2})*)$/;

/** Reads the line whose head is read. */
export function readRawData(reading: Reading, text: Uint8Array, batch: BatchWriter): LineSkip | undefined {
  const { fields: from, cpu } = reading.head.head;
  const [, id, pairs = ""] = LINE.exec(textOf(text, from, endOfLine(text, from))) ?? [];
  const event = reading.indexes.get(NAME);
  const format = event === undefined ? undefined : reading.formats[event];
  const number = format?.fields.find(({ name }) => name === "id");
  const bytes = spacedBytes(pairs.slice(1));
  if (id === undefined || bytes === undefined || event === undefined || format === undefined || number === undefined)
    return "event";
  if (cpu >= reading.cpus) return "cpu";
  const { target } = batch;
  begin(reading, batch);
  if (target.start + format.size + bytes.length > target.limit) return "fields";
  target.view.setUint32(target.start + number.offset, Number(`0x${id}`), true);
  target.bytes.set(bytes, target.start + format.size);
  target.end = target.start + format.size + bytes.length;
  keep(reading, batch, { event, format }, 0, 0);
  return undefined;
}
