/**
 * A set of caches: what all CPUs share of one allocator of objects of one size. Behind it lie the CPUs' caches, one after
 * the other. An object of users names its set (alloc/object.ts), a cache names its set, and the set names its owner: so
 * whoever finds one of them finds the others.
 */

import { superblock } from "../base/superblock";
import { CACHE_BYTES, Cache } from "./cache";

/** CacheSet.contains: elements of a map, values of a per-CPU hash, users' objects. */
export const CONTAINS_ELEMENTS: u32 = 0;
export const CONTAINS_VALUES: u32 = 1;
export const CONTAINS_OBJECTS: u32 = 2;

/** Two cache lines: what hardly changes once the set is formatted, and what all CPUs write. */
@unmanaged
export class CacheSet {
  /** The map (elements and values) or the allocator (users' objects) that the objects are of: an address. */
  owner: u32;
  /** What the objects are: CONTAINS_ELEMENTS ... */
  contains: u32;
  /** Object size with header, slab class, and 1 for per-CPU objects. */
  unit: u32;
  slabClass: u32;
  perCpu: u32;
  /** Who pays for what is taken from the slab (alloc/account.ts), 0: nobody. Written under `controlLock`. */
  account: u32;
  /** 1: the watermarks follow what was observed (alloc/adaptive.ts). */
  adaptive: u32;
  /** Objects that may wait for a grace period on one CPU before more go to the depot (alloc/depot.ts). */
  waitingBound: u32;
  /** Objects that every CPU starts with. */
  firstFill: u32;
  /** 1 once every CPU's cache has been set up: before that they contain nothing. */
  formatted: u32;
  /** The next set of the arena, under `controlLock` (alloc/register.ts). */
  nextSet: u32;
  /** 1: the objects are a pool's, which the set's owner gave the caches: none comes from the slab or goes there. */
  pooled: u32;
  /** The set whose objects these objects may have as companions (alloc/companion.ts), 0: none; and where they name them. */
  companions: u32;
  companionAt: u32;
  /** The next set that the same account pays for; changed under `controlLock`, walked in read sections. */
  nextOfAccount: u32;
  /** What the fixed watermarks go by: `unit`, or what Linux's would be. */
  accountedUnit: u32;

  /** Owner CPU + 1, or 0. Guards the depot: objects that any CPU may take. */
  depotLock: u32;
  depot: u32;
  depotCount: u32;
}

export const SET_BYTES: usize = 128;

export function setAt(address: usize): CacheSet {
  return changetype<CacheSet>(address);
}

/** The cache of a CPU. */
export function cacheOf(set: usize, cpu: u32): Cache {
  return changetype<Cache>(set + SET_BYTES + cpu * CACHE_BYTES);
}

/** The set that a cache is of. */
export function setOf(cache: Cache): CacheSet {
  return changetype<CacheSet>(<usize>cache.set);
}

/** Bytes of a set with the caches of all CPUs. */
export function setBytes(): usize {
  return SET_BYTES + <usize>superblock().cpus * CACHE_BYTES;
}
