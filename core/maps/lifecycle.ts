/**
 * Creation and destruction of maps. A map is one run of pages for the descriptor and its caches, plus buckets or
 * values; creation either finishes or leaves nothing behind. A destroyed map first leaves the list of maps, then waits
 * for a grace period, then gives everything back. Task context.
 */

import { allocatorIdle, cacheOf, drainAllocator, formatAllocator } from "../alloc/allocator";
import { CACHE_BYTES, Cache } from "../alloc/cache";
import { powerOfTwoAtLeast, roundUp } from "../base/bytes";
import { E2BIG, EINVAL, ENOENT, ENOMEM } from "../base/errno";
import { PROFILE_LINUX, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { allocatePages, freePages, PAGE_BYTES } from "../mem/pages";
import { copyStride, freeBytes, HEADER_BYTES, returnObject } from "../mem/slab";
import { gracePeriodEnded, gracePeriodTarget, NORMAL, TASKS_TRACE } from "../rcu/epoch";
import { BUCKET_BYTES, ELEMENTS_PER_BUCKET, popElement } from "./bucket";
import { countsExactly, FOLD } from "./count";
import { ELEMENT_KEY, pushPool } from "./element";
import {
  KIND_ARRAY,
  KIND_HASH,
  KIND_PERCPU_ARRAY,
  KIND_PERCPU_HASH,
  MAP_BYTES,
  MapHeader,
  mapAt,
  markDying,
  NO_PREALLOC,
  registerMap,
  SUPPLY_CACHE,
  SUPPLY_POOL,
  SUPPLY_SLAB,
  unlinkDying,
} from "./map";

/** Linux's bound on key and value of a hash: KMALLOC_MAX_SIZE less the element header. */
const LARGEST_ELEMENT: u32 = 4194304 - 48;
/** Linux's bound on a per-CPU value: PCPU_MIN_UNIT_SIZE. */
const LARGEST_PERCPU_VALUE: u32 = 32768;
/** Buckets, pools and values lie behind 32-bit addresses. */
const LARGEST_STORAGE: u64 = 0xf0000000;

function isHash(kind: u32): bool {
  return kind == KIND_HASH || kind == KIND_PERCPU_HASH;
}

function isPerCpu(kind: u32): bool {
  return kind == KIND_PERCPU_HASH || kind == KIND_PERCPU_ARRAY;
}

/** What `bpf(BPF_MAP_CREATE)` refuses: 0, EINVAL or E2BIG. */
function checkSizes(kind: u32, keySize: u32, valueSize: u32, maxEntries: u32, supply: u32): u32 {
  if (!isHash(kind) && kind != KIND_ARRAY && kind != KIND_PERCPU_ARRAY) return EINVAL;
  if (keySize == 0 || valueSize == 0 || maxEntries == 0 || supply > SUPPLY_SLAB) return EINVAL;
  if (!isHash(kind) && keySize != 4) return EINVAL;
  if (kind == KIND_PERCPU_HASH && supply == SUPPLY_SLAB) return EINVAL;
  if (maxEntries > 0x80000000) return E2BIG;
  if (<u64>keySize + <u64>valueSize >= <u64>LARGEST_ELEMENT) return E2BIG;
  return isPerCpu(kind) && valueSize > LARGEST_PERCPU_VALUE ? E2BIG : 0;
}

/** A zeroed run of pages for `bytes` bytes; 0 when memory is out. */
function allocateStorage(bytes: u64): usize {
  if (bytes > LARGEST_STORAGE) return 0;
  const length = <u32>((bytes + <u64>PAGE_BYTES - 1) / <u64>PAGE_BYTES);
  const address = allocatePages(length);
  if (address != 0) memory.fill(address, 0, <usize>length * PAGE_BYTES);
  return address;
}

function allocateMap(): MapHeader {
  const bytes = MAP_BYTES + 2 * <usize>superblock().cpus * CACHE_BYTES;
  return mapAt(allocateStorage(bytes));
}

/** Cuts the pool: each CPU its share of the elements, in runs, and a spare for replacements. */
function cutPool(map: MapHeader, elementBytes: usize): void {
  const cpus = superblock().cpus;
  let element: usize = map.storage;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const share = map.maxEntries / cpus + (cpu < map.maxEntries % cpus ? 1 : 0);
    // Last first, so that the list hands the elements out in the order of their addresses.
    for (let index = share; index > 0; index--) pushPool(map, cpu, element + (index - 1) * elementBytes);
    element += share * elementBytes;
  }
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    cacheOf(map.elements, cpu).spare = <u32>element;
    element += elementBytes;
  }
}

