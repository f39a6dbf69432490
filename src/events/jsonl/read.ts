/**
 * Contexts as they lie in memory, a JSON object a line: `{ "event": "kmem:kfree", "context": "0000..." }`, in hex, with what else is known of
 * the event. Of packets `{ "packet": "ffff..." }`.
 */
import { AnyctxError } from "../../error.ts";
import { BatchWriter, DEFAULT_BATCH_BYTES, type EventBatch } from "../batch.ts";
import { letters } from "../bytes.ts";
import { ReadCounts } from "../counts.ts";
import type { SourceEvent } from "../event.ts";
import { MOST_PACKET_BYTES, PACKET_EVENT, PACKET_RECORD_BYTES, writePacket } from "../packet.ts";
import { LEVELS, type Level, RECORD, RECORD_FLAGS } from "../record.ts";
import type { ReadOptions, SkipReason, SourceEvents, SourceInput } from "../source.ts";
import { MAX_ENTRY_BYTES } from "../tracepoints/entry.ts";
import type { FormatTable } from "../tracepoints/format.ts";
import { KERNEL_FORMATS } from "../tracepoints/kernel-formats.ts";

type Skip = "blank" | "json" | "member" | "event" | "value" | "cpu" | "long";

const SKIP_REASONS: Readonly<Record<Skip, Omit<SkipReason, "reason">>> = {
  blank: { doc: "a blank line" },
  json: { doc: "no JSON object" },
  member: { doc: "a member that lines do not have, or both a context and a packet" },
  event: { doc: "an event whose format is not known", option: "formats" },
  value: { doc: "a value that is not what its name says" },
  cpu: { doc: "a CPU number beyond the given number of CPUs", option: "cpus" },
  long: { doc: "longer than a line with a context can be" },
};

const NEWLINE = 10;
const MAX_LINE_BYTES = 4 * MOST_PACKET_BYTES;

/** What a line may hold. Times are nanoseconds, as numbers or as text. */
const MEMBERS = [
  ...(["event", "context", "packet", "time", "cpu", "pid", "tgid", "uid", "gid"] as const),
  ...(["comm", "level", "irqsOff", "preempt"] as const),
] as const;
type Line = { readonly [Member in (typeof MEMBERS)[number]]?: unknown };

/** What editors put in front of a text, a character each byte. */
const BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";
const FIRST_MEMBER = new RegExp(`^(?:${BYTE_ORDER_MARK})?\\s*\\{\\s*"(?:${MEMBERS.join("|")})"\\s*:`);

/** Whether an input begins with a JSON object of one line. */
export function isJsonLines(first: Uint8Array): boolean {
  return FIRST_MEMBER.test(letters(first));
}

interface Reading {
  readonly events: readonly SourceEvent[];
  readonly indexes: ReadonlyMap<string, number>;
  readonly counts: ReadCounts<Skip>;
  readonly options: ReadOptions;
}

export function readJsonLines(
  { bytes, name }: SourceInput,
  options: Omit<ReadOptions, "formats"> = {},
  formats: FormatTable = KERNEL_FORMATS,
): SourceEvents {
  const events = [
    PACKET_EVENT,
    ...formats.map(
      (format, index): SourceEvent => ({
        ...{ index: index + 1, name: format.name, category: format.category, unprinted: [], unreadable: [] },
        get format() {
          return format;
        },
      }),
    ),
  ];
  const counts = new ReadCounts<Skip>(SKIP_REASONS, events);
  const indexes = new Map(events.map((event) => [`${event.category}:${event.name}`, event.index]));
  return { events, counts, batches: readBatches(bytes, name, { events, indexes, counts, options }) };
}

async function* readBatches(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  reading: Reading,
): AsyncIterable<EventBatch> {
  const { counts, options } = reading;
  const batch = new BatchWriter(options.batchBytes ?? DEFAULT_BATCH_BYTES, PACKET_RECORD_BYTES);
  for await (const line of linesOf(bytes)) {
    const full = batch.hasRoom() ? undefined : batch.take();
    if (full !== undefined) yield full;
    const text = counts.lines === 0 && line?.startsWith(BYTE_ORDER_MARK) ? line.slice(BYTE_ORDER_MARK.length) : line;
    const problem = text === undefined ? "long" : readLine(reading, text, batch);
    if (problem !== undefined) counts.skip(problem);
  }
  const last = batch.take();
  if (last !== undefined) yield last;
  if (counts.read > 0) return;
  const [first] = counts.skipped;
  throw new AnyctxError(
    "BAD_TRACE",
    `${name} holds no context that can be read; line ${first?.first ?? 1}: ${first?.doc}`,
  );
}

/** Lines without their ends; undefined for one that is too long. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string | undefined> {
  let kept = "";
  let tooLong = false;
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      yield tooLong ? undefined : kept + letters(chunk.subarray(from, to));
      kept = "";
      tooLong = false;
      from = to + 1;
    }
    kept += tooLong ? "" : letters(chunk.subarray(from));
    tooLong ||= kept.length > MAX_LINE_BYTES;
    if (tooLong) kept = "";
  }
  if (tooLong) yield undefined;
  else if (kept !== "") yield kept;
}

function readLine(reading: Reading, text: string, batch: BatchWriter): Skip | undefined {
  if (text.trim() === "") return "blank";
  let line: Line;
  try {
    line = JSON.parse(text) as Line;
  } catch {
    return "json";
  }
  if (typeof line !== "object" || line === null || Array.isArray(line)) return "json";
  const odd = Object.keys(line).find((name) => !MEMBERS.some((member) => member === name));
  if (odd !== undefined || (line.context !== undefined && line.packet !== undefined)) {
    reading.counts.skip("member", odd ?? "context");
    return undefined;
  }
  const head = headOf(line, text, reading.options);
  if (head === undefined) return "value";
  if (head.cpu >= (reading.options.cpus ?? 65536)) return "cpu";
  const problem = line.packet === undefined ? writeContext(reading, line, head, batch) : writeFrame(line, head, batch);
  if (typeof problem !== "number") return problem;
  reading.counts.keep(problem);
  return undefined;
}

interface LineHead {
  readonly time: bigint;
  readonly cpu: number;
  readonly level: Level;
  readonly flags: number;
  readonly preempt: number;
  readonly pid: number;
  readonly tgid: number;
  readonly uid: number;
  readonly gid: number;
  readonly comm: string;
}

const whole = (value: unknown, most: number): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;

/** The digits of a line's time. */
const TIME = /"time"\s*:\s*(\d{1,20})\s*[,}]/g;
const MOST_TIME = 2n ** 64n - 1n;

