import { FRAME_BYTES, MAX_FRAMES } from "./host.ts";
import type { LinkedProgram } from "./linked.ts";
import { type PacketStruct, pointerAt } from "./programs/packet-struct.ts";
import { programType } from "./programs/table.ts";

/** The memory a run may touch, and the answer to "may it touch this?". */
export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly writable: boolean;
}

/**
 * Ranges granted during one run, sorted by start; they never overlap partly, because objects in memory do not. The
 * last hit is tried first: programs touch one object many times in a row.
 */
export class Ranges {
  readonly #ranges: Range[];
  #last: Range | undefined;

  /** @param granted what others have is granted from the start */
  constructor(granted?: Ranges) {
    this.#ranges = granted === undefined ? [] : granted.#ranges.slice();
  }

  /** Granting the same start again replaces the range. */
  grant(start: number, size: number, writable: boolean): void {
    const range: Range = { start, end: start + size, writable };
    const at = this.#after(start);
    if (this.#ranges[at - 1]?.start === start) this.#ranges[at - 1] = range;
    else this.#ranges.splice(at, 0, range);
    this.#last = range;
  }

  /** Takes back what was granted at this start. */
  revoke(start: number): void {
    const at = this.#after(start) - 1;
    if (this.#ranges[at]?.start === start) this.#ranges.splice(at, 1);
    this.#last = undefined;
  }

  /** Bytes that were granted at this start; 0: none. */
  sizeAt(start: number): number {
    const range = this.#ranges[this.#after(start) - 1];
    return range?.start === start ? range.end - start : 0;
  }

  allows(start: number, size: number, write: boolean): boolean {
    let range = this.#last;
    if (range === undefined || start < range.start || start + size > range.end) {
      range = this.#ranges[this.#after(start) - 1];
      if (range === undefined || start + size > range.end) return false;
      this.#last = range;
    }
    return !write || range.writable;
  }

  /** Index of the first range that starts after `start`. */
  #after(start: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.start <= start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Of a run. */
interface RunMemory {
  readonly context: number;
  readonly stackTop: number;
  /** Of the context, unless the program's type says how many. */
  readonly bytes: number;
}

/**
 * Where runs of a program may write to from their beginning on: all of its frames, its context and its packet, and the values of arrays.
 * The whole of what it may do only the interpreter knows. What is the same for each run is worked out once.
 */
export function firstRanges({ kind, maps }: LinkedProgram): (view: DataView, run: RunMemory) => Ranges {
  const type = "reason" in kind ? undefined : programType(kind);
  const known = "reason" in kind ? undefined : type?.context.access?.bytes(kind.target);
  const stack = FRAME_BYTES * MAX_FRAMES;
  const values = new Ranges();
  for (const { readOnly, firstValue, valueStride, maxEntries } of maps)
    if (firstValue !== 0 && !readOnly) values.grant(firstValue, valueStride * maxEntries, true);
  return (view, { context, stackTop, bytes }) => {
    const ranges = new Ranges(values);
    ranges.grant(stackTop - stack, stack, true);
    ranges.grant(context, known ?? bytes, true);
    if (type?.packet !== undefined) grantPacket(ranges, view, context, type.packet);
    return ranges;
  };
}

/** The packet that a context leads to. */
export function grantPacket(ranges: Ranges, view: DataView, context: number, struct: PacketStruct): void {
  if (context + struct.bytes > view.byteLength) return;
  const [begin, end] = [struct.data, struct.end].map((at) => pointerAt(view, context + at, struct.pointer));
  if (begin !== undefined && end !== undefined && end > begin) ranges.grant(begin, end - begin, true);
}
