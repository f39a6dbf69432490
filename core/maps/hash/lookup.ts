/**
 * Reading a hash: lookups for programs, which give an address inside a read section, and copies for the system call. Both
 * are lock-free, in any context.
 */
import { acquire64 } from "../../base/atomics";
import { ENOENT } from "../../base/errno";
import { superblock } from "../../base/superblock";
import { thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { KEY_OF_WORDS, mapAt } from "../map";
import { copyAllOut } from "../percpu-value";
import { copyFromBucket, findElement, isHome, isUnchanged } from "../table/bucket";
import { hashOf } from "../table/entry";
import { homeOf } from "../table/table";
import { hideLock } from "../value-lock";
import { getFast, KeyAddress } from "./fast";

/**
 * Finds a value. Call inside a read section; the address stays that of a value of this map until the section ends,
 * though its element may be deleted and reused meanwhile (type-stable, as in Linux). Lock-free, any context.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was not found.
 * @returns the value's address, 0 if the key is not there
 */
export function hashLookup(address: usize, key: usize): usize {
  const map = mapAt(address);
  const hash = hashOf(map, key);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const element = findElement(map, bucket, control, hash, key);
    if (element != 0) return element + map.valueOffset;
    if (isUnchanged(bucket, control)) return 0;
  }
}

/** As hashLookup, for the current CPU's copy. */
export function percpuHashLookup(address: usize, key: usize): usize {
  const value = hashLookup(address, key);
  return value == 0 ? 0 : load<u32>(value) + thisCpu().id * mapAt(address).copyStride;
}

/** As hashLookup, for the copy of CPU `cpu`; 0 if there is no such CPU. */
export function percpuHashLookupOn(address: usize, key: usize, cpu: u32): usize {
  if (cpu >= superblock().cpus) return 0;
  const value = hashLookup(address, key);
  return value == 0 ? 0 : load<u32>(value) + cpu * mapAt(address).copyStride;
}

/**
 * Copies a value out, consistently: done again if the bucket changed meanwhile. Any context.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
 * @param into `valueStride` bytes, 8-byte aligned
 * @returns 0 or -ENOENT
 */
export function hashGet(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  if (map.fastKey == KEY_OF_WORDS) {
    const result = getFast<KeyAddress>(address, <KeyAddress>key, into);
    if (result <= 0) return result;
  }
  const area = thisCpu();
  const hash = hashOf(map, key);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const found = copyFromBucket(area, map, bucket, control, hash, key, into, map.valueOffset);
    if (!isUnchanged(bucket, control)) continue;
    if (found) hideLock(map, into);
    return found ? 0 : -ENOENT;
  }
}

/**
 * Copies all CPUs' values out, valueStride apart: done again if the bucket changed meanwhile, so that they are the key's; each
 * CPU's as of some moment. Any context.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
 */
export function percpuHashGet(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const hash = hashOf(map, key);
  let found = false;
  enterRead(area);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const element = findElement(map, bucket, control, hash, key);
    found = element != 0;
    if (found) copyAllOut(map, load<u32>(element + map.valueOffset), into);
    if (isUnchanged(bucket, control)) break;
  }
  leaveRead(area);
  return found ? 0 : -ENOENT;
}
