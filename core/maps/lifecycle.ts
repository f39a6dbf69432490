/**
 * Creation and destruction of maps. A map is one run of pages for the descriptor and its caches, plus buckets or
 * values; creation either finishes or leaves nothing behind. A destroyed map first leaves the list of maps, then waits
 * for a grace period, then gives everything back. Task context.
 */

import {
  allocatorIdle,
  cacheOf,
  drainAllocator,
  formatAllocator,
  isFormatted,
  startAllocator,
} from "../alloc/allocator";
import { CACHE_BYTES, CONTAINS_ELEMENTS, CONTAINS_VALUES, spliceFree } from "../alloc/cache";
import { freeObjectAllocator, isObjectAllocator } from "../alloc/object";
import { powerOfTwoAtLeast, roundUp } from "../base/bytes";
import { E2BIG, EINVAL, ENOMEM } from "../base/errno";
import { PROFILE_LINUX, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import {
  BUILDING_ALLOCATOR,
  COUNTS,
  clearIntent,
  firstIntent,
  intentsOf,
  LEVELS,
  MAYBE,
  nameObject,
  nextOperation,
  REMOVES,
  runPlaced,
  secondIntent,
  Transfer,
  transferOf,
} from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";
import { controlLock, freeBytes } from "../mem/managed";
import { allocatePages, freePages, PAGE_BYTES } from "../mem/pages";
import { copyStride, HEADER_BYTES } from "../mem/slab";
import { gracePeriodEnded, NORMAL, TASKS_TRACE } from "../rcu/epoch";
import { anyElement, BUCKET_BYTES, dropAnyElement, ELEMENTS_PER_BUCKET } from "./bucket";
import { countElement, countsExactly, FOLD } from "./count";
import { ELEMENT_KEY, pushPool } from "./element";
import {
  isOpen,
  KIND_ARRAY,
  KIND_HASH,
  KIND_PERCPU_ARRAY,
  KIND_PERCPU_HASH,
  leaveLists,
  MAP_BYTES,
  MapHeader,
  mapAt,
  markDying,
  NO_PREALLOC,
  registerMap,
  SUPPLY_CACHE,
  SUPPLY_POOL,
  SUPPLY_SLAB,
  takeDying,
} from "./map";
import { nameValue, valueObject } from "./percpu-value";

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

/** Puts a zeroed run of pages for `bytes` bytes into a map's field. False: memory is out. */
function allocateStorage(field: usize, bytes: u64): bool {
  if (bytes > LARGEST_STORAGE) return false;
  const length = <u32>((bytes + <u64>PAGE_BYTES - 1) / <u64>PAGE_BYTES);
  const address = allocatePages(length);
  if (address == 0) return false;
  memory.fill(address, 0, <usize>length * PAGE_BYTES);
  store<u32>(field, <u32>address);
  runPlaced();
  return true;
}

/** Gives back the run of pages in a map's field, if there is one. */
function freeStorage(area: CpuArea, field: usize): void {
  const address: usize = load<u32>(field);
  if (address == 0) return;
  transferOf(area).run = <u32>address;
  store<u32>(field, 0);
  freePages(address);
}

/**
 * Frees what this CPU is still building: its memory could not go back when a dead thread held a lock. It is in the way of
 * the next map or allocator. False: it still cannot.
 */
export function finishBuilding(area: CpuArea): bool {
  const building = transferOf(area).building;
  if (building == 0) return true;
  if ((building & BUILDING_ALLOCATOR) == 0) return freeMap(area, mapAt(building));
  freeObjectAllocator(area, building & ~BUILDING_ALLOCATOR);
  return transferOf(area).building == 0;
}

/** A map of zeroes, which this CPU is building from now on. */
function allocateMap(area: CpuArea): MapHeader {
  if (!finishBuilding(area)) return mapAt(0);
  const building = changetype<usize>(transferOf(area)) + offsetof<Transfer>("building");
  const bytes = MAP_BYTES + 2 * <usize>superblock().cpus * CACHE_BYTES;
  return mapAt(allocateStorage(building, bytes) ? load<u32>(building) : 0);
}

function storageField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("storage");
}

function bucketsField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("buckets");
}

