/**
 * Many entries in one call: of plain hashes and arrays whose keys and values are of up to 8 bytes. Keys lie side by side, so do
 * values: each at a multiple of its own size. At which entry an operation failed is left in the CPU's `scanNext`.
 */
import { copyBytes } from "../base/bytes";
import { EINVAL, ENOENT } from "../base/errno";
import { bitsAt, isNumber, writeAmount } from "../base/number";
import { thisCpu } from "../cpu/area";
import { Intents, intentsOf } from "../cpu/intent";
import { arrayDelete, arrayGet, arrayUpdate, KIND_ARRAY, scanArrayColumns } from "./array";
import { KIND_HASH } from "./hash/create";
import { hashDelete } from "./hash/delete";
import { getFast } from "./hash/fast";
import { hashUpdate } from "./hash/hash";
import { hashGet } from "./hash/lookup";
import { scanHashColumns } from "./hash/scan";
import { hashDelete4, hashDelete8, hashUpdate4, hashUpdate8 } from "./hash/word";
import { MapHeader, mapAt } from "./map";
import { arrayChange, hashChange, SUBTRACTS } from "./modify";
import { isFar, TOGETHER, touchKeys } from "./table/ahead";

const WORD_BYTES: u32 = 8;

/** Whether a map's entries can be had many at a time. */
function isPlain(map: MapHeader): bool {
  if (map.kind != KIND_HASH && map.kind != KIND_ARRAY) return false;
  return map.keySize <= WORD_BYTES && map.valueSize <= WORD_BYTES;
}

/** Where this context keeps a value, 8-byte aligned. */
function valuePlace(): usize {
  return intentsOf(thisCpu()) + offsetof<Intents>("value");
}

/** Whether the map's next keys are to be touched before they are used: keys of 4 or 8 bytes of a large table. */
function isTouched(map: MapHeader): bool {
  return map.kind == KIND_HASH && (map.fastKey == 4 || map.fastKey == 8) && isFar(map);
}

/** Touches what the keys from number `index` on will need, once for so many of them. */
function touchNext(map: MapHeader, keys: usize, index: u32, count: u32): void {
  if (index % TOGETHER != 0) return;
  const next = min(count - index, TOGETHER);
  if (map.fastKey == 4) touchKeys<u32>(map, keys + index * 4, next);
  else touchKeys<u64>(map, keys + index * 8, next);
}

function setOne(map: MapHeader, key: usize, value: usize): i32 {
  const address = changetype<usize>(map);
  const word = bitsAt(value, map.valueSize);
  if (map.fastKey == 4) return hashUpdate4(address, load<u32>(key), word, 0);
  if (map.fastKey == 8) return hashUpdate8(address, load<u64>(key), word, 0);
  const place = valuePlace();
  store<u64>(place, word);
  return map.kind == KIND_ARRAY ? arrayUpdate(address, key, place, 0) : hashUpdate(address, key, place, 0);
}

function deleteOne(map: MapHeader, key: usize): i32 {
  const address = changetype<usize>(map);
  if (map.kind == KIND_ARRAY) return arrayDelete(address, key);
  if (map.fastKey == 4) return hashDelete4(address, load<u32>(key));
  if (map.fastKey == 8) return hashDelete8(address, load<u64>(key));
  return hashDelete(address, key);
}

/** Leaves at which entry an operation failed. @returns its -errno */
function failAt(index: u32, result: i32): i32 {
  thisCpu().scanNext = index;
  return result;
}

/** As mapGetMany, of a hash whose keys are words of type K. */
function getWords<K>(map: MapHeader, keys: usize, count: u32, values: usize, found: usize): i32 {
  const address = changetype<usize>(map);
  const size = map.valueSize;
  const place = valuePlace();
  const touches = isFar(map);
  let there: i32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const key = keys + index * sizeof<K>();
    if (touches && index % TOGETHER == 0) touchKeys<K>(map, key, min(count - index, TOGETHER));
    const value = values + index * size;
    const into = size == WORD_BYTES ? value : place;
    let result = getFast<K>(address, load<K>(key), into);
    if (result > 0) result = hashGet(address, key, into);
    store<u8>(found + index, result == 0 ? 1 : 0);
    if (result == 0) {
      if (size != WORD_BYTES) copyBytes(value, place, size);
      there++;
    } else if (result != -ENOENT) return failAt(index, result);
  }
  return there;
}

