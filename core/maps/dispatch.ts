/**
 * What is done with a map whatever its kind is: a line a kind for each. The bodies are in the kinds' own files; reading and
 * writing entries is not here, because whoever does that knows the kind and calls its functions.
 */
import { Cache } from "../alloc/cache";
import { EACCES, EINVAL, EOPNOTSUPP } from "../base/errno";
import { CpuArea, thisCpu } from "../cpu/area";
import { renewBudget } from "../cpu/wait";
import { isAccessible, OF_PROGRAM } from "./access";
import { arenaPageCount, buildArenaMap, checkArenaMap, KIND_ARENA } from "./arena/arena-map";
import { emptyArenaMap, settleArenaMap } from "./arena/sweep";
import {
  buildArray,
  buildPercpuArray,
  checkArray,
  checkPercpuArray,
  KIND_ARRAY,
  KIND_PERCPU_ARRAY,
  scanArray,
} from "./array";
import { buildBloom, checkBloom, KIND_BLOOM_FILTER } from "./bloom";
import { elementCount } from "./count";
import { checkDescriptorArray, KIND_CGROUP_ARRAY, KIND_PERF_EVENT_ARRAY, KIND_PROG_ARRAY } from "./descriptor-array";
import {
  buildHash,
  buildPercpuHash,
  checkHash,
  checkPercpuHash,
  emptyHash,
  KIND_HASH,
  KIND_PERCPU_HASH,
} from "./hash/create";
import { KEPT } from "./hash/lost";
import {
  buildLruHash,
  buildLruPercpuHash,
  checkLruHash,
  checkLruPercpuHash,
  KIND_LRU_HASH,
  KIND_LRU_PERCPU_HASH,
  settleLru,
} from "./hash/lru";
import { prefillHash, prefillPercpuHash } from "./hash/prefill";
import { settleHashElement } from "./hash/reap";
import { scanHash } from "./hash/scan";
import { buildVariableHash, KIND_VARIABLE_HASH } from "./hash/variable";
import {
  buildArrayOfMaps,
  buildHashOfMaps,
  checkArrayOfMaps,
  checkHashOfMaps,
  KIND_ARRAY_OF_MAPS,
  KIND_HASH_OF_MAPS,
} from "./inner";
import { checkLocalStorage, isLocalStorage } from "./local-storage";
import { entryBytesOf, keyBytesOf, MapHeader, mapAt } from "./map";
import { settlePerfRings } from "./ring/perf-buffer";
import { KIND_QUEUE } from "./ring/queue";
import { breakRingLock, buildRing, checkRing, ringCount } from "./ring/ring";
import { breakRingbufLocks, buildRingbuf, checkRingbuf, KIND_RINGBUF } from "./ring/ringbuf";
import { KIND_STACK } from "./ring/stack";
import { KIND_USER_RINGBUF } from "./ring/user-ringbuf";
import { checkStackTrace, KIND_STACK_TRACE } from "./stack-trace";
import { checkVariable, startVariableSets, VARIABLE_SETS } from "./table/entry";
import { settleTable } from "./table/repair";
import { KIND_ORDERED } from "./tree/ordered";
import { emptyOrdered } from "./tree/ordered-empty";
import { breakTreeLock, settleTreeNode } from "./tree/reap";
import { KIND_LPM_TRIE } from "./tree/trie";
import { buildTrie, checkTrie, emptyTrie } from "./tree/trie-create";
import { LOCK_BYTES } from "./value-lock";

