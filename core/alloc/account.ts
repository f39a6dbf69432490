/**
 * What an allocator may own: bytes, counted when objects come from the slab and when they go back (what a memory cgroup
 * does for Linux's), not per allocation. Maps may share an allocator's account. The sum is made of what each cache owns, so
 * there is no second count that a thread could leave wrong by dying between the two.
 *
 * An account's sets of caches are a list. A map's leave it when the map is destroyed, before a grace period; so whoever
 * walks the list does it in a read section.
 */
import { acquire, addAndFetch, publish } from "../base/atomics";
import { superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { enterRead, leaveRead } from "../rcu/epoch";
import { CACHE_BYTES, Cache, CONTAINS_OBJECTS } from "./cache";

@unmanaged
export class Account {
  /** First CPU's caches of the first set; linked through Cache.nextOfAccount, changed under `controlLock`. */
  sets: u32;
  reserved: u32;
  /** Bytes that may be owned. */
  limit: u32;
  /** Atomic: refills and prefills that the limit refused. */
  refused: i32;
}

/** Bytes that a set's caches own, all CPUs' copies of per-CPU objects included. */
function setBytes(caches: usize): i64 {
  const cpus = superblock().cpus;
  const first = changetype<Cache>(caches);
  let owned: i64 = 0;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    owned += <i64>(<i32>acquire(caches + cpu * CACHE_BYTES + offsetof<Cache>("owned")));
  }
  return owned * <i64>first.unit * <i64>(first.perCpu != 0 ? cpus : 1);
}

/** Bytes owned now. Any context. */
export function accountBytes(area: CpuArea, account: usize): i64 {
  let sum: i64 = 0;
  enterRead(area);
  let caches: usize = acquire(account + offsetof<Account>("sets"));
  while (caches != 0) {
    sum += setBytes(caches);
    caches = acquire(caches + offsetof<Cache>("nextOfAccount"));
  }
  leaveRead(area);
  return sum;
}

/**
 * Whether what is owned now is within the limit; a refusal is counted. The caller has published what it is about to take
 * before it asks: of two that ask at the same time at least one sees the other.
 */
export function withinLimit(area: CpuArea, account: usize): bool {
  if (accountBytes(area, account) <= <i64>changetype<Account>(account).limit) return true;
  addAndFetch(account + offsetof<Account>("refused"), 1);
  return false;
}

/** Adds a set to an account: from now on its caches are charged. Caller holds the control plane's lock. */
export function joinAccount(account: usize, caches: usize): void {
  const word = account + offsetof<Account>("sets");
  const cpus = superblock().cpus;
  changetype<Cache>(caches).nextOfAccount = load<u32>(word);
  publish(word, <u32>caches);
  for (let cpu: u32 = 0; cpu < cpus; cpu++) changetype<Cache>(caches + cpu * CACHE_BYTES).account = <u32>account;
}

/** Sets of maps that share an account. Caller holds the control plane's lock. */
export function mapSets(account: usize): u32 {
  let count: u32 = 0;
  for (let caches: usize = changetype<Account>(account).sets; caches != 0; ) {
    if (changetype<Cache>(caches).contains != CONTAINS_OBJECTS) count++;
    caches = changetype<Cache>(caches).nextOfAccount;
  }
  return count;
}

/** Takes a set off its account's list, which readers may still be walking. Caller holds the control plane's lock. */
export function leaveAccount(caches: usize): void {
  const account: usize = changetype<Cache>(caches).account;
  if (account == 0) return;
  let link = account + offsetof<Account>("sets");
  while (load<u32>(link) != 0 && load<u32>(link) != caches) link = load<u32>(link) + offsetof<Cache>("nextOfAccount");
  if (load<u32>(link) != 0) publish(link, changetype<Cache>(caches).nextOfAccount);
}
