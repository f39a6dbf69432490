/**
 * What a map of each kind can do, for the compiler: it refuses methods that a kind does not have. They are there at run time, as there is
 * one class for all, and say what is wrong.
 */
import type { MapType } from "./kinds.ts";

/** Methods that only some kinds have, by what they are for. */
export const METHODS = {
  keyed: ["get", "has", "set", "update", "getMany", "setMany"],
  locked: ["getLocked"],
  removed: ["delete", "deleteMany", "clear"],
  taken: ["take"],
  walked: ["entries", "keys", "values", "forEach", "dump"],
  ordered: ["range", "prefix"],
  inserted: ["getOrInsert", "getOrInsertComputed"],
  computed: ["compareExchange", "compute"],
  added: ["add", "addMany"],
  scanned: ["scan"],
  viewed: ["view"],
  prefilled: ["prefill"],
  pushed: ["push"],
  popped: ["pop", "peek"],
  filtered: ["mayHave"],
  output: ["output"],
  consumed: ["takeRecords", "consume"],
  handed: ["openPerfBuffer"],
  paged: ["allocatePages", "freePages", "readBytes", "writeBytes", "pages"],
} as const;

/** What each kind can do. Programs alone use those that can do nothing. */
export const CAPABILITIES = {
  hash: [
    "keyed",
    "locked",
    "removed",
    "taken",
    "walked",
    "inserted",
    "computed",
    "added",
    "scanned",
    "viewed",
    "prefilled",
  ],
  variable_hash: ["keyed", "removed", "walked", "inserted", "computed"],
  ordered: ["keyed", "removed", "taken", "walked", "ordered", "inserted", "computed"],
  percpu_hash: ["keyed", "removed", "taken", "walked", "inserted", "prefilled"],
  lru_hash: ["keyed", "removed", "taken", "walked", "inserted", "computed", "added", "viewed"],
  lru_percpu_hash: ["keyed", "removed", "taken", "walked", "inserted"],
  array: ["keyed", "locked", "walked", "inserted", "computed", "added", "scanned", "viewed"],
  percpu_array: ["keyed", "walked", "inserted"],
  array_of_maps: ["keyed", "removed", "walked"],
  hash_of_maps: ["keyed", "removed", "taken", "walked", "inserted"],
  queue: ["pushed", "popped"],
  stack: ["pushed", "popped"],
  lpm_trie: ["keyed", "removed", "walked", "inserted", "viewed"],
  ringbuf: ["output", "consumed"],
  user_ringbuf: ["output"],
  arena: ["paged"],
  task_storage: ["keyed", "locked", "removed", "taken", "walked", "inserted", "computed", "added"],
  sk_storage: ["keyed", "locked", "removed", "taken", "walked", "inserted", "computed", "added"],
  inode_storage: ["keyed", "locked", "removed", "taken", "walked", "inserted", "computed", "added"],
  cgrp_storage: ["keyed", "locked", "removed", "taken", "walked", "inserted", "computed", "added"],
  bloom_filter: ["pushed", "filtered"],
  stack_trace: [],
  perf_event_array: ["handed"],
  prog_array: [],
  cgroup_array: [],
} as const;

type Methods = typeof METHODS;
type Had<T extends MapType> = Methods[(typeof CAPABILITIES)[T][number]][number];
type Lacked<T extends MapType> = Exclude<Methods[keyof Methods][number], Had<T>>;

/** What a map of a kind cannot do, of a type that cannot be called; of a kind that is not known nothing. */
export type Refused<T extends MapType> = MapType extends T
  ? unknown
  : { readonly [Name in Lacked<T> as Named<Name>]: never };
/** A map is gone through by its entries. */
type Named<Name> = Name | (Name extends "entries" ? typeof Symbol.iterator : never);

/** What a map whose values expire cannot do beside. */
export type RefusedExpiring = { readonly [Name in Methods["added"][number]]: never };
