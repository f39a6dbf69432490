/**
 * The list of all allocators of an arena, each by its first CPU's cache: for whoever reaps a CPU and for memory that is
 * wanted elsewhere. Under the control plane's lock.
 */
import { Superblock, superblock } from "../base/superblock";
import { lock, unlock } from "../cpu/lock";
import { controlLock } from "../mem/managed";
import { Cache } from "./cache";

function headWord(): usize {
  return changetype<usize>(superblock()) + offsetof<Superblock>("cacheSets");
}

/** The first of all allocators, 0 if there is none. Caller holds the control plane's lock, or looks twice. */
export function firstSet(): usize {
  return load<u32>(headWord());
}

/** Puts an allocator on the list. False: the lock cannot be had. */
export function registerSet(caches: usize): bool {
  if (!lock(controlLock())) return false;
  changetype<Cache>(caches).nextSet = <u32>firstSet();
  store<u32>(headWord(), <u32>caches);
  unlock(controlLock());
  return true;
}

/** Takes an allocator off the list. Caller holds the control plane's lock. */
export function unlinkSet(caches: usize): void {
  let link = headWord();
  while (load<u32>(link) != 0) {
    const each: usize = load<u32>(link);
    if (each == caches) {
      store<u32>(link, changetype<Cache>(caches).nextSet);
      return;
    }
    link = each + offsetof<Cache>("nextSet");
  }
}
