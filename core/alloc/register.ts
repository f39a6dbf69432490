/**
 * The list of all sets of set of an arena: for whoever reaps a CPU and for memory that is wanted elsewhere. Under the
 * control plane's lock.
 */

import { Superblock, superblock } from "../base/superblock";
import { controlLock, lock, unlock } from "../cpu/lock";
import { CacheSet, setAt } from "./set";

function headWord(): usize {
  return changetype<usize>(superblock()) + offsetof<Superblock>("cacheSets");
}

/** The first of all sets, 0 if there is none. Caller has the control plane's lock, or looks twice. */
export function firstSet(): usize {
  return load<u32>(headWord());
}

/** Puts a set on the list. False: the lock cannot be had. */
export function registerSet(set: usize): bool {
  if (!lock(controlLock())) return false;
  setAt(set).nextSet = <u32>firstSet();
  store<u32>(headWord(), <u32>set);
  unlock(controlLock());
  return true;
}

/** Takes a set off the list. Caller has the control plane's lock. */
export function unlinkSet(set: usize): void {
  let link = headWord();
  while (load<u32>(link) != 0) {
    const each: usize = load<u32>(link);
    if (each == set) {
      store<u32>(link, setAt(set).nextSet);
      return;
    }
    link = each + offsetof<CacheSet>("nextSet");
  }
}
