/**
 * Heads that have come: what stands before the point of a line's time (`    bash-1033    [001] d.s3.  4782.`) is the same in many lines,
 * and is taken apart once. A table by what tells most heads apart, the columns of the kernel's pid, CPU and flags: a later head takes
 * the place of an earlier one, as that of the next second does.
 */
import { wordsOf } from "./bytes.ts";
import type { HeadWords } from "./record-head.ts";

export interface KnownHead {
  /** Bytes of the text, up to the point and with it. */
  readonly length: number;
  readonly cpu: number;
  readonly words: HeadWords;
}

interface Row extends KnownHead {
  readonly text: DataView;
}

const ROWS = 256;
const WORD = 4;
/** The columns that the table goes by. */
const [FIRST_COLUMN, LAST_COLUMN] = [16, 36];

export class KnownHeads {
  readonly #rows = new Array<Row | undefined>(ROWS).fill(undefined);

  /** The head that stands at `from`, if it has come. */
  find(line: Uint8Array, from: number): KnownHead | undefined {
    const words = wordsOf(line);
    if (from + LAST_COLUMN > words.byteLength) return undefined;
    const row = this.#rows[rowOf(words, from)];
    if (row === undefined || from + row.length > words.byteLength) return undefined;
    const { text, length } = row;
    const last = length - WORD;
    for (let at = 0; at < last; at += WORD)
      if (words.getInt32(from + at, true) !== text.getInt32(at, true)) return undefined;
    return words.getInt32(from + last, true) === text.getInt32(last, true) ? row : undefined;
  }

  /** Keeps the head at `from..to`. */
  add(line: Uint8Array, from: number, to: number, cpu: number, words: HeadWords): void {
    const all = wordsOf(line);
    if (from + LAST_COLUMN > all.byteLength || to - from < WORD) return;
    const text = new DataView(line.slice(from, to).buffer);
    this.#rows[rowOf(all, from)] = { length: to - from, cpu, words, text };
  }
}

function rowOf(words: DataView, from: number): number {
  let value = 0;
  for (let at = FIRST_COLUMN; at < LAST_COLUMN; at += WORD)
    value = Math.imul(value ^ words.getInt32(from + at, true), 0x9e3779b1);
  return value >>> 24;
}
