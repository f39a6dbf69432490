/**
 * What an element of a hash has: a key and a value of the map's sizes, or, where the map has none (`keySize` 0), of lengths of
 * their own.
 *
 * ```
 *  16            16 + round8(key)          16           24            24 + round8(key)
 *  | key ....... | value ....... |         | lengths    | key ....... | value ....... |
 *                                            └ key, value: u32 each
 * ```
 * Such keys and values are given as a length, four bytes of no meaning here, and the bytes themselves, 8-byte aligned.
 *
 * Elements of one map are then of many sizes: it has a set of caches for each class of the slab, and for runs of 1 to 256 pages.
 * An element's page says which of them it is from.
 */
import { formatAllocator, startAllocator } from "../../alloc/allocator";
import { Cache } from "../../alloc/cache";
import { CONTAINS_ELEMENTS, cacheOf } from "../../alloc/set";
import { acquire64 } from "../../base/atomics";
import { copyBytes, copyOutWords, equalBytes, hashBytes, roundUp } from "../../base/bytes";
import { E2BIG, EINVAL, ENOSPC } from "../../base/errno";
import { CLASS_COUNT } from "../../base/superblock";
import { CpuArea } from "../../cpu/area";
import { descriptor, PAGE_BYTES, PAGE_RUN, PAGE_SLAB, pageOf } from "../../mem/pages";
import { classFor, HEADER_BYTES, LARGEST_CLASS, sizeOfClass } from "../../mem/slab";
import { MapHeader, mapSet, SUPPLY_CACHE } from "../map";
import { equalAround, fillAround } from "../value-lock";
import { ELEMENT_HASH, ELEMENT_KEY } from "./element";

/** Where the bytes of a key or value lie that is given with its length. */
export const GIVEN_BYTES: usize = 8;
/** Where the key of an element lies whose key has a length of its own. */
export const VARIABLE_KEY: usize = ELEMENT_KEY + 8;

/** Runs of 1, 2, 4 ... pages: the largest element is of 4 MiB, as in Linux. */
const RUN_CLASSES: u32 = 9;
/** Sets of caches of a map whose entries have lengths of their own. */
export const VARIABLE_SETS: u32 = CLASS_COUNT + RUN_CLASSES;

export function isVariable(map: MapHeader): bool {
  return map.keySize == 0;
}

export function hashOf(map: MapHeader, key: usize): u32 {
  if (!isVariable(map)) return hashBytes(key, map.keySize, map.multiplier);
  return hashBytes(key + GIVEN_BYTES, load<u32>(key), map.multiplier);
}

/** Bytes of an element of a variable map's set, header included. */
export function variableUnit(index: u32): u32 {
  return index < CLASS_COUNT ? sizeOfClass(index) : (<u32>PAGE_BYTES) << (index - CLASS_COUNT);
}

/** The set for elements of so many bytes; VARIABLE_SETS for none. */
export function setForBytes(bytes: u64): u32 {
  if (bytes <= <u64>LARGEST_CLASS) return classFor(<u32>bytes, 0);
  let index = CLASS_COUNT;
  while (index < VARIABLE_SETS && <u64>variableUnit(index) < bytes) index++;
  return index;
}

/**
 * The set that an element is from, by its page: whatever an address is, one of the map's.
 * A page that is in use as something else by now makes no sense and does no harm: whoever asks then finds the bucket changed.
 */
function setOfElement(element: usize): u32 {
  const page = descriptor(pageOf(element));
  if (page.state == PAGE_SLAB) return min(<u32>page.slabClass, CLASS_COUNT - 1);
  if (page.state != PAGE_RUN || page.length == 0) return 0;
  return min(CLASS_COUNT + (32 - clz(page.length - 1)), VARIABLE_SETS - 1);
}

/** This CPU's cache that an entry's element comes from; null: no element is so large. */
export function cacheForEntry(area: CpuArea, map: MapHeader, key: usize, value: usize): Cache {
  if (!isVariable(map)) return cacheOf(map.elements, area.id);
  const keyBytes = (<u64>load<u32>(key) + 7) & ~7;
  const bytes = <u64>VARIABLE_KEY + keyBytes + <u64>load<u32>(value);
  const index = setForBytes(bytes);
  return index == VARIABLE_SETS ? changetype<Cache>(0) : cacheOf(mapSet(map, index), area.id);
}

/** This CPU's cache that an element goes to. */
export function cacheOfElement(area: CpuArea, map: MapHeader, element: usize): Cache {
  return cacheOf(isVariable(map) ? mapSet(map, setOfElement(element)) : <usize>map.elements, area.id);
}

