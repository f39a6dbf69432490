/**
 * What a map kind is: a row of `kinds.ts`.
 *
 * The functions are named as the core exports them. All take `(map, ...)` with the address of the map's descriptor
 * first, addresses as u32, and return a u32 address (0: none) for `lookup`, otherwise `0` or `-errno`:
 *
 * | role   | arguments                                     | result              |
 * |--------|-----------------------------------------------|---------------------|
 * | lookup | map, key address                              | value address or 0  |
 * | get    | map, key address, address to copy to          | 0 or -errno         |
 * | update | map, key address, value address, flags (u32)  | 0 or -errno         |
 * | delete | map, key address                              | 0 or -errno         |
 * | take   | map, key address, address to copy to          | 0 or -errno         |
 * | after  | map, key address or 0, address to copy to     | 0 or -errno         |
 * | has    | map, value address                            | 0 or -errno         |
 *
 * What programs call besides is as their helpers are (bpf/helpers/table.ts): `lookupOn` and `reserve` return an address or 0, `query`
 * a number.
 *
 * A kind without keys is given 0 for the key. `take` is get and delete in one (BPF_MAP_LOOKUP_AND_DELETE_ELEM). A role that a
 * kind lacks cannot be had of it. Rows are plain data: they go to other threads with the programs.
 */
import type { Core } from "../wasm/face.ts";
import type { MemoryUseRule } from "./memory-use.ts";

/** Names of the core's functions that are of a type. */
type Named<F> = { [Name in keyof Core]: Core[Name] extends F ? Name : never }[keyof Core];

type Lookup = Named<(map: number, key: number) => number>;
type Get = Named<(map: number, key: number, into: number) => number>;
type Update = Named<(map: number, key: number, value: number, flags: number) => number>;
type GetAt = Named<(map: number, entry: number, stamp: number, into: number) => number>;
type Query = Named<(map: number, what: number) => bigint>;
type Change = Named<(map: number, key: number, offset: number, change: number, room: number) => number>;

export type MapType =
  | "hash"
  | "variable_hash"
  | "ordered"
  | "percpu_hash"
  | "lru_hash"
  | "lru_percpu_hash"
  | "array"
  | "array_of_maps"
  | "hash_of_maps"
  | "percpu_array"
  | "queue"
  | "stack"
  | "stack_trace"
  | "perf_event_array"
  | "prog_array"
  | "cgroup_array"
  | "bloom_filter"
  | "lpm_trie"
  | "ringbuf"
  | "user_ringbuf"
  | "arena"
  | "task_storage"
  | "sk_storage"
  | "inode_storage"
  | "cgrp_storage";
/** Kinds with one value for each CPU. */
export type PercpuMapType = "percpu_hash" | "lru_percpu_hash" | "percpu_array";

export interface MapKind {
  readonly type: MapType;
  /** `enum bpf_map_type` of Linux's `include/uapi/linux/bpf.h`, or a number beyond it. */
  readonly bpfType: number;
  readonly doc: string;
  /** One value for each CPU under a key. */
  readonly perCpu: boolean;
  /**
   * `bytes`: any key may be there or not. `index`: u32 numbers below max_entries, which always are. `none`: no keys.
   * `prefix`: a u32, how many bits, and the bits. `owner`: the address of whom the entry belongs to, in 8 bytes.
   */
  readonly keys: "bytes" | "index" | "none" | "prefix" | "owner";
  /** How entries follow each other: not at all, by their index, by their keys, as they came, or the other way round. */
  readonly order: "none" | "index" | "key" | "arrival" | "newest";
  /** Whether entries can be gone through without taking them, and how: some at a time by places or in order, or from key to key. */
  readonly walk: false | "places" | "order" | "keys";
  /** Whether the core takes many entries at once (`mapGetMany`). */
  readonly batches: boolean;
  /** Whether a program may want its elements allocated as they come (BPF_F_NO_PREALLOC): Linux refuses it of the others. */
  readonly mayBeDynamic: boolean;
  /** How compiled programs find a value without a call: `index`, by the number below max_entries that the key is. */
  readonly inlineLookup: "index" | undefined;
  /** How what the map takes of the memory is found out (maps/memory-use.ts). */
  readonly memoryUse: MemoryUseRule;
  /** What a BPF program may do: for a per-CPU kind with the current CPU's value. */
  readonly program: {
    readonly lookup?: Lookup;
    readonly update?: Update;
    readonly delete?: Lookup;
    /** The value of a CPU that is named. */
    readonly lookupOn?: Get;
    readonly push?: Get;
    readonly pop?: Lookup;
    readonly peek?: Lookup;
    readonly output?: Update;
    readonly reserve?: Get;
    readonly query?: Query;
    /** What belongs to an owner, by the address of the owner's address: helpers of its own have these. */
    readonly owned?: Lookup;
    readonly own?: Update;
    readonly disown?: Lookup;
    /** The next record of those that programs take out, for whoever has begun to. */
    readonly drain?: Named<(map: number) => number>;
  };
  /** What `bpf(2)` does and what TypeScript gets: copies, and all CPUs' values one after the other for a per-CPU kind. */
  readonly system: {
    readonly get?: Get;
    readonly update?: Update;
    readonly delete?: Lookup;
    readonly take?: Get;
    /** As `get`, of a key that a walk has just copied, by where its entry was and the walk's stamp. -EAGAIN: `get` has to look for it. */
    readonly getAt?: GetAt;
    /** As `get` and `take`, under the lock in the value: of kinds whose values may have one. */
    readonly getLocked?: Get;
    readonly takeLocked?: Get;
    /** The key after a key, which may be gone, in the order of a walk: of kinds that are walked by keys. */
    readonly after?: Get;
    /** Whether a value may be there, of a kind that does not give values: 0 or -ENOENT. */
    readonly has?: Lookup;
    /** Deletes entries from a place of a walk on, as `delete`, and leaves in `scanNext` where to go on: any room does, whatever keys take. */
    readonly clear?: Named<(map: number, from: number, into: number, bytes: number) => number>;
  };
  /**
   * Read-modify-write. `change` is given an offset in the value and what is done with the number there, then room for it;
   * `compareUpdate` and `compareDelete` the expected value before the new one. -EAGAIN: it is another value.
   */
  readonly modify?: { readonly change?: Change; readonly compareUpdate?: Update; readonly compareDelete?: Get };
  /** Its memory is pages that programs and threads ask for and reach by pointers; entries are pages. */
  readonly pages?: true;
  /** Flags of creation that every map of the kind has. */
  readonly flags?: number;
  /** It holds records that threads and programs hand to each other, and who takes them out. */
  readonly records?: "threads" | "programs";
  /** Whether a map that is declared with max_entries 0 gets a place for each CPU, as libbpf has it. */
  readonly placeForEachCpu?: true;
  /** Values are maps: the core is given and gives addresses, the system call descriptors and ids (core/maps/inner.ts). */
  readonly inner?: true;
  /** Whether keys and values have lengths of their own: then they are given and taken with them (core/maps/table/entry.ts). */
  readonly variable?: true;
  /** As `system`, with a key of 4 bytes in place of its address: what need not be written need not be read. */
  readonly byWord?: { readonly get: Get; readonly update: Update; readonly delete: Lookup };
}
