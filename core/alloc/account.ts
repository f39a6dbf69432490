/**
 * What an allocator may own: bytes, counted when objects come from the slab and when they go back (what a memory cgroup
 * does for Linux's), not per allocation.
 */
import { addAndFetch } from "../base/atomics";

@unmanaged
export class Account {
  /** Atomic: bytes owned by all CPUs' caches together, in use or not. */
  bytes: i32;
  /** Bytes that may be owned. */
  limit: u32;
  /** Atomic: refills and prefills that the limit refused. */
  refused: i32;
}

/** Charges bytes to an account; false, and nothing is charged, if they are too many. */
export function charge(account: usize, bytes: u32): bool {
  const word = account + offsetof<Account>("bytes");
  if (<u32>addAndFetch(word, <i32>bytes) <= changetype<Account>(account).limit) return true;
  addAndFetch(word, -(<i32>bytes));
  addAndFetch(account + offsetof<Account>("refused"), 1);
  return false;
}

export function uncharge(account: usize, bytes: u32): void {
  addAndFetch(account + offsetof<Account>("bytes"), -(<i32>bytes));
}
