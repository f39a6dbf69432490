/** Batches: event records one behind the other, as `record.ts` lays them out, in a buffer that goes on to the replay. */
import type { Target } from "./matcher.ts";
import { RECORD } from "./record.ts";

export interface EventBatch {
  /** Whole records, nothing behind the last one. */
  readonly bytes: Uint8Array;
  /** Records in `bytes`. */
  readonly count: number;
  /** The latest time of a record in this batch, nanoseconds: events of different CPUs may be out of order. */
  readonly maxTime: bigint;
}

export interface BatchWriter {
  /** Bytes that the next record may take at most; 0 when the batch has no more room for one. */
  room(): number;
  /** The current buffer. Zero from `position` on. */
  readonly target: Target;
  readonly position: number;
  /** Keeps the record at `position`, `size` bytes. */
  keep(size: number): void;
  /** Gives the batch and begins a new one; undefined when it is empty. */
  take(): EventBatch | undefined;
}

/**
 * @param bytes size of a batch
 * @param recordBytes the most that one record may need
 */
export function createBatchWriter(bytes: number, recordBytes: number): BatchWriter {
  const make = (): Target => {
    const buffer = new Uint8Array(Math.max(bytes, recordBytes));
    return { bytes: buffer, view: new DataView(buffer.buffer), start: 0, limit: buffer.length, end: 0 };
  };
  let target = make();
  let position = 0;
  let count = 0;
  let maxLow = 0;
  let maxHigh = 0;
  return {
    get target() {
      return target;
    },
    get position() {
      return position;
    },
    room: () => (target.bytes.length - position < recordBytes ? 0 : recordBytes),
    keep(size) {
      const low = target.view.getUint32(position + RECORD.time, true);
      const high = target.view.getUint32(position + RECORD.time + 4, true);
      if (high > maxHigh || (high === maxHigh && low > maxLow)) {
        maxHigh = high;
        maxLow = low;
      }
      position += size;
      count++;
    },
    take() {
      if (count === 0) return undefined;
      const batch: EventBatch = {
        bytes: target.bytes.subarray(0, position),
        count,
        maxTime: (BigInt(maxHigh) << 32n) | BigInt(maxLow),
      };
      target = make();
      position = 0;
      count = 0;
      maxLow = 0;
      maxHigh = 0;
      return batch;
    },
  };
}
