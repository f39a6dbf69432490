/**
 * What operations of each kind may answer besides 0, and whom they wait for. The documents' table is made of it, and a test runs
 * every kind and compares.
 */
import type { ErrnoName } from "../error.ts";
import type { MapType } from "./kinds.ts";

/** Whom an operation waits for. Whoever is waited for is dead, or lets go after a bounded number of steps. */
export type Waits = "nobody" | "bucket" | "map";

export interface OperationContract {
  readonly waits: Waits;
  /** But for EBADF (closed), EPERM (access flags) and, of what waits, EBUSY and ETIMEDOUT. */
  readonly errors: readonly ErrnoName[];
}

export type Contract = Readonly<Partial<Record<"get" | "update" | "delete" | "take", OperationContract>>>;

/** Errors of an operation that waits for somebody. */
export const WAITING_ERRORS: readonly ErrnoName[] = ["EBUSY", "ETIMEDOUT"];

export const WAITS: Readonly<Record<Waits, string>> = {
  nobody: "waits for nobody",
  bucket: "waits for whoever changes a key of the same bucket",
  map: "waits for whoever changes the map",
};

const READS: OperationContract = { waits: "nobody", errors: ["ENOENT"] };
const NEVER: OperationContract = { waits: "nobody", errors: ["EINVAL"] };

const HASH: Contract = {
  get: READS,
  update: { waits: "bucket", errors: ["EINVAL", "EEXIST", "ENOENT", "E2BIG", "ENOMEM"] },
  delete: { waits: "bucket", errors: ["ENOENT"] },
  take: { waits: "bucket", errors: ["ENOENT"] },
};
const LRU: Contract = { ...HASH, update: { waits: "bucket", errors: ["EINVAL", "EEXIST", "ENOENT", "ENOMEM"] } };
const ARRAY: Contract = {
  get: READS,
  update: { waits: "nobody", errors: ["EINVAL", "EEXIST", "E2BIG"] },
  delete: NEVER,
};
const RING: Contract = {
  get: { waits: "map", errors: ["ENOENT"] },
  update: { waits: "map", errors: ["EINVAL", "E2BIG"] },
  take: { waits: "map", errors: ["ENOENT"] },
};

/** Kinds without entries that could be got or put in. */
const NOTHING: Contract = {};

export const CONTRACTS: Readonly<Record<MapType, Contract>> = {
  hash: HASH,
  variable_hash: { get: READS, update: HASH.update as OperationContract, delete: HASH.delete as OperationContract },
  percpu_hash: HASH,
  lru_hash: LRU,
  lru_percpu_hash: LRU,
  ordered: {
    get: READS,
    update: { waits: "map", errors: ["EINVAL", "EEXIST", "ENOENT", "E2BIG", "ENOMEM"] },
    delete: { waits: "map", errors: ["ENOENT"] },
    take: { waits: "map", errors: ["ENOENT"] },
  },
  array: ARRAY,
  percpu_array: ARRAY,
  array_of_maps: {
    get: READS,
    update: { waits: "nobody", errors: ["EINVAL", "E2BIG"] },
    delete: { waits: "nobody", errors: ["ENOENT"] },
  },
  hash_of_maps: HASH,
  queue: RING,
  stack: RING,
  lpm_trie: {
    get: READS,
    update: { waits: "map", errors: ["EINVAL", "EEXIST", "ENOENT", "ENOSPC", "ENOMEM"] },
    delete: { waits: "map", errors: ["EINVAL", "ENOENT"] },
  },
  bloom_filter: { update: NEVER },
  ringbuf: NOTHING,
  user_ringbuf: NOTHING,
  arena: NOTHING,
  task_storage: HASH,
  sk_storage: HASH,
  inode_storage: HASH,
  cgrp_storage: HASH,
  stack_trace: { get: READS, delete: READS, take: READS },
  perf_event_array: NOTHING,
  prog_array: NOTHING,
  cgroup_array: NOTHING,
};
