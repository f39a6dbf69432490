/** Where sets of caches and their caches lie (core/alloc/set.ts). */
import { CONSTANTS } from "./face.ts";

/** Bytes of a set with a cache for each CPU: sets of one map or allocator lie one behind the other. */
export function setBytes(cpus: number): number {
  return CONSTANTS.SET_BYTES + cpus * CONSTANTS.CACHE_BYTES;
}

/** A CPU's cache of a set. */
export function cacheAddress(set: number, cpu: number): number {
  return set + CONSTANTS.SET_BYTES + cpu * CONSTANTS.CACHE_BYTES;
}
