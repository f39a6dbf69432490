/**
 * Read-modify-write of a number in an entry's value: nobody's change comes in between. In a hash it is done under the bucket's lock,
 * in an array by a claim of the word that the number lies in. The number is replaced by one store, so a value of several numbers
 * may be read with some of them changed, each of them whole.
 *
 * Numbers are named by their offset in the value, a multiple of their size, and their kind (base/number.ts).
 */

import { acquire, acquire64, claim64, publish64 } from "../base/atomics";
import { E2BIG, EAGAIN, EEXIST, ENOENT } from "../base/errno";
import { addToNumber, numberIn, readAround, withNumber, wordAround } from "../base/number";
import { CpuArea, thisCpu } from "../cpu/area";
import { renewBudget } from "../cpu/wait";
import { arrayLookup } from "./array";
import { updateSlow } from "./hash/hash";
import { markUsed } from "./hash/lru-slots";
import { MapHeader, mapAt, NOEXIST } from "./map";
import { AGAIN, awaitBucket, findPlace, isHome, isLocked, tryLockBucket, unlockBucket } from "./table/bucket";
import { hashOf } from "./table/entry";
import { homeOf } from "./table/table";

/** A change of a number: the magnitude in memory is taken away and not added. Beside a number's kind. */
export const SUBTRACTS: u32 = 16;
/** A change of a number: not a sum but another number, where the expected one is there. Beside a number's kind. */
export const EXCHANGES: u32 = 32;

/**
 * The bits that a number is to have, left at `room`; 0, -ERANGE, or -EAGAIN (another number than the expected one).
 * @param room two words: what is added; or the number to be and the expected one
 */
function changeNumber(bits: u64, change: u32, room: usize): i32 {
  if ((change & EXCHANGES) != 0) return load<u64>(room, 8) == bits ? 0 : -EAGAIN;
  return addToNumber(bits, change, room, (change & SUBTRACTS) != 0);
}

/** The publication pairs with copyOutWords of whoever reads the value. The bucket is locked. */
function changeLocked(at: usize, change: u32, room: usize): i32 {
  const word = readAround(at);
  const result = changeNumber(numberIn(word, at, change), change, room);
  if (result == 0) publish64(wordAround(at), withNumber(word, at, change, load<u64>(room)));
  return result;
}

/**
 * Changes a number of an entry that is there.
 * The loads of the control word pair with its publication, that of the place is under the lock.
 */
function changeInHash(area: CpuArea, map: MapHeader, key: usize, offset: u32, change: u32, room: usize): i32 {
  const hash = hashOf(map, key);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    if (isLocked(control)) {
      const waited = awaitBucket(area, bucket);
      if (waited != AGAIN) return waited;
      continue;
    }
    const place = findPlace(area, map, bucket, control, hash, key);
    if (place == 0) {
      if (acquire64(bucket) == control) return -ENOENT;
      continue;
    }
    if (!tryLockBucket(area, bucket, control)) continue;
    const value = <usize>acquire(place) + map.valueOffset;
    const result = changeLocked(value + offset, change, room);
    if (map.ring != 0) markUsed(value);
    unlockBucket(area, bucket, control);
    return result;
  }
}

/**
 * Adds to a number of an entry; one that is not there begins as zeroes. Or, with EXCHANGES, replaces a number by another one if it
 * is as expected; then the entry must be there. Of a hash whose values are no CPUs'. Any context.
 * @param room two words: what is added (base/number.ts: addToNumber); or the number to be and the expected one, both with zeroes
 * above. Behind them `valueStride` bytes for a new value. In the first word the new number is left
 * @returns 0, -ERANGE (an integer would wrap), -EAGAIN (another number than the expected one), -ENOENT, or as hashUpdate
 */
export function hashChange(address: usize, key: usize, offset: u32, change: u32, room: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  renewBudget(area);
  while (true) {
    const result = changeInHash(area, map, key, offset, change, room);
    if (result != -ENOENT || (change & EXCHANGES) != 0) return result;
    const refused = insertNumber(map, key, offset, change, room);
    if (refused != -EEXIST) return refused;
  }
}

/** Inserts an entry whose value is zeroes but for a number; -EEXIST, and the room is as it was, if the key is there by now. */
function insertNumber(map: MapHeader, key: usize, offset: u32, change: u32, room: usize): i32 {
  const amount = load<u64>(room);
  const refused = changeNumber(0, change, room);
  if (refused != 0) return refused;
  const value = room + 16;
  memory.fill(value, 0, map.valueStride);
  const word = value + wordAround(offset);
  store<u64>(word, withNumber(0, offset, change, load<u64>(room)));
  const result = updateSlow(changetype<usize>(map), key, value, NOEXIST);
  if (result != 0) store<u64>(room, amount);
  return result;
}

/**
 * As hashChange, of an array's value: no lock, no wait. Beyond the end nothing is as expected (-ENOENT), or can be created (-E2BIG).
 * The claim pairs with every other change of the word, and with copyOutWords.
 */
export function arrayChange(address: usize, key: usize, offset: u32, change: u32, room: usize): i32 {
  const value = arrayLookup(address, key);
  if (value == 0) return (change & EXCHANGES) != 0 ? -ENOENT : -E2BIG;
  const at = value + offset;
  const amount = load<u64>(room);
  while (true) {
    const word = readAround(at);
    const result = changeNumber(numberIn(word, at, change), change, room);
    if (result != 0) return result;
    if (claim64(wordAround(at), word, withNumber(word, at, change, load<u64>(room)))) return 0;
    store<u64>(room, amount);
  }
}
