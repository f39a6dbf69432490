/**
 * What programs hand to user space through a perf event array (Linux's `kernel/events/ring_buffer.c`): a ring of records for each CPU,
 * which are there from when a thread opens them. Only programs of a CPU put records into its ring, and never wait; any thread that has
 * the rings open takes them out.
 *
 * ```
 *  0          8          16      20     64         72      76     128
 *  | reserved | produced | depth | lost | consumed | lock  | seen | size | lost | record ... | size | lost | record ...
 * ```
 * Positions only grow; a position's place is its lower bits, and a record that reaches the end goes on at the beginning. A header lies
 * in one piece.
 *
 * **Concurrency.** An output takes no lock, in any context. One that interrupts another of its CPU reserves behind it and is done first;
 * what is finished is shown by the outermost, so a consumer sees records in the order of their reservation, each of them whole. Without
 * room a record is lost and counted: the next one that finds room says how many were by then. Two consumers of a CPU's ring take turns.
 * A ring goes with its CPU: of a thread that dies in the middle of an output that record is lost, which is counted when it is reaped, and
 * so is what interruptions put in meanwhile, which is not; nobody else waits for it, as nobody else puts records in. Who opened rings
 * counts with its CPU as open maps do (maps/registry.ts): so a dead reader does not keep programs writing.
 */
import { acquire, acquire64, addAndFetch, claim64, peek, peek64, publish, publish64 } from "../../base/atomics";
import { roundUp } from "../../base/bytes";
import { EEXIST, EINVAL, ENOENT, ENOSPC, ETIMEDOUT } from "../../base/errno";
import { superblock } from "../../base/superblock";
import { thisCpu } from "../../cpu/area";
import { controlLock, lock, lockAnywhere, unlock } from "../../cpu/lock";
import { memoryErrno, renewBudget } from "../../cpu/wait";
import { MapCpu, MapHeader, mapAt, mapCpu } from "../map";
import { allocateStorage, storageField } from "../storage";

/** Bytes of a CPU's ring: a power of two from one page of Linux on. */
const LEAST_BYTES: u32 = 4096;
const MOST_BYTES: u32 = 1 << 30;
/** As large as that if nobody says otherwise: 16 pages, a quarter of what libbpf's examples take. */
const USUAL_BYTES: u32 = 1 << 16;

/** A CPU's ring, in front of its bytes. */
@unmanaged
export class PerfRing {
  /** The position behind the last reserved record. Atomic between contexts of the CPU. */
  reserved: u64;
  /** The position behind the last record that consumers may read. Atomic. */
  produced: u64;
  /** Outputs under way, each in the middle of the one before. Written by the CPU alone. */
  depth: u32;
  /** Records that found no room, modulo 2^32. Atomic. */
  lost: u32;
  reserved0: u64;
  reserved1: u64;
  reserved2: u64;
  reserved3: u64;
  reserved4: u64;
  /** The position behind the last consumed record. Atomic, written under `lock`. */
  consumed: u64;
  /** Owner CPU + 1, or 0: who consumes. */
  lock: u32;
  /** Under `lock`: what the last consumed record said of `lost`. */
  seen: u32;
}

const DATA_AT: usize = 128;

/** A record's header: its size, and `PerfRing.lost` as it was when it was put in. */
const HEADER: u32 = 8;
const LOST: usize = 4;

function ringAddress(map: MapHeader, cpu: u32): usize {
  return <usize>map.storage + <usize>cpu * (DATA_AT + <usize>map.ringBytes);
}

function ringAt(address: usize): PerfRing {
  return changetype<PerfRing>(address);
}

function producedWord(ring: usize): usize {
  return ring + offsetof<PerfRing>("produced");
}

function depthWord(ring: usize): usize {
  return ring + offsetof<PerfRing>("depth");
}

function lostWord(ring: usize): usize {
  return ring + offsetof<PerfRing>("lost");
}

function consumedWord(ring: usize): usize {
  return ring + offsetof<PerfRing>("consumed");
}

function lockWord(ring: usize): usize {
  return ring + offsetof<PerfRing>("lock");
}

/** Bytes that a record takes. */
function lengthOf(size: u32): u32 {
  return <u32>roundUp(size + HEADER, 8);
}

/** Copies bytes to a position of a ring. */
function copyIn(map: MapHeader, ring: usize, position: u64, from: usize, bytes: u32): void {
  const at = <u32>position & (map.ringBytes - 1);
  const first = min(bytes, map.ringBytes - at);
  memory.copy(ring + DATA_AT + at, from, first);
  memory.copy(ring + DATA_AT, from + first, bytes - first);
}

