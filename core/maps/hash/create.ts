/**
 * A hash's life: what its sizes may be, its buckets and elements, where its elements come from, and giving them back.
 * Per-CPU hashes have a second set of caches, for the values.
 */
import { formatAllocator, formatCompanions, startAllocator } from "../../alloc/allocator";
import { spliceFree } from "../../alloc/cache";
import { CONTAINS_ELEMENTS, CONTAINS_VALUES, cacheOf, setAt } from "../../alloc/set";
import { roundUp } from "../../base/bytes";
import { E2BIG, EINVAL } from "../../base/errno";
import { PROFILE_LINUX, superblock } from "../../base/superblock";
import { CpuArea } from "../../cpu/area";
import {
  COUNTS,
  clearIntent,
  firstIntent,
  intentsOf,
  MAYBE,
  nameObject,
  REMOVES,
  secondIntent,
} from "../../cpu/intent";
import { PAGE_BYTES } from "../../mem/pages";
import { copyStride, HEADER_BYTES } from "../../mem/slab";
import { ACCESS_FLAGS, NUMA_NODE } from "../access";
import { countElement, formatCounts, levelCount, nextOperation, parityOf } from "../count";
import {
  fastKeyFor,
  LARGEST_ENTRY,
  LARGEST_PERCPU_VALUE,
  MapHeader,
  mapCpu,
  NO_PREALLOC,
  SUPPLY_CACHE,
  SUPPLY_LRU,
  SUPPLY_POOL,
  SUPPLY_SLAB,
  ZERO_SEED,
} from "../map";
import { nameValue, valueObject } from "../percpu-value";
import { allocateStorage, drainSets, storageField, valueStorageField } from "../storage";
import { DEAD, OVERFLOW, slotBit, slotPlace, slotsOf } from "../table/bucket";
import { ELEMENT_KEY, ELEMENT_NEXT, LRU_BYTES, pushPool } from "../table/element";
import { cacheOfElement, isVariable } from "../table/entry";
import { buildTable } from "../table/segment";
import { bucketAt } from "../table/table";
import { emptySlots } from "./lru-slots";

/** Numbers of `enum bpf_map_type`. */
export const KIND_HASH: u32 = 1;
export const KIND_PERCPU_HASH: u32 = 5;

/** Elements of a pool that a CPU has in its cache, at most: as with dynamic maps. */
export const MOST_POOLED: u32 = 96;

/** Create flags that a hash knows. */
export const HASH_FLAGS: u32 = NO_PREALLOC | NUMA_NODE | ZERO_SEED | ACCESS_FLAGS;
/** Linux's bound: more buckets have no size of 32 bits. */
const MOST_ENTRIES: u32 = 0x10000000;

/** Whether values lie in objects of their own, one copy for each CPU. */
function hasValues(map: MapHeader): bool {
  return map.values != 0;
}

/** What `bpf(BPF_MAP_CREATE)` refuses of both kinds: 0, EINVAL or E2BIG. */
export function checkHash(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, supply: u32): u32 {
  if ((flags & ~HASH_FLAGS) != 0 || supply > SUPPLY_SLAB) return EINVAL;
  if (keySize == 0 || valueSize == 0 || maxEntries == 0) return EINVAL;
  if (maxEntries > MOST_ENTRIES) return E2BIG;
  return <u64>keySize + <u64>valueSize >= <u64>LARGEST_ENTRY ? E2BIG : 0;
}

export function checkPercpuHash(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, supply: u32): u32 {
  if (supply == SUPPLY_SLAB) return EINVAL;
  const refused = checkHash(keySize, valueSize, maxEntries, flags, supply);
  if (refused != 0) return refused;
  return valueSize > LARGEST_PERCPU_VALUE ? E2BIG : 0;
}

/** Elements of a pool that each CPU may have in its cache. */
function pooledPerCpu(map: MapHeader): u32 {
  if (map.ring != 0) return 0;
  return min(max(map.maxEntries / (superblock().cpus * 4), 2), MOST_POOLED);
}

