/**
 * The bloom filter: a set of values that says of each whether it may be in it (Linux's `kernel/bpf/bloom_filter.c`). A value has some
 * bits; what was put in is always found, what was not now and then. Nothing is taken out.
 *
 * Bits are set one word at a time and never cleared, without a lock: any operations at once, in any context, nobody waits. A value
 * is found from when its push has returned; one that is being pushed may be found or not. A thread that dies in a push leaves some of
 * a value's bits, which is as if it had none.
 */
import { acquire, setBits } from "../base/atomics";
import { hashBytes, powerOfTwoAtLeast } from "../base/bytes";
import { E2BIG, EINVAL, ENOENT } from "../base/errno";
import { ACCESS_FLAGS, NUMA_NODE } from "./access";
import { LARGEST_OBJECT, MapHeader, mapAt, ZERO_SEED } from "./map";
import { allocateStorage, storageField } from "./storage";

/** Number of `enum bpf_map_type`. */
export const KIND_BLOOM_FILTER: u32 = 30;

const CREATE_FLAGS: u32 = NUMA_NODE | ZERO_SEED | ACCESS_FLAGS;
/** map_extra says how many bits a value has: 0 stands for five. */
const MOST_FUNCTIONS: u32 = 15;
const DEFAULT_FUNCTIONS: u32 = 5;

/** At the start of the map's storage, a cache line; the bits follow. Written at creation. */
@unmanaged
export class Filter {
  /** Bits less one: a power of two. */
  mask: u32;
  /** Bits that a value has. */
  functions: u32;
}

const FILTER_BYTES: usize = 64;
/** A filter's bits at least and at most. */
const LEAST_BITS: u64 = 64;
const MOST_BITS: u64 = 0x80000000;

/** What `bpf(BPF_MAP_CREATE)` refuses: 0, EINVAL or E2BIG. */
export function checkBloom(keySize: u32, valueSize: u32, maxEntries: u32, flags: u32, extra: u32): u32 {
  if (keySize != 0 || valueSize == 0 || maxEntries == 0) return EINVAL;
  if ((flags & ~CREATE_FLAGS) != 0 || extra > MOST_FUNCTIONS) return EINVAL;
  return valueSize > LARGEST_OBJECT ? E2BIG : 0;
}

/** Bits for so many values: 7/5 of those that they have together, as in Linux: then half of all are set. */
function bitsFor(maxEntries: u32, functions: u32): u64 {
  const bits = ((<u64>maxEntries * <u64>functions) / 5) * 7;
  if (bits > MOST_BITS) return (<u64>1) << 32;
  return max(<u64>powerOfTwoAtLeast(<u32>bits), LEAST_BITS);
}

/** Allocates the bits. False: memory is out. */
export function buildBloom(map: MapHeader): bool {
  const functions = map.extra != 0 ? map.extra : DEFAULT_FUNCTIONS;
  const bits = bitsFor(map.maxEntries, functions);
  if (!allocateStorage(storageField(map), <u64>FILTER_BYTES + bits / 8)) return false;
  const filter = changetype<Filter>(<usize>map.storage);
  filter.mask = <u32>(bits - 1);
  filter.functions = functions;
  return true;
}

/** How far a value's bits are apart: odd, so that they are different ones. */
function strideOf(map: MapHeader, value: usize): u32 {
  return hashBytes(value, map.valueSize, rotl<u64>(map.multiplier, 31) | 1) | 1;
}

/** The word with a bit. */
function wordOf(map: MapHeader, bit: u32): usize {
  return <usize>map.storage + FILTER_BYTES + ((<usize>bit >> 5) << 2);
}

/**
 * Puts a value in. Any context. The bits pair with the loads of bloomHas: who is told that the value is in finds it.
 * @param key 0: there are none
 * @param flags 0
 * @returns 0, -EINVAL (key, flags)
 */
export function bloomPush(address: usize, key: usize, value: usize, flags: u32): i32 {
  if (key != 0 || flags != 0) return -EINVAL;
  const map = mapAt(address);
  const filter = changetype<Filter>(<usize>map.storage);
  const stride = strideOf(map, value);
  let hash = hashBytes(value, map.valueSize, map.multiplier);
  for (let left = filter.functions; left > 0; left--) {
    const bit = hash & filter.mask;
    const word = wordOf(map, bit);
    const wanted: u32 = 1 << (bit & 31);
    if ((acquire(word) & wanted) == 0) setBits(word, wanted);
    hash += stride;
  }
  return 0;
}

/** As bloomPush, as programs call it. */
export function bloomPushValue(address: usize, value: usize, flags: u32): i32 {
  return bloomPush(address, 0, value, flags);
}

/**
 * Whether a value may have been put in. Any context. The loads pair with setBits of bloomPush.
 * @returns 0: perhaps; -ENOENT: it was not
 */
export function bloomHas(address: usize, value: usize): i32 {
  const map = mapAt(address);
  const filter = changetype<Filter>(<usize>map.storage);
  const stride = strideOf(map, value);
  let hash = hashBytes(value, map.valueSize, map.multiplier);
  for (let left = filter.functions; left > 0; left--) {
    const bit = hash & filter.mask;
    if ((acquire(wordOf(map, bit)) & (1 << (bit & 31))) == 0) return -ENOENT;
    hash += stride;
  }
  return 0;
}
