/**
 * The lists that an object of an allocator can be on while nobody uses it: one table for statistics, which add them up,
 * for the simulator, which walks them, and for docs/allocator.md, which a test compares with it. Over all CPUs the
 * lengths and what is in use add up to what the caches own.
 */
import type { LAYOUT } from "./face.ts";

export type ObjectList = {
  readonly name: string;
  readonly doc: string;
} & (
  | {
      /** A list of each CPU's cache: where it hangs, and the field that counts it (none: it has to be walked). */
      readonly of: "cache";
      readonly head: keyof (typeof LAYOUT)["Cache"];
      readonly count: keyof (typeof LAYOUT)["Cache"] | undefined;
    }
  | {
      /** A list of the set, for all CPUs. */
      readonly of: "set";
      readonly head: keyof (typeof LAYOUT)["CacheSet"];
      readonly count: keyof (typeof LAYOUT)["CacheSet"];
    }
);

export const OBJECT_LISTS: readonly ObjectList[] = [
  { name: "free", of: "cache", head: "free", count: "freeCount", doc: "ready to be handed out" },
  {
    name: "extra",
    of: "cache",
    head: "extra",
    count: "extraCount",
    doc: "freed while the cache was in use further down on the CPU",
  },
  { name: "byGp", of: "cache", head: "byGp", count: "byGpCount", doc: "trimmed; its grace periods have not begun" },
  {
    name: "waiting",
    of: "cache",
    head: "waiting",
    count: "waitingCount",
    doc: "trimmed; its grace periods have begun",
  },
  {
    name: "byRcu",
    of: "cache",
    head: "byRcu",
    count: "byRcuCount",
    doc: "freed by freeRcu; its grace period has not begun",
  },
  {
    name: "waitingRcu",
    of: "cache",
    head: "waitingRcu",
    count: "waitingRcuCount",
    doc: "freed by freeRcu; its grace period has begun",
  },
  {
    name: "inbox",
    of: "cache",
    head: "inbox",
    count: undefined,
    doc: "brought by a helper thread for a CPU that never refills itself",
  },
  {
    name: "prefilled",
    of: "cache",
    head: "prefilled",
    count: "prefilledCount",
    doc: "for allocations that find nothing else",
  },
  {
    name: "depot",
    of: "set",
    head: "depot",
    count: "depotCount",
    doc: "beyond what may wait on a CPU: any CPU's refill takes it",
  },
];
