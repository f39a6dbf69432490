/**
 * Maps whose values are maps: an array or a hash of them, all of one shape. A value is the address of a map's descriptor. Only user space
 * changes entries, as in Linux (`kernel/bpf/map_in_map.c`); a program looks one up, in any context, and uses it until its read section
 * ends.
 *
 * An entry keeps its map: one that is destroyed or closed while entries name it goes when none does any more, and a grace period is over.
 * Nobody counts: whoever is about to free a map that ever was in an entry looks through all entries (`isHeld`).
 */
import { acquire, acquire64, exchange } from "../base/atomics";
import { E2BIG, EBADF, EINVAL, ENOENT, ENOTSUPP, ETIMEDOUT } from "../base/errno";
import { superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { controlLock, lock, unlock } from "../cpu/lock";
import { renewBudget } from "../cpu/wait";
import { enterRead, gracePeriodTarget, leaveRead, NORMAL, TASKS_TRACE } from "../rcu/epoch";
import { OF_PROGRAM } from "./access";
import { arrayLookup, buildArray, checkArray, KIND_ARRAY, MMAPABLE } from "./array";
import { KIND_PROG_ARRAY } from "./descriptor-array";
import { buildHash, checkHash } from "./hash/create";
import { hashUpdate } from "./hash/hash";
import { hashLookup } from "./hash/lookup";
import { INNER_MAP, MapHeader, mapAt } from "./map";
import { isLiving } from "./registry";
import { isUnchanged, OVERFLOW, slotPlace, slotsOf } from "./table/bucket";
import { ELEMENT_NEXT } from "./table/element";
import { bucketAt } from "./table/table";

/** Numbers of `enum bpf_map_type`. */
export const KIND_ARRAY_OF_MAPS: u32 = 12;
export const KIND_HASH_OF_MAPS: u32 = 13;

/** MapHeader.held: no entry ever named the map; one did when it was looked; none did. */
const NEVER: u32 = 0;
export const HELD: u32 = 1;
const FREE: u32 = 2;

export function hasInnerMaps(kind: u32): bool {
  return kind == KIND_ARRAY_OF_MAPS || kind == KIND_HASH_OF_MAPS;
}

/** What `bpf(BPF_MAP_CREATE)` refuses: a value is a file descriptor. */
export function checkArrayOfMaps(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32): u32 {
  if (valueSize != 4 || (flags & (OF_PROGRAM | INNER_MAP | MMAPABLE)) != 0) return EINVAL;
  return checkArray(keySize, valueSize, maxEntries, flags);
}

export function checkHashOfMaps(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, supply: u32): u32 {
  return valueSize != 4 ? EINVAL : checkHash(keySize, valueSize, maxEntries, flags, supply);
}

/** Whether maps can be inner ones that are like this one, which is open: 0, EINVAL, or ENOTSUPP (programs go with the map they were put in). */
export function checkInner(inner: usize): u32 {
  if (inner == 0 || hasInnerMaps(mapAt(inner).kind)) return EINVAL;
  return mapAt(inner).kind == KIND_PROG_ARRAY ? ENOTSUPP : 0;
}

/** Keeps what inner maps have to be like. */
function setShape(map: MapHeader, inner: MapHeader): void {
  map.innerKind = inner.kind;
  map.innerKeySize = inner.keySize;
  map.innerValueSize = inner.valueSize;
  map.innerFlags = inner.flags;
  map.innerEntries = inner.maxEntries;
}

/** Gives an array of maps its entries. False: memory is out. */
export function buildArrayOfMaps(map: MapHeader, inner: usize): bool {
  setShape(map, mapAt(inner));
  return buildArray(map);
}

export function buildHashOfMaps(area: CpuArea, map: MapHeader, inner: usize): bool {
  setShape(map, mapAt(inner));
  return buildHash(area, map);
}

/** Whether a map has the shape of a map's inner ones: arrays that are to be compiled in have as many entries too. */
function isAlike(map: MapHeader, inner: MapHeader): bool {
  if (map.innerKind != inner.kind || map.innerFlags != inner.flags) return false;
  if (map.innerKeySize != inner.keySize || map.innerValueSize != inner.valueSize) return false;
  const mayDiffer = inner.kind != KIND_ARRAY || (map.innerFlags & INNER_MAP) != 0;
  return mayDiffer || map.innerEntries == inner.maxEntries;
}

/**
 * Whether a map can be put into an entry now: 0, -EBADF (there is none, or it is destroyed), -EINVAL (another shape), -ETIMEDOUT. Inside a
 * read section, until the end of which it stays.
 */
function beginToHold(map: MapHeader, inner: usize): i32 {
  if (inner == 0) return -EBADF;
  if (!isAlike(map, mapAt(inner))) return -EINVAL;
  if (!lock(controlLock())) return -ETIMEDOUT;
  const living = isLiving(inner);
  if (living) mapAt(inner).held = HELD;
  unlock(controlLock());
  return living ? 0 : -EBADF;
}

/** A program's lookup: the address of the map in an entry, 0 for none. Pairs with the updates: the map is whole. */
export function arrayOfMapsLookup(address: usize, key: usize): usize {
  const value = arrayLookup(address, key);
  return value == 0 ? 0 : acquire(value);
}

/** As arrayOfMapsLookup. Pairs with the same. */
export function hashOfMapsLookup(address: usize, key: usize): usize {
  const value = hashLookup(address, key);
  return value == 0 ? 0 : acquire(value);
}

/** Copies the address of the map in an entry out: 0 or -ENOENT. */
function copyAddress(inner: usize, into: usize): i32 {
  store<u64>(into, inner);
  return inner == 0 ? -ENOENT : 0;
}

export function arrayOfMapsGet(address: usize, key: usize, into: usize): i32 {
  return copyAddress(arrayOfMapsLookup(address, key), into);
}

export function hashOfMapsGet(address: usize, key: usize, into: usize): i32 {
  const area = thisCpu();
  enterRead(area);
  const inner = hashOfMapsLookup(address, key);
  leaveRead(area);
  return copyAddress(inner, into);
}

/**
 * Puts a map into an entry. Task context.
 * The exchange pairs with arrayOfMapsLookup.
 * @param value of a word with the map's address, 0 for a descriptor that is none
 * @returns 0, -EINVAL (flags, another shape), -E2BIG (no such index), -EBADF, -ETIMEDOUT
 */
export function arrayOfMapsUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  renewBudget(area);
  if (flags != 0) return -EINVAL;
  const entry = arrayLookup(address, key);
  if (entry == 0) return -E2BIG;
  enterRead(area);
  const result = beginToHold(map, load<u32>(value));
  if (result == 0) exchange(entry, load<u32>(value));
  leaveRead(area);
  return result;
}