/** Gives every element of a preallocated per-CPU hash its value for life. */
function cutPercpuPool(map: MapHeader, elementBytes: usize): void {
  const count = map.maxEntries + superblock().cpus;
  for (let index: u32 = 0; index < count; index++) {
    const element = <usize>map.storage + index * elementBytes;
    store<u32>(element + map.valueOffset, map.valueStorage + index * map.valueStride);
  }
}

/** Bytes of one element as it lies in memory, header included. */
function elementBytes(map: MapHeader): u32 {
  return map.valueOffset + (isPerCpu(map.kind) ? 8 : map.valueStride);
}

/** Allocates what a preallocated map holds from the start. False: memory is out. */
function createPool(map: MapHeader): bool {
  const cpus = superblock().cpus;
  const bytes = elementBytes(map);
  const count = <u64>map.maxEntries + <u64>cpus;
  map.storage = <u32>allocateStorage(count * <u64>bytes);
  if (map.storage == 0) return false;
  if (isPerCpu(map.kind)) {
    const copy = (count * <u64>map.valueStride + <u64>PAGE_BYTES - 1) & ~(<u64>PAGE_BYTES - 1);
    map.valueStorage = <u32>allocateStorage(copy * <u64>cpus);
    if (map.valueStorage == 0) return false;
    map.copyStride = <u32>copy;
    cutPercpuPool(map, bytes);
  }
  cutPool(map, bytes);
  return true;
}

/** Bytes of a hash element in Linux on 64 bits, without the key: `struct htab_elem`. */
const LINUX_ELEMENT_BYTES: u32 = 48;

/** What the watermarks of a hash's elements are computed from. */
function accountedUnit(map: MapHeader): u32 {
  if (superblock().profile != PROFILE_LINUX) return elementBytes(map);
  const value = isPerCpu(map.kind) ? 8 : map.valueStride;
  return <u32>HEADER_BYTES + LINUX_ELEMENT_BYTES + <u32>roundUp(map.keySize, 8) + value;
}

/** Decides how updates go, once and for all. */
function choosePaths(map: MapHeader): void {
  const isLinux = superblock().profile == PROFILE_LINUX;
  const isDynamic = map.supply == SUPPLY_CACHE;
  map.exactCount = map.supply == SUPPLY_SLAB || (isDynamic && countsExactly(map.maxEntries)) ? 1 : 0;
  map.inPlace = map.valueSize <= 8 && !isLinux ? 1 : 0;
  map.interruptsOff = isLinux ? 1 : 0;
  const slack = superblock().cpus * <u32>FOLD;
  const isPlain = isDynamic && !isLinux && map.exactCount == 0 && map.kind == KIND_HASH && map.maxEntries > slack;
  if (isPlain && (map.keySize == 4 || map.keySize == 8)) map.shortKey = map.keySize;
  map.shortLimit = <i32>min(map.maxEntries - min(slack, map.maxEntries), 0x7fffffff);
}

/** Allocates a hash's buckets and elements. False: memory is out. */
function createHash(area: CpuArea, map: MapHeader): bool {
  const buckets = powerOfTwoAtLeast((map.maxEntries + ELEMENTS_PER_BUCKET - 1) / ELEMENTS_PER_BUCKET);
  map.valueOffset = <u32>(ELEMENT_KEY + roundUp(map.keySize, 8));
  map.buckets = <u32>allocateStorage(<u64>buckets * <u64>BUCKET_BYTES);
  if (map.buckets == 0) return false;
  map.bucketMask = buckets - 1;
  map.bucketShift = clz(buckets - 1);
  choosePaths(map);
  const size = elementBytes(map) - <u32>HEADER_BYTES;
  formatAllocator(area, map.elements, size, accountedUnit(map), 0, map.supply == SUPPLY_CACHE, 0);
  if (map.supply == SUPPLY_POOL) return createPool(map);
  if (isPerCpu(map.kind)) {
    map.copyStride = <u32>copyStride(map.valueStride + <u32>HEADER_BYTES);
    formatAllocator(area, map.values, map.valueStride, map.valueStride, 1, true, 0);
  }
  return true;
}

function createArray(map: MapHeader): bool {
  const copy = <u64>map.maxEntries * <u64>map.valueStride;
  if (map.kind == KIND_ARRAY) {
    map.storage = <u32>allocateStorage(copy);
    return map.storage != 0;
  }
  const stride = (copy + <u64>PAGE_BYTES - 1) & ~(<u64>PAGE_BYTES - 1);
  map.storage = <u32>allocateStorage(stride * <u64>superblock().cpus);
  map.copyStride = <u32>stride;
  return map.storage != 0;
}

/**
 * Creates a map that nobody can find yet: the caller writes name and description behind it, then `publishMap`.
 * @param kind a KIND_ constant
 * @param flags as map info will show them
 * @param supply where a hash's elements come from, a SUPPLY_ constant
 * @param seed of the hash function
 * @returns the map's address, or a positive errno below 65536: EINVAL, E2BIG, ENOMEM
 */
