/**
 * The debug mode of allocators: each object has DEBUG_BYTES more than its user asks for, and they say what it is.
 *
 * ```
 * address         + size                            + capacity - 8
 * | the user's   | FENCE FENCE ... (8 bytes or more) | size u32 | state u32 |
 * ```
 * Freed, the state says so until the object is allocated again or its memory becomes something else: a second free is found
 * until then. Per-CPU objects have the end in the first copy and a fence in each.
 */

import { claim } from "../base/atomics";
import { EFAULT, EINVAL, ENOENT } from "../base/errno";
import { superblock } from "../base/superblock";
import { copyStride, HEADER_BYTES } from "../mem/slab";
import { ObjectAllocator } from "./object-allocator";
import { isObjectOf } from "./object-check";
import { HEADER_SET } from "./refill";
import { CacheSet, setAt } from "./set";

/** What the debug mode adds to each object at least: sizes are rounded up to 8 before. */
export const DEBUG_BYTES: u32 = 16;

const END_BYTES: usize = 8;
const FENCE: u8 = 0xfd;
const ALLOCATED: u32 = 0x41534f4c;
const FREED: u32 = 0x46534f4c;

/** Turns the debug mode of an allocator on that nobody has allocated from yet, and whose objects are `bytes` larger for it. */
export function setAllocatorDebug(allocator: usize, bytes: u32): void {
  changetype<ObjectAllocator>(allocator).debugBytes = bytes;
}

function setOfObject(address: usize): CacheSet {
  return setAt(load<u32>(address - HEADER_BYTES, HEADER_SET));
}

function endOf(address: usize): usize {
  return address + setOfObject(address).unit - HEADER_BYTES - END_BYTES;
}

function copiesOf(set: CacheSet): u32 {
  return set.perCpu != 0 ? superblock().cpus : 1;
}

/** An object has been allocated for `size` bytes: marks it and puts its fence up. */
export function objectArm(address: usize, size: u32): void {
  const set = setOfObject(address);
  const end = endOf(address);
  const copies = copiesOf(set);
  for (let copy: u32 = 0; copy < copies; copy++) {
    const offset = copy * copyStride(set.unit);
    memory.fill(address + size + offset, FENCE, end - address - size);
  }
  store<u32>(end, size);
  store<u32>(end + 4, ALLOCATED);
}

/** Bytes of an object's that its user may use, 0 if it is not allocated. */
export function objectArmedSize(allocator: usize, address: usize): u32 {
  if (!isObjectOf(allocator, address)) return 0;
  const end = endOf(address);
  return load<u32>(end + 4) == ALLOCATED ? load<u32>(end) : 0;
}

/** Whether nobody has written behind the end of an object. */
function isFenced(address: usize, size: u32): bool {
  const set = setOfObject(address);
  const end = endOf(address);
  const copies = copiesOf(set);
  for (let copy: u32 = 0; copy < copies; copy++) {
    const offset = copy * copyStride(set.unit);
    for (let at = address + size; at < end; at++) if (load<u8>(at + offset) != FENCE) return false;
  }
  return true;
}

/**
 * An object is to be freed: looks at it, and marks it as freed. The claim pairs with that of another thread which frees it too:
 * one of them comes second.
 * @param address any number
 * @returns 0; -EINVAL: no object of the allocator; -ENOENT: it is freed already; -EFAULT: somebody has written behind its end.
 * Then it stays as it is
 */
export function objectDisarm(allocator: usize, address: usize): i32 {
  if (!isObjectOf(allocator, address)) return -EINVAL;
  const end = endOf(address);
  const state = load<u32>(end + 4);
  if (state == FREED) return -ENOENT;
  const capacity = <u32>(end - address);
  const size = load<u32>(end);
  if (state != ALLOCATED || size > capacity || !isFenced(address, size)) return -EFAULT;
  return claim(end + 4, ALLOCATED, FREED) ? 0 : -ENOENT;
}