/** Copies bytes from a position of a ring. */
function copyOut(map: MapHeader, ring: usize, position: u64, into: usize, bytes: u32): void {
  const at = <u32>position & (map.ringBytes - 1);
  const first = min(bytes, map.ringBytes - at);
  memory.copy(into, ring + DATA_AT + at, first);
  memory.copy(into + first, ring + DATA_AT, bytes - first);
}

function readers(map: MapHeader, cpu: u32): usize {
  return changetype<usize>(mapCpu(map, cpu)) + offsetof<MapCpu>("readers");
}

/** Pairs with the publication of perfOpen: whoever sees a reader sees the rings. */
function hasReaders(map: MapHeader): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) if (acquire(readers(map, cpu)) != 0) return true;
  return false;
}

/** Whether there is a ring of this CPU that somebody reads. Any context. */
export function perfIsOpen(address: usize, cpu: u32): u32 {
  return cpu < superblock().cpus && hasReaders(mapAt(address)) ? 1 : 0;
}

/**
 * What was put in while nobody had the rings open, or for a reader who is gone, is nobody's any more.
 * The publication pairs with nothing: nobody consumes, and a producer that misses it finds less room.
 */
function dropAll(map: MapHeader): void {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const ring = ringAddress(map, cpu);
    publish64(consumedWord(ring), acquire64(producedWord(ring)));
    ringAt(ring).seen = peek(lostWord(ring));
  }
}

/** Makes the rings, or sees whether they are as large; 0 or -errno. Caller has the control plane's lock. */
function prepare(map: MapHeader, bytes: u32): i32 {
  if (map.storage == 0) {
    map.ringBytes = bytes != 0 ? bytes : USUAL_BYTES;
    const all = <u64>superblock().cpus * (<u64>DATA_AT + <u64>map.ringBytes);
    return allocateStorage(storageField(map), all) ? 0 : -memoryErrno(thisCpu());
  }
  if (bytes != 0 && bytes != map.ringBytes) return -EEXIST;
  if (!hasReaders(map)) dropAll(map);
  return 0;
}

/**
 * Opens the rings of all CPUs, empty if nobody else has them open: from now on programs' records go there. They are made by who opens
 * them first, and stay as large as they are for as long as the map is there. Counts with this CPU until `perfClose`. Task context.
 * The publication pairs with hasReaders: the rings are there.
 * @param bytes of each ring, a power of two from 4096 on; 0: as large as they are, or 64 KiB
 * @returns 0, -EINVAL (no such size), -EEXIST (they are there in another size), -ENOMEM, -ETIMEDOUT
 */
export function perfOpen(address: usize, bytes: u32): i32 {
  if (bytes != 0 && (bytes < LEAST_BYTES || bytes > MOST_BYTES || (bytes & (bytes - 1)) != 0)) return -EINVAL;
  const map = mapAt(address);
  const area = thisCpu();
  renewBudget(area);
  if (!lock(controlLock())) return -ETIMEDOUT;
  const result = prepare(map, bytes);
  const word = readers(map, area.id);
  if (result == 0) publish(word, load<u32>(word) + 1);
  unlock(controlLock());
  return result;
}

/**
 * Closes rings that were opened on CPU `cpu`, which this thread holds.
 * The publication pairs with hasReaders: this thread is done with the rings.
 */
export function perfClose(address: usize, cpu: u32): void {
  const word = readers(mapAt(address), cpu);
  if (load<u32>(word) != 0) publish(word, load<u32>(word) - 1);
}

/**
 * Reserves a record of `size` bytes in this CPU's ring, and writes its header.
 * The load of `consumed` pairs with the publication of perfConsume: what lies before was copied out. The claim keeps contexts of this CPU
 * apart, of which each runs to its end; it pairs with nothing else.
 * @returns its position, or -1: there is no room
 */
function reserve(map: MapHeader, ring: usize, size: u32): i64 {
  const length = <u64>lengthOf(size);
  for (;;) {
    const position = peek64(ring);
    const end = position + length;
    // Read before the claim: who reserves later has seen at least as many.
    const lost = peek(lostWord(ring));
    if (end - acquire64(consumedWord(ring)) > <u64>map.ringBytes) return -1;
    if (!claim64(ring, position, end)) continue;
    const header = ring + DATA_AT + (<usize>position & <usize>(map.ringBytes - 1));
    store<u32>(header, size);
    store<u32>(header, lost, LOST);
    return <i64>position;
  }
}

/**
 * An output ends; the outermost shows what there is. What an interruption reserved after that was read it has shown itself, or found
 * `depth` above 0: then this looks again.
 * The publication pairs with the consumer's load: all records before that position are whole.
 */
