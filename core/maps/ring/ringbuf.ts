/**
 * The ring buffer: records of any length from many producers to a consumer (Linux's `kernel/bpf/ringbuf.c`). A record is reserved,
 * filled and then submitted or discarded; the consumer gets records in the order of their reservation, and none behind one that is
 * still being filled.
 *
 * ```
 *  0          8      64         72         128
 *  | produced | lock | consumed | its lock | size | owner | record ... | size | owner | record ...
 * ```
 * Positions only grow; a position's place is its lower bits. A record that begins before the end of the data lies in one piece: there
 * is as much room behind the end, which records reach into and none begins in.
 *
 * **Concurrency.** A reservation takes the producers' lock for a few stores, in any context; an NMI that has interrupted the lock's owner
 * gets nothing, as in Linux. Filling and submitting take no lock. Two consumers at once take turns. A thread that dies has its records
 * discarded when it is reaped; until then the consumer waits behind them, and producers until the buffer is full.
 */
import { acquire, acquire64, exchange, peek, publish, publish64 } from "../../base/atomics";
import { roundUp } from "../../base/bytes";
import { EAGAIN, EINVAL, ENOSPC } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { lockAnywhere, unlock } from "../../cpu/lock";
import { renewBudget } from "../../cpu/wait";
import { NUMA_NODE } from "../access";
import { MapHeader, mapAt } from "../map";
import { allocateStorage, storageField } from "../storage";

/** Number of `enum bpf_map_type`. */
export const KIND_RINGBUF: u32 = 27;

/** Linux's unit of sizes: PAGE_SIZE. */
const UNIT: u32 = 4096;

/** At the start of the map's storage; the records follow. */
@unmanaged
export class Ringbuf {
  /** The position behind the last reserved record. Atomic, written under `lock`. */
  produced: u64;
  /** Owner CPU + 1, or 0: who reserves. */
  lock: u32;
  reserved0: u32;
  reserved1: u64;
  reserved2: u64;
  reserved3: u64;
  reserved4: u64;
  reserved5: u64;
  reserved6: u64;
  /** The position behind the last consumed record. Atomic, written under `consumerLock`. */
  consumed: u64;
  /** Owner CPU + 1, or 0: who consumes. */
  consumerLock: u32;
}

const DATA_AT: usize = 128;

/** A record's header: its size with these bits, then the CPU + 1 that reserved it. Linux's bits. */
export const RECORD_HEADER: u32 = 8;
const OWNER: usize = 4;
export const BUSY: u32 = 0x80000000;
export const DISCARDED: u32 = 0x40000000;
export const SIZE_MASK: u32 = 0x3fffffff;

/** Flags of output, submit and discard: BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP. Nobody is woken here. */
const WAKEUP_FLAGS: u32 = 1 | 2;

export function ringOf(map: MapHeader): Ringbuf {
  return changetype<Ringbuf>(<usize>map.storage);
}

export function producedWord(map: MapHeader): usize {
  return <usize>map.storage + offsetof<Ringbuf>("produced");
}

export function consumedWord(map: MapHeader): usize {
  return <usize>map.storage + offsetof<Ringbuf>("consumed");
}

function producerLock(map: MapHeader): usize {
  return <usize>map.storage + offsetof<Ringbuf>("lock");
}

export function consumerLock(map: MapHeader): usize {
  return <usize>map.storage + offsetof<Ringbuf>("consumerLock");
}

export function headerAt(map: MapHeader, position: u64): usize {
  return <usize>map.storage + DATA_AT + (<usize>position & <usize>(map.maxEntries - 1));
}

/** Bytes from a record's position to the next. */
export function lengthOf(size: u32): u32 {
  return <u32>roundUp(size + RECORD_HEADER, 8);
}

/** What `bpf(BPF_MAP_CREATE)` refuses: 0 or EINVAL. */
export function checkRingbuf(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32): u32 {
  if (keySize != 0 || valueSize != 0 || (flags & ~NUMA_NODE) != 0) return EINVAL;
  return maxEntries == 0 || (maxEntries & (maxEntries - 1)) != 0 || maxEntries < UNIT ? EINVAL : 0;
}

/** Allocates the data. False: memory is out. */
export function buildRingbuf(map: MapHeader): bool {
  return allocateStorage(storageField(map), <u64>DATA_AT + 2 * <u64>map.maxEntries);
}

/**
 * Reserves a record. Any context. Its bytes are whatever was there.
 * The load of `consumed` pairs with the consumer's publication: he is done with what lies before; that of `produced` pairs with the
 * consumer's load: the header is written.
 * @returns the record's address, for ringbufSubmit or ringbufDiscard; 0: there is no room now, it is larger than the buffer, there are
 * flags, this context interrupted the lock's owner, or that one is dead
 */
export function ringbufReserve(address: usize, size: u32, flags: u32): usize {
  const map = mapAt(address);
  if (flags != 0 || size > SIZE_MASK || lengthOf(size) > map.maxEntries) return 0;
  const area = thisCpu();
  renewBudget(area);
  if (lockAnywhere(area, producerLock(map)) != 0) return 0;
  const position = ringOf(map).produced;
  const end = position + <u64>lengthOf(size);
  // One byte less than all: a full buffer would look like an empty one, as in Linux.
  const fits = end - acquire64(consumedWord(map)) < <u64>map.maxEntries;
  const header = headerAt(map, position);
  if (fits) {
    store<u32>(header, area.id + 1, OWNER);
    store<u32>(header, size | BUSY);
    publish64(producedWord(map), end);
  }
  unlock(producerLock(map));
  return fits ? header + RECORD_HEADER : 0;
}

