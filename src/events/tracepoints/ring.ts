/**
 * Pages of the kernel's ring buffer (`trace_pipe_raw`, `trace.dat`): a header with time and length, then entries that each say how much
 * later they are. Source: Linux `include/linux/ring_buffer.h` and `kernel/trace/ring_buffer.c`; the layout of the header is in tracefs'
 * `events/header_page`.
 */

/** Kinds of entries; smaller numbers are lengths. */
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
/** A longer time counts so many of the short ones. */
const DELTAS = 2 ** 27;
/** Bits of a page's length that say that entries before it were lost, and that their number lies behind the last one. */
const MISSED = 0x8000_0000;
const MISSED_STORED = 0x4000_0000;
const LENGTH_MASK = 0x000f_ffff;
/** The highest bits of a time: an absolute one has room for 59, the rest is as it was. */
const TOP_BITS = 0xf800_0000_0000_0000n;

/** Where a page's header says what. */
export interface PageLayout {
  /** Bytes before the first entry: 16 where a long has 8 bytes, 12 where it has 4. */
  readonly header: number;
}

export interface Page {
  /** Entries that were lost before this page; 1 where the page says only that some were. */
  readonly lost: number;
  /** Bytes that cannot be entries: the page is damaged from there on. */
  readonly damaged: number;
}

/** Is given each entry: where it lies in the page, from its common fields on, and nanoseconds since the page's time. */
export type EntryVisitor = (from: number, length: number, since: number) => void;

/** The time of a page's first entry, in the recording's clock. */
export function pageTime(page: Uint8Array): bigint {
  return new DataView(page.buffer, page.byteOffset, page.length).getBigUint64(0, true);
}

/** Takes a page apart. */
export function readPage(page: Uint8Array, { header }: PageLayout, visit: EntryVisitor): Page {
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  const commit = view.getUint32(8, true);
  const end = header + (commit & LENGTH_MASK);
  if (end > page.length) return { lost: 0, damaged: page.length - header };
  let since = 0;
  let at = header;
  while (at + 4 <= end) {
    const word = view.getUint32(at, true);
    const kind = word & 31;
    const delta = word >>> 5;
    if (kind > 0 && kind < PADDING) {
      since += delta;
      if (at + 4 + kind * 4 > end) return { lost: lostBefore(view, commit, end), damaged: end - at };
      visit(at + 4, kind * 4, since);
      at += 4 + kind * 4;
      continue;
    }
    // Padding without a time goes to the page's end.
    if (kind === PADDING && delta === 0) break;
    if (at + 8 > end) return { lost: lostBefore(view, commit, end), damaged: end - at };
    const array = view.getUint32(at + 4, true);
    if (kind === TIME_EXTEND) since += array * DELTAS + delta;
    else if (kind === TIME_STAMP) since = sinceStamp(view, array, delta);
    else since += delta;
    const length = kind === 0 || kind === PADDING ? array + 4 : 8;
    if (length < 8 || at + length > end) return { lost: lostBefore(view, commit, end), damaged: end - at };
    if (kind === 0) visit(at + 8, array - 4, since);
    at += length;
  }
  return { lost: lostBefore(view, commit, end), damaged: 0 };
}

/** Nanoseconds from the page's time to an absolute one, whose highest bits are the page's. */
function sinceStamp(view: DataView, array: number, delta: number): number {
  const base = view.getBigUint64(0, true);
  return Number((base & TOP_BITS) + BigInt(array) * BigInt(DELTAS) + BigInt(delta) - base);
}

function lostBefore(view: DataView, commit: number, end: number): number {
  if ((commit & MISSED) === 0) return 0;
  if ((commit & MISSED_STORED) === 0 || end + 8 > view.byteLength) return 1;
  return Number(view.getBigUint64(end, true));
}
