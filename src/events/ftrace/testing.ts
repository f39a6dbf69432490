/** Helpers of this folder's tests. */
import type { EventBatch } from "../batch.ts";
import { unreadFields } from "../event.ts";
import { RECORD } from "../record.ts";
import { parseFormat } from "../tracepoints/format.ts";
import { gunzipStream, unpackWhereNeeded } from "../unpack.ts";
import { readTrace, type Trace, type TraceOptions } from "./text.ts";

/** A record taken apart by its documented layout. */
export interface Taken {
  readonly event: string;
  /** Of the event in the source's table. */
  readonly index: number;
  readonly time: bigint;
  readonly pidTgid: bigint;
  readonly comm: string;
  readonly cpu: number;
  readonly level: number;
  readonly flags: number;
  readonly preempt: number;
  readonly pid: number;
  readonly unread: bigint;
  /** The payload, from its first byte on. */
  readonly payload: DataView;
}

/** Text up to the first NUL, one character a byte. */
export function cString(view: DataView, at: number, bytes: number): string {
  const text = Buffer.from(view.buffer, view.byteOffset + at, bytes).toString("latin1");
  return text.split("\0", 1)[0] ?? "";
}

/** The records of a batch. Fails where sizes do not add up. */
export function takeApart(batch: EventBatch, trace: Trace): Taken[] {
  const { buffer, byteOffset, byteLength } = batch.bytes;
  const view = new DataView(buffer, byteOffset, byteLength);
  const records: Taken[] = [];
  let at = 0;
  while (at < byteLength) {
    const size = view.getUint32(at + RECORD.size, true);
    if (size % 8 !== 0 || size < RECORD.payload || at + size > byteLength) throw new Error(`record of ${size} bytes`);
    records.push({
      event: trace.events[view.getUint16(at + RECORD.event, true)]?.name ?? "?",
      index: view.getUint16(at + RECORD.event, true),
      time: view.getBigUint64(at + RECORD.time, true),
      pidTgid: view.getBigUint64(at + RECORD.pidTgid, true),
      comm: cString(view, at + RECORD.comm, 16),
      cpu: view.getUint16(at + RECORD.cpu, true),
      level: view.getUint8(at + RECORD.level),
      flags: view.getUint8(at + RECORD.flags),
      preempt: view.getUint8(at + RECORD.preempt),
      pid: view.getInt32(at + RECORD.pid, true),
      unread: view.getBigUint64(at + RECORD.unread, true),
      payload: new DataView(buffer, byteOffset + at + RECORD.payload, size - RECORD.payload),
    });
    at += size;
  }
  if (records.length !== batch.count) throw new Error(`${records.length} records, ${batch.count} promised`);
  return records;
}

/** Text or bytes as a stream of chunks. */
export async function* chunksOf(content: string | Uint8Array, bytes = 4096): AsyncGenerator<Uint8Array> {
  const all = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  for (let from = 0; from < all.length; from += bytes) yield all.subarray(from, from + bytes);
}

/** Reads a text, plain or gzipped, to its end. */
export async function readText(
  text: string | Uint8Array,
  options?: TraceOptions,
  chunkBytes?: number,
): Promise<{ trace: Trace; records: Taken[]; error?: unknown }> {
  const name = "the trace";
  const bytes = unpackWhereNeeded(chunksOf(text, chunkBytes), name, { gzip: gunzipStream });
  const trace = readTrace({ bytes, name }, options);
  const records: Taken[] = [];
  try {
    for await (const batch of trace.batches) records.push(...takeApart(batch, trace));
  } catch (error) {
    return { trace, records, error };
  }
  return { trace, records };
}

/** Reads lines, each behind the same head. */
export function readLines(lines: readonly string[], options?: TraceOptions, head = ""): ReturnType<typeof readText> {
  return readText(lines.map((line) => `${head}${line}\n`).join(""), options);
}

/** Names of the fields that a record does not tell. */
export function unreadOf(trace: Pick<Trace, "events">, record: Taken): string[] {
  const format = trace.events.find((event) => event.name === record.event)?.format;
  return unreadFields(format?.fields ?? [], record.unread).map(({ name }) => name);
}

/** Lines skipped, by reason. */
export function reasons({ counts }: Trace): Record<string, number> {
  return Object.fromEntries(counts.skipped.map(({ reason, count }) => [reason, count]));
}

/** The whole number of an event's field. */
export function numberField(trace: Trace, record: Taken, name: string, index = 0): bigint {
  const format = trace.events.find((event) => event.name === record.event)?.format;
  const field = format?.fields.find((each) => each.name === name);
  if (field === undefined) throw new Error(`${record.event} has no field ${name}`);
  const size = field.size / field.count;
  const at = field.offset + index * size;
  let value = 0n;
  for (let byte = size - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(record.payload.getUint8(at + byte));
  return field.signed ? BigInt.asIntN(size * 8, value) : value;
}

/** The text of an event's field, in place or appended. */
export function textField(trace: Trace, record: Taken, name: string): string {
  const format = trace.events.find((event) => event.name === record.event)?.format;
  const field = format?.fields.find((each) => each.name === name);
  if (field === undefined) throw new Error(`${record.event} has no field ${name}`);
  if (field.kind === "chars") return cString(record.payload, field.offset, field.size);
  const location = record.payload.getUint32(field.offset, true);
  const at = (location & 0xffff) + (field.kind === "relLoc" ? field.offset + field.size : 0);
  const text = cString(record.payload, at, location >>> 16);
  if (text.length + 1 !== location >>> 16) throw new Error(`${name} is not one NUL-terminated string`);
  return text;
}

/** An event as tracefs declares it: fields as `[declaration, offset, size]`, each of one line of `lines`; what each record tells of each. */
export async function fieldsRead(
  fields: readonly (readonly [string, number, number])[],
  print: string,
  lines: readonly string[],
): Promise<Record<string, bigint | string | "unread">[]> {
  const declared = fields.map(([declaration, offset, size]) => {
    const signed = /^(?:int|long|s\d+|char)\b/.test(declaration) ? 1 : 0;
    return `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed};\n`;
  });
  const text = `name: tried\nID: 77\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n${declared.join("")}\nprint fmt: ${print}\n`;
  const format = parseFormat(text, { category: "test" });
  const head = "            bash-1033    [001] d.s3.  4782.088046: tried: ";
  const { trace, records } = await readLines(lines, { formats: [format] }, head);
  return records.map((record) => {
    const unread = new Set(unreadOf(trace, record));
    const own = format.fields.filter(({ name }) => name !== "common_pid");
    const told = own.map((field) => {
      if (unread.has(field.name)) return [field.name, "unread"];
      if (field.kind === "number" && field.count === 1) return [field.name, numberField(trace, record, field.name)];
      const { buffer, byteOffset } = record.payload;
      if (field.kind !== "dataLoc")
        return [field.name, Buffer.from(buffer, byteOffset + field.offset, field.size).toString("hex")];
      const place = record.payload.getUint32(field.offset, true);
      return [field.name, Buffer.from(buffer, byteOffset + (place & 0xffff), place >>> 16).toString("hex")];
    });
    return Object.fromEntries(told);
  });
}