/** The exchange pairs with the consumer's load of the header: the record is filled. */
function finish(record: usize, bits: u32): void {
  const header = record - RECORD_HEADER;
  exchange(header, (load<u32>(header) & SIZE_MASK) | bits);
}

/** Gives a reserved record to the consumer. Any context; cannot fail. */
export function ringbufSubmit(record: usize, flags: u32): void {
  finish(record, 0);
}

/** Gives a reserved record up: the consumer passes over it. Any context; cannot fail. */
export function ringbufDiscard(record: usize, flags: u32): void {
  finish(record, DISCARDED);
}

/**
 * Reserves a record, copies `size` bytes into it and submits it. Any context.
 * @returns 0, -EINVAL (flags), -EAGAIN (what ringbufReserve returns 0 for)
 */
export function ringbufOutput(address: usize, data: usize, size: u32, flags: u32): i32 {
  if ((flags & ~WAKEUP_FLAGS) != 0) return -EINVAL;
  const record = ringbufReserve(address, size, 0);
  if (record == 0) return -EAGAIN;
  memory.copy(record, data, size);
  finish(record, 0);
  return 0;
}

/**
 * What a buffer is like at some moment. The loads pair with nothing: what is learnt is old at once.
 * @param what 0: bytes that are not consumed; 1: bytes of the buffer; 2, 3: the consumer's and the producers' position; else 0
 */
export function ringbufQuery(address: usize, what: u32): u64 {
  const map = mapAt(address);
  if (what == 0) return acquire64(producedWord(map)) - acquire64(consumedWord(map));
  if (what == 1) return map.maxEntries;
  if (what == 2) return acquire64(consumedWord(map));
  return what == 3 ? acquire64(producedWord(map)) : 0;
}

/**
 * Copies records out that are submitted, and consumes them: each with its size in front, in 8 bytes, and rounded up to 8. How many
 * bytes are used is left in the CPU's `scanNext`; if not even one fits, how many it needs.
 * The loads of `produced` and of headers pair with the publications of producers: records are filled. That of `consumed` says that they
 * may be written over.
 * @param into 8-byte aligned
 * @returns the number of records, -ENOSPC, -EBUSY (this context interrupted a consumer) or -ETIMEDOUT (a dead one has the lock)
 */
export function ringbufConsume(address: usize, into: usize, bytes: u32): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  renewBudget(area);
  const locked = lockAnywhere(area, consumerLock(map));
  if (locked != 0) return locked;
  let position = ringOf(map).consumed;
  const end = acquire64(producedWord(map));
  let count: i32 = 0;
  let used: u32 = 0;
  let needed: u32 = 0;
  while (position != end) {
    const header = headerAt(map, position);
    const word = acquire(header);
    if ((word & BUSY) != 0) break;
    const size = word & SIZE_MASK;
    const length = lengthOf(size);
    if ((word & DISCARDED) == 0) {
      needed = length;
      if (used + length > bytes) break;
      store<u64>(into + used, size);
      memory.copy(into + used + RECORD_HEADER, header + RECORD_HEADER, size);
      used += length;
      count++;
    }
    position += length;
  }
  publish64(consumedWord(map), position);
  unlock(consumerLock(map));
  area.scanNext = count != 0 ? used : needed;
  return count == 0 && needed != 0 ? -ENOSPC : count;
}

/**
 * Discards the records that a dead CPU was filling. Nobody reserves meanwhile: what lies before `produced` is records. The load of
 * `consumed` and the publication of headers pair as those of ringbufReserve and finish.
 */
function discardOf(map: MapHeader, cpu: u32): void {
  let position = acquire64(consumedWord(map));
  const end = ringOf(map).produced;
  while (position != end) {
    const header = headerAt(map, position);
    const word = peek(header);
    if ((word & BUSY) != 0 && load<u32>(header, OWNER) == cpu + 1) publish(header, (word & SIZE_MASK) | DISCARDED);
    position += lengthOf(word & SIZE_MASK);
  }
}

/**
 * Reaping: releases the locks that a dead CPU has, and discards the records that it was filling. A reservation of its is made or not
 * begun: `produced` says. The publications pair with `lockAnywhere` of whoever waits, those of headers with the consumer's load.
 * @returns false if the producers' lock cannot be had: another dead CPU has it
 */
export function breakRingbufLocks(map: MapHeader, cpu: u32): bool {
  if (map.storage == 0) return true;
  if (peek(consumerLock(map)) == cpu + 1) publish(consumerLock(map), 0);
  const isHeld = peek(producerLock(map)) == cpu + 1;
  if (!isHeld && lockAnywhere(thisCpu(), producerLock(map)) != 0) return false;
  discardOf(map, cpu);
  if (isHeld) publish(producerLock(map), 0);
  else unlock(producerLock(map));
  return true;
}
