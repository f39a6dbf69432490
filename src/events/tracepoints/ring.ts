/**
 * Pages of the kernel's ring buffer (`trace_pipe_raw`, `trace.dat`): a header with time and length, then entries that each say how much
 * later they are. Source: Linux `include/linux/ring_buffer.h` and `kernel/trace/ring_buffer.c`; the layout of the header is in tracefs'
 * `events/header_page`.
 */

/** Kinds of entries; smaller numbers are lengths. */
const PADDING = 29;
const TIME_EXTEND = 30;
const TIME_STAMP = 31;
const DELTA_BITS = 27n;
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

/**
 * Takes a page apart.
 * @param entry gets each entry's bytes (from its common fields on) and its time in the recording's clock
 */
export function readPage(
  page: Uint8Array,
  { header }: PageLayout,
  entry: (bytes: Uint8Array, time: bigint) => void,
): Page {
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  let time = view.getBigUint64(0, true);
  const commit = view.getUint32(8, true);
  const end = header + (commit & LENGTH_MASK);
  if (end > page.length) return { lost: 0, damaged: page.length - header };
  let at = header;
  while (at + 4 <= end) {
    const word = view.getUint32(at, true);
    const kind = word & 31;
    const delta = BigInt(word >>> 5);
    const array = at + 8 <= end ? view.getUint32(at + 4, true) : 0;
    if (kind === PADDING) {
      // Padding without a time goes to the page's end.
      if (delta === 0n) break;
      time += delta;
      at += array + 4;
    } else if (kind === TIME_EXTEND || kind === TIME_STAMP) {
      const long = (BigInt(array) << DELTA_BITS) + delta;
      time = kind === TIME_EXTEND ? time + long : (time & TOP_BITS) | long;
      at += 8;
    } else {
      const first = kind === 0 ? at + 8 : at + 4;
      const length = kind === 0 ? array - 4 : kind * 4;
      if (length < 0 || first + length > end) return { lost: lostBefore(view, commit, end), damaged: end - at };
      time += delta;
      entry(page.subarray(first, first + length), time);
      at = first + length;
    }
    if (at > end) return { lost: lostBefore(view, commit, end), damaged: 4 };
  }
  return { lost: lostBefore(view, commit, end), damaged: 0 };
}

function lostBefore(view: DataView, commit: number, end: number): number {
  if ((commit & MISSED) === 0) return 0;
  if ((commit & MISSED_STORED) === 0 || end + 8 > view.byteLength) return 1;
  return Number(view.getBigUint64(end, true));
}
