/** What a program is run on when it is checked: a list of event records, with a context of its own where it takes one. */

import { rawContext } from "../bpf/programs/raw-tracepoint.ts";
import type { EventBatch } from "../events/batch.ts";
import type { EventFormat } from "../events/event.ts";
import { RECORD } from "../events/record.ts";
import type { SourceEvents } from "../events/source.ts";
import { KNOWN_FORMATS } from "../events/sources.ts";
import { type Attachable, attaches } from "../replay/runner.ts";

export interface ProgramInput {
  /** A whole event record; its payload is the context unless `raw` is there. */
  readonly record: Uint8Array;
  /** The context of a raw tracepoint program. */
  readonly raw?: Uint8Array;
}

/** Inputs by program name. */
export type Inputs = ReadonlyMap<string, readonly ProgramInput[]>;

/** Bytes of the context of an event whose format is not known: the most that a raw tracepoint has is 96. */
const UNKNOWN_BYTES = 256;
/** The fields that every tracepoint begins with: type, flags, preemption depth, pid. */
const COMMON_BYTES = 8;

/** A record around a context: made-up time and thread, another one for each `index`. */
function recordOf(payload: Uint8Array, index: number): Uint8Array {
  const size = Math.ceil((RECORD.payload + payload.length) / 8) * 8;
  const record = new Uint8Array(size);
  const view = new DataView(record.buffer);
  view.setUint32(RECORD.time, (index + 1) * 1000, true);
  view.setUint32(RECORD.pidTgid, index + 1000, true);
  view.setUint32(RECORD.pidTgid + 4, index + 1000, true);
  record.set(new TextEncoder().encode("check"), RECORD.comm);
  view.setUint32(RECORD.size, size, true);
  view.setInt32(RECORD.pid, index + 1000, true);
  record.set(payload, RECORD.payload);
  return record;
}

/** One given context again and again, always of the same thread at the same time: one key stays one key. */
export function givenInputs(kind: Attachable["kind"], context: Uint8Array): ProgramInput[] {
  const isRaw = kind.type === "raw_tracepoint";
  return [{ record: recordOf(isRaw ? new Uint8Array(0) : context, 0), ...(isRaw ? { raw: context } : {}) }];
}

/** `count` inputs whose numbers all differ from one to the next, so that keys made of them do. */
export function generatedInputs(kind: Attachable["kind"], count: number): ProgramInput[] {
  const format = KNOWN_FORMATS.find(
    ({ name, category }) => name === kind.event && (kind.type === "raw_tracepoint" || category === kind.category),
  );
  return Array.from({ length: count }, (_, index) => {
    if (kind.type !== "raw_tracepoint") return { record: recordOf(generatedContext(format, index), index) };
    const raw = new Uint8Array(96);
    fillWords(raw, 0, index);
    return { record: recordOf(new Uint8Array(0), index), raw };
  });
}

/** The same number in every word: a key of any width at any place is another one each time. */
function fillWords(bytes: Uint8Array, from: number, index: number): void {
  const view = new DataView(bytes.buffer);
  for (let at = from; at + 4 <= bytes.length; at += 4) view.setUint32(at, index + 1, true);
}

function generatedContext(format: EventFormat | undefined, index: number): Uint8Array {
  const context = new Uint8Array(format?.size ?? UNKNOWN_BYTES);
  fillWords(context, COMMON_BYTES, index);
  const view = new DataView(context.buffer);
  if (format !== undefined) view.setUint16(0, format.id, true);
  // A place of text behind the struct, where there is none: the empty text.
  for (const field of format?.fields ?? [])
    if (field.kind === "dataLoc" || field.kind === "relLoc") view.setUint32(field.offset, format?.size ?? 0, true);
  return context;
}

/** The first `count` events of each program in a stream, which is read no further than that. */
export async function recordedInputs(
  programs: readonly Attachable[],
  stream: SourceEvents,
  count: number,
): Promise<Inputs> {
  const found = new Map<string, ProgramInput[]>(programs.map(({ name }) => [name, []]));
  const takers = stream.events.map((event) => {
    const raw = rawContextOf(programs, event.format);
    return programs
      .filter((program) => attaches(program, event))
      .map(({ name, kind }) => ({
        inputs: found.get(name) ?? [],
        raw: kind.type === "raw_tracepoint" ? raw : undefined,
      }));
  });
  for await (const batch of stream.batches) {
    for (const record of recordsOf(batch)) {
      const event = new DataView(record.buffer).getUint16(RECORD.event, true);
      for (const { inputs, raw } of takers[event] ?? [])
        if (inputs.length < count) inputs.push({ record, ...(raw === undefined ? {} : { raw: raw(record) }) });
    }
    if ([...found.values()].every((inputs) => inputs.length >= count)) break;
  }
  return found;
}

/** Makes raw contexts of an event, where a raw tracepoint program runs on it. */
function rawContextOf(
  programs: readonly Attachable[],
  format: EventFormat,
): ((record: Uint8Array) => Uint8Array) | undefined {
  if (!programs.some(({ kind }) => kind.type === "raw_tracepoint" && kind.event === format.name)) return undefined;
  const raw = rawContext(format);
  return (record) => {
    const context = new Uint8Array(raw.bytes);
    raw.write(new DataView(record.buffer), RECORD.payload, new DataView(context.buffer), 0);
    return context;
  };
}

/** Copies of a batch's records. */
function* recordsOf({ bytes }: EventBatch): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const size = view.getUint32(at + RECORD.size, true);
    yield bytes.slice(at, at + size);
    at += size;
  }
}
