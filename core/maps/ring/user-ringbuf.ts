/**
 * The user ring buffer: a ring buffer the other way round (Linux's `kernel/bpf/ringbuf.c`). Threads put records in, as a program does
 * into a ring buffer (maps/ring/ringbuf.ts: so it lies in memory, and so records are reserved); a program takes them out, record by record.
 *
 * **Concurrency.** One program drains at a time, any other gets -EBUSY at once, in any context. It looks at a record where that lies, and
 * lets go of it afterwards. Whoever dies while it drains has let go of what it had passed: the next one sees the record in hand again.
 */
import { acquire, acquire64, claim, publish, publish64 } from "../../base/atomics";
import { EBUSY } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { mapAt } from "../map";
import {
  BUSY,
  consumedWord,
  consumerLock,
  DISCARDED,
  headerAt,
  lengthOf,
  producedWord,
  RECORD_HEADER,
  ringOf,
  SIZE_MASK,
} from "./ringbuf";

/** Number of `enum bpf_map_type`. */
export const KIND_USER_RINGBUF: u32 = 31;

/**
 * Begins to drain: until userRingbufEnd nobody else does. The claim pairs with the publication there: what the last one passed is passed.
 * @returns 0, or -EBUSY: somebody does, or died while he did and is not reaped yet
 */
export function userRingbufBegin(address: usize): i32 {
  return claim(consumerLock(mapAt(address)), 0, thisCpu().id + 1) ? 0 : -EBUSY;
}

/**
 * The next record, behind those that were given up; 0: there is none, or it is still being filled. Its size is 8 bytes in front of it.
 * Of whoever drains. The loads of position and header pair with the publications of those who put it in.
 */
export function userRingbufNext(address: usize): usize {
  const map = mapAt(address);
  let position = ringOf(map).consumed;
  while (position != acquire64(producedWord(map))) {
    const header = headerAt(map, position);
    const word = acquire(header);
    if ((word & BUSY) != 0) return 0;
    if ((word & DISCARDED) == 0) return header + RECORD_HEADER;
    position += lengthOf(word & SIZE_MASK);
    publish64(consumedWord(map), position);
  }
  return 0;
}

/** Lets go of the record that userRingbufNext gave. The publication pairs with ringbufReserve: it may be written over. */
export function userRingbufPass(address: usize): void {
  const map = mapAt(address);
  const position = ringOf(map).consumed;
  publish64(consumedWord(map), position + lengthOf(load<u32>(headerAt(map, position)) & SIZE_MASK));
}

/** Ends to drain. The publication pairs with userRingbufBegin of the next. */
export function userRingbufEnd(address: usize): void {
  publish(consumerLock(mapAt(address)), 0);
}
