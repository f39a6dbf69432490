/**
 * The registry of map kinds: one row a kind. The arena, the loader, the interpreter, the JIT, the reports and the command
 * line read it and ask for no kind by name, so that a new kind is one file in `core/maps/`, its lines in
 * `core/maps/dispatch.ts` and one row here.
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
import { CONSTANTS, type Core } from "../wasm/face.ts";
import type { MemoryUseRule } from "./memory-use.ts";

/** Names of the core's functions that are of a type. */
type Named<F> = { [Name in keyof Core]: Core[Name] extends F ? Name : never }[keyof Core];

type Lookup = Named<(map: number, key: number) => number>;
type Get = Named<(map: number, key: number, into: number) => number>;
type Update = Named<(map: number, key: number, value: number, flags: number) => number>;
type Query = Named<(map: number, what: number) => bigint>;
type Change = Named<(map: number, key: number, offset: number, change: number, room: number) => number>;

export type MapType =
  | "hash"
  | "variable_hash"
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
  | "cgroup_array"
  | "bloom_filter"
  | "lpm_trie"
  | "ringbuf";
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
   * `prefix`: a u32, how many bits, and the bits.
   */
  readonly keys: "bytes" | "index" | "none" | "prefix";
  /** How entries follow each other: not at all, by their index, as they came, or the other way round. */
  readonly order: "none" | "index" | "arrival" | "newest";
  /** Whether entries can be gone through without taking them, and how: some at a time by places, or from key to key. */
  readonly walk: false | "places" | "keys";
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
  };
  /** What `bpf(2)` does and what TypeScript gets: copies, and all CPUs' values one after the other for a per-CPU kind. */
  readonly system: {
    readonly get?: Get;
    readonly update?: Update;
    readonly delete?: Lookup;
    readonly take?: Get;
    /** The key after a key, which may be gone, in the order of a walk: of kinds that are walked by keys. */
    readonly after?: Get;
    /** Whether a value may be there, of a kind that does not give values: 0 or -ENOENT. */
    readonly has?: Lookup;
  };
  /**
   * Read-modify-write. `change` is given an offset in the value and what is done with the number there, then room for it;
   * `compareUpdate` and `compareDelete` the expected value before the new one. -EAGAIN: it is another value.
   */
  readonly modify?: { readonly change?: Change; readonly compareUpdate?: Update; readonly compareDelete?: Get };
  /** Whether a map that is declared with max_entries 0 gets a place for each CPU, as libbpf has it. */
  readonly placeForEachCpu?: true;
  /** Values are maps: the core is given and gives addresses, the system call descriptors and ids (core/maps/inner.ts). */
  readonly inner?: true;
  /** Whether keys and values have lengths of their own: then they are given and taken with them (core/maps/entry.ts). */
  readonly variable?: true;
  /** As `system`, with a key of 4 bytes in place of its address: what need not be written need not be read. */
  readonly byWord?: { readonly get: Get; readonly update: Update; readonly delete: Lookup };
}

/** BPF_F_NO_PREALLOC of Linux's uapi, which every dynamic hash shows. */
export const NO_PREALLOC: number = CONSTANTS.NO_PREALLOC;

