/** What a program is run on when it is checked: a list of event records, with a context of its own where it takes one. */

import type { EventContext, ProgramContext } from "../../bpf/programs/program-type.ts";
import { programType } from "../../bpf/programs/table.ts";
import { recordsIn } from "../../events/batch.ts";
import { RECORD } from "../../events/record.ts";
import type { SourceEvents } from "../../events/source.ts";
import { type Attachable, attaches } from "../../replay/runner.ts";

export interface ProgramInput {
  /** A whole event record; its payload is the context unless `context` is there. */
  readonly record: Uint8Array;
  readonly context?: Uint8Array;
}

/** Inputs by program name. */
export type Inputs = ReadonlyMap<string, readonly ProgramInput[]>;

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

/** A made-up event with this context: in the record's payload, or beside it, as the program's type has it. */
function inputOf({ room }: ProgramContext, context: Uint8Array, index: number): ProgramInput {
  return room === 0 ? { record: recordOf(context, index) } : { record: recordOf(new Uint8Array(0), index), context };
}

/** One given context again and again, always of the same thread at the same time: one key stays one key. */
export function givenInputs(kind: Attachable["kind"], context: Uint8Array): ProgramInput[] {
  return [inputOf(programType(kind).context, context, 0)];
}

/** `count` inputs whose numbers all differ from one to the next, so that keys made of them do. */
export function generatedInputs(kind: Attachable["kind"], count: number): ProgramInput[] {
  const { context } = programType(kind);
  return Array.from({ length: count }, (_, index) => inputOf(context, context.example(kind.target, index), index));
}

/** The first `count` events of each program in a stream, which is read no further than that. */
export async function recordedInputs(
  programs: readonly Attachable[],
  stream: SourceEvents,
  count: number,
): Promise<Inputs> {
  const found = new Map<string, ProgramInput[]>(programs.map(({ name }) => [name, []]));
  const takers = stream.events.map((event) =>
    programs
      .filter((program) => attaches(program, event))
      .map(({ name, kind }) => ({ inputs: found.get(name) ?? [], contexts: programType(kind).context.of(event) })),
  );
  for await (const batch of stream.batches) {
    for (const { at, size } of recordsIn(batch)) {
      const record = batch.bytes.slice(at, at + size);
      const event = new DataView(record.buffer).getUint16(RECORD.event, true);
      for (const { inputs, contexts } of takers[event] ?? [])
        if (inputs.length < count) inputs.push({ record, ...written(contexts, record) });
    }
    if ([...found.values()].every((inputs) => inputs.length >= count)) break;
  }
  return found;
}

/** The context of a recorded event, where it is not the record's payload. */
function written({ bytes, write }: EventContext, record: Uint8Array): Pick<ProgramInput, "context"> {
  if (write === undefined) return {};
  const source = new DataView(record.buffer);
  const context = new Uint8Array(bytes(source, 0));
  write(source, 0, new DataView(context.buffer), 0);
  return { context };
}
