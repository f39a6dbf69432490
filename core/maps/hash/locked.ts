/**
 * A hash's values under the lock that lies in them (BPF_F_LOCK): copied in where they lie, and copied out, as one. Linux looks the element
 * up, takes its lock and copies, whosever element it is by then; here it is still the key's.
 *
 * First the value's lock is taken, which a program may have for long; then, where something is written, the bucket's, which nobody has
 * while he waits for a value's.
 */
import { acquire, acquire64 } from "../../base/atomics";
import { copyOutWords } from "../../base/bytes";
import { EAGAIN, EEXIST, EINVAL, ENOENT } from "../../base/errno";
import { CpuArea, thisCpu } from "../../cpu/area";
import { dropSpinLock, takeSpinLock } from "../../cpu/spin-lock";
import { renewBudget } from "../../cpu/wait";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt, NOEXIST } from "../map";
import {
  AGAIN,
  awaitBucket,
  findElement,
  findPlace,
  isHome,
  isLocked,
  isUnchanged,
  tryLockBucket,
  unlockChanged,
} from "../table/bucket";
import { hashOf } from "../table/entry";
import { homeOf } from "../table/table";
import { copyAround, hideLock, lockOf } from "../value-lock";
import { deleteElement } from "./delete";

/**
 * The element of a key, 0 if there is none.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was not found.
 */
function elementOf(map: MapHeader, hash: u32, key: usize): usize {
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const element = findElement(map, bucket, control, hash, key);
    if (element != 0 || isUnchanged(bucket, control)) return element;
  }
}

/**
 * Copies a value into an element whose lock this CPU has, if it still is the key's: AGAIN if it is not.
 * The loads of the control word pair with its publication; what was found holds under the bucket's lock.
 */
function writeIfThere(area: CpuArea, map: MapHeader, hash: u32, key: usize, element: usize, value: usize): i32 {
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
    if (place == 0 || acquire(place) != <u32>element) return AGAIN;
    if (!tryLockBucket(area, bucket, control)) continue;
    copyAround(map, element + map.valueOffset, value);
    unlockChanged(area, bucket, control);
    return 0;
  }
}

/** Replaces the value of a key that is there, in place: -ENOENT if it is not. */
function overwrite(area: CpuArea, map: MapHeader, key: usize, value: usize, flags: u32): i32 {
  const hash = hashOf(map, key);
  while (true) {
    const element = elementOf(map, hash, key);
    if (element == 0) return -ENOENT;
    if (flags == NOEXIST) return -EEXIST;
    const lock = lockOf(map, element + map.valueOffset);
    const locked = takeSpinLock(area, lock);
    if (locked != 0) return locked;
    const written = writeIfThere(area, map, hash, key, element, value);
    dropSpinLock(area, lock);
    if (written != AGAIN) return written;
  }
}

/**
 * Replaces a value in place, under its lock. Any context.
 * @param flags 0, NOEXIST or EXIST
 * @returns 0, -ENOENT (whatever the flags), -EEXIST, -EBUSY, -ETIMEDOUT or -EDEADLK (this context has a lock)
 */
export function overwriteUnderLock(map: MapHeader, key: usize, value: usize, flags: u32): i32 {
  const area = thisCpu();
  renewBudget(area);
  enterRead(area);
  const result = overwrite(area, map, key, value, flags);
  leaveRead(area);
  return result;
}

/**
 * Copies the value out of an element whose lock this CPU has, if it was the key's all the while: AGAIN if it was not.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
 */
function readIfThere(map: MapHeader, hash: u32, key: usize, element: usize, into: usize): i32 {
  const bucket = homeOf(map, hash);
  const control = acquire64(bucket);
  if (!isHome(bucket, control, hash) || findElement(map, bucket, control, hash, key) != element) return AGAIN;
  copyOutWords(into, element + map.valueOffset, map.valueStride);
  return isUnchanged(bucket, control) ? 0 : AGAIN;
}

/** @param takes whether the entry goes */
function readOrTake(address: usize, area: CpuArea, key: usize, into: usize, takes: bool): i32 {
  const map = mapAt(address);
  const hash = hashOf(map, key);
  while (true) {
    const element = elementOf(map, hash, key);
    if (element == 0) return -ENOENT;
    const lock = lockOf(map, element + map.valueOffset);
    const locked = takeSpinLock(area, lock);
    if (locked != 0) return locked;
    const result = takes ? deleteElement(address, key, element, into) : readIfThere(map, hash, key, element, into);
    dropSpinLock(area, lock);
    if (result != AGAIN && result != -EAGAIN) return result;
  }
}

function getUnderLock(address: usize, key: usize, into: usize, takes: bool): i32 {
  const map = mapAt(address);
  if (map.valueLock == 0) return -EINVAL;
  const area = thisCpu();
  renewBudget(area);
  enterRead(area);
  const result = readOrTake(address, area, key, into, takes);
  leaveRead(area);
  if (result == 0) hideLock(map, into);
  return result;
}

/**
 * Copies a value out under its lock. Any context.
 * @param into `valueStride` bytes, 8-byte aligned
 * @returns 0, -EINVAL (values have no lock), -ENOENT, -EBUSY, -ETIMEDOUT or -EDEADLK
 */
export function hashGetLocked(address: usize, key: usize, into: usize): i32 {
  return getUnderLock(address, key, into, false);
}

/** As hashGetLocked, and the entry is deleted: nobody changes the value in between. */
export function hashTakeLocked(address: usize, key: usize, into: usize): i32 {
  return getUnderLock(address, key, into, true);
}
