/** Batches: event records one behind the other, as `record.ts` lays them out, in a buffer that goes on to the replay. */
import { RECORD } from "./record.ts";

export interface EventBatch {
  /** Whole records, nothing behind the last one. The buffer is the receiver's until it calls `release`. */
  readonly bytes: Uint8Array;
  /** Records in `bytes`. */
  readonly count: number;
  /**
   * Nothing of `bytes` is read any more: the buffer is for a later batch. Whoever does not call it keeps the batch, and passes it on
   * without.
   */
  readonly release?: () => void;
}

/** Where a batch's records begin, and their sizes in bytes. */
export function* recordsIn({ bytes }: EventBatch): Generator<{ readonly at: number; readonly size: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const size = view.getUint32(at + RECORD.size, true);
    yield { at, size };
    at += size;
  }
}

export const DEFAULT_BATCH_BYTES: number = 1 << 20;

/** Where a record's payload is written: a place in a batch's buffer. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The same as words: records lie at multiples of 8. */
  readonly words: Int32Array;
  /** Where the struct begins; it is zero up to `limit`. */
  start: number;
  /** The struct and its strings must end here. */
  limit: number;
  /** Behind the last appended string. */
  end: number;
}

/** Collects records until a batch is full. */
export class BatchWriter {
  /** The current buffer, zero from `position` on. */
  target: Target;
  /** Where the next record begins. */
  position = 0;
  readonly #batchBytes: number;
  readonly #recordBytes: number;
  #count = 0;
  /** A buffer that was released, all zero. */
  #spare: Target | undefined;

  /**
   * @param batchBytes size of a batch
   * @param recordBytes the most that one record may need
   */
  constructor(batchBytes: number, recordBytes: number) {
    this.#batchBytes = Math.max(batchBytes, recordBytes);
    this.#recordBytes = recordBytes;
    this.target = makeTarget(this.#batchBytes);
  }

  /** Whether the next record is sure to fit. */
  hasRoom(): boolean {
    return this.target.bytes.length - this.position >= this.#recordBytes;
  }

  /** Keeps the record at `position`, `size` bytes. */
  keep(size: number): void {
    this.position += size;
    this.#count++;
  }

  /** Gives the batch and begins a new one; undefined when it is empty. */
  take(): EventBatch | undefined {
    if (this.#count === 0) return undefined;
    const { target, position } = this;
    const release = (): void => {
      target.bytes.fill(0, 0, position);
      this.#spare = target;
    };
    const batch = { bytes: target.bytes.subarray(0, position), count: this.#count, release };
    this.target = this.#spare ?? makeTarget(this.#batchBytes);
    this.#spare = undefined;
    this.position = 0;
    this.#count = 0;
    return batch;
  }
}

function makeTarget(bytes: number): Target {
  const { buffer } = new Uint8Array(bytes);
  const words = new Int32Array(buffer, 0, bytes >> 2);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer), words, start: 0, limit: bytes, end: 0 };
}
