/** What an arena is created with. */
import type { CoreSource } from "../wasm/types.ts";

export interface ArenaOptions {
  /**
   * The shared memory's bytes, 320 KiB to 4 GiB. Of these the process has what was used once: the rest is address space (on Windows
   * it counts as committed). Default 1 GiB.
   */
  readonly maximumBytes?: number;
  /**
   * Bytes that may be in use at once, in pages of 16 KiB; no bound but `maximumBytes` if not given. What would go beyond
   * fails as if memory were out; `setLimit` changes it.
   */
  readonly limitBytes?: number;
  /** CPU slots: threads that can be attached at once (virtual CPUs in a replay). Default 4. */
  readonly cpus?: number;
  /** Every hash becomes dynamic, whatever its creator asked for (the kernel series' bpf_force_dyn_alloc). */
  readonly forceDynamic?: boolean;
  /**
   * Semantics that programs can see. `linux`: as Linux 6.18 has them (an element is allocated with interrupts off, an
   * update always makes a new one, watermarks follow Linux's element size); `anyctx` (default): an update in task or
   * softirq context fails only when memory is out, small values are overwritten in place.
   */
  readonly profile?: Profile;
  /**
   * As on PREEMPT_RT: deferred work never runs right after an operation, a thread of its own does it later
   * (`core.workThreadRuns`, or `core.serveCpu` from another thread).
   */
  readonly realTime?: boolean;
  /**
   * Watermarks of the caches: `fixed` (default) are constants of the object size, in profile `linux` Linux's; `adaptive`
   * follow the bursts that were observed in contexts that cannot refill (docs/thresholds.md).
   */
  readonly thresholds?: "fixed" | "adaptive";
  /** Seed of hash functions and random numbers, a whole number; from `Math.random` if not given. */
  readonly seed?: number;
  /** Allocators that are created by this object are in debug mode, unless their own option says otherwise (docs/allocator.md). */
  readonly debug?: boolean;
  /**
   * The core, if not the one that the package brings along: its bytes (`anyctx/core.wasm`), what is compiled of them, or a URL. For
   * pages that load it on its own, and for threads that may import nothing.
   */
  readonly core?: CoreSource;
}

export type Profile = "anyctx" | "linux";

export const ARENA_OPTIONS: readonly (keyof ArenaOptions)[] = [
  "maximumBytes",
  "limitBytes",
  "cpus",
  "forceDynamic",
  "profile",
  "realTime",
  "thresholds",
  "seed",
  "debug",
  "core",
];
export const PROFILES: readonly Profile[] = ["anyctx", "linux"];
export const THRESHOLDS: readonly string[] = ["fixed", "adaptive"];