/** Empties an entry: 0, -E2BIG (no such index) or -ENOENT. The exchange pairs with arrayOfMapsLookup. */
export function arrayOfMapsDelete(address: usize, key: usize): i32 {
  const entry = arrayLookup(address, key);
  if (entry == 0) return -E2BIG;
  return exchange(entry, 0) == 0 ? -ENOENT : 0;
}

/** As arrayOfMapsUpdate; with flags and errno of hashUpdate. */
export function hashOfMapsUpdate(address: usize, key: usize, value: usize, flags: u32): i32 {
  const area = thisCpu();
  renewBudget(area);
  enterRead(area);
  let result = beginToHold(mapAt(address), load<u32>(value));
  if (result == 0) result = hashUpdate(address, key, value, flags);
  leaveRead(area);
  return result;
}

/** Whether an element's value is a map. Pairs with hashUpdate. */
function names(map: MapHeader, element: usize, inner: usize): bool {
  return acquire(element + map.valueOffset) == inner;
}

/** Whether an entry of a bucket names a map. The loads pair as those of findElement; if the bucket has changed it is read again. */
function bucketNames(map: MapHeader, bucket: usize, inner: usize): bool {
  while (true) {
    const control = acquire64(bucket);
    for (let bits = slotsOf(control); bits != 0; bits &= bits - 1) {
      if (names(map, acquire(slotPlace(bucket, ctz(bits))), inner)) return true;
    }
    let element: usize = acquire(bucket + OVERFLOW);
    while (element != 0 && !names(map, element, inner)) element = acquire(element + ELEMENT_NEXT);
    if (element != 0) return true;
    if (isUnchanged(bucket, control)) return false;
  }
}

/** Whether an entry of a map of maps names a map. Its table has its size from the start. Inside a read section. The load pairs with the updates. */
function mapNames(map: MapHeader, inner: usize): bool {
  if (map.kind == KIND_HASH_OF_MAPS) {
    for (let index: u32 = 0; index < map.mostBuckets; index++) {
      if (bucketNames(map, bucketAt(map, index), inner)) return true;
    }
    return false;
  }
  for (let index: u32 = 0; index < map.maxEntries; index++) {
    if (acquire(<usize>map.storage + <usize>index * map.valueStride) == inner) return true;
  }
  return false;
}

function anyNames(list: usize, inner: usize): bool {
  let each = list;
  while (each != 0 && !(hasInnerMaps(mapAt(each).kind) && mapNames(mapAt(each), inner))) each = mapAt(each).next;
  return each != 0;
}

/**
 * Whether a destroyed map has to stay because an entry names it, or did until just now: then its grace periods begin anew. Caller has the
 * control plane's lock.
 */
export function isHeld(area: CpuArea, map: MapHeader): bool {
  if (map.held == NEVER) return false;
  enterRead(area);
  const inner = changetype<usize>(map);
  const named = anyNames(superblock().maps, inner) || anyNames(superblock().dyingMaps, inner);
  leaveRead(area);
  if (!named && map.held == FREE) return false;
  if (!named) {
    map.dyingTarget = gracePeriodTarget(NORMAL);
    map.dyingTraceTarget = gracePeriodTarget(TASKS_TRACE);
  }
  map.held = named ? HELD : FREE;
  return true;
}