/**
 * Whether an element has a key. It may be another key's by now: then what this says is thrown away. Of a variable map inside a read
 * section only, or under the bucket's lock: there it is an element of its set all the while, however it is used, and ends where
 * that says.
 */
export function hasKey(map: MapHeader, element: usize, key: usize): bool {
  if (!isVariable(map)) return equalBytes(element + ELEMENT_KEY, key, map.keySize);
  const length = load<u32>(key);
  return load<u32>(element, ELEMENT_KEY) == length && equalBytes(element + VARIABLE_KEY, key + GIVEN_BYTES, length);
}

/**
 * Lengths of an element's key and value, of a variable map: both of one entry. Inside a read section or under the bucket's lock.
 * Pairs with the publication of the element; of one that is being filled again it gives the old or the new ones.
 */
export function lengthsOf(element: usize): u64 {
  return acquire64(element + ELEMENT_KEY);
}

/** Where the value lies in an element whose lengths are these. */
export function variableValue(element: usize, lengths: u64): usize {
  return element + VARIABLE_KEY + roundUp(<u32>lengths, 8);
}

/** Whether an element has the value that is expected: bytes at `expected`, or 0 for any. It holds if the bucket is locked, or unchanged. */
export function hasValue(map: MapHeader, element: usize, expected: usize): bool {
  if (expected == 0) return true;
  if (map.valueLock != 0) return equalAround(map, element + map.valueOffset, expected);
  if (!isVariable(map)) return equalBytes(element + map.valueOffset, expected, map.valueSize);
  const lengths = lengthsOf(element);
  const length = load<u32>(expected);
  if (<u32>(lengths >> 32) != length) return false;
  return equalBytes(variableValue(element, lengths), expected + GIVEN_BYTES, length);
}

/** Writes hash, key and value of an element that nobody else can see yet; a per-CPU value lies elsewhere. */
export function fillElement(map: MapHeader, element: usize, hash: u32, key: usize, value: usize): void {
  store<u32>(element, hash, ELEMENT_HASH);
  if (isVariable(map)) {
    fillVariable(element, key, value);
    return;
  }
  copyBytes(element + ELEMENT_KEY, key, map.keySize);
  if (map.valueLock != 0) fillAround(map, element + map.valueOffset, value);
  else if (map.copyStride == 0) copyBytes(element + map.valueOffset, value, map.valueSize);
}

/** Both lengths by one store: a reader that is late has those of one entry (lengthsOf). */
function fillVariable(element: usize, key: usize, value: usize): void {
  const keyLength = load<u32>(key);
  const valueLength = load<u32>(value);
  const lengths = <u64>keyLength | ((<u64>valueLength) << 32);
  store<u64>(element + ELEMENT_KEY, lengths);
  memory.copy(element + VARIABLE_KEY, key + GIVEN_BYTES, keyLength);
  memory.copy(variableValue(element, lengths), value + GIVEN_BYTES, valueLength);
}

/**
 * Copies the value of a variable map's element out.
 * @param into 8-byte aligned: the value's length is written to the first word; in the second the caller says how many bytes there is
 * room for behind both, a multiple of 8
 * @returns 0, or -ENOSPC: there is less room than the length says
 */
export function copyValueOut(element: usize, into: usize): i32 {
  const lengths = lengthsOf(element);
  const length = <u32>(lengths >> 32);
  store<u32>(into, length);
  if (length > load<u32>(into, 4)) return -ENOSPC;
  copyOutWords(into + GIVEN_BYTES, variableValue(element, lengths), <u32>roundUp(length, 8));
  return 0;
}

/** What creation refuses of a map whose entries have lengths of their own: its sizes are 0, and it is dynamic. */
export function checkVariable(keySize: u32, valueSize: u32, maxEntries: u32, supply: u32): u32 {
  if (keySize != 0 || valueSize != 0 || maxEntries == 0 || supply != SUPPLY_CACHE) return EINVAL;
  return maxEntries > 0x80000000 ? E2BIG : 0;
}

/** Gives a variable map a set of caches for each class, without elements. False: memory is out. */
export function startVariableSets(area: CpuArea, map: MapHeader): bool {
  for (let index: u32 = 0; index < VARIABLE_SETS; index++) {
    const unit = variableUnit(index);
    const size = unit - <u32>HEADER_BYTES;
    formatAllocator(mapSet(map, index), size, unit, 0, changetype<usize>(map), CONTAINS_ELEMENTS);
  }
  for (let index: u32 = 0; index < VARIABLE_SETS; index++)
    if (!startAllocator(area, mapSet(map, index), false)) return false;
  return true;
}
