/**
 * Arrays: max_entries values, all there from the start, one copy for each CPU in the per-CPU kind. Any context.
 */
import { acquire64, publish, publish64 } from "../base/atomics";
import { copyBytes, copyOutWords } from "../base/bytes";
import { E2BIG, EEXIST, EINVAL, ENOENT, ENOSPC } from "../base/errno";
import { putBits } from "../base/number";
import { superblock } from "../base/superblock";
import { thisCpu } from "../cpu/area";
import { renewBudget } from "../cpu/wait";
import { PAGE_BYTES } from "../mem/pages";
import { enterRead, leaveRead } from "../rcu/epoch";
import { ACCESS_FLAGS, NUMA_NODE } from "./access";
import { EXIST, INNER_MAP, keyBytesOf, LARGEST_PERCPU_VALUE, LOCK, MapHeader, mapAt, NOEXIST } from "./map";
import { copyAllOut, writeCopies } from "./percpu-value";
import { allocateStorage, storageField } from "./storage";
import { copyAround, hideLock, readUnderLock, writeUnderLock } from "./value-lock";

/** Numbers of `enum bpf_map_type`. */
export const KIND_ARRAY: u32 = 2;
export const KIND_PERCPU_ARRAY: u32 = 6;

/** Create flags that both kinds know, and those that only the first does: BPF_F_MMAPABLE, and INNER_MAP. */
const COMMON_FLAGS: u32 = NUMA_NODE | ACCESS_FLAGS;
export const MMAPABLE: u32 = 1024;
/** Linux's bound on a value: INT_MAX. */
const LARGEST_VALUE: u32 = 0x7fffffff;

/** What `bpf(BPF_MAP_CREATE)` refuses: 0, EINVAL or E2BIG. */
export function checkArray(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32): u32 {
  if ((flags & ~(COMMON_FLAGS | MMAPABLE | INNER_MAP)) != 0) return EINVAL;
  return checkSizes(keySize, valueSize, maxEntries, LARGEST_VALUE);
}

export function checkPercpuArray(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32): u32 {
  if ((flags & ~COMMON_FLAGS) != 0) return EINVAL;
  return checkSizes(keySize, valueSize, maxEntries, LARGEST_PERCPU_VALUE);
}

function checkSizes(keySize: u32, valueSize: u32, maxEntries: u32, largest: u32): u32 {
  if (keySize != 4 || valueSize == 0 || maxEntries == 0) return EINVAL;
  return valueSize > largest ? E2BIG : 0;
}

/** Allocates the values. False: memory is out. */
export function buildArray(map: MapHeader): bool {
  return allocateStorage(storageField(map), <u64>map.maxEntries * <u64>map.valueStride);
}

/** As buildArray, a copy of all values for each CPU. */
export function buildPercpuArray(map: MapHeader): bool {
  const copy = <u64>map.maxEntries * <u64>map.valueStride;
  const stride = (copy + <u64>PAGE_BYTES - 1) & ~(<u64>PAGE_BYTES - 1);
  map.copyStride = <u32>stride;
  return allocateStorage(storageField(map), stride * <u64>superblock().cpus);
}

/** Copies entries `from` and following, or their keys (maps/dispatch.ts: mapScan). Both kinds. */
export function scanArray(map: MapHeader, from: u32, into: usize, bytes: u32, entryBytes: u32): i32 {
  if (from >= map.maxEntries) return -EINVAL;
  const keysOnly = entryBytes == keyBytesOf(map);
  const count = min(bytes / entryBytes, map.maxEntries - from);
  if (count == 0) return -ENOSPC;
  for (let step: u32 = 0; step < count; step++) {
    const entry = into + step * entryBytes;
    const value = valueAt(map, from + step);
    store<u64>(entry, from + step);
    if (keysOnly) continue;
    if (map.copyStride != 0) copyAllOut(map, value, entry + 8);
    else copyOutWords(entry + 8, value, map.valueStride);
    hideLock(map, entry + 8);
  }
  thisCpu().scanNext = from + count < map.maxEntries ? from + count : 0;
  return <i32>count;
}

/**
 * As scanArray of a plain array, keys side by side, and values (maps/many.ts: mapScanColumns). The load pairs with publish64 of a
 * value that is written; each is one word.
 */
export function scanArrayColumns(map: MapHeader, from: u32, keys: usize, values: usize, room: u32): i32 {
  if (from >= map.maxEntries) return -EINVAL;
  const count = min(room, map.maxEntries - from);
  if (count == 0) return -ENOSPC;
  for (let step: u32 = 0; step < count; step++) {
    store<u32>(keys + step * 4, from + step);
    putBits(values + step * map.valueSize, acquire64(valueAt(map, from + step)), map.valueSize);
  }
  thisCpu().scanNext = from + count < map.maxEntries ? from + count : 0;
  return <i32>count;
}

/** Address of value `index` (CPU 0's copy). */
function valueAt(map: MapHeader, index: u32): usize {
  return <usize>map.storage + <usize>index * map.valueStride;
}