function valueStorageField(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("valueStorage");
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
  if (!allocateStorage(storageField(map), count * <u64>bytes)) return false;
  if (isPerCpu(map.kind)) {
    const copy = (count * <u64>map.valueStride + <u64>PAGE_BYTES - 1) & ~(<u64>PAGE_BYTES - 1);
    if (!allocateStorage(valueStorageField(map), copy * <u64>cpus)) return false;
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
  const slack = superblock().cpus * LEVELS * <u32>FOLD;
  const isPlain = isDynamic && !isLinux && map.exactCount == 0 && map.kind == KIND_HASH && map.maxEntries > slack;
  if (isPlain && (map.keySize == 4 || map.keySize == 8)) map.fastKey = map.keySize;
  map.fastLimit = <i32>min(map.maxEntries - min(slack, map.maxEntries), 0x7fffffff);
}

/** Allocates a hash's buckets and elements. False: memory is out. */
function createHash(area: CpuArea, map: MapHeader): bool {
  const buckets = powerOfTwoAtLeast((map.maxEntries + ELEMENTS_PER_BUCKET - 1) / ELEMENTS_PER_BUCKET);
  map.valueOffset = <u32>(ELEMENT_KEY + roundUp(map.keySize, 8));
  if (!allocateStorage(bucketsField(map), <u64>buckets * <u64>BUCKET_BYTES)) return false;
  map.bucketMask = buckets - 1;
  map.bucketShift = clz(buckets - 1);
  choosePaths(map);
  const size = elementBytes(map) - <u32>HEADER_BYTES;
  const isDynamic = map.supply == SUPPLY_CACHE;
  formatAllocator(area, map.elements, size, accountedUnit(map), 0, CONTAINS_ELEMENTS);
  if (!startAllocator(area, map.elements, isDynamic)) return false;
  if (map.supply == SUPPLY_POOL) return createPool(map);
  if (isPerCpu(map.kind)) {
    map.copyStride = <u32>copyStride(map.valueStride + <u32>HEADER_BYTES);
    formatAllocator(area, map.values, map.valueStride, map.valueStride, 1, CONTAINS_VALUES);
    return startAllocator(area, map.values, true);
  }
  return true;
}

function createArray(map: MapHeader): bool {
  const copy = <u64>map.maxEntries * <u64>map.valueStride;
  if (map.kind == KIND_ARRAY) return allocateStorage(storageField(map), copy);
  const stride = (copy + <u64>PAGE_BYTES - 1) & ~(<u64>PAGE_BYTES - 1);
  map.copyStride = <u32>stride;
  return allocateStorage(storageField(map), stride * <u64>superblock().cpus);
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
  const map = allocateMap(area);
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

/**
 * Lets a created dynamic hash share an allocator's account: what it takes from the slab counts there.
 * @returns 0, or -EINVAL: there is no such allocator, or the map is no dynamic hash
 */
export function shareAccount(address: usize, allocator: usize): i32 {
  const map = mapAt(address);
  if (!isHash(map.kind) || map.supply != SUPPLY_CACHE || !isObjectAllocator(allocator)) return -EINVAL;
  map.account = <u32>allocator;
  return 0;
}

/**
 * Makes a created map visible to every thread: 0, or -EEXIST, -ENOMEM (beyond the account's limit already), -ETIMEDOUT:
 * then it is gone again.
 */
export function publishMap(address: usize): i32 {
  const area = thisCpu();
  const result = registerMap(area, mapAt(address));
  if (result != 0) freeMap(area, mapAt(address));
  return result;
}

/** Moves a map's elements that are still in buckets to this CPU's cache; no one else can reach them. */
function emptyBuckets(area: CpuArea, map: MapHeader): void {
  for (let index: u32 = 0; index <= map.bucketMask; index++) {
    const bucket = map.buckets + index * BUCKET_BYTES;
    for (let element = anyElement(bucket); element != 0; element = anyElement(bucket)) {
      emptySlot(area, map, bucket, element);
    }
  }
}

/** Not by `giveElement`, which would raise work for a cache that is about to go. */
function emptySlot(area: CpuArea, map: MapHeader, bucket: usize, element: usize): void {
  const intents = intentsOf(area);
  const cache = cacheOf(map.elements, area.id);
  const operation = nextOperation(intents);
  const value = valueObject(map, element);
  nameObject(firstIntent(intents), element, changetype<usize>(cache), MAYBE | REMOVES | COUNTS);
  dropAnyElement(bucket);
  if (value != 0) nameValue(area, map, value, secondIntent(intents));
  nameObject(firstIntent(intents), element, changetype<usize>(cache), REMOVES | COUNTS);
  if (value != 0) spliceFree(area, cacheOf(map.values, area.id), value, value, 1);
  clearIntent(secondIntent(intents));
  spliceFree(area, cache, element, element, 1);
  countElement(area, map, cache, -1, operation);
  clearIntent(firstIntent(intents));
}

/**
 * Gives all of a map's memory back, from wherever a former attempt was cut off. This CPU is building it, or has taken it
 * off the list of the dying.
 * @returns false if the control plane's lock cannot be had: the CPU goes on holding the map as `Transfer.building`
 */
export function freeMap(area: CpuArea, map: MapHeader): bool {
  if (!leaveLists(area, map)) return false;
  if (isHash(map.kind) && map.buckets != 0) {
    const isPool = map.supply == SUPPLY_POOL;
    if (!isPool) emptyBuckets(area, map);
    if (!isPool && isFormatted(map.elements)) drainAllocator(area, map.elements);
    if (!isPool && isFormatted(map.values)) drainAllocator(area, map.values);
  }
  freeStorage(area, bucketsField(map));
  freeStorage(area, storageField(map));
  freeStorage(area, valueStorageField(map));
  const description = map.description;
  map.description = 0;
  freeBytes(description);
  const transfer = transferOf(area);
  transfer.run = <u32>changetype<usize>(map);
  transfer.building = 0;
  freePages(changetype<usize>(map));
  return true;
}

/** Takes a map off the list; its memory goes back once a grace period is over. -ENOENT if it was not on the list. */
export function destroyMap(address: usize): i32 {
  return markDying(mapAt(address));
}

/** Whether nobody can be inside a destroyed map any more, and no CPU has work to do for it. */
function mayFree(map: MapHeader): bool {
  if (isOpen(map)) return false;
  // First that no reader is left, who might raise work; then that all work has run.
  if (!gracePeriodEnded(NORMAL, map.dyingTarget)) return false;
  if (!gracePeriodEnded(TASKS_TRACE, map.dyingTraceTarget)) return false;
  return allocatorIdle(map.elements) && allocatorIdle(map.values);
}

/**
 * Frees destroyed maps whose grace period is over and whose deferred work has run on every CPU. Waits for a lock only.
 * @returns maps that still have to wait
 */
export function reapMaps(): u32 {
  const area = thisCpu();
  if (superblock().dyingMaps == 0) return 0;
  while (lock(controlLock())) {
    let waiting: u32 = 0;
    let each: usize = superblock().dyingMaps;
    while (each != 0 && !mayFree(mapAt(each))) {
      waiting++;
      each = mapAt(each).next;
    }
    if (each != 0) takeDying(area, mapAt(each));
    unlock(controlLock());
    if (each == 0 || !freeMap(area, mapAt(each))) return waiting;
  }
  return 1;
}
