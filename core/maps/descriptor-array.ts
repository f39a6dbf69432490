/**
 * Arrays of what user space has open: perf events, cgroups, programs. What they have is the kernel's, or the loader's, of which there is
 * none here: every place is empty, programs hand such a map to helpers, and nobody else reads or writes it. Without memory of their own,
 * but for the rings of a perf event array that a thread opens (perf-buffer.ts).
 */
import { EINVAL } from "../base/errno";
import { ACCESS_FLAGS, NUMA_NODE, OF_PROGRAM } from "./access";
import { INNER_MAP } from "./map";

/** Numbers of `enum bpf_map_type`. */
export const KIND_PROG_ARRAY: u32 = 3;
export const KIND_PERF_EVENT_ARRAY: u32 = 4;
export const KIND_CGROUP_ARRAY: u32 = 8;

/** BPF_F_PRESERVE_ELEMS. */
const PRESERVE_ELEMS: u32 = 2048;
const CREATE_FLAGS: u32 = NUMA_NODE | ACCESS_FLAGS | PRESERVE_ELEMS | INNER_MAP;

/** A file descriptor, and the index that it is under. */
const DESCRIPTOR_BYTES: u32 = 4;

/** What `bpf(BPF_MAP_CREATE)` refuses: 0 or EINVAL. Programs' access cannot be restricted. */
export function checkDescriptorArray(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32): u32 {
  if (keySize != 4 || valueSize != DESCRIPTOR_BYTES || maxEntries == 0) return EINVAL;
  return (flags & ~CREATE_FLAGS) != 0 || (flags & OF_PROGRAM) != 0 ? EINVAL : 0;
}
