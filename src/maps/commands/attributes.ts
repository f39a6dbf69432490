/** What BPF_MAP_CREATE is given, and what it and the other commands answer. */
import { CONSTANTS } from "../../wasm/face.ts";
import { mapKindByBpfType } from "../kinds.ts";

const { NO_PREALLOC, NUMA_NODE } = CONSTANTS;

/** `union bpf_attr` of BPF_MAP_CREATE: u32 numbers, `extra` of 64 bits. */
export interface CreateAttributes {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly numaNode: number;
  readonly extra: bigint;
}

/** NUMA_NO_NODE. */
const NO_NODE = 0xffffffff;

/**
 * Whether a map may lie where its creator wants it. There is one node, 0; per-CPU kinds are on every CPU's node and take no wish.
 */
export function isNodeRefused({ type, flags, numaNode }: CreateAttributes): boolean {
  if ((flags & NUMA_NODE) === 0 || numaNode === NO_NODE) return false;
  return numaNode !== 0 || mapKindByBpfType(type)?.perCpu === true;
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