/** A CPU's element for replacements; a map that makes room by itself finds one for them too. */
function sparesPerCpu(map: MapHeader): u32 {
  return map.ring != 0 ? 0 : 1;
}

/** Elements that a preallocated map has: one for each entry, and those in the CPUs' caches and their spares. */
function pooledElements(map: MapHeader): u64 {
  return <u64>map.maxEntries + <u64>superblock().cpus * <u64>(pooledPerCpu(map) + sparesPerCpu(map));
}

/** The caches in front of a pool: nothing is refilled or trimmed. */
function formatPool(map: MapHeader): void {
  setAt(map.elements).pooled = 1;
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const cache = cacheOf(map.elements, cpu);
    cache.low = 0;
    cache.high = pooledPerCpu(map);
  }
}

/** Cuts the pool: each CPU its share of the elements, in runs, and a spare for replacements. */
function cutPool(map: MapHeader, elementBytes: usize): void {
  const cpus = superblock().cpus;
  let element: usize = map.storage;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const share = map.maxEntries / cpus + (cpu < map.maxEntries % cpus ? 1 : 0) + pooledPerCpu(map);
    // Last first, so that the list hands the elements out in the order of their addresses.
    for (let index = share; index > 0; index--) pushPool(map, cpu, element + (index - 1) * elementBytes);
    element += share * elementBytes;
  }
  for (let cpu: u32 = 0; cpu < cpus && sparesPerCpu(map) != 0; cpu++) {
    mapCpu(map, cpu).spare = <u32>element;
    element += elementBytes;
  }
}

/** Gives every element of a preallocated per-CPU hash its value for life. */
function cutPercpuPool(map: MapHeader, elementBytes: usize): void {
  const count = <u32>pooledElements(map);
  for (let index: u32 = 0; index < count; index++) {
    const element = <usize>map.storage + index * elementBytes;
    store<u32>(element + map.valueOffset, map.valueStorage + index * map.valueStride);
  }
}

/** Bytes of one element as it lies in memory, header included. */
function elementBytes(map: MapHeader): u32 {
  return map.valueOffset + (hasValues(map) ? 8 : map.valueStride);
}

