/**
 * What an allocator may own: bytes, counted when objects come from the slab and when they go back (what a memory cgroup
 * does for Linux's), not per allocation. The sum is made of what each cache owns, so there is no second count that a
 * thread could leave wrong by dying between the two.
 */
import { acquire, addAndFetch } from "../base/atomics";
import { superblock } from "../base/superblock";
import { CACHE_BYTES, Cache } from "./cache";

@unmanaged
export class Account {
  /** First of the caches that count, and how many there are. */
  caches: u32;
  cacheCount: u32;
  /** Bytes that may be owned. */
  limit: u32;
  /** Atomic: refills and prefills that the limit refused. */
  refused: i32;
}

/** Bytes that `count` objects of a cache take, all CPUs' copies included. */
function bytesOf(cache: Cache, count: i32): i64 {
  return <i64>count * <i64>cache.unit * <i64>(cache.perCpu != 0 ? superblock().cpus : 1);
}

/** Bytes owned now. */
export function accountBytes(account: usize): i64 {
  const caches: usize = changetype<Account>(account).caches;
  const cacheCount = changetype<Account>(account).cacheCount;
  let sum: i64 = 0;
  for (let index: u32 = 0; index < cacheCount; index++) {
    const cache: usize = caches + index * CACHE_BYTES;
    sum += bytesOf(changetype<Cache>(cache), <i32>acquire(cache + offsetof<Cache>("owned")));
  }
  return sum;
}

/**
 * Whether what is owned now is within the limit; a refusal is counted. The caller has published what it is about to take
 * before it asks: of two that ask at the same time at least one sees the other.
 */
export function withinLimit(account: usize): bool {
  if (accountBytes(account) <= <i64>changetype<Account>(account).limit) return true;
  addAndFetch(account + offsetof<Account>("refused"), 1);
  return false;
}
