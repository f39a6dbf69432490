/**
 * The lists that an object of an allocator can be on while nobody uses it. Statistics add them up, the simulator walks
 * them, docs/allocator.md names them: free + extra + byGp + waiting + byRcu + waitingRcu + inbox + pool + depot + in use
 * == owned, summed over the CPUs.
 */
import type { LAYOUT } from "./face.ts";

type CacheField = keyof (typeof LAYOUT)["Cache"];

export interface ObjectList {
  /** The field of `Cache` that the list hangs on. */
  readonly head: CacheField;
  /** The field that counts its objects; undefined: nobody does, it is walked. */
  readonly count: CacheField | undefined;
  /** `cpu`: each CPU's cache has one. `set`: only the first CPU's, for all. */
  readonly of: "cpu" | "set";
  readonly doc: string;
}

export const OBJECT_LISTS: readonly ObjectList[] = [
  { head: "free", count: "freeCount", of: "cpu", doc: "Ready to be handed out." },
  { head: "extra", count: "extraCount", of: "cpu", doc: "Freed while the cache was in use further down on the CPU." },
  { head: "byGp", count: "byGpCount", of: "cpu", doc: "Trimmed; its grace periods have not begun." },
  { head: "waiting", count: "waitingCount", of: "cpu", doc: "Trimmed; its grace periods have begun." },
  { head: "byRcu", count: "byRcuCount", of: "cpu", doc: "Freed by freeRcu; its grace period has not begun." },
  { head: "waitingRcu", count: "waitingRcuCount", of: "cpu", doc: "Freed by freeRcu; its grace period has begun." },
  {
    head: "inbox",
    count: undefined,
    of: "cpu",
    doc: "Brought by a helper thread for a CPU that never refills itself.",
  },
  { head: "pool", count: "prefilled", of: "cpu", doc: "Prefilled: for allocations that find nothing else." },
  {
    head: "depot",
    count: "depotCount",
    of: "set",
    doc: "Beyond what may wait on a CPU: any CPU's refill takes it.",
  },
];
