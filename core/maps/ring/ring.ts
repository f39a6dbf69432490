/**
 * A ring of values without keys: what the queue and the stack are (Linux's `kernel/bpf/queue_stack_maps.c`). One slot more than
 * max_entries, so that a push that drops the oldest value writes the new one beside it and shows both by one store of the
 * ring's state. So a thread that dies with the lock has pushed or popped, or has not.
 *
 * Every operation takes the ring's lock, in any context; the values are copied under it.
 */
import { peek, publish } from "../../base/atomics";
import { copyBytes } from "../../base/bytes";
import { E2BIG, EINVAL, ENOENT } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { lockAnywhere, unlock } from "../../cpu/lock";
import { renewBudget } from "../../cpu/wait";
import { ACCESS_FLAGS, NUMA_NODE } from "../access";
import { EXIST, LARGEST_OBJECT, MapHeader, mapAt } from "../map";
import { allocateStorage, storageField } from "../storage";

/** Create flags that a ring knows. */
const CREATE_FLAGS: u32 = NUMA_NODE | ACCESS_FLAGS;

/** At the start of the map's storage, a cache line; the slots follow. */
@unmanaged
export class Ring {
  /** The oldest value's slot << 32 | how many there are. One store shows a push or a pop. */
  state: u64;
  /** Owner CPU + 1, or 0. Guards all else. */
  lock: u32;
}

const RING_BYTES: usize = 64;

function firstOf(state: u64): u32 {
  return <u32>(state >> 32);
}

function countOf(state: u64): u32 {
  return <u32>state;
}

function stateOf(first: u32, count: u32): u64 {
  return ((<u64>first) << 32) | <u64>count;
}

function lockOf(map: MapHeader): usize {
  return <usize>map.storage + offsetof<Ring>("lock");
}

/** The slot that is `offset` behind `slot` in the ring. */
function slotAfter(map: MapHeader, slot: u32, offset: u32): u32 {
  const next = slot + offset;
  return next > map.maxEntries ? next - map.maxEntries - 1 : next;
}

function valueAt(map: MapHeader, slot: u32): usize {
  return <usize>map.storage + RING_BYTES + <usize>slot * map.valueStride;
}

/** What `bpf(BPF_MAP_CREATE)` refuses: 0, EINVAL or E2BIG. */
export function checkRing(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32): u32 {
  if (keySize != 0 || valueSize == 0 || maxEntries == 0 || (flags & ~CREATE_FLAGS) != 0) return EINVAL;
  return valueSize > LARGEST_OBJECT ? E2BIG : 0;
}

/** Allocates the ring. False: memory is out. */
export function buildRing(map: MapHeader): bool {
  const slots = <u64>map.maxEntries + 1;
  return allocateStorage(storageField(map), <u64>RING_BYTES + slots * <u64>map.valueStride);
}

/** Values in the ring now. */
export function ringCount(map: MapHeader): u32 {
  return countOf(load<u64>(map.storage));
}

/**
 * Reaping: releases the lock if a dead CPU has it. What it was doing is done or was not begun. Pairs with `lockAnywhere` of
 * whoever waits.
 */
export function breakRingLock(map: MapHeader, cpu: u32): void {
  if (map.storage != 0 && peek(lockOf(map)) == cpu + 1) publish(lockOf(map), 0);
}

/**
 * Puts a value in. Any context.
 * @param key 0: there are none
 * @param flags 0, or EXIST: a full ring drops its oldest value
 * @returns 0, -EINVAL (key, flags), -E2BIG (full), -EBUSY (this context interrupted the lock's owner), -ETIMEDOUT (its owner
 * is dead)
 */
export function ringPush(address: usize, key: usize, value: usize, flags: u32): i32 {
  if (key != 0 || (flags != 0 && flags != EXIST)) return -EINVAL;
  const map = mapAt(address);
  const area = thisCpu();
  renewBudget(area);
  const locked = lockAnywhere(area, lockOf(map));
  if (locked != 0) return locked;
  const state = load<u64>(map.storage);
  const count = countOf(state);
  const isFull = count == map.maxEntries;
  const first = firstOf(state);
  if (!isFull || flags == EXIST) {
    copyBytes(valueAt(map, slotAfter(map, first, count)), value, map.valueSize);
    store<u64>(map.storage, isFull ? stateOf(slotAfter(map, first, 1), count) : stateOf(first, count + 1));
  }
  unlock(lockOf(map));
  return isFull && flags != EXIST ? -E2BIG : 0;
}

/** As ringPush, as programs call it. */
export function pushValue(address: usize, value: usize, flags: u32): i32 {
  return ringPush(address, 0, value, flags);
}

/**
 * Copies a value out. If there is none, `into` is zeroed, as programs expect.
 * @param newest the one that came last, not the one that came first
 * @param takes and takes it off
 * @returns 0, -ENOENT (empty), -EINVAL (key), -EBUSY or -ETIMEDOUT as ringPush
 */
export function readRing(address: usize, key: usize, into: usize, newest: bool, takes: bool): i32 {
  if (key != 0) return -EINVAL;
  const map = mapAt(address);
  const area = thisCpu();
  renewBudget(area);
  const locked = lockAnywhere(area, lockOf(map));
  if (locked != 0) return locked;
  const state = load<u64>(map.storage);
  const count = countOf(state);
  const first = firstOf(state);
  if (count != 0) {
    copyBytes(into, valueAt(map, newest ? slotAfter(map, first, count - 1) : first), map.valueSize);
    if (takes) store<u64>(map.storage, stateOf(newest ? first : slotAfter(map, first, 1), count - 1));
  } else {
    memory.fill(into, 0, map.valueSize);
  }
  unlock(lockOf(map));
  return count != 0 ? 0 : -ENOENT;
}
