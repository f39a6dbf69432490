/**
 * Objects that come back from outside: an address is looked at before it is believed. What costs little is asked always, so that
 * no address makes a trap or reaches another allocator's objects.
 */

import { EINVAL } from "../base/errno";
import { SUPERBLOCK, superblock } from "../base/superblock";
import { pageOf } from "../mem/pages";
import { HEADER_BYTES } from "../mem/slab";
import { objectCopy, objectFree, objectFreeRcu, objectSize } from "./object";
import { classCount, ObjectAllocator, setOfClass } from "./object-allocator";
import { HEADER_SET } from "./refill";
import { setBytes } from "./set";

/** Objects and what is inside of them lie at multiples of this. */
const ALIGN: usize = 8;

/** Whether a header names one of the allocator's sets. */
function isSetOf(allocator: usize, set: usize): bool {
  const first = setOfClass(allocator, 0);
  if (changetype<ObjectAllocator>(allocator).size != 0) return set == first;
  return set - first < <usize>classCount(allocator) * setBytes() && (set - first) % setBytes() == 0;
}

/** Whether an address, which may be any number, is that of an object of the allocator as far as its header tells. Any context. */
export function isObjectOf(allocator: usize, address: usize): bool {
  if ((address & (ALIGN - 1)) != 0 || address <= SUPERBLOCK) return false;
  // The memory ends at a multiple of 64 KiB, an address below it has its header before it.
  if (pageOf(address) >= superblock().pages) return false;
  return isSetOf(allocator, load<u32>(address - HEADER_BYTES, HEADER_SET));
}

/** As objectFree, of an address that may be any number: 0, or -EINVAL and nothing has happened. */
export function objectFreeOf(allocator: usize, address: usize): i32 {
  if (!isObjectOf(allocator, address)) return -EINVAL;
  objectFree(address);
  return 0;
}

/** As objectFreeRcu, as objectFreeOf. */
export function objectFreeRcuOf(allocator: usize, address: usize): i32 {
  if (!isObjectOf(allocator, address)) return -EINVAL;
  objectFreeRcu(address);
  return 0;
}

/** As objectSize, of an address that may be any number: 0 for what is no object of the allocator. */
export function objectSizeOf(allocator: usize, address: usize): u32 {
  return isObjectOf(allocator, address) ? objectSize(address) : 0;
}

/** As objectCopy, of an address that may be any number: 0 for what is no object of the allocator. */
export function objectCopyOf(allocator: usize, address: usize, cpu: u32): usize {
  return isObjectOf(allocator, address) ? objectCopy(address, cpu) : 0;
}
