/**
 * What an allocator may own: bytes, counted when objects come from the slab and when they go back (what a memory cgroup
 * does for Linux's), not per allocation. Maps may share an allocator's account. The sum is made of what each cache owns, so
 * there is no second count that a thread could leave wrong by dying between the two.
 *
 * An account's sets of caches are a list. A map's leave it when the map is destroyed, before a grace period; so whoever
 * walks the list does it in a read section.
 */

import { acquire, addAndFetch, peek, publish } from "../base/atomics";
import { superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { enterRead, leaveRead } from "../rcu/epoch";
import { Cache } from "./cache";
import { CacheSet, CONTAINS_OBJECTS, cacheOf, setAt } from "./set";

@unmanaged
export class Account {
  /** First set; linked through CacheSet.nextOfAccount, changed under `controlLock`. */
  sets: u32;
  reserved: u32;
  /** Bytes that may be owned. */
  limit: u32;
  /** Atomic: refills and prefills that the limit refused. */
  refused: i32;
}

/** Bytes that a set's caches own, all CPUs' copies of per-CPU objects included. */
function ownedBytes(set: usize): i64 {
  const cpus = superblock().cpus;
  let owned: i64 = 0;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    owned += <i64>(<i32>peek(changetype<usize>(cacheOf(set, cpu)) + offsetof<Cache>("owned")));
  }
  return owned * <i64>setAt(set).unit * <i64>(setAt(set).perCpu != 0 ? cpus : 1);
}

/**
 * Bytes owned now. Any context.
 * The loads pair with the publications of joinAccount and leaveAccount: a set on the list is whole.
 */
export function accountBytes(area: CpuArea, account: usize): i64 {
  let sum: i64 = 0;
  enterRead(area);
  let set: usize = acquire(account + offsetof<Account>("sets"));
  while (set != 0) {
    sum += ownedBytes(set);
    set = acquire(set + offsetof<CacheSet>("nextOfAccount"));
  }
  leaveRead(area);
  return sum;
}

/**
 * Whether what is owned now is within the limit; a refusal is counted. The caller has published what it is about to take
 * before it asks: of two that ask at the same time at least one sees the other.
 * The count pairs with nothing: nobody reads anything by it.
 */
export function withinLimit(area: CpuArea, account: usize): bool {
  if (accountBytes(area, account) <= <i64>changetype<Account>(account).limit) return true;
  addAndFetch(account + offsetof<Account>("refused"), 1);
  return false;
}

/**
 * Adds a set to an account: from now on its caches are charged. Caller has the control plane's lock.
 * Pairs with accountBytes: the set is whole before it is on the list.
 */
export function joinAccount(account: usize, set: usize): void {
  const word = account + offsetof<Account>("sets");
  setAt(set).nextOfAccount = load<u32>(word);
  publish(word, <u32>set);
  setAt(set).account = <u32>account;
}

/** Sets of maps that share an account. Caller has the control plane's lock. */
export function mapSets(account: usize): u32 {
  let count: u32 = 0;
  for (let set: usize = changetype<Account>(account).sets; set != 0; set = setAt(set).nextOfAccount) {
    if (setAt(set).contains != CONTAINS_OBJECTS) count++;
  }
  return count;
}

/**
 * Takes a set off its account's list, which readers may still be walking. Caller has the control plane's lock.
 * Pairs with accountBytes, whose read section keeps the set as it was.
 */
export function leaveAccount(set: usize): void {
  const account: usize = setAt(set).account;
  if (account == 0) return;
  let link = account + offsetof<Account>("sets");
  while (load<u32>(link) != 0 && load<u32>(link) != set) link = load<u32>(link) + offsetof<CacheSet>("nextOfAccount");
  if (load<u32>(link) != 0) publish(link, setAt(set).nextOfAccount);
}