/** As mapGetMany, of an array, or a hash of other keys. */
function getBytes(map: MapHeader, keys: usize, count: u32, values: usize, found: usize): i32 {
  const address = changetype<usize>(map);
  const size = map.valueSize;
  const place = valuePlace();
  let there: i32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const key = keys + index * map.keySize;
    const result = map.kind == KIND_ARRAY ? arrayGet(address, key, place) : hashGet(address, key, place);
    store<u8>(found + index, result == 0 ? 1 : 0);
    if (result == 0) {
      copyBytes(values + index * size, place, size);
      there++;
    } else if (result != -ENOENT) return failAt(index, result);
  }
  return there;
}

/**
 * Copies the values of `count` keys out: those that are there.
 * @param found a byte for each key: 1 if it is there, otherwise 0
 * @returns how many are there, or -errno: -EINVAL for a map whose entries cannot be had so
 */
export function mapGetMany(address: usize, keys: usize, count: u32, values: usize, found: usize): i32 {
  const map = mapAt(address);
  if (!isPlain(map)) return -EINVAL;
  if (map.fastKey == 4) return getWords<u32>(map, keys, count, values, found);
  if (map.fastKey == 8) return getWords<u64>(map, keys, count, values, found);
  return getBytes(map, keys, count, values, found);
}

/**
 * Creates or replaces `count` entries, in their order.
 * @returns 0, or the -errno of the first that failed: those before it have been set
 */
export function mapSetMany(address: usize, keys: usize, count: u32, values: usize): i32 {
  const map = mapAt(address);
  if (!isPlain(map)) return -EINVAL;
  const touches = isTouched(map);
  for (let index: u32 = 0; index < count; index++) {
    if (touches) touchNext(map, keys, index, count);
    const result = setOne(map, keys + index * map.keySize, values + index * map.valueSize);
    if (result == 0) continue;
    return failAt(index, result);
  }
  return 0;
}

/**
 * Adds to the values of `count` keys, in their order, as hashChange does: values that are numbers of a kind (base/number.ts).
 * @param amounts numbers of the same kind, side by side
 * @param room two words and room for a value
 * @returns 0, or the -errno of the first that failed: those before it have been added to
 */
export function mapAddMany(address: usize, keys: usize, count: u32, kind: u32, amounts: usize, room: usize): i32 {
  const map = mapAt(address);
  if (!isPlain(map)) return -EINVAL;
  const touches = isTouched(map);
  for (let index: u32 = 0; index < count; index++) {
    if (touches) touchNext(map, keys, index, count);
    const key = keys + index * map.keySize;
    const bits = bitsAt(amounts + index * map.valueSize, map.valueSize);
    const change = writeAmount(room, kind, bits) ? kind | SUBTRACTS : kind;
    const result =
      map.kind == KIND_ARRAY ? arrayChange(address, key, 0, change, room) : hashChange(address, key, 0, change, room);
    if (result == 0) continue;
    return failAt(index, result);
  }
  return 0;
}

/**
 * Removes the entries of `count` keys; -EINVAL of an array means that none can be.
 * @returns how many were there, or the -errno of the first that is neither there nor not
 */
export function mapDeleteMany(address: usize, keys: usize, count: u32): i32 {
  const map = mapAt(address);
  if (!isPlain(map)) return -EINVAL;
  let there: i32 = 0;
  const touches = isTouched(map);
  for (let index: u32 = 0; index < count; index++) {
    if (touches) touchNext(map, keys, index, count);
    const result = deleteOne(map, keys + index * map.keySize);
    if (result == 0) there++;
    else if (result != -ENOENT && result != -EINVAL) {
      return failAt(index, result);
    }
  }
  return there;
}

/**
 * As mapScan (maps/dispatch.ts), of maps whose keys and values are of 1, 2, 4 or 8 bytes.
 * @param room how many entries there is place for, at `keys` and at `values`
 */
export function mapScanColumns(address: usize, from: u32, keys: usize, values: usize, room: u32): i32 {
  const map = mapAt(address);
  if (!isPlain(map) || !isNumber(map.keySize) || !isNumber(map.valueSize)) return -EINVAL;
  if (map.kind == KIND_ARRAY) return scanArrayColumns(map, from, keys, values, room);
  return scanHashColumns(map, from, keys, values, room);
}
