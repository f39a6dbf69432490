/**
 * LRU hashes: when there is no room for a new key, an entry that was not used for long goes (maps/hash/lru-order.ts, lru-evict.ts). An update with flags 0
 * never fails for want of room or memory, in any context, as long as the map has an entry that no operation under way has in its
 * hands. What is used: what a program looks up, what is overwritten, and, but in profile linux, what a thread gets.
 *
 * Elements come as they are needed, which Linux refuses (-ENOTSUPP), or are there from the start, as always in profile linux. Lookup,
 * update, delete and a walk beside each other promise what those of a hash do; but any update may take any entry away.
 */
import { acquire, acquire64, publish } from "../../base/atomics";
import { copyOutWords } from "../../base/bytes";
import { EINVAL, ENOENT, ENOTSUPP } from "../../base/errno";
import { PROFILE_LINUX, superblock } from "../../base/superblock";
import { CpuArea, thisCpu } from "../../cpu/area";
import { LEVELS } from "../../cpu/intent";
import { levelCount } from "../count";
import {
  MapHeader,
  mapAt,
  NO_COMMON_LRU,
  NO_PREALLOC,
  SUPPLY_CACHE,
  SUPPLY_LRU,
  SUPPLY_POOL,
  SUPPLY_SLAB,
} from "../map";
import { copyAllOut, isPerCpu } from "../percpu-value";
import { findPlace, isHome, isUnchanged } from "../table/bucket";
import { pooledWord } from "../table/element";
import { hashOf } from "../table/entry";
import { settleTable } from "../table/repair";
import { homeOf } from "../table/table";
import { buildHash, buildPercpuHash, checkHash, checkPercpuHash, HASH_FLAGS } from "./create";
import { hashLookup } from "./lookup";
import { batchSize, settleOrders } from "./lru-batch";
import { buildSlots, markUsed } from "./lru-slots";

/** Numbers of `enum bpf_map_type`. */
export const KIND_LRU_HASH: u32 = 9;
export const KIND_LRU_PERCPU_HASH: u32 = 10;

/** What `bpf(BPF_MAP_CREATE)` refuses of both kinds beside what it refuses of a hash. */
function checkFlags(flags: u32, supply: u32): u32 {
  if ((flags & ~(HASH_FLAGS | NO_COMMON_LRU)) != 0 || supply == SUPPLY_SLAB || supply > SUPPLY_LRU) return EINVAL;
  return (flags & NO_PREALLOC) != 0 ? ENOTSUPP : 0;
}

/** As `checkMap` of maps/dispatch.ts. */
export function checkLruHash(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, supply: u32): u32 {
  const refused = checkFlags(flags, supply);
  return refused != 0 ? refused : checkHash(keySize, valueSize, maxEntries, flags & ~NO_COMMON_LRU, SUPPLY_CACHE);
}

export function checkLruPercpuHash(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, supply: u32): u32 {
  const refused = checkFlags(flags, supply);
  return refused != 0 ? refused : checkPercpuHash(keySize, valueSize, maxEntries, flags & ~NO_COMMON_LRU, SUPPLY_CACHE);
}

/** Room that is bounded by the slots is not bounded a second time: each level may have as many elements as it comes by. */
function openPlaces(map: MapHeader): void {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    for (let level: u32 = 0; level < LEVELS; level++) {
      levelCount(map, cpu, level).places = i32.MAX_VALUE;
      levelCount(map, cpu, level).least = i32.MIN_VALUE;
    }
  }
}

/** Makes the slots: with NO_COMMON_LRU each CPU has the same share of them. False: memory is out. */
function buildOrder(map: MapHeader): bool {
  const cpus = superblock().cpus;
  if ((map.flags & NO_COMMON_LRU) != 0) {
    map.lruShare = (map.maxEntries + cpus - 1) / cpus;
    map.maxEntries = map.lruShare * cpus;
  }
  map.lruBatch = batchSize(map);
  if (map.supply != SUPPLY_POOL) map.supply = superblock().profile == PROFILE_LINUX ? SUPPLY_POOL : SUPPLY_LRU;
  return buildSlots(map);
}

/** Gives an LRU hash its slots, buckets and elements. False: memory is out. */
export function buildLruHash(area: CpuArea, map: MapHeader): bool {
  if (!buildOrder(map) || !buildHash(area, map)) return false;
  openPlaces(map);
  return true;
}

/** As buildLruHash, and the values. */
export function buildLruPercpuHash(area: CpuArea, map: MapHeader): bool {
  if (!buildOrder(map) || !buildPercpuHash(area, map)) return false;
  openPlaces(map);
  return true;
}

/** As hashLookup, for a program: the entry was used. */
export function lruLookup(address: usize, key: usize): usize {
  const value = hashLookup(address, key);
  if (value != 0) markUsed(value);
  return value;
}

/** As lruLookup, for the current CPU's copy. */
export function lruPercpuLookup(address: usize, key: usize): usize {
  return lruPercpuLookupOn(address, key, thisCpu().id);
}

/** As lruLookup, for the copy of CPU `cpu`; 0 if there is no such CPU. */
export function lruPercpuLookupOn(address: usize, key: usize, cpu: u32): usize {
  if (cpu >= superblock().cpus) return 0;
  const value = lruLookup(address, key);
  return value == 0 ? 0 : load<u32>(value) + cpu * mapAt(address).copyStride;
}

/**
 * As hashGet, or percpuHashGet of a per-CPU kind; but in profile linux the entry was used. Elements and values stay the map's as long as
 * there is one, so that no read section is needed.
 * The loads pair with the publication of control word and place, isUnchanged vouches for what was copied.
 */
export function lruGet(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const hash = hashOf(map, key);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const place = findPlace(area, map, bucket, control, hash, key);
    const value = place == 0 ? 0 : <usize>acquire(place) + map.valueOffset;
    if (value != 0 && isPerCpu(map)) copyAllOut(map, load<u32>(value), into);
    else if (value != 0) copyOutWords(into, value, map.valueStride);
    if (!isUnchanged(bucket, control)) continue;
    if (value == 0) return -ENOENT;
    if (superblock().profile != PROFILE_LINUX) markUsed(value);
    return 0;
  }
}

/**
 * Reaping: the locks of the map's own that a dead CPU has, as of a hash and on the order, and what it has set aside.
 * @returns false: it has to be tried again, when another dead CPU's locks have been released
 */
export function settleLru(map: MapHeader, cpu: u32): bool {
  settleTable(map, cpu);
  if (map.ring == 0) return true;
  // It may have put an element on a list and not said so. Pairs with popCommon.
  publish(pooledWord(map), 1);
  return settleOrders(map, cpu);
}
