/**
 * Stack traces by number. Stacks are the kernel's, and events have none with them, so none is ever put in: what is asked of such a map
 * is answered as Linux answers for an empty one. Without memory of its own.
 */

import { powerOfTwoAtLeast } from "../base/bytes";
import { E2BIG, EINVAL, ENOENT } from "../base/errno";
import { NUMA_NODE, OF_SYSTEM } from "./access";
import { mapAt } from "./map";

/** Number of `enum bpf_map_type`. */
export const KIND_STACK_TRACE: u32 = 7;

/** BPF_F_STACK_BUILD_ID: frames are build ids with offsets instead of addresses. */
const BUILD_ID: u32 = 32;
const CREATE_FLAGS: u32 = NUMA_NODE | OF_SYSTEM | BUILD_ID;
/** Bytes of a frame in both forms, and Linux's bound on frames (sysctl kernel.perf_event_max_stack). */
const ADDRESS_BYTES: u32 = 8;
const BUILD_ID_BYTES: u32 = 32;
const MOST_FRAMES: u32 = 127;

/** What `bpf(BPF_MAP_CREATE)` refuses: 0, EINVAL or E2BIG. */
export function checkStackTrace(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32): u32 {
  if ((flags & ~CREATE_FLAGS) != 0) return EINVAL;
  if (keySize != 4 || valueSize < ADDRESS_BYTES || maxEntries == 0) return EINVAL;
  const frame = (flags & BUILD_ID) != 0 ? BUILD_ID_BYTES : ADDRESS_BYTES;
  if (valueSize % frame != 0 || valueSize / frame > MOST_FRAMES) return EINVAL;
  return maxEntries > 0x80000000 ? E2BIG : 0;
}

/** Copies no stack: there is none. -ENOENT */
export function stackTraceGet(address: usize, key: usize, into: usize): i32 {
  return -ENOENT;
}

/** Removes no stack: -ENOENT, or -E2BIG for a number that none can have. */
export function stackTraceDelete(address: usize, key: usize): i32 {
  return load<u32>(key) >= powerOfTwoAtLeast(mapAt(address).maxEntries) ? -E2BIG : -ENOENT;
}