/** Allocates what a preallocated map holds from the start. False: memory is out. */
function createPool(map: MapHeader): bool {
  const cpus = superblock().cpus;
  const bytes = elementBytes(map);
  const count = pooledElements(map);
  if (!allocateStorage(storageField(map), count * <u64>bytes)) return false;
  if (hasValues(map)) {
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
  const value = hasValues(map) ? 8 : map.valueStride;
  return <u32>HEADER_BYTES + LINUX_ELEMENT_BYTES + <u32>roundUp(map.keySize, 8) + value;
}

/** Decides how updates go, once and for all. */
function choosePaths(map: MapHeader): void {
  const isLinux = superblock().profile == PROFILE_LINUX;
  map.inPlace = map.valueSize <= 8 && !isVariable(map) && !isLinux ? 1 : 0;
  map.interruptsOff = isLinux && !isVariable(map) ? 1 : 0;
  map.keepsValues = hasValues(map) && !isLinux ? 1 : 0;
  const isFast = map.supply != SUPPLY_SLAB && map.ring == 0 && !isLinux;
  if (isFast) map.fastKey = fastKeyFor(map.keySize);
}

/** Makes the table and decides how its elements come and are used. False: memory is out. */
export function buildTableOf(map: MapHeader): bool {
  if (superblock().forceDynamic != 0 && map.supply == SUPPLY_POOL && map.ring == 0) map.supply = SUPPLY_CACHE;
  if (map.supply != SUPPLY_POOL && map.ring == 0) map.flags |= NO_PREALLOC;
  if (!buildTable(map)) return false;
  choosePaths(map);
  formatCounts(map);
  return true;
}

/** Makes the table, and sets the elements' caches up. False: memory is out. */
function buildBuckets(map: MapHeader): bool {
  if (!buildTableOf(map)) return false;
  map.valueOffset = <u32>(ELEMENT_KEY + roundUp(map.keySize, 8)) + (map.ring != 0 ? LRU_BYTES : 0);
  const size = elementBytes(map) - <u32>HEADER_BYTES;
  formatAllocator(map.elements, size, accountedUnit(map), 0, changetype<usize>(map), CONTAINS_ELEMENTS);
  if (map.supply == SUPPLY_POOL) formatPool(map);
  return true;
}

/** Lets the elements' caches begin. False: memory is out. */
function startElements(area: CpuArea, map: MapHeader): bool {
  if (!startAllocator(area, map.elements, map.supply == SUPPLY_CACHE || map.supply == SUPPLY_LRU)) return false;
  return map.supply != SUPPLY_POOL || createPool(map);
}

/** Gives a hash its buckets and elements. False: memory is out. */
export function buildHash(area: CpuArea, map: MapHeader): bool {
  return buildBuckets(map) && startElements(area, map);
}

/** As buildHash, and the values. */
export function buildPercpuHash(area: CpuArea, map: MapHeader): bool {
  if (!buildBuckets(map)) return false;
  if (map.supply == SUPPLY_POOL) return startElements(area, map);
  map.copyStride = <u32>copyStride(map.valueStride + <u32>HEADER_BYTES);
  formatAllocator(map.values, map.valueStride, map.valueStride, 1, changetype<usize>(map), CONTAINS_VALUES);
  if (map.keepsValues != 0) formatCompanions(map.elements, map.values, map.valueOffset);
  return startElements(area, map) && startAllocator(area, map.values, true);
}

/** Any element of a bucket, 0 when it is empty. Nobody else can reach it. */
function anyElement(bucket: usize): usize {
  const slots = slotsOf(load<u64>(bucket));
  return slots != 0 ? load<u32>(slotPlace(bucket, ctz(slots))) : load<u32>(bucket, OVERFLOW);
}

/** Takes out the element that `anyElement` found. */
function dropAnyElement(bucket: usize): void {
  const control = load<u64>(bucket);
  const slots = slotsOf(control);
  if (slots != 0) store<u64>(bucket, control & ~slotBit(ctz(slots)));
  else store<u32>(bucket, load<u32>(load<u32>(bucket, OVERFLOW), ELEMENT_NEXT), OVERFLOW);
}

/**
 * Moves a map's elements that are still in buckets to this CPU's cache; no one else can reach them. A dead bucket has none,
 * whatever its chain says.
 */
function emptyBuckets(area: CpuArea, map: MapHeader): void {
  for (let index: u32 = 0; index < map.mostBuckets; index++) {
    const bucket = bucketAt(map, index);
    if ((load<u64>(bucket) & DEAD) != 0) continue;
    for (let element = anyElement(bucket); element != 0; element = anyElement(bucket)) {
      emptySlot(area, map, bucket, element);
    }
  }
}

/** Not by `giveElement`, which would raise work for a cache that is about to go. */
function emptySlot(area: CpuArea, map: MapHeader, bucket: usize, element: usize): void {
  const intents = intentsOf(area);
  const cache = cacheOfElement(area, map, element);
  const operation = nextOperation(levelCount(map, area.id, area.level));
  const bits = COUNTS | REMOVES | parityOf(operation);
  const value = valueObject(map, element);
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits | MAYBE);
  dropAnyElement(bucket);
  if (value != 0) nameValue(area, map, value, secondIntent(intents));
  nameObject(firstIntent(intents), element, changetype<usize>(cache), bits);
  if (value != 0) spliceFree(area, cacheOf(map.values, area.id), value, value, 1);
  clearIntent(secondIntent(intents));
  countElement(area, map, -1, operation);
  spliceFree(area, cache, element, element, 1);
  clearIntent(firstIntent(intents));
}

/** Gives the elements of a hash back, from wherever a former attempt was cut off; nobody else can reach them. */
export function emptyHash(area: CpuArea, map: MapHeader): void {
  if (map.root == 0 || map.supply == SUPPLY_POOL) return;
  if (map.supply == SUPPLY_LRU) emptySlots(area, map);
  else emptyBuckets(area, map);
  drainSets(area, map);
}