/** What `bpf(BPF_MAP_CREATE)` refuses: 0, EINVAL, E2BIG or ENOTSUPP; EINVAL for a kind that does not exist. */
export function checkMap(
  kind: u32,
  keySize: u32,
  valueSize: u32,
  maxEntries: u32,
  flags: u32,
  supply: u32,
  extra: u32,
): u32 {
  if (!isAccessible(flags) || (extra != 0 && kind != KIND_BLOOM_FILTER && kind != KIND_ARENA)) return EINVAL;
  if (kind == KIND_HASH) return checkHash(keySize, valueSize, maxEntries, flags, supply);
  if (isLocalStorage(kind)) return checkLocalStorage(keySize, valueSize, maxEntries, flags, supply);
  if (kind == KIND_PERCPU_HASH) return checkPercpuHash(keySize, valueSize, maxEntries, flags, supply);
  if (kind == KIND_ARRAY) return checkArray(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_PERCPU_ARRAY) return checkPercpuArray(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_QUEUE) return checkRing(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_STACK) return checkRing(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_RINGBUF) return checkRingbuf(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_USER_RINGBUF) return checkRingbuf(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_LPM_TRIE) return checkTrie(keySize, valueSize, maxEntries, flags, supply);
  if (kind == KIND_BLOOM_FILTER) return checkBloom(keySize, valueSize, maxEntries, flags, extra);
  if (kind == KIND_PERF_EVENT_ARRAY) return checkDescriptorArray(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_CGROUP_ARRAY) return checkDescriptorArray(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_PROG_ARRAY) return checkDescriptorArray(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_STACK_TRACE) return checkStackTrace(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_ARRAY_OF_MAPS) return checkArrayOfMaps(keySize, valueSize, maxEntries, flags);
  if (kind == KIND_HASH_OF_MAPS) return checkHashOfMaps(keySize, valueSize, maxEntries, flags, supply);
  if (kind == KIND_LRU_HASH) return checkLruHash(keySize, valueSize, maxEntries, flags, supply);
  if (kind == KIND_LRU_PERCPU_HASH) return checkLruPercpuHash(keySize, valueSize, maxEntries, flags, supply);
  if (kind == KIND_ARENA) return checkArenaMap(keySize, valueSize, maxEntries, flags, extra);
  if (kind == KIND_VARIABLE_HASH) return checkVariable(keySize, valueSize, maxEntries, supply);
  if (kind == KIND_ORDERED) return checkVariable(keySize, valueSize, maxEntries, supply);
  return EINVAL;
}

/** Whether values may have a lock: of those kinds that Linux lets have one. */
function mayHaveLock(kind: u32): bool {
  return kind == KIND_HASH || kind == KIND_ARRAY || isLocalStorage(kind);
}

/**
 * Says that the values of a map that nobody can find yet have a lock, a `struct bpf_spin_lock`.
 * @param offset in values, a multiple of 4
 * @returns 0, -EACCES (programs do not read it or do not write it), -EOPNOTSUPP (another kind), -EINVAL (values have no such place)
 */
export function setValueLock(address: usize, offset: u32): i32 {
  const map = mapAt(address);
  if ((map.access & OF_PROGRAM) != 0) return -EACCES;
  if (!mayHaveLock(map.kind)) return -EOPNOTSUPP;
  if ((offset & 3) != 0 || <u64>offset + <u64>LOCK_BYTES > <u64>map.valueSize) return -EINVAL;
  map.valueLock = offset + 1;
  // Values are copied around it, and never replaced by one store.
  map.fastKey = 0;
  map.inPlace = 0;
  return 0;
}

/** Sets of caches that a map has. */
export function setsOfKind(kind: u32): u32 {
  if (kind == KIND_HASH || isLocalStorage(kind)) return 1;
  if (kind == KIND_PERCPU_HASH) return 2;
  if (kind == KIND_VARIABLE_HASH) return VARIABLE_SETS;
  if (kind == KIND_ORDERED) return VARIABLE_SETS;
  if (kind == KIND_LPM_TRIE) return 1;
  if (kind == KIND_HASH_OF_MAPS) return 1;
  if (kind == KIND_LRU_HASH) return 1;
  if (kind == KIND_LRU_PERCPU_HASH) return 2;
  return 0;
}

/** Whether the second set is of values; otherwise all are of elements. */
export function hasValueSet(kind: u32): bool {
  return kind == KIND_PERCPU_HASH || kind == KIND_LRU_PERCPU_HASH;
}

/**
 * Gives a map what its kind has beside the descriptor. False: memory is out, and `emptyMap` takes back what there is.
 * @param inner of a map of maps: a map that its inner ones are like
 */
