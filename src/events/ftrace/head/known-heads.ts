/**
 * Heads that have come: what stands before the point of a line's time (`    bash-1033    [001] d.s3.  4782.`) is the same in many lines,
 * and is taken apart once. A table by what tells most heads apart, the columns of the kernel's pid, CPU and flags: a later head takes
 * the place of an earlier one, as that of the next second does.
 */
import { wordsOf } from "../bytes.ts";
import { type RecordHeads, recordHeads } from "./record-head.ts";

const ROWS = 256;
/** The row behind them is of heads that are not kept. */
export const UNKEPT: number = ROWS;
const WORD = 4;
/** Longer heads are not kept. */
const MOST_BYTES = 96;
/** The columns that the table goes by. */
const [FIRST_COLUMN, LAST_COLUMN] = [16, 36];

export class KnownHeads {
  /** What records have of each head, by its row. */
  readonly records: RecordHeads = recordHeads(ROWS + 1);
  readonly #texts = new DataView(new ArrayBuffer(ROWS * MOST_BYTES));
  /** Bytes of the text, up to the point and with it; 0: the row is empty. */
  readonly #lengths = new Uint8Array(ROWS);

  /** The row of the head that stands at `from`, if it has come; -1. */
  find(line: Uint8Array, from: number): number {
    const view = wordsOf(line);
    if (from + MOST_BYTES > view.byteLength) return -1;
    const row = rowOf(view, from);
    const length = this.#lengths[row] as number;
    const texts = this.#texts;
    const start = row * MOST_BYTES;
    const last = length - WORD;
    for (let at = 0; at < last; at += WORD)
      if (view.getInt32(from + at, true) !== texts.getInt32(start + at, true)) return -1;
    return length > 0 && view.getInt32(from + last, true) === texts.getInt32(start + last, true) ? row : -1;
  }

  forget(): void {
    this.#lengths.fill(0);
  }

  /** Bytes of the head in a row. */
  lengthOf(row: number): number {
    return this.#lengths[row] as number;
  }

  /** A row for the head at `from..to`: the one that it is found in from now on, or one for its record only. */
  take(line: Uint8Array, from: number, to: number): number {
    const view = wordsOf(line);
    if (from + MOST_BYTES > view.byteLength || to - from > MOST_BYTES || to - from < WORD) return UNKEPT;
    const row = rowOf(view, from);
    this.#lengths[row] = to - from;
    for (let at = from; at < to; at++) this.#texts.setUint8(row * MOST_BYTES + at - from, view.getUint8(at));
    return row;
  }
}

function rowOf(view: DataView, from: number): number {
  let value = 0;
  for (let at = FIRST_COLUMN; at < LAST_COLUMN; at += WORD)
    value = Math.imul(value ^ view.getInt32(from + at, true), 0x9e3779b1);
  return value >>> 24;
}
