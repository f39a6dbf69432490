/**
 * The records of a `perf.data`, one behind the other. Source: Linux `tools/perf/Documentation/perf.data-file-format.txt` and
 * `include/uapi/linux/perf_event.h`.
 */
import { type ByteRange, joined } from "../bytes.ts";

export const RECORD_TYPES = {
  lost: 2,
  comm: 3,
  fork: 7,
  sample: 9,
  lostSamples: 13,
  attribute: 64,
  tracingData: 66,
  finishedRound: 68,
  auxiliary: 71,
  compressed: 81,
  compressed2: 83,
} as const;

/** Of a record: its type, and its bytes. */
const HEAD_BYTES = 8;
/** What is read of a file at once. */
const PIECE_BYTES = 1 << 20;

/** Whole records. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A record in a piece. */
export interface FoundRecord {
  readonly piece: Piece;
  readonly at: number;
  readonly size: number;
  readonly type: number;
}

/** Records that bytes follow which are not counted in their size: the formats, in a pipe, and what processors trace. */
const FOLLOWED: readonly number[] = [RECORD_TYPES.tracingData, RECORD_TYPES.auxiliary];

/** Bytes of the record at `at` with what follows it; 0: they are not there yet, -1: there can be no record. */
function wholeBytes(view: DataView, at: number): number {
  const left = view.byteLength - at;
  if (left < HEAD_BYTES) return 0;
  const type = view.getUint32(at, true);
  const size = view.getUint16(at + 6, true);
  const isFollowed = FOLLOWED.includes(type);
  if (size < (isFollowed ? 2 * HEAD_BYTES : HEAD_BYTES)) return -1;
  if (left < size) return 0;
  if (!isFollowed) return size;
  return type === RECORD_TYPES.auxiliary
    ? size + Number(view.getBigUint64(at + 8, true))
    : size + ((view.getUint32(at + 8, true) + 7) & ~7);
}

export const pieceOf = (bytes: Uint8Array): Piece => ({
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
});

/** The records of a piece. */
export function* recordsIn(piece: Piece): Generator<FoundRecord> {
  const { view } = piece;
  for (let at = 0; at < view.byteLength; ) {
    yield { piece, at, size: view.getUint16(at + 6, true), type: view.getUint32(at, true) };
    at += wholeBytes(view, at);
  }
}

/** Puts together what chunks have cut. */
export class Framer {
  #parts: Uint8Array[] = [];
  #length = 0;
  /** Fewer bytes need not be looked at again: they are no whole record. */
  #needed = 0;
  /** Nothing that follows can be a record. */
  isDamaged = false;

  /** The records that are whole with this chunk; undefined: none. */
  add(chunk: Uint8Array): Piece | undefined {
    if (this.isDamaged) return undefined;
    this.#parts.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return undefined;
    const piece = pieceOf(joined(this.#parts, this.#length));
    let end = 0;
    let next = wholeBytes(piece.view, 0);
    while (next > 0 && end + next <= this.#length) {
      end += next;
      next = wholeBytes(piece.view, end);
    }
    this.isDamaged = next < 0;
    this.#needed = Math.max(next, HEAD_BYTES);
    const rest = piece.bytes.subarray(end);
    this.#parts = [rest];
    this.#length = rest.length;
    return end === 0 ? undefined : pieceOf(piece.bytes.subarray(0, end));
  }

  /** Whether a record is cut, now that nothing follows. */
  get isCut(): boolean {
    return this.isDamaged || this.#length > 0;
  }
}

/** A part of a file, a piece at a time. */
export async function* chunksOf(range: ByteRange): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < range.length; at += PIECE_BYTES) yield range.subarray(at, at + PIECE_BYTES);
}