export const MAP_KINDS: readonly MapKind[] = [
  {
    type: "hash",
    bpfType: CONSTANTS.KIND_HASH,
    doc: "Hash map; dynamic by default, preallocated on request.",
    perCpu: false,
    keys: "bytes",
    order: "none",
    walk: "places",
    batches: true,
    mayBeDynamic: true,
    inlineLookup: undefined,
    memoryUse: "hash",
    program: { lookup: "hashLookup", update: "hashUpdate", delete: "hashDelete" },
    system: { get: "hashGet", update: "hashUpdate", delete: "hashDelete", take: "hashTake" },
    modify: { change: "hashChange", compareUpdate: "hashCompareUpdate", compareDelete: "hashCompareDelete" },
    byWord: { get: "hashGet4", update: "hashSet4", delete: "hashDelete4" },
  },
  {
    type: "variable_hash",
    bpfType: CONSTANTS.KIND_VARIABLE_HASH,
    doc: "What a hash is whose keys or values have lengths of their own; dynamic.",
    perCpu: false,
    keys: "bytes",
    order: "none",
    walk: "places",
    batches: false,
    mayBeDynamic: true,
    inlineLookup: undefined,
    memoryUse: "classes",
    program: {},
    system: { get: "variableHashGet", update: "hashUpdate", delete: "hashDelete" },
    modify: { compareUpdate: "hashCompareUpdate", compareDelete: "hashCompareDelete" },
    variable: true,
  },
  {
    type: "array",
    bpfType: CONSTANTS.KIND_ARRAY,
    doc: "Array of max_entries values, zeroed at creation.",
    perCpu: false,
    keys: "index",
    order: "index",
    walk: "places",
    batches: true,
    mayBeDynamic: false,
    inlineLookup: "index",
    memoryUse: "storage",
    program: { lookup: "arrayLookup", update: "arrayUpdate", delete: "arrayDelete" },
    system: { get: "arrayGet", update: "arrayUpdate", delete: "arrayDelete" },
    modify: { change: "arrayChange" },
  },
  {
    type: "percpu_hash",
    bpfType: CONSTANTS.KIND_PERCPU_HASH,
    doc: "Hash map with one value per CPU under each key.",
    perCpu: true,
    keys: "bytes",
    order: "none",
    walk: "places",
    batches: false,
    mayBeDynamic: true,
    inlineLookup: undefined,
    memoryUse: "hash",
    program: { lookup: "percpuHashLookup", lookupOn: "percpuHashLookupOn", update: "hashUpdate", delete: "hashDelete" },
    system: { get: "percpuHashGet", update: "percpuHashUpdateAll", delete: "hashDelete", take: "hashTake" },
  },
  {
    type: "lru_hash",
    bpfType: CONSTANTS.KIND_LRU_HASH,
    doc: "Hash map that makes room for a new key by itself: an entry goes that was not used for long.",
    perCpu: false,
    keys: "bytes",
    order: "none",
    walk: "places",
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "lru",
    program: { lookup: "lruLookup", update: "hashUpdate", delete: "hashDelete" },
    system: { get: "lruGet", update: "hashUpdate", delete: "hashDelete", take: "hashTake" },
    modify: { change: "hashChange", compareUpdate: "hashCompareUpdate", compareDelete: "hashCompareDelete" },
  },
  {
    type: "lru_percpu_hash",
    bpfType: CONSTANTS.KIND_LRU_PERCPU_HASH,
    doc: "As lru_hash, with one value per CPU under each key.",
    perCpu: true,
    keys: "bytes",
    order: "none",
    walk: "places",
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "lru",
    program: { lookup: "lruPercpuLookup", lookupOn: "lruPercpuLookupOn", update: "hashUpdate", delete: "hashDelete" },
    system: { get: "lruGet", update: "percpuHashUpdateAll", delete: "hashDelete", take: "hashTake" },
  },
  {
    type: "percpu_array",
    bpfType: CONSTANTS.KIND_PERCPU_ARRAY,
    doc: "Array with one value per CPU at each index.",
    perCpu: true,
    keys: "index",
    order: "index",
    walk: "places",
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "storage",
    program: {
      lookup: "percpuArrayLookup",
      lookupOn: "percpuArrayLookupOn",
      update: "percpuArrayUpdate",
      delete: "arrayDelete",
    },
    system: { get: "percpuArrayGet", update: "percpuArrayUpdateAll", delete: "arrayDelete" },
  },
  {
    type: "array_of_maps",
    bpfType: CONSTANTS.KIND_ARRAY_OF_MAPS,
    doc: "Array of maps of one shape, which user space puts in and programs look up.",
    perCpu: false,
    keys: "index",
    order: "index",
    walk: "places",
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "storage",
    program: { lookup: "arrayOfMapsLookup" },
    system: { get: "arrayOfMapsGet", update: "arrayOfMapsUpdate", delete: "arrayOfMapsDelete" },
    inner: true,
  },
  {
    type: "hash_of_maps",
    bpfType: CONSTANTS.KIND_HASH_OF_MAPS,
    doc: "Hash of maps of one shape, which user space puts in and programs look up.",
    perCpu: false,
    keys: "bytes",
    order: "none",
    walk: "places",
    batches: false,
    mayBeDynamic: true,
    inlineLookup: undefined,
    memoryUse: "hash",
    program: { lookup: "hashOfMapsLookup" },
    system: { get: "hashOfMapsGet", update: "hashOfMapsUpdate", delete: "hashDelete", take: "hashTake" },
    inner: true,
  },
  {
    type: "queue",
    bpfType: CONSTANTS.KIND_QUEUE,
    doc: "Values without keys, first in first out.",
    perCpu: false,
    keys: "none",
    order: "arrival",
    walk: false,
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "storage",
    program: { push: "pushValue", pop: "queuePopValue", peek: "queuePeekValue" },
    system: { get: "queuePeek", update: "ringPush", take: "queuePop" },
  },
  {
    type: "stack",
    bpfType: CONSTANTS.KIND_STACK,
    doc: "Values without keys, last in first out.",
    perCpu: false,
    keys: "none",
    order: "newest",
    walk: false,
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "storage",
    program: { push: "pushValue", pop: "stackPopValue", peek: "stackPeekValue" },
    system: { get: "stackPeek", update: "ringPush", take: "stackPop" },
  },
  {
    type: "lpm_trie",
    bpfType: CONSTANTS.KIND_LPM_TRIE,
    doc: "Prefixes of bits; a lookup gives the value of the longest one. Always dynamic.",
    perCpu: false,
    keys: "prefix",
    order: "none",
    walk: "keys",
    batches: false,
    mayBeDynamic: true,
    inlineLookup: undefined,
    memoryUse: "trie",
    program: { lookup: "trieLookup", update: "trieUpdate", delete: "trieDelete" },
    system: { get: "trieGet", update: "trieUpdate", delete: "trieDelete", after: "trieKeyAfter" },
  },
  {
    type: "ringbuf",
    bpfType: CONSTANTS.KIND_RINGBUF,
    doc: "Records of any length, from many producers to a consumer; max_entries is the bytes of the buffer.",
    perCpu: false,
    keys: "none",
    order: "arrival",
    walk: false,
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "records",
    program: { output: "ringbufOutput", reserve: "ringbufReserve", query: "ringbufQuery" },
    system: {},
  },
  {
    type: "stack_trace",
    bpfType: CONSTANTS.KIND_STACK_TRACE,
    doc: "Stacks by number; here none is put in, as events have none with them.",
    perCpu: false,
    keys: "bytes",
    order: "none",
    walk: false,
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "nothing",
    program: {},
    system: { get: "stackTraceGet", delete: "stackTraceDelete", take: "stackTraceGet" },
  },
  {
    type: "perf_event_array",
    bpfType: CONSTANTS.KIND_PERF_EVENT_ARRAY,
    doc: "Where programs hand records to user space (perf_event_output); it has no entries of its own.",
    perCpu: false,
    keys: "index",
    order: "none",
    walk: false,
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "nothing",
    program: {},
    system: {},
    placeForEachCpu: true,
  },
  {
    type: "cgroup_array",
    bpfType: CONSTANTS.KIND_CGROUP_ARRAY,
    doc: "Cgroups that programs ask about (current_task_under_cgroup); here none can be put in.",
    perCpu: false,
    keys: "index",
    order: "none",
    walk: false,
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "nothing",
    program: {},
    system: {},
  },
  {
    type: "bloom_filter",
    bpfType: CONSTANTS.KIND_BLOOM_FILTER,
    doc: "Values of which it is known whether they may be in it; none is given or taken out.",
    perCpu: false,
    keys: "none",
    order: "none",
    walk: false,
    batches: false,
    mayBeDynamic: false,
    inlineLookup: undefined,
    memoryUse: "filter",
    program: { push: "bloomPushValue", peek: "bloomHas" },
    system: { update: "bloomPush", has: "bloomHas" },
  },
];

export function mapKindByBpfType(bpfType: number): MapKind | undefined {
  return MAP_KINDS.find((kind) => kind.bpfType === bpfType);
}

export function mapKindByType(type: string): MapKind | undefined {
  return MAP_KINDS.find((kind) => kind.type === type);
}
