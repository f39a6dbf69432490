/**
 * Local storage: a value for each task, socket, inode or cgroup (Linux's `kernel/bpf/bpf_local_storage.c`). Linux keeps it with its owner, who
 * takes it along when he goes; here nobody is told of that, so it is a dynamic hash by the owner's address, and what a program does not
 * delete stays. All that is said of a hash (maps/hash/hash.ts) is true of it.
 */
import { EINVAL } from "../base/errno";
import { checkHash } from "./hash/create";
import { SUPPLY_CACHE } from "./map";

/** Numbers of `enum bpf_map_type`. */
export const KIND_SOCKET_STORAGE: u32 = 24;
export const KIND_INODE_STORAGE: u32 = 28;
export const KIND_TASK_STORAGE: u32 = 29;
export const KIND_CGROUP_STORAGE: u32 = 32;

/** BPF_F_CLONE: a socket that is accepted gets a copy. Sockets come from nowhere here. */
const CLONE: u32 = 512;
/** Bytes of an owner's address. */
const OWNER_BYTES: u32 = 8;

export function isLocalStorage(kind: u32): bool {
  return (
    kind == KIND_TASK_STORAGE ||
    kind == KIND_SOCKET_STORAGE ||
    kind == KIND_INODE_STORAGE ||
    kind == KIND_CGROUP_STORAGE
  );
}

/** As `checkMap` of maps/dispatch.ts, but for the key, which is the owner's address. */
export function checkLocalStorage(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, supply: u32): u32 {
  if (keySize != OWNER_BYTES || supply != SUPPLY_CACHE) return EINVAL;
  return checkHash(keySize, valueSize, maxEntries, flags & ~CLONE, supply);
}