export function buildMap(area: CpuArea, map: MapHeader, inner: usize): bool {
  if (map.kind == KIND_ARRAY_OF_MAPS) return buildArrayOfMaps(map, inner);
  if (map.kind == KIND_HASH_OF_MAPS) return buildHashOfMaps(area, map, inner);
  if (map.kind == KIND_HASH || isLocalStorage(map.kind)) return buildHash(area, map);
  if (map.kind == KIND_PERCPU_HASH) return buildPercpuHash(area, map);
  if (map.kind == KIND_ARRAY) return buildArray(map);
  if (map.kind == KIND_PERCPU_ARRAY) return buildPercpuArray(map);
  if (map.kind == KIND_QUEUE) return buildRing(map);
  if (map.kind == KIND_STACK) return buildRing(map);
  if (map.kind == KIND_RINGBUF) return buildRingbuf(map);
  if (map.kind == KIND_USER_RINGBUF) return buildRingbuf(map);
  if (map.kind == KIND_LPM_TRIE) return buildTrie(area, map);
  if (map.kind == KIND_BLOOM_FILTER) return buildBloom(map);
  if (map.kind == KIND_PERF_EVENT_ARRAY || map.kind == KIND_CGROUP_ARRAY) return true;
  if (map.kind == KIND_PROG_ARRAY) return true;
  if (map.kind == KIND_STACK_TRACE) return true;
  if (map.kind == KIND_ARENA) return buildArenaMap(map);
  if (map.kind == KIND_VARIABLE_HASH) return buildVariableHash(area, map);
  if (map.kind == KIND_ORDERED) return startVariableSets(area, map);
  if (map.kind == KIND_LRU_HASH) return buildLruHash(area, map);
  if (map.kind == KIND_LRU_PERCPU_HASH) return buildLruPercpuHash(area, map);
  return false;
}

/** Gives objects back that only this map's kind knows of, from wherever a former attempt was cut off. */
export function emptyMap(area: CpuArea, map: MapHeader): void {
  if (map.kind == KIND_HASH || isLocalStorage(map.kind)) emptyHash(area, map);
  if (map.kind == KIND_PERCPU_HASH) emptyHash(area, map);
  if (map.kind == KIND_VARIABLE_HASH) emptyHash(area, map);
  if (map.kind == KIND_HASH_OF_MAPS) emptyHash(area, map);
  if (map.kind == KIND_LRU_HASH) emptyHash(area, map);
  if (map.kind == KIND_LRU_PERCPU_HASH) emptyHash(area, map);
  if (map.kind == KIND_LPM_TRIE) emptyTrie(area, map);
  if (map.kind == KIND_ORDERED) emptyOrdered(area, map);
  if (map.kind == KIND_ARENA) emptyArenaMap(area, map);
}

/**
 * Copies entries out, key and value (all CPUs' values), as many as fit into `bytes` bytes at `into` (8-byte aligned), from
 * the place `from` on: 0 for the first call. Where to go on is left in the CPU's `scanNext`, 0 when the walk is done. Task
 * and softirq context.
 * @returns the number of entries, -ENOSPC if not even the first step fits, -EINVAL for a kind that cannot be walked
 */
export function mapScan(address: usize, from: u32, into: usize, bytes: u32): i32 {
  const map = mapAt(address);
  if (map.kind == KIND_VARIABLE_HASH) return -EINVAL;
  return scan(map, from, into, bytes, entryBytesOf(map));
}

/**
 * As mapScan, but keys alone, each rounded up to 8 bytes: what fits where whole entries do not. Those that have lengths of their own
 * come as they are given (maps/table/entry.ts), one behind the other.
 */
export function mapScanKeys(address: usize, from: u32, into: usize, bytes: u32): i32 {
  return scan(mapAt(address), from, into, bytes, keyBytesOf(mapAt(address)));
}

/** @param each bytes to copy of an entry: all, or its key's */
function scan(map: MapHeader, from: u32, into: usize, bytes: u32, each: u32): i32 {
  if (map.kind == KIND_HASH || isLocalStorage(map.kind)) return scanHash(map, from, into, bytes, each);
  if (map.kind == KIND_PERCPU_HASH) return scanHash(map, from, into, bytes, each);
  if (map.kind == KIND_VARIABLE_HASH) return scanHash(map, from, into, bytes, each);
  if (map.kind == KIND_HASH_OF_MAPS) return scanHash(map, from, into, bytes, each);
  if (map.kind == KIND_LRU_HASH) return scanHash(map, from, into, bytes, each);
  if (map.kind == KIND_LRU_PERCPU_HASH) return scanHash(map, from, into, bytes, each);
  if (map.kind == KIND_ARRAY) return scanArray(map, from, into, bytes, each);
  if (map.kind == KIND_PERCPU_ARRAY) return scanArray(map, from, into, bytes, each);
  if (map.kind == KIND_ARRAY_OF_MAPS) return scanArray(map, from, into, bytes, each);
  return -EINVAL;
}

