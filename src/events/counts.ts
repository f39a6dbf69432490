/** What reading an input comes to: each piece of it is a record, skipped for a reason, or neither (a comment). */
import { type SourceEvent, unreadFields } from "./event.ts";
import type { EventCounts, SkipCount, SkipReason, UnreadableCount } from "./source.ts";

/** Names that are told apart in a row: of events without a format, for example. */
const MAX_NAMES = 256;

interface Row<Reason extends string> extends SkipCount {
  readonly reason: Reason;
  count: number;
  readonly names: Map<string, number>;
}

export class ReadCounts<Reason extends string = string> implements EventCounts {
  /** Always `comments + read + ` all of `skipped`. */
  lines = 0;
  comments = 0;
  read = 0;
  lost = 0;
  readonly skipped: Row<Reason>[] = [];
  readonly byEvent: number[] = [];
  readonly #reasons: Readonly<Record<Reason, Omit<SkipReason, "reason">>>;
  readonly #events: readonly SourceEvent[];
  /** By event: how often each set of fields could not be read in single records. */
  readonly #unread = new Map<number, Map<string, number>>();

  constructor(reasons: Readonly<Record<Reason, Omit<SkipReason, "reason">>>, events: readonly SourceEvent[]) {
    this.#reasons = reasons;
    this.#events = events;
  }

  /** Counts a record of the event. */
  keep(event: number): void {
    this.lines++;
    this.read++;
    this.byEvent[event] = (this.byEvent[event] ?? 0) + 1;
  }

  /** Counts fields of a record that could not be read although other records of the event tell them. @param unread two halves */
  unread(event: number, low: number, high: number): void {
    const key = `${high >>> 0}:${low >>> 0}`;
    const sets = this.#unread.get(event) ?? new Map<string, number>();
    sets.set(key, (sets.get(key) ?? 0) + 1);
    this.#unread.set(event, sets);
  }

  /** Counts the piece that comes next as skipped. @param name of its event, where that is the reason */
  skip(reason: Reason, name?: string): void {
    this.lines++;
    const row = this.skipped.find((each) => each.reason === reason) ?? this.#begin(reason);
    row.count++;
    if (name === undefined) return;
    const before = row.names.get(name);
    if (before !== undefined || row.names.size < MAX_NAMES) row.names.set(name, (before ?? 0) + 1);
  }

  #begin(reason: Reason): Row<Reason> {
    const row = { reason, ...this.#reasons[reason], count: 0, first: this.lines, names: new Map<string, number>() };
    this.skipped.push(row);
    return row;
  }

  get unreadable(): readonly UnreadableCount[] {
    const rows: UnreadableCount[] = [];
    for (const [event, records = 0] of this.byEvent.entries()) {
      const { name, format, unreadable } = this.#events[event] ?? {};
      if (name === undefined || format === undefined || records === 0) continue;
      const counts = new Map<string, number>((unreadable ?? []).map((field) => [field, records]));
      for (const [key, count] of this.#unread.get(event) ?? []) {
        const [high = 0, low = 0] = key.split(":").map(Number);
        for (const field of unreadFields(format.fields, (BigInt(high) << 32n) | BigInt(low)))
          if (!unreadable?.includes(field.name)) counts.set(field.name, (counts.get(field.name) ?? 0) + count);
      }
      for (const [field, count] of counts) rows.push({ event: name, field, count });
    }
    return rows;
  }
}
