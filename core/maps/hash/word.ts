/**
 * A hash's operations with the key, and a value of up to 8 bytes, as arguments: for keys of 4 and of 8 bytes. What is not
 * written to memory need not be read from it, and no store waits in front of the bucket's atomics. Where the fast path hands over,
 * the arguments go to where this context keeps its intents, and the slow path reads them there.
 */
import { thisCpu } from "../../cpu/area";
import { Intents, intentsOf } from "../../cpu/intent";
import { mapAt } from "../map";
import { deleteKey } from "./delete";
import { deleteFast, getFast, updateFast } from "./fast";
import { updateSlow } from "./hash";
import { hashGet } from "./lookup";

/** Where this context may keep a key for as long as an operation takes. */
function keepKey<K>(key: K): usize {
  const place = intentsOf(thisCpu()) + offsetof<Intents>("key");
  store<K>(place, key);
  return place;
}

/** As `keepKey`, for a value. */
function keepValue(value: u64): usize {
  const place = intentsOf(thisCpu()) + offsetof<Intents>("value");
  store<u64>(place, value);
  return place;
}

function updateWord<K>(address: usize, key: K, value: u64, flags: u32): i32 {
  if (mapAt(address).fastKey == <u32>sizeof<K>() && updateFast<K, u64>(address, key, value, flags) == 0) return 0;
  return updateSlow(address, keepKey<K>(key), keepValue(value), flags);
}

/** As updateWord, with the value in memory. */
function setWord<K>(address: usize, key: K, value: usize, flags: u32): i32 {
  const map = mapAt(address);
  if (map.fastKey == <u32>sizeof<K>()) {
    const isWord = map.valueStride == 8 && map.copyStride == 0;
    const result = isWord
      ? updateFast<K, u64>(address, key, load<u64>(value), flags)
      : updateFast<K, usize>(address, key, value, flags);
    if (result == 0) return 0;
  }
  return updateSlow(address, keepKey<K>(key), value, flags);
}

function deleteWord<K>(address: usize, key: K): i32 {
  if (mapAt(address).fastKey == <u32>sizeof<K>() && deleteFast<K>(address, key) == 0) return 0;
  return deleteKey(address, keepKey<K>(key));
}

function getWord<K>(address: usize, key: K, into: usize): i32 {
  const result = getFast<K>(address, key, into);
  return result <= 0 ? result : hashGet(address, keepKey<K>(key), into);
}

/**
 * As hashUpdate, of a hash with keys of 4 bytes and values of up to 8.
 * @param value its bytes, upper ones zero
 */
export function hashUpdate4(address: usize, key: u32, value: u64, flags: u32): i32 {
  return updateWord<u32>(address, key, value, flags);
}

/** As hashUpdate4, with keys of 8 bytes. */
export function hashUpdate8(address: usize, key: u64, value: u64, flags: u32): i32 {
  return updateWord<u64>(address, key, value, flags);
}

/**
 * As hashUpdate, with keys of 4 bytes.
 * @param value `valueStride` bytes, 8-byte aligned
 */
export function hashSet4(address: usize, key: u32, value: usize, flags: u32): i32 {
  return setWord<u32>(address, key, value, flags);
}

/** As hashDelete, with keys of 4 bytes. */
export function hashDelete4(address: usize, key: u32): i32 {
  return deleteWord<u32>(address, key);
}

/** As hashDelete, with keys of 8 bytes. */
export function hashDelete8(address: usize, key: u64): i32 {
  return deleteWord<u64>(address, key);
}

/** As hashGet, of a plain hash with keys of 4 bytes. */
export function hashGet4(address: usize, key: u32, into: usize): i32 {
  return getWord<u32>(address, key, into);
}

/** As hashGet4, with keys of 8 bytes. */
export function hashGet8(address: usize, key: u64, into: usize): i32 {
  return getWord<u64>(address, key, into);
}
