/** What programs ask of the CPU they run on: memory reads that cannot fault, the task's name. */

import { EFAULT, ERANGE } from "../base/errno";
import { thisCpu } from "./area";

/** Below this no object lies (base/superblock.ts). */
const FIRST_ADDRESS: u64 = 65536;
/** Offset and size of the task name in an event record (`src/events/record.ts`). */
const RECORD_COMM: usize = 24;
const COMM_BYTES: u32 = 16;
/** Where the kernel's half of x86-64's addresses may begin: what lies before is user space's. */
const KERNEL_HALF: u64 = 0x800000000000;
/** Bits above those that addresses have there: all as the highest one of those. */
const UNUSED_BITS: i64 = 16;

function isReadable(source: u64, size: u32): bool {
  const end = (<u64>memory.size()) << 16;
  return source >= FIRST_ADDRESS && source < end && <u64>size <= end - source;
}

/** Copies `size` bytes from anywhere; a source that is no memory of ours gives zeroes and -EFAULT. */
export function probeRead(destination: usize, size: u32, source: u64): i32 {
  if (isReadable(source, size)) {
    memory.copy(destination, <usize>source, size);
    return 0;
  }
  memory.fill(destination, 0, size);
  return -EFAULT;
}

/** Copies a string with its NUL, cut to `size`: its length with NUL, or -EFAULT. */
export function probeReadString(destination: usize, size: u32, source: u64): i32 {
  if (size == 0) return 0;
  for (let index: u32 = 0; index < size; index++) {
    if (!isReadable(source + index, 1)) {
      memory.fill(destination, 0, size);
      return -EFAULT;
    }
    const byte = index + 1 < size ? load<u8>(<usize>(source + index)) : 0;
    store<u8>(destination + index, byte);
    if (byte == 0) return index + 1;
  }
  return size;
}

/** Whether the kernel's memory may lie at an address, as Linux asks first (`copy_from_kernel_nofault_allowed`). */
function mayBeKernel(source: u64): bool {
  return source >= KERNEL_HALF && ((<i64>source) << UNUSED_BITS) >> UNUSED_BITS == <i64>source;
}

/** As probeRead, of the kernel's memory: -ERANGE where there can be none of it. */
export function probeReadKernel(destination: usize, size: u32, source: u64): i32 {
  const result = probeRead(destination, size, source);
  if (result == 0) return 0;
  if (!mayBeKernel(source)) return -ERANGE;
  return size == 0 ? 0 : result;
}

export function probeReadKernelString(destination: usize, size: u32, source: u64): i32 {
  const result = probeReadString(destination, size, source);
  return result < 0 && !mayBeKernel(source) ? -ERANGE : result;
}

/** Of user space's memory or the kernel's, as the address says. */
export function probeReadEither(destination: usize, size: u32, source: u64): i32 {
  return source < KERNEL_HALF ? probeRead(destination, size, source) : probeReadKernel(destination, size, source);
}

export function probeReadEitherString(destination: usize, size: u32, source: u64): i32 {
  return source < KERNEL_HALF
    ? probeReadString(destination, size, source)
    : probeReadKernelString(destination, size, source);
}

/** Copies the current task's name, NUL padded; 0, or -EFAULT where no event is current. */
export function taskComm(destination: usize, size: u32): i32 {
  const task: usize = thisCpu().task;
  memory.fill(destination, 0, size);
  if (task == 0) return -EFAULT;
  memory.copy(destination, task + RECORD_COMM, min(size, COMM_BYTES));
  if (size != 0 && size <= COMM_BYTES) store<u8>(destination + size - 1, 0);
  return 0;
}