/** Of a number that a double does not hold, the line has the digits: where they stand once, as texts may have the like. */
function timeOf(time: unknown, text: string): bigint | undefined {
  const isRounded = typeof time === "number" && time > Number.MAX_SAFE_INTEGER;
  const found = isRounded ? [...text.matchAll(TIME)] : [];
  const digits = isRounded ? (found.length === 1 ? found[0]?.[1] : undefined) : time;
  if ((typeof digits !== "number" && typeof digits !== "string") || !/^\d{1,20}$/.test(String(digits)))
    return undefined;
  const nanoseconds = BigInt(digits);
  return nanoseconds <= MOST_TIME ? nanoseconds : undefined;
}

function headOf(line: Line, text: string, { context }: ReadOptions): LineHead | undefined {
  const { time = 0, cpu = 0, pid = 0, tgid = pid, uid = 0, gid = 0, comm = "", irqsOff = false, preempt = 0 } = line;
  const { level = line.packet === undefined ? "task" : (context ?? "softirq") } = line;
  const nanoseconds = timeOf(time, text);
  const numbers = [whole(cpu, 0xffff), whole(preempt, 255), whole(pid, 2 ** 31 - 1), whole(tgid, 2 ** 31 - 1)];
  const owners = [whole(uid, 2 ** 32 - 1), whole(gid, 2 ** 32 - 1)];
  const isKnown = LEVELS.some((each) => each === level) && typeof comm === "string" && typeof irqsOff === "boolean";
  if (nanoseconds === undefined || !isKnown || [...numbers, ...owners].includes(undefined)) return undefined;
  const [cpuNumber = 0, depth = 0, thread = 0, group = 0] = numbers;
  const [user = 0, ownerGroup = 0] = owners;
  return {
    ...{ time: nanoseconds, cpu: cpuNumber, level: level as Level, preempt: depth, pid: thread },
    ...{ tgid: group, uid: user, gid: ownerGroup, comm, flags: irqsOff ? RECORD_FLAGS.irqsOff : 0 },
  };
}

function bytesIn(hex: unknown, most: number): Uint8Array | undefined {
  if (typeof hex !== "string" || hex.length % 2 !== 0 || hex.length / 2 > most || !/^[0-9a-f]*$/i.test(hex))
    return undefined;
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const NOTHING = new Uint8Array(0);

function writeFrame(line: Line, head: LineHead, batch: BatchWriter): Skip | number {
  const packet = bytesIn(line.packet, MOST_PACKET_BYTES);
  if (packet === undefined) return "value";
  const { time, cpu, level } = head;
  writeTask(batch, head);
  writePacket(batch, NOTHING, packet, { time, cpu, level, wireLength: packet.length, event: PACKET_EVENT.index });
  return PACKET_EVENT.index;
}

const UTF8 = new TextEncoder();

/** A name's bytes: a line's own are there as a character each, what it escapes may be more. */
const bytesOfName = (name: string): Uint8Array =>
  /^[\0-\xff]*$/.test(name) ? Uint8Array.from(name, (letter) => letter.charCodeAt(0)) : UTF8.encode(name);

/** What a record has of the task, and of what it was at. */
function writeTask({ position: at, target: { view, bytes } }: BatchWriter, head: LineHead): void {
  view.setUint32(at + RECORD.pidTgid, head.pid, true);
  view.setUint32(at + RECORD.pidTgid + 4, head.tgid, true);
  view.setUint32(at + RECORD.uidGid, head.uid, true);
  view.setUint32(at + RECORD.uidGid + 4, head.gid, true);
  bytes.set(bytesOfName(head.comm).subarray(0, 15), at + RECORD.comm);
  view.setUint8(at + RECORD.flags, head.flags);
  view.setUint8(at + RECORD.preempt, head.preempt);
  view.setInt32(at + RECORD.pid, head.pid, true);
}

function writeContext(reading: Reading, line: Line, head: LineHead, batch: BatchWriter): Skip | number {
  const event = typeof line.event === "string" ? reading.indexes.get(line.event) : undefined;
  if (event === undefined) return "event";
  const context = bytesIn(line.context, MAX_ENTRY_BYTES);
  const size = reading.events[event]?.format.size ?? 0;
  if (context === undefined || context.length < size) return "value";
  const { position: at, target } = batch;
  const { view, bytes } = target;
  const length = (RECORD.payload + context.length + 7) & ~7;
  view.setBigUint64(at + RECORD.time, head.time, true);
  writeTask(batch, head);
  view.setUint32(at + RECORD.size, length, true);
  view.setUint16(at + RECORD.cpu, head.cpu, true);
  view.setUint8(at + RECORD.level, LEVELS.indexOf(head.level));
  view.setUint16(at + RECORD.event, event, true);
  bytes.set(context, at + RECORD.payload);
  batch.keep(length);
  return event;
}