/** Entries of a map now, of an arena map its pages; of a hash a sum over CPUs that may be a few off while others write. Bloom filters and ring buffers do not know: 0. */
export function mapCount(address: usize): u32 {
  const map = mapAt(address);
  if (map.kind == KIND_HASH || isLocalStorage(map.kind)) return elementCount(map);
  if (map.kind == KIND_PERCPU_HASH) return elementCount(map);
  if (map.kind == KIND_VARIABLE_HASH) return elementCount(map);
  if (map.kind == KIND_HASH_OF_MAPS) return elementCount(map);
  if (map.kind == KIND_LRU_HASH) return elementCount(map);
  if (map.kind == KIND_LRU_PERCPU_HASH) return elementCount(map);
  if (map.kind == KIND_PERF_EVENT_ARRAY || map.kind == KIND_CGROUP_ARRAY) return 0;
  if (map.kind == KIND_PROG_ARRAY) return 0;
  if (map.kind == KIND_STACK_TRACE) return 0;
  if (map.kind == KIND_QUEUE) return ringCount(map);
  if (map.kind == KIND_STACK) return ringCount(map);
  if (map.kind == KIND_LPM_TRIE) return map.treeCount;
  if (map.kind == KIND_ORDERED) return map.treeCount;
  if (map.kind == KIND_ARENA) return arenaPageCount(map);
  if (map.kind == KIND_BLOOM_FILTER) return 0;
  if (map.kind == KIND_RINGBUF || map.kind == KIND_USER_RINGBUF) return 0;
  return map.maxEntries;
}

/**
 * Prefills: the next `count` new keys on this CPU do not fail for memory, in any context. A later prefill replaces it. Task
 * and softirq context.
 * @returns 0; -EINVAL (no dynamic hash); or -ENOMEM and nothing is prefilled
 */
export function mapPrefill(address: usize, count: u32): i32 {
  const map = mapAt(address);
  renewBudget(thisCpu());
  if (map.kind == KIND_HASH) return prefillHash(map, count);
  if (map.kind == KIND_PERCPU_HASH) return prefillPercpuHash(map, count);
  return -EINVAL;
}

/**
 * Reaping: releases every lock of the map's own that a dead CPU has. Others wait for them.
 * @returns false: it has to be tried again, when another dead CPU's locks have been released
 */
export function breakMapLocks(map: MapHeader, cpu: u32): bool {
  if (map.kind == KIND_HASH || isLocalStorage(map.kind)) settleTable(map, cpu);
  if (map.kind == KIND_PERCPU_HASH) settleTable(map, cpu);
  if (map.kind == KIND_VARIABLE_HASH) settleTable(map, cpu);
  if (map.kind == KIND_HASH_OF_MAPS) settleTable(map, cpu);
  if (map.kind == KIND_LRU_HASH) return settleLru(map, cpu);
  if (map.kind == KIND_LRU_PERCPU_HASH) return settleLru(map, cpu);
  if (map.kind == KIND_QUEUE) breakRingLock(map, cpu);
  if (map.kind == KIND_STACK) breakRingLock(map, cpu);
  if (map.kind == KIND_LPM_TRIE) breakTreeLock(map, cpu);
  if (map.kind == KIND_ORDERED) breakTreeLock(map, cpu);
  if (map.kind == KIND_ARENA) settleArenaMap(map, cpu);
  if (map.kind == KIND_PERF_EVENT_ARRAY) settlePerfRings(map, cpu);
  if (map.kind == KIND_RINGBUF || map.kind == KIND_USER_RINGBUF) return breakRingbufLocks(map, cpu);
  return true;
}

/**
 * Reaping: finds out what became of an element that an intent of a dead CPU names, and finishes or undoes the operation;
 * then the intent is cleared, unless nobody has the element: it goes on naming that, and says nothing else.
 * @returns LOST (nobody has it: it is the caller's to put away, and then to clear the intent), KEPT, or UNCLEAR and the intent
 * stays
 */
export function settleElement(dead: CpuArea, map: MapHeader, cache: Cache, level: u32, word: usize): u32 {
  if (map.kind == KIND_HASH || isLocalStorage(map.kind)) return settleHashElement(dead, map, cache, level, word);
  if (map.kind == KIND_PERCPU_HASH) return settleHashElement(dead, map, cache, level, word);
  if (map.kind == KIND_VARIABLE_HASH) return settleHashElement(dead, map, cache, level, word);
  if (map.kind == KIND_HASH_OF_MAPS) return settleHashElement(dead, map, cache, level, word);
  if (map.kind == KIND_LRU_HASH) return settleHashElement(dead, map, cache, level, word);
  if (map.kind == KIND_LRU_PERCPU_HASH) return settleHashElement(dead, map, cache, level, word);
  if (map.kind == KIND_LPM_TRIE) return settleTreeNode(map, cache, word);
  if (map.kind == KIND_ORDERED) return settleTreeNode(map, cache, word);
  return KEPT;
}