function finish(ring: usize): void {
  const word = depthWord(ring);
  if (peek(word) > 1) {
    publish(word, peek(word) - 1);
    return;
  }
  for (;;) {
    const end = peek64(ring);
    publish64(producedWord(ring), end);
    publish(word, 0);
    if (peek64(ring) == end) return;
    publish(word, 1);
  }
}

/**
 * Puts a record of two parts into this CPU's ring. Any context.
 * `depth` is the CPU's own: its publications pair with nothing. Nor does the sum of `lost`: a later record says it.
 * @param more address of the second part, of `moreBytes`
 * @returns 0, -ENOENT (nobody has the rings open), -ENOSPC (there is no room: it counts as lost)
 */
export function perfOutput(address: usize, data: usize, bytes: u32, more: usize, moreBytes: u32): i32 {
  const map = mapAt(address);
  if (!hasReaders(map)) return -ENOENT;
  const ring = ringAddress(map, thisCpu().id);
  const isLarger = <u64>bytes + <u64>moreBytes + <u64>HEADER > <u64>map.ringBytes;
  publish(depthWord(ring), peek(depthWord(ring)) + 1);
  const position = isLarger ? -1 : reserve(map, ring, bytes + moreBytes);
  if (position >= 0) {
    copyIn(map, ring, <u64>position + <u64>HEADER, data, bytes);
    copyIn(map, ring, <u64>position + <u64>(HEADER + bytes), more, moreBytes);
  } else addAndFetch(lostWord(ring), 1);
  finish(ring);
  return position >= 0 ? 0 : -ENOSPC;
}

/**
 * Copies a CPU's records out and consumes them: each with its size in front and how many were lost between the one before and it, in
 * 8 bytes, and rounded up to 8. How many bytes are used is left in the CPU's `scanNext`; if not even one fits, how many it needs.
 * The load of `produced` pairs with the publication of finish, that of `consumed` with the load of reserve.
 * @param into 8-byte aligned
 * @returns the number of records, -EINVAL (no such CPU), -ENOENT (the rings are not there), -ENOSPC, -EBUSY (this context interrupted a
 * consumer) or -ETIMEDOUT (a dead one has the lock)
 */
export function perfConsume(address: usize, cpu: u32, into: usize, bytes: u32): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  if (cpu >= superblock().cpus) return -EINVAL;
  if (map.storage == 0) return -ENOENT;
  const ring = ringAddress(map, cpu);
  renewBudget(area);
  const locked = lockAnywhere(area, lockWord(ring));
  if (locked != 0) return locked;
  let position = peek64(consumedWord(ring));
  const end = acquire64(producedWord(ring));
  let count: i32 = 0;
  let used: u32 = 0;
  let needed: u32 = 0;
  while (position < end) {
    const header = ring + DATA_AT + (<usize>position & <usize>(map.ringBytes - 1));
    const size = load<u32>(header);
    const lost = load<u32>(header, LOST);
    needed = lengthOf(size);
    if (used + needed > bytes) break;
    store<u32>(into + used, size);
    store<u32>(into + used, lost - ringAt(ring).seen, LOST);
    copyOut(map, ring, position + <u64>HEADER, into + used + HEADER, size);
    ringAt(ring).seen = lost;
    used += needed;
    position += <u64>needed;
    count++;
  }
  publish64(consumedWord(ring), position);
  unlock(lockWord(ring));
  area.scanNext = count != 0 ? used : needed;
  return count == 0 && needed != 0 ? -ENOSPC : count;
}

/** Records of a CPU that found no room since the rings were made, modulo 2^32; 0 where there are none. The load pairs with nothing. */
export function perfLost(address: usize, cpu: u32): u32 {
  const map = mapAt(address);
  if (map.storage == 0 || cpu >= superblock().cpus) return 0;
  return peek(lostWord(ringAddress(map, cpu)));
}

/**
 * Reaping: releases the consumers' locks that a dead CPU has, and ends the outputs that it was in: what was reserved and not shown is lost.
 * Outside of outputs that is whole, put in by an interruption of the last one's end: it is shown.
 * The publications pair with `lockAnywhere` of whoever waits; those of the ring with nothing, as nobody else writes them.
 */
export function settlePerfRings(map: MapHeader, cpu: u32): void {
  if (map.storage == 0) return;
  const cpus = superblock().cpus;
  for (let each: u32 = 0; each < cpus; each++) {
    const word = lockWord(ringAddress(map, each));
    if (peek(word) == cpu + 1) publish(word, 0);
  }
  const ring = ringAddress(map, cpu);
  const depth = peek(depthWord(ring));
  if (depth == 0) {
    publish64(producedWord(ring), peek64(ring));
    return;
  }
  addAndFetch(lostWord(ring), <i32>depth);
  publish64(ring, peek64(producedWord(ring)));
  publish(depthWord(ring), 0);
}
