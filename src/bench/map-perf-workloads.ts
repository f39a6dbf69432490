/** What `anyctx bench map-perf` runs: programs of `examples/bpf/map_perf.bpf.c`, by what they do to a map. */

/** What a map holds before its programs run. */
export type Filled = "empty" | "full" | "prefixes";

export interface Workload {
  readonly name: string;
  readonly doc: string;
  /** The program, and the map that it uses: both with `_dynamic` behind them where elements are made as they are asked for. */
  readonly program: string;
  readonly map: string;
  /** Which of the two there are. */
  readonly modes: readonly MapPerfMode[];
  /** Operations of a run. */
  readonly operations: number;
  readonly filled: Filled;
  /** Threads take turns: each needs what the one before it has done. */
  readonly inTurn?: true;
  /** Its map's memory is looked at while it runs. */
  readonly memory?: true;
}

/** LRU maps are dynamic here, as in an object they cannot be for Linux. */
export type MapPerfMode = "preallocated" | "dynamic";

const BOTH: readonly MapPerfMode[] = ["preallocated", "dynamic"];

export const WORKLOADS: readonly Workload[] = [
  {
    ...{ name: "update, lookup, delete", doc: "each CPU its own key, ten times a run" },
    ...{ program: "event_hash", map: "hash", modes: BOTH, operations: 30, filled: "empty" },
  },
  {
    ...{ name: "the same, per CPU", doc: "of a per-CPU hash" },
    ...{ program: "event_percpu", map: "percpu", modes: BOTH, operations: 30, filled: "empty" },
  },
  {
    ...{ name: "batch", doc: "64 new keys, then those deleted" },
    ...{ program: "batch_hash", map: "stripes", modes: BOTH, operations: 128, filled: "empty", memory: true },
  },
  {
    ...{ name: "batch, per CPU", doc: "the same of a per-CPU hash" },
    ...{ program: "batch_percpu", map: "percpu_stripes", modes: BOTH, operations: 128, filled: "empty", memory: true },
  },
  {
    ...{ name: "deleted elsewhere", doc: "64 new keys on one CPU, which the next one deletes; without the waiting" },
    ...{ program: "other_cpu_hash", map: "stripes", modes: BOTH, operations: 64, filled: "empty", inTurn: true },
    memory: true,
  },
  {
    ...{ name: "overwrite", doc: "64 keys of the CPU's own a run, of 8,192 that are there" },
    ...{ program: "overwrite_hash", map: "stripes", modes: BOTH, operations: 64, filled: "full", memory: true },
  },
  {
    ...{ name: "lookup", doc: "of 1,000 keys, at random" },
    ...{ program: "lookup_hash", map: "hash", modes: BOTH, operations: 64, filled: "full" },
  },
  {
    ...{ name: "lookup, array", doc: "of 1,000 values, at random" },
    ...{ program: "lookup_array", map: "array", modes: ["preallocated"], operations: 64, filled: "full" },
  },
  {
    ...{ name: "lookup, LRU", doc: "of 10,000 keys, at random" },
    ...{ program: "lookup_lru", map: "lru", modes: ["dynamic"], operations: 32, filled: "full" },
  },
  {
    ...{ name: "update, LRU", doc: "any of 2^32 keys into a full map of 10,000" },
    ...{ program: "update_lru", map: "lru", modes: ["dynamic"], operations: 32, filled: "full" },
  },
  {
    ...{ name: "update, LRU, lists of each CPU", doc: "the same with BPF_F_NO_COMMON_LRU" },
    ...{ program: "update_lru_lists", map: "lru_lists", modes: ["dynamic"], operations: 32, filled: "full" },
  },
  {
    ...{ name: "lookup, prefixes", doc: "any address among 512 random prefixes" },
    ...{ program: "lookup_trie", map: "trie", modes: ["dynamic"], operations: 32, filled: "prefixes" },
  },
];

/** The program's or the map's name in the object. */
export function inMode(name: string, { modes }: Workload, mode: MapPerfMode): string {
  return mode === "dynamic" && modes.length > 1 ? `${name}_dynamic` : name;
}
