/**
 * Who may do what with a map: the access flags that it is created with, and freezing. The control plane and the loader of programs
 * enforce both (src/maps/access.ts); no operation of the core looks.
 */
import { claim } from "../base/atomics";
import { EPERM } from "../base/errno";
import { MapHeader } from "./map";

/** Create flags of Linux's uapi: the system call only reads, or only writes; so do programs. */
export const RDONLY: u32 = 8;
export const WRONLY: u32 = 16;
export const RDONLY_PROG: u32 = 128;
export const WRONLY_PROG: u32 = 256;

const OF_SYSTEM: u32 = RDONLY | WRONLY;
const OF_PROGRAM: u32 = RDONLY_PROG | WRONLY_PROG;
export const ACCESS_FLAGS: u32 = OF_SYSTEM | OF_PROGRAM;

/** BPF_F_NUMA_NODE: there is one node, and the control plane checks its number. */
export const NUMA_NODE: u32 = 4;

/** Whether a map created so may be read or written by both sides. */
export function isAccessible(flags: u32): bool {
  return (flags & OF_SYSTEM) != OF_SYSTEM && (flags & OF_PROGRAM) != OF_PROGRAM;
}

/** Keeps the access flags of creation. Map info does not show those of the system call, as they are a descriptor's in Linux. */
export function setAccess(map: MapHeader, flags: u32): void {
  map.access = flags & ACCESS_FLAGS;
  map.flags = flags & ~OF_SYSTEM;
}

/**
 * From now on the system call does not write a map; whoever is in the middle of a write finishes it. Any context.
 * The claim pairs with nothing: what was written before has orders of its own.
 * @returns 0, or -EPERM: it is frozen already
 */
export function freezeMap(address: usize): i32 {
  return claim(address + offsetof<MapHeader>("frozen"), 0, 1) ? 0 : -EPERM;
}
