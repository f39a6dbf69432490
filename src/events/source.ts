/**
 * What a source of events is, whatever it reads: a row of the table in `sources.ts` that knows its input by the first
 * bytes and makes batches of records of it, with the table of events that the records name, and with counts of what
 * became no record. Everything behind a source (replay, reports, the command line) knows these types only.
 */
import type { EventBatch } from "./batch.ts";
import type { ByteRange } from "./bytes.ts";
import type { EventFormat, SourceEvent } from "./event.ts";
import type { Level } from "./record.ts";
import type { Unpackers } from "./unpack.ts";

export interface EventSource {
  /** One word, as messages and the option `kind` call it. */
  readonly kind: string;
  /** A sentence for people: what input it reads. */
  readonly doc: string;
  /** What such a recording tells, and what not. */
  readonly tells: string;
  /** Formats of the events that it knows without being told. */
  readonly formats: readonly EventFormat[];
  /**
   * Whether an input that begins so is one of this kind.
   * @param first the first 512 unpacked bytes; fewer where the input is shorter, but never none
   */
  readonly recognizes: (first: Uint8Array) => boolean;
  /** CPUs of the machine that was recorded, where such a beginning tells. */
  readonly cpus?: (first: Uint8Array) => number | undefined;
  /** It goes to and fro in its input: of a file it is given the parts that it asks for. */
  readonly inPlace?: true;
  /** @throws {AnyctxError} for options that this kind cannot follow */
  readonly read: (input: SourceInput, options: ReadOptions) => Promise<SourceEvents>;
}

/** What a row is given to read. */
export interface SourceInput {
  /** Unpacked, from the first byte on; to be iterated once. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** What messages call it. */
  readonly name: string;
  /** The same where it lies, of a row that is `inPlace`, if it does: `bytes` is not iterated then. */
  readonly range?: ByteRange;
  /** For what is packed inside of it. */
  readonly unpackers?: Unpackers;
}

/** Options that every kind of source takes. */
export interface ReadOptions {
  /** A folder that describes events, in the files that the kind has for it (ftrace: tracefs' `format` files). */
  readonly formats?: string;
  /** Events of CPUs from this number on are skipped; no limit by default. */
  readonly cpus?: number;
  /** The context that packets are received in, `softirq` by default. */
  readonly context?: Level;
  /** A batch is given out when the input has to be waited for, full or not: of one that goes on while somebody looks. Of texts. */
  readonly asTheyCome?: boolean;
  /** Bytes of a batch, 1 MiB by default; never less than the longest record. */
  readonly batchBytes?: number;
}

/** What a source makes of its input. */
export interface SourceEvents {
  /**
   * The batches, in order of the input; to be iterated once.
   * @throws {AnyctxError} BAD_TRACE while iterating: damaged or cut data, no event in it
   */
  readonly batches: AsyncIterable<EventBatch>;
  /**
   * The event table: a record's `event` is an index into it. Known before the first batch; events of functions come to it, at its end,
   * before the batch that has the first of them.
   */
  readonly events: readonly SourceEvent[];
  /** One object throughout, up to date with the last batch given out. */
  readonly counts: EventCounts;
  /** Where addresses in records have names. Grows while batches are read. */
  readonly symbols?: Symbols;
}

/** A source's events as whoever opened them gets them. */
export interface EventStream extends SourceEvents {
  /** The kind of source that reads it. */
  readonly kind: string;
  /** CPUs of the machine that was recorded, where the input's beginning tells. */
  readonly cpus?: number;
  /** Bytes of the input (as it lies there, packed or not) read so far, and in all where that is known. */
  readonly progress: { readonly read: number; readonly total: number | undefined };
}

export interface EventCounts {
  /** Pieces of the input that there are: lines of a text, samples, packets. */
  readonly lines: number;
  /** Pieces of the input that became records. */
  readonly read: number;
  /** The same by the event's index in the source's table; events that did not occur may be left out at the end. */
  readonly byEvent: readonly number[];
  /** Fields of records that could not be read although they are there, each with how often. */
  readonly unreadable: readonly UnreadableCount[];
  /** Pieces that should have and did not: a row for each reason that occurred, in order of the first time. */
  readonly skipped: readonly SkipCount[];
  /** Events that whoever recorded says were lost; where it does not say how many, one for each place. */
  readonly lost: number;
}

/** Why pieces of an input became no record. */
export interface SkipReason {
  /** An identifier, the same in every document. */
  readonly reason: string;
  /** The same for people, what such a piece is: `an event whose format is not known`. */
  readonly doc: string;
  /** The option of reading that would make such pieces fewer. */
  readonly option?: keyof ReadOptions;
}

export interface UnreadableCount {
  /** The event's name. */
  readonly event: string;
  readonly field: string;
  readonly count: number;
}

export interface SkipCount extends SkipReason {
  readonly count: number;
  /** Number of the first such piece, counted from 1: a line of a text, for example. */
  readonly first: number;
  /** How many of each name, where they have names; a bounded number of names. */
  readonly names: ReadonlyMap<string, number>;
}

/** What of a recording became no event, in one number each and by reason. */
export interface Missing {
  readonly skipped: number;
  readonly skippedBy: Readonly<Record<string, number>>;
  /** As `EventCounts.lost`. */
  readonly lost: number;
}

export function missingIn(counts: EventCounts): Missing {
  const skippedBy = Object.fromEntries(counts.skipped.map(({ reason, count }) => [reason, count]));
  return { skipped: skippedIn(counts), skippedBy, lost: counts.lost };
}

/** Pieces of the input skipped for any reason. */
export function skippedIn({ skipped }: EventCounts): number {
  return skipped.reduce((sum, { count }) => sum + count, 0);
}

export interface Symbols {
  /** The name of an address in a few characters; the number in hex where it has none. */
  nameOf(address: bigint): string;
}
