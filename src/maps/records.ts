/** Records that threads put in and take out, of a ring buffer, and that programs hand over: some at a time, or as they come. */
import { ERRNO } from "../error.ts";
import { CONSTANTS, type Core } from "../wasm/face.ts";
import { scanNext } from "./scan.ts";
import { roundUp } from "./transfer.ts";

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
}

/** @returns 0, or -EAGAIN: there is no room now, or this thread may not wait for another one that puts a record in */
export function putRecord({ core, memory }: RecordsHost, map: number, record: Uint8Array): number {
  const address = core.ringbufReserve(map, record.length, 0) >>> 0;
  if (address === 0) return -ERRNO.EAGAIN;
  new Uint8Array(memory.buffer, address, record.length).set(record);
  core.ringbufSubmit(address, 0);
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
  const room = core.allocateBytes(bytes) >>> 0;
  if (room < CONSTANTS.SUPERBLOCK) return -room;
  try {
    const count = taking.consume(room, bytes);
    if (count >= 0) return split(host, { address: room, bytes }, count, taking.make);
    return count === -ERRNO.ENOSPC ? takeRecords(host, taking, scanNext(core, memory)) : count;
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
 * All records as they come, until the signal says no more. It looks again on a timer, so that the event loop goes on; where there always
 * are records it waits for a turn of it now and then.
 * @param take some of the records that are in; undefined: there will be none any more
 */
export async function* consumeRecords<Taken>(
  take: () => readonly Taken[] | undefined,
  { interval = 1, signal }: ConsumeOptions,
): AsyncGenerator<Taken, undefined, unknown> {
  let turned = Date.now();
  while (signal?.aborted !== true) {
    const records = take();
    if (records === undefined) return;
    yield* records;
    if (records.length !== 0 && Date.now() - turned < TURN) continue;
    await new Promise((resolve) => setTimeout(resolve, records.length === 0 ? interval : 0));
    turned = Date.now();
  }
}
