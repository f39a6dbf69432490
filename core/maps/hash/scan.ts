/**
 * Walking a hash while others write and its table grows or shrinks. A key's place is its hash with the bits reversed: a bucket
 * is a range of places, and two that were one are side by side. So a walk goes from place to place, each bucket's elements
 * copied out as of one moment. A key that stays is seen exactly once; one that comes or goes meanwhile may be seen or not.
 */
import { acquire, acquire64, peek } from "../../base/atomics";
import { copyOutWords, reverseBits } from "../../base/bytes";
import { ENOSPC } from "../../base/errno";
import { putBits } from "../../base/number";
import { CpuArea, thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { keyBytesOf, MapHeader } from "../map";
import { copyAllOut } from "../percpu-value";
import { isFar, touchPlaces } from "../table/ahead";
import {
  belongs,
  INDEX,
  isHome,
  isUnchanged,
  OVERFLOW,
  SHIFT_MASK,
  slotOfElement,
  slotPlace,
  slotsOf,
} from "../table/bucket";
import { ELEMENT_KEY, ELEMENT_NEXT, hashOfElement } from "../table/element";
import { GIVEN_BYTES, isVariable } from "../table/entry";
import { homeOf } from "../table/table";
import { hideLock } from "../value-lock";
import { copyVariableKeys } from "./variable";

/** Of a bucket: it does not fit. Otherwise how many entries were copied, and the bytes that they take. */
const NO_ROOM: u64 = <u64>-1;

function copied(count: u32, bytes: u32): u64 {
  return ((<u64>count) << 32) | <u64>bytes;
}

/** The first place behind the range of the bucket that has a place; 0 behind the last. */
export function placeBehind(control: u64, place: u32): u32 {
  const shift = <u32>(control & SHIFT_MASK);
  return ((place >>> shift) + 1) << shift;
}

/** Whether an element is this bucket's, and not below the place where the walk is: the bucket may be larger by now. */
export function isAhead(bucket: usize, control: u64, element: usize, from: u32): bool {
  const hash = hashOfElement(element);
  return belongs(peek(bucket + INDEX), control, hash) && reverseBits(hash) >= from;
}

/**
 * Copies the addresses of up to `room` elements of a bucket, each once; may be stale unless the control word stays the same.
 * While the bucket is being split or merged an element may be in a slot and on the chain, and others' at the chain's end.
 * The loads pair as those of findElement (maps/table/bucket.ts).
 */
export function collectElements(bucket: usize, control: u64, from: u32, list: usize, room: u32): u32 {
  let count: u32 = 0;
  for (let bits = slotsOf(control); bits != 0 && count < room; bits &= bits - 1) {
    const element: usize = acquire(slotPlace(bucket, ctz(bits)));
    if (!isAhead(bucket, control, element, from)) continue;
    store<u32>(list + count * 4, <u32>element);
    count++;
  }
  for (let element: usize = acquire(bucket + OVERFLOW); element != 0 && count < room; ) {
    if (isAhead(bucket, control, element, from) && slotOfElement(bucket, control, element) == 0) {
      store<u32>(list + count * 4, <u32>element);
      count++;
    }
    element = acquire(element + ELEMENT_NEXT);
  }
  return count;
}

/**
 * Copies a bucket's entries behind each other. Their addresses are collected at the end of the same room: address n is read
 * before entry n, which never reaches further than address n + 1, is written.
 */
function copyEntries(
  map: MapHeader,
  bucket: usize,
  control: u64,
  from: u32,
  into: usize,
  bytes: u32,
  entryBytes: u32,
): u64 {
  const keyBytes = keyBytesOf(map);
  const room = bytes / entryBytes;
  const list = into + room * entryBytes - room * 4;
  const count = collectElements(bucket, control, from, list, room);
  // A bucket that fills the room to the brim may have been cut off: it waits for the next call.
  if (count >= room) return NO_ROOM;
  for (let index: u32 = 0; index < count; index++) {
    const element: usize = load<u32>(list + index * 4);
    const entry = into + index * entryBytes;
    copyOutWords(entry, element + ELEMENT_KEY, keyBytes);
    if (entryBytes == keyBytes) continue;
    if (map.copyStride != 0) copyAllOut(map, load<u32>(element + map.valueOffset), entry + keyBytes);
    else copyOutWords(entry + keyBytes, element + map.valueOffset, map.valueStride);
    hideLock(map, entry + keyBytes);
  }
  return copied(count, count * entryBytes);
}

/**
 * As copyEntries, of keys and values of 1, 2, 4 or 8 bytes: keys side by side, and values, as many as there is room for. None is
 * taken down first, so what is torn lies there already when `isUnchanged` says so, and is written over.
 * The loads pair as those of collectElements.
 */
function copyColumns(
  map: MapHeader,
  bucket: usize,
  control: u64,
  from: u32,
  keys: usize,
  values: usize,
  room: u32,
): u64 {
  let count: u32 = 0;
  for (let bits = slotsOf(control); bits != 0; bits &= bits - 1) {
    const element: usize = acquire(slotPlace(bucket, ctz(bits)));
    if (!isAhead(bucket, control, element, from)) continue;
    if (count == room) return NO_ROOM;
    copyColumn(map, element, keys, values, count++);
  }
  for (let element: usize = acquire(bucket + OVERFLOW); element != 0; ) {
    if (isAhead(bucket, control, element, from) && slotOfElement(bucket, control, element) == 0) {
      if (count == room) return NO_ROOM;
      copyColumn(map, element, keys, values, count++);
    }
    element = acquire(element + ELEMENT_NEXT);
  }
  return copied(count, count * map.keySize);
}

/** The loads pair as those of copyOutWords. */
function copyColumn(map: MapHeader, element: usize, keys: usize, values: usize, index: u32): void {
  putBits(keys + index * map.keySize, acquire64(element + ELEMENT_KEY), map.keySize);
  putBits(values + index * map.valueSize, acquire64(element + map.valueOffset), map.valueSize);
}

/** Bytes that a key takes at least, where it has a length of its own, and its element's address. */
const LEAST_KEY: u32 = <u32>GIVEN_BYTES + 4;

/** As copyEntries, keys alone that have lengths of their own: addresses in the last third of the room, keys in the rest. */
function copyKeys(bucket: usize, control: u64, from: u32, into: usize, bytes: u32): u64 {
  const room = bytes / LEAST_KEY;
  const list = into + bytes - room * 4;
  const count = collectElements(bucket, control, from, list, room);
  if (count >= room) return NO_ROOM;
  const written = copyVariableKeys(list, count, into, <u32>(list - into));
  return written > bytes ? NO_ROOM : copied(count, written);
}

/** Copies the entries from place `from` on, or their keys (maps/dispatch.ts: mapScan). */
export function scanHash(map: MapHeader, from: u32, into: usize, bytes: u32, entryBytes: u32): i32 {
  return scan(map, from, into, 0, bytes, entryBytes);
}

/** As scanHash, keys side by side, and values (maps/many.ts: mapScanColumns). */
export function scanHashColumns(map: MapHeader, from: u32, keys: usize, values: usize, room: u32): i32 {
  return scan(map, from, keys, values, room * map.keySize, map.keySize);
}

/**
 * @param values where values go if not behind their keys, otherwise 0
 * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
 */
function scan(map: MapHeader, from: u32, into: usize, values: usize, bytes: u32, entryBytes: u32): i32 {
  const area: CpuArea = thisCpu();
  const variable = isVariable(map);
  let count: u32 = 0;
  let used: u32 = 0;
  let place = from;
  let isOver = false;
  // Up to which place the table has been touched. A u64: the last one lies behind all of them.
  let touched: u64 = isFar(map) ? from : <u64>-1;
  enterRead(area);
  while (!isOver) {
    if (<u64>place >= touched) touched = touchPlaces(map, place);
    const hash = reverseBits(place);
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const left = bytes - used;
    let done: u64;
    if (variable) done = copyKeys(bucket, control, place, into + used, left);
    else if (values == 0) done = copyEntries(map, bucket, control, place, into + used, left, entryBytes);
    else
      done = copyColumns(map, bucket, control, place, into + used, values + count * map.valueSize, left / entryBytes);
    if (!isUnchanged(bucket, control)) continue;
    if (done == NO_ROOM) break;
    count += <u32>(done >> 32);
    used += <u32>done;
    place = placeBehind(control, place);
    isOver = place == 0;
  }
  leaveRead(area);
  if (!isOver && count == 0 && place == from) return -ENOSPC;
  area.scanNext = place;
  return <i32>count;
}