/** The value at a u32 index, 0 beyond the end. */
export function arrayLookup(address: usize, key: usize): usize {
  const map = mapAt(address);
  const index = load<u32>(key);
  return index < map.maxEntries ? valueAt(map, index) : 0;
}

/** As arrayLookup, for the current CPU's copy. */
export function percpuArrayLookup(address: usize, key: usize): usize {
  const value = arrayLookup(address, key);
  return value == 0 ? 0 : value + thisCpu().id * mapAt(address).copyStride;
}

/** As arrayLookup, for the copy of CPU `cpu`; 0 if there is no such CPU. */
export function percpuArrayLookupOn(address: usize, key: usize, cpu: u32): usize {
  if (cpu >= superblock().cpus) return 0;
  const value = arrayLookup(address, key);
  return value == 0 ? 0 : value + cpu * mapAt(address).copyStride;
}

/**
 * What an array refuses, in Linux's order: 0, -EINVAL (flags), -E2BIG (index), -EEXIST (every index exists), -EINVAL (there is no
 * lock in the value).
 */
function checkUpdate(map: MapHeader, index: u32, flags: u32): i32 {
  if ((flags & ~LOCK) > EXIST) return -EINVAL;
  if (index >= map.maxEntries) return -E2BIG;
  if ((flags & NOEXIST) != 0) return -EEXIST;
  return (flags & LOCK) != 0 && map.valueLock == 0 ? -EINVAL : 0;
}

/**
 * Overwrites a value; up to 8 bytes by one atomic store, larger ones may be seen half done (as in Linux); with LOCK, under the lock
 * in it.
 * The publication of a small value pairs with copyOutWords.
 */
export function arrayUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  const index = load<u32>(key);
  const refused = checkUpdate(map, index, flags);
  if (refused != 0) return refused;
  const target = valueAt(map, index);
  if ((flags & LOCK) != 0) return writeLocked(map, target, value);
  if (map.valueLock != 0) copyAround(map, target, value);
  else if (map.valueSize == 8) publish64(target, load<u64>(value));
  else if (map.valueSize == 4) publish(target, load<u32>(value));
  else copyBytes(target, value, map.valueSize);
  return 0;
}

/** The map is there: it is open, or the caller is in a read section. */
function writeLocked(map: MapHeader, target: usize, value: usize): i32 {
  const area = thisCpu();
  renewBudget(area);
  enterRead(area);
  const result = writeUnderLock(area, map, target, value);
  leaveRead(area);
  return result;
}

/** Overwrites the current CPU's copy. What a program does. */
export function percpuArrayUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  const index = load<u32>(key);
  const refused = checkUpdate(map, index, flags);
  if (refused == 0) writeCopies(thisCpu(), map, valueAt(map, index), value, false);
  return refused;
}

/** Overwrites all CPUs' copies from `value`, valueStride apart. What user space does. */
export function percpuArrayUpdateAll(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  const index = load<u32>(key);
  const refused = checkUpdate(map, index, flags);
  if (refused == 0) writeCopies(thisCpu(), map, valueAt(map, index), value, true);
  return refused;
}

/** An array's entries cannot be deleted. */
export function arrayDelete(address: usize, key: usize): i32 {
  return -EINVAL;
}

/** Copies a value out: 0, or -ENOENT beyond the end. `into` is 8-byte aligned. */
export function arrayGet(address: usize, key: usize, into: usize): i32 {
  const value = arrayLookup(address, key);
  if (value == 0) return -ENOENT;
  copyOutWords(into, value, mapAt(address).valueStride);
  hideLock(mapAt(address), into);
  return 0;
}

/** As arrayGet, under the value's lock: 0, -EINVAL (values have none), -ENOENT, -EBUSY, -ETIMEDOUT or -EDEADLK. */
export function arrayGetLocked(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  if (map.valueLock == 0) return -EINVAL;
  const value = arrayLookup(address, key);
  if (value == 0) return -ENOENT;
  const area = thisCpu();
  renewBudget(area);
  enterRead(area);
  const result = readUnderLock(area, map, value, into);
  leaveRead(area);
  return result;
}

/** Copies all CPUs' values out, valueStride apart. */
export function percpuArrayGet(address: usize, key: usize, into: usize): i32 {
  const value = arrayLookup(address, key);
  if (value == 0) return -ENOENT;
  copyAllOut(mapAt(address), value, into);
  return 0;
}

/**
 * The key that comes after `key` in the order of the index; after 0 (none) and after one that is not below the end the first.
 * @returns 0, or -ENOENT behind the last
 */
export function arrayNextKey(address: usize, key: usize, into: usize): i32 {
  const end = mapAt(address).maxEntries;
  const index: u32 = key == 0 ? end : load<u32>(key);
  if (index == end - 1) return -ENOENT;
  store<u32>(into, index < end ? index + 1 : 0);
  return 0;
}
