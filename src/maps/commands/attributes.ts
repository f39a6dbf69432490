/** What BPF_MAP_CREATE is given, and what it and the other commands answer. */
import { CONSTANTS } from "../../wasm/face.ts";
import { mapKindByBpfType } from "../kinds.ts";

const { NO_COMMON_LRU, NO_PREALLOC, NUMA_NODE } = CONSTANTS;

/** `union bpf_attr` of BPF_MAP_CREATE: u32 numbers, `extra` of 64 bits. */
export interface CreateAttributes {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly numaNode: number;
  readonly extra: bigint;
  /** Of a map of maps: the descriptor of a map that its inner ones are like. */
  readonly innerFd?: number;
  /** Where values have a `struct bpf_spin_lock`, as their type says. */
  readonly lock?: number;
}

/** NUMA_NO_NODE. */
const NO_NODE = 0xffffffff;

/** An LRU map that is to be dynamic: refused for that, before its node is looked at. */
function isNeverDynamic(type: number, flags: number): boolean {
  return (flags & NO_PREALLOC) !== 0 && mapKindByBpfType(type)?.memoryUse === "lru";
}

/**
 * Whether a map may not lie where its creator wants it. There is one node, 0; per-CPU kinds, and those with lists for each CPU, are on
 * every CPU's node and take no wish.
 */
export function isNodeRefused({ type, flags, numaNode }: CreateAttributes): boolean {
  if ((flags & NUMA_NODE) === 0 || numaNode === NO_NODE || isNeverDynamic(type, flags)) return false;
  const isEverywhere = (flags & NO_COMMON_LRU) !== 0 || mapKindByBpfType(type)?.perCpu === true;
  return numaNode !== 0 || isEverywhere;
}

/** Where a hash's elements come from. */
export function supplyOf({ type, flags }: CreateAttributes): number {
  const isPool = (flags & NO_PREALLOC) === 0 && mapKindByBpfType(type)?.mayBeDynamic === true;
  return isPool ? CONSTANTS.SUPPLY_POOL : CONSTANTS.SUPPLY_CACHE;
}

/** What a command answers: 0 or -errno, and if 0 perhaps bytes. */
export interface Answer {
  readonly result: number;
  readonly bytes?: Uint8Array;
}
