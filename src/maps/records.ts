/** Records that threads put in and take out, of a ring buffer, and that programs hand over: some at a time, or as they come. */
import { checkOptions, refuse, show } from "../arguments.ts";
import { AnyctxError, ERRNO } from "../error.ts";
import { CONSTANTS, type Core } from "../wasm/face.ts";
import { roundUp } from "./align.ts";
import { memoryFor, type Room } from "./host.ts";
import { scanNext } from "./walk/scan.ts";

/** What the core puts in front of a record: its size, and how many were lost before it. */
const HEADER_BYTES = 8;
const LOST = 4;
/** Room for records that are got out at once, unless one is larger. */
const ROOM_BYTES = 16 * 1024;
/** Milliseconds for which records are handed on without a turn of the event loop. */
const TURN = 4;

export interface RecordsHost {
  readonly core: Core;
  readonly memory: { readonly buffer: ArrayBufferLike };
  /** The thread's own, where there is no other. */
  readonly room: Room;
}

/**
 * @param memory all of the arena's: to be handed its buffer takes longer than to copy a record
 * @param record of so many bytes, which are there
 * @returns 0, or -EAGAIN: there is no room now, or this thread may not wait for another one that puts a record in
 */
export function putRecord(core: Core, memory: Uint8Array, map: number, record: Uint8Array, length: number): number {
  const address = core.ringbufReserve(map, length, 0) >>> 0;
  if (address === 0) return -ERRNO.EAGAIN;
  let isWritten = false;
  try {
    // It throws if another thread has just made it longer.
    memory.subarray(address, address + length).set(record);
    isWritten = true;
  } finally {
    if (isWritten) core.ringbufSubmit(address, 0);
    else core.ringbufDiscard(address, 0);
  }
  return 0;
}

/** How records are taken: the core's function, and what is made of a copy of one and of how many were lost before it. */
export interface Taking<Taken> {
  consume(room: number, bytes: number): number;
  make(record: Uint8Array, lost: number): Taken;
}

/** What the core has copied out, into so many bytes of room. */
function split<Taken>(
  { memory }: RecordsHost,
  room: { readonly address: number; readonly bytes: number },
  count: number,
  make: Taking<Taken>["make"],
): Taken[] {
  const records: Taken[] = [];
  // A view costs more than the copy of a short record.
  const all = new Uint8Array(memory.buffer, room.address, room.bytes);
  const words = new Uint32Array(memory.buffer, room.address, room.bytes >> 2);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const size = words[at / 4] as number;
    const lost = words[(at + LOST) / 4] as number;
    records.push(make(all.slice(at + HEADER_BYTES, at + HEADER_BYTES + size), lost));
    at += HEADER_BYTES + roundUp(size);
  }
  return records;
}

/**
 * Takes records out that are in, in their order.
 * @returns some of them, none if there are none; or -errno: -EBUSY, -ETIMEDOUT, -ENOMEM
 */
export function takeRecords<Taken>(
  host: RecordsHost,
  taking: Taking<Taken>,
  bytes: number = ROOM_BYTES,
): Taken[] | number {
  const { core, memory } = host;
  const found = memoryFor(core, memory, bytes);
  const isFound = found >= CONSTANTS.SUPERBLOCK;
  // A thread that may not look for memory has what is its own; a record that is larger than that has to wait.
  if (!isFound && bytes > ROOM_BYTES) return -found;
  const room = isFound ? { address: found, bytes } : host.room;
  try {
    const count = taking.consume(room.address, room.bytes);
    if (count >= 0) return split(host, room, count, taking.make);
    if (count !== -ERRNO.ENOSPC) return count;
    return takeRecords(host, taking, Math.max(scanNext(core, memory), ROOM_BYTES + 1));
  } finally {
    if (isFound) core.freeBytes(found);
  }
}

/** How a consumer waits for records: nobody wakes it. */
export interface ConsumeOptions {
  /** Milliseconds from one look to the next while there is nothing; 1 by default. */
  readonly interval?: number;
  /** Ends the consumer: an `AbortSignal` at once, anything else when it looks next. */
  readonly signal?: {
    readonly aborted: boolean;
    addEventListener?(type: "abort", wake: () => void): void;
    removeEventListener?(type: "abort", wake: () => void): void;
  };
}

/** Beyond this a timer comes at once. */
const LONGEST_PAUSE = 2 ** 31 - 1;

/** Waits so many milliseconds, or until the signal says no more. */
function pause(milliseconds: number, signal: ConsumeOptions["signal"]): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener?.("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.min(milliseconds, LONGEST_PAUSE));
    signal?.addEventListener?.("abort", wake);
  });
}

/** @throws {AnyctxError} EINVAL: an option that there is not, or a value that it cannot have; UNSUPPORTED: the thread has no timers */
function checkConsume(options: ConsumeOptions): void {
  checkOptions("consume", options, ["interval", "signal"]);
  const { interval = 0, signal } = options;
  if (typeof interval !== "number" || !(interval >= 0) || interval === Number.POSITIVE_INFINITY)
    refuse("consume", "a number of milliseconds", "interval", interval);
  if (signal !== undefined && typeof signal?.aborted !== "boolean")
    throw new AnyctxError(
      "EINVAL",
      `consume needs something with aborted as signal, as AbortSignal, not ${show(signal)}`,
    );
  if (typeof setTimeout === "undefined")
    throw new AnyctxError("UNSUPPORTED", "This thread cannot wait for records: it has no timers");
}

/**
 * Records that were taken out of the arena's memory some at a time, and are handed on one by one: what a consumer leaves behind when it
 * ends is there for the next look.
 */
export class RecordQueue<Taken> {
  #left: Taken[] = [];

  /** What was left; if nothing was, some of the records that are in. */
  take(more: () => Taken[]): Taken[] {
    if (this.#left.length === 0) return more();
    const left = this.#left;
    this.#left = [];
    return left;
  }

  /**
   * All records as they come, until the signal says no more. It looks again on a timer, so that the event loop goes on; where there always
   * are records it waits for a turn of it now and then.
   * @param more some of the records that are in; undefined: there will be none any more
   * @throws {AnyctxError} EINVAL, UNSUPPORTED
   */
  consume(more: () => Taken[] | undefined, options: ConsumeOptions): AsyncGenerator<Taken, undefined, unknown> {
    checkConsume(options);
    return this.#consume(more, options);
  }

  async *#consume(
    more: () => Taken[] | undefined,
    { interval = 1, signal }: ConsumeOptions,
  ): AsyncGenerator<Taken, undefined, unknown> {
    let turned = Date.now();
    while (signal?.aborted !== true) {
      const next = this.#left.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      const records = more();
      if (records === undefined) return;
      this.#left = records;
      if (records.length !== 0 && Date.now() - turned < TURN) continue;
      await pause(records.length === 0 ? interval : 0, signal);
      turned = Date.now();
    }
  }
}