export function createMap(
  kind: u32,
  keySize: u32,
  valueSize: u32,
  maxEntries: u32,
  flags: u32,
  supply: u32,
  seed: u32,
): usize {
  let from = supply;
  if (superblock().forceDynamic != 0 && isHash(kind) && supply == SUPPLY_POOL) from = SUPPLY_CACHE;
  const refused = checkSizes(kind, keySize, valueSize, maxEntries, from);
  if (refused != 0) return refused;
  const area = thisCpu();
  const map = allocateMap();
  if (changetype<usize>(map) == 0) return ENOMEM;
  map.kind = kind;
  map.flags = isHash(kind) && from != SUPPLY_POOL ? flags | NO_PREALLOC : flags;
  map.keySize = keySize;
  map.valueSize = valueSize;
  map.maxEntries = maxEntries;
  map.valueStride = <u32>roundUp(valueSize, 8);
  map.supply = from;
  // Two different odd halves of the seed, so that the multiplier is never small.
  map.multiplier = ((((<u64>(seed * 0x9e3779b1)) << 32) | <u64>(seed * 0x85ebca6b)) ^ 0x9e3779b97f4a7c15) | 1;
  map.elements = <u32>(changetype<usize>(map) + MAP_BYTES);
  map.values = map.elements + superblock().cpus * <u32>CACHE_BYTES;
  const whole = isHash(kind) ? createHash(area, map) : createArray(map);
  if (whole) return changetype<usize>(map);
  freeMap(area, map);
  return ENOMEM;
}

/** Gives a created map back that was not published. */
export function discardMap(address: usize): void {
  freeMap(thisCpu(), mapAt(address));
}

/** Makes a created map visible to every thread: 0, or -EEXIST (then it is gone again). */
export function publishMap(address: usize): i32 {
  const result = registerMap(mapAt(address));
  if (result != 0) discardMap(address);
  return result;
}

/** Gives back a map's elements that are still in buckets; no one else can reach them. */
function freeElements(map: MapHeader): void {
  const cache = cacheOf(map.elements, thisCpu().id);
  for (let index: u32 = 0; index <= map.bucketMask; index++) {
    const bucket = map.buckets + index * BUCKET_BYTES;
    for (let element = popElement(bucket); element != 0; element = popElement(bucket)) freeElement(map, cache, element);
  }
}

function freeElement(map: MapHeader, cache: Cache, element: usize): void {
  if (isPerCpu(map.kind)) {
    const values = cacheOf(map.values, thisCpu().id);
    values.owned--;
    returnObject(values.slabClass, load<u32>(element + map.valueOffset) - HEADER_BYTES);
  }
  cache.owned--;
  returnObject(cache.slabClass, element);
}

/** Gives all of a map's memory back. */
function freeMap(area: CpuArea, map: MapHeader): i32 {
  let leaked: i32 = 0;
  if (isHash(map.kind)) {
    if (map.supply != SUPPLY_POOL && map.buckets != 0) freeElements(map);
    if (map.valueOffset != 0) leaked += drainAllocator(area, map.elements);
    if (isPerCpu(map.kind) && map.copyStride != 0 && map.supply != SUPPLY_POOL)
      leaked += drainAllocator(area, map.values);
  }
  if (map.buckets != 0) freePages(map.buckets);
  if (map.storage != 0) freePages(map.storage);
  freeBytes(map.description);
  if (map.valueStorage != 0) freePages(map.valueStorage);
  freePages(changetype<usize>(map));
  return leaked;
}

/** Takes a map off the list; its memory goes back once a grace period is over. -ENOENT if it was not on the list. */
export function destroyMap(address: usize): i32 {
  const map = mapAt(address);
  if (!markDying(map)) return -ENOENT;
  map.dyingTarget = gracePeriodTarget(NORMAL);
  map.dyingTraceTarget = gracePeriodTarget(TASKS_TRACE);
  return 0;
}

/**
 * Frees destroyed maps whose grace period is over and whose deferred work has run on every CPU. Never waits.
 * @returns maps that still have to wait
 */
export function reapMaps(): u32 {
  const area = thisCpu();
  const block = superblock();
  let waiting: u32 = 0;
  let each: usize = block.dyingMaps;
  while (each != 0) {
    const map = mapAt(each);
    each = map.next;
    const idle = allocatorIdle(map.elements) && allocatorIdle(map.values);
    const ended = gracePeriodEnded(NORMAL, map.dyingTarget) && gracePeriodEnded(TASKS_TRACE, map.dyingTraceTarget);
    if (idle && ended && unlinkDying(map)) freeMap(area, map);
    else waiting++;
  }
  return waiting;
}
