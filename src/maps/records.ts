/** The records of a ring buffer: putting them in where they will lie, and getting them out some at a time. */
import { ERRNO } from "../error.ts";
import { CONSTANTS, type Core } from "../wasm/face.ts";
import { wordAt } from "../wasm/reader.ts";
import { scanNext } from "./scan.ts";
import { roundUp } from "./transfer.ts";

/** What the core puts in front of a record. */
const SIZE_BYTES = 8;
/** Room for records that are got out at once, unless one is larger. */
const ROOM_BYTES = 16 * 1024;

export interface RecordsHost {
  readonly core: Core;
  readonly memory: { readonly buffer: ArrayBufferLike };
}

/** @returns 0, or -EAGAIN: there is no room now, or this thread may not wait for another one that puts a record in */
export function putRecord({ core, memory }: RecordsHost, map: number, record: Uint8Array): number {
  const address = core.ringbufReserve(map, record.length, 0) >>> 0;
  if (address === 0) return -ERRNO.EAGAIN;
  new Uint8Array(memory.buffer, address, record.length).set(record);
  core.ringbufSubmit(address, 0);
  return 0;
}

/** What the core has copied out: copies of the records. */
function split({ memory }: RecordsHost, room: number, count: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  let at = room;
  for (let index = 0; index < count; index++) {
    const size = wordAt(memory, at);
    records.push(new Uint8Array(memory.buffer, at + SIZE_BYTES, size).slice());
    at += SIZE_BYTES + roundUp(size);
  }
  return records;
}

/**
 * Takes records out that are in, in their order.
 * @returns some of them, none if there are none; or -errno: -EBUSY, -ETIMEDOUT, -ENOMEM
 */
export function takeRecords(host: RecordsHost, map: number, bytes: number = ROOM_BYTES): Uint8Array[] | number {
  const { core, memory } = host;
  const room = core.allocateBytes(bytes) >>> 0;
  if (room < CONSTANTS.SUPERBLOCK) return -room;
  try {
    const count = core.ringbufConsume(map, room, bytes);
    if (count >= 0) return split(host, room, count);
    return count === -ERRNO.ENOSPC ? takeRecords(host, map, scanNext(core, memory)) : count;
  } finally {
    core.freeBytes(room);
  }
}

/** How a consumer waits for records: nobody wakes it. */
export interface ConsumeOptions {
  /** Milliseconds from one look to the next while there is nothing; 1 by default. */
  readonly interval?: number;
  /** Ends the consumer. */
  readonly signal?: { readonly aborted: boolean };
}

/**
 * All records as they come, until the signal says no more. It looks again on a timer, so that the event loop goes on.
 * @param take some of the records that are in
 */
export async function* consumeRecords(
  take: () => readonly Uint8Array[],
  { interval = 1, signal }: ConsumeOptions,
): AsyncGenerator<Uint8Array, undefined, unknown> {
  while (signal?.aborted !== true) {
    const records = take();
    yield* records;
    if (records.length === 0) await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
