/**
 * What `bpf(2)` makes of each kind of map: what is missing and with which errno, how keys follow each other, which batches there are.
 * What is there are the functions of the registry (maps/kinds.ts).
 */
import { ERRNO } from "../../error.ts";
import type { Core } from "../../wasm/face.ts";
import type { MapType } from "../kinds.ts";

/** Names of the core's functions that give the key after a key. */
type NextKey = {
  [Name in keyof Core]: Core[Name] extends (map: number, key: number, into: number) => number ? Name : never;
}[keyof Core];

export type BatchCommand = "lookup" | "take" | "update" | "delete";

/** What a command returns for an index, by how many there are, and with flags. */
export type Refusal = (index: number, maxEntries: number, flags: number) => number;

export interface CommandRules {
  /** What the commands return that the kind has no function for. */
  readonly lacking: {
    readonly lookup?: number;
    readonly update?: number | Refusal;
    readonly delete?: number | Refusal;
  };
  /** Gives the key after a key, or what the command returns instead. */
  readonly nextKey: NextKey | number;
  readonly batches: readonly BatchCommand[];
  /** Entries are looked up and deleted in one step by batches alone. */
  readonly takesInBatches?: true;
  /** What in_batch and out_batch are: a key, or a place in the map from which on it was not read. */
  readonly batchesBy: "key" | "place";
}

const { E2BIG, EBADF, EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP } = ERRNO;

const HASH: CommandRules = {
  lacking: {},
  nextKey: "hashNextKey",
  batches: ["lookup", "take", "update", "delete"],
  batchesBy: "place",
};

const ARRAY: CommandRules = {
  lacking: {},
  nextKey: "arrayNextKey",
  batches: ["lookup", "update"],
  batchesBy: "key",
};

const TRIE: CommandRules = {
  lacking: {},
  nextKey: "trieNextKey",
  batches: ["lookup", "update", "delete"],
  batchesBy: "key",
};

const RINGBUF: CommandRules = { lacking: {}, nextKey: -ENOTSUPP, batches: [], batchesBy: "key" };

const RING: CommandRules = { lacking: { delete: -EINVAL }, nextKey: -EINVAL, batches: [], batchesBy: "key" };

const BLOOM: CommandRules = {
  lacking: { delete: -EOPNOTSUPP },
  nextKey: -EOPNOTSUPP,
  batches: [],
  batchesBy: "key",
};

const PAGES: CommandRules = {
  lacking: { lookup: -EINVAL, update: -EOPNOTSUPP, delete: -EOPNOTSUPP },
  nextKey: -EOPNOTSUPP,
  batches: [],
  batchesBy: "key",
};

/** There is none, so none comes after another. */
const STACKS: CommandRules = { lacking: { update: -EINVAL }, nextKey: -ENOENT, batches: [], batchesBy: "key" };

/** What is put into them are file descriptors: there are none. */
const DESCRIPTORS: CommandRules = {
  lacking: {
    lookup: -ENOTSUPP,
    update: (index, maxEntries, flags) => (flags !== 0 ? -EINVAL : index >= maxEntries ? -E2BIG : -EBADF),
    delete: (index, maxEntries) => (index >= maxEntries ? -E2BIG : -ENOENT),
  },
  nextKey: "arrayNextKey",
  batches: [],
  batchesBy: "key",
};

/**
 * Linux's own kinds: of what has lengths of its own the system call knows nothing. What belongs to owners it makes only of those whose types
 * BTF tells, and nobody tells it here.
 */
export type LinuxMapType = Exclude<
  MapType,
  "variable_hash" | "ordered" | `${"task" | "sk" | "inode" | "cgrp"}_storage`
>;

export const COMMAND_RULES: Readonly<Record<LinuxMapType, CommandRules>> = {
  hash: HASH,
  percpu_hash: HASH,
  lru_hash: HASH,
  lru_percpu_hash: HASH,
  array: ARRAY,
  percpu_array: ARRAY,
  array_of_maps: ARRAY,
  hash_of_maps: { ...HASH, takesInBatches: true },
  queue: RING,
  stack: RING,
  bloom_filter: BLOOM,
  stack_trace: STACKS,
  perf_event_array: DESCRIPTORS,
  // Of programs the system call tells the numbers, where there are any.
  prog_array: { ...DESCRIPTORS, lacking: { ...DESCRIPTORS.lacking, lookup: -ENOENT } },
  cgroup_array: DESCRIPTORS,
  lpm_trie: TRIE,
  ringbuf: RINGBUF,
  user_ringbuf: RINGBUF,
  arena: PAGES,
};
