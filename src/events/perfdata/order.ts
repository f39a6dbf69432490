/**
 * Records in order of time. perf goes round the CPUs' buffers: what it takes in one round may be earlier than what another CPU had in the
 * round before, but not than anything of the round before that. So at the end of a round all up to the newest of the one before can go on,
 * and a recording that is larger than memory is read in order.
 */
import type { FoundRecord } from "./records.ts";
import type { Moment } from "./sample.ts";

export interface Row {
  readonly record: FoundRecord;
  /** Of a sample: the event that it is of. */
  readonly attribute: number;
  /** Nanoseconds since the first that has come; without a time before all others. */
  readonly since: number;
}

const TWO_32 = 2 ** 32;

export class Rounds {
  #rows: Row[] = [];
  #origin: Moment | undefined;
  #newest = Number.NEGATIVE_INFINITY;
  #before = Number.NEGATIVE_INFINITY;

  add(record: FoundRecord, attribute: number, { timeLow, timeHigh }: Moment): void {
    const isTimed = timeLow !== 0 || timeHigh !== 0;
    if (isTimed) this.#origin ??= { timeLow, timeHigh };
    const { timeLow: low, timeHigh: high } = this.#origin ?? { timeLow, timeHigh };
    const since = isTimed ? (timeHigh - high) * TWO_32 + timeLow - low : Number.NEGATIVE_INFINITY;
    this.#rows.push({ record, attribute, since });
    if (since > this.#newest) this.#newest = since;
  }

  /** A round is over. @returns what can go on */
  end(): readonly Row[] {
    const limit = this.#before;
    this.#before = this.#newest;
    return this.#take((row) => row.since <= limit);
  }

  /** Nothing follows. */
  rest(): readonly Row[] {
    return this.#take(() => true);
  }

  #take(goes: (row: Row) => boolean): readonly Row[] {
    const taken = this.#rows.filter(goes).sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
    if (taken.length > 0) this.#rows = taken.length === this.#rows.length ? [] : this.#rows.filter((row) => !goes(row));
    return taken;
  }
}
