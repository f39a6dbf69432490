/**
 * Fields that a recording does not tell of an event, and programs that read them all the same: they get 0, and the run goes on, but it is
 * counted as one with an error, and each field is named. Such runs are interpreted, as only there is every access seen.
 */
import { type ContextRead, contextReads } from "../bpf/analysis/context-reads.ts";
import type { ProgramHost, RunProgram } from "../bpf/host.ts";
import type { EventContext } from "../bpf/programs/program-type.ts";
import { type SourceEvent, unreadFields } from "../events/event.ts";
import { instantiateImage, type ProgramImage } from "../load/load.ts";
import type { EventMemory } from "./kernel-memory.ts";

/** What a run is told that touches what was not recorded: `error` counts it, `zero` takes it for 0. */
export const UNREAD_RULES = ["error", "zero"] as const;
export type UnreadRule = (typeof UNREAD_RULES)[number];

/** Bytes of a context. */
interface Span {
  readonly field: string;
  readonly from: number;
  readonly to: number;
}

/** The fields of an event that a record does not tell, as bytes of the program's context. */
function spansOf(event: SourceEvent, contexts: EventContext, unread: bigint): Span[] {
  const fields = unreadFields(event.format.fields, unread);
  if (contexts.write === undefined)
    return fields.map(({ name, offset, size }) => ({ field: name, from: offset, to: offset + size }));
  // A context that is written from the record has the field under its name, and may have what no record tells.
  const names = new Set(fields.map(({ name }) => name));
  return contexts.fields
    .filter(({ name, recordedIn = name, unrecorded }) => unrecorded === true || names.has(recordedIn))
    .map(({ name, recordedIn = name, offset, size }) => ({ field: recordedIn, from: offset, to: offset + size }));
}

/** Runs one program on records of one event of which not everything is told. */
export class UnreadRuns {
  readonly #image: ProgramImage;
  readonly #host: ProgramHost;
  readonly #event: SourceEvent;
  readonly #contexts: EventContext;
  readonly #reads: readonly ContextRead[] | undefined;
  readonly #memory: EventMemory | undefined;
  readonly #touched = new Set<string>();
  #run: RunProgram | undefined;
  #mask = -1n;
  #spans: readonly Span[] = [];

  /** @param memory what the program may follow pointers into */
  constructor(
    image: ProgramImage,
    host: ProgramHost,
    event: SourceEvent,
    contexts: EventContext,
    memory: EventMemory | undefined,
  ) {
    this.#memory = memory;
    this.#image = image;
    this.#host = host;
    this.#event = event;
    this.#contexts = contexts;
    this.#reads = contextReads(image.linked);
  }

  /** Whether the program could read one of the fields that are not told. @param unread a record's */
  mayTouch(unread: bigint): boolean {
    if (unread !== this.#mask) {
      this.#mask = unread;
      const spans = spansOf(this.#event, this.#contexts, unread);
      const isRead = ({ from, to }: Span): boolean =>
        this.#reads?.some(({ offset, bytes }) => offset < to && from < offset + bytes) ?? true;
      this.#spans = spans.filter(isRead);
    }
    return this.#spans.length > 0 || this.#memory !== undefined;
  }

  /**
   * Runs it on a record of which `mayTouch` has said yes.
   * @param record where that lies
   * @returns names of the fields that were read and are not told
   * @throws {AnyctxError} as a run does
   */
  run(record: number, ...parameters: Parameters<RunProgram>): ReadonlySet<string> {
    this.#run ??= instantiateImage({ ...this.#image, code: this.#image.linked }, this.#host, {
      reads: (offset, bytes) => this.#see(offset, bytes),
    });
    this.#touched.clear();
    this.#memory?.begin(record);
    this.#run(...parameters);
    for (const member of this.#memory?.missing ?? []) this.#touched.add(member);
    return this.#touched;
  }

  #see(offset: number, bytes: number): void {
    for (const { field, from, to } of this.#spans) if (offset < to && from < offset + bytes) this.#touched.add(field);
  }
}
