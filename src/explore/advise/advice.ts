/** What advice says: one plain document. Fields may be added, none is renamed. Bytes are those of Linux. */
import type { Misses } from "../../arena/caches.ts";
import type { LinuxMemory } from "../../replay/linux-memory.ts";
import type { ProgramTally } from "./replays.ts";
import type { SizeAdvice } from "./sizes.ts";
import type { Judgement, Verdict } from "./verdict.ts";

export interface AdviceReport {
  readonly cpus: number;
  readonly kernel: string;
  /** `linux-nolock` is a forecast of kernels that are not there yet. */
  readonly profile: "linux" | "linux-nolock";
  readonly replays: number;
  /** Events replayed; those that were not, and those that the recording lost. */
  readonly events: number;
  readonly skipped: number;
  readonly skippedBy: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly programs: readonly ProgramTally[];
  readonly skippedPrograms: readonly { readonly name: string; readonly reason: string; readonly object?: string }[];
  readonly maps: readonly MapAdvice[];
  readonly total: TotalBytes;
}

/** All maps of the object together, the most of any kernel. */
export interface TotalBytes {
  /** As the object has them. */
  readonly declared: number;
  readonly preallocated: number;
  readonly dynamic: number;
  /** With every verdict followed. */
  readonly advised: number;
  /** Maps of unknown size, which are in none of these. */
  readonly without: readonly string[];
}

export interface MapAdvice {
  readonly name: string;
  /** Which objects it is of, where there are several: more than one if it is pinned. */
  readonly objects?: readonly string[];
  /** Linux's number of it, as in `type 11`, where it is not there. */
  readonly type: string;
  readonly maxEntries: number;
  /** Whether the object asks for a dynamic hash (BPF_F_NO_PREALLOC). */
  readonly dynamic: boolean;
  /** Why there is nothing to advise. */
  readonly note?: string;
  readonly kernels?: readonly KernelAdvice[];
  /** What is safe on all these kernels, and the lines of the object's source that it changes. */
  readonly advice?: Judgement;
  readonly patch?: readonly string[];
  readonly sizes?: readonly SizeAdvice[];
  /** As the object has it, and with the verdict followed. Left out where the kind of map is not known. */
  readonly declaredBytes?: number;
  readonly advisedBytes?: number;
}

export interface KernelAdvice {
  readonly realTime: boolean;
  /** At the end of the trace, and the most at any event. */
  readonly entries: number;
  readonly peakEntries: number;
  /** Of the dynamic hash at the end, and at most. */
  readonly bytes: number;
  readonly peakBytes: number;
  /** What the hash takes at most, by what it is for: the same in `run --json`. */
  readonly linux: LinuxMemory;
  /** Updates that asked for an element: of programs, and of user space where it was given. */
  readonly updates: number;
  /** Updates that got -ENOMEM, as many as any reading of the recording has; and the fewest, in sum. */
  readonly misses: Misses;
  readonly missesFewest: number;
  /** `misses` in sum to `updates`. */
  readonly failureRate: number;
  /** Inserts of user space among the misses. */
  readonly userMisses: number;
  /** The same in sum with watermarks that follow what was observed (docs/thresholds.md) instead of Linux's. */
  readonly missesAdaptive: number;
  /** The most updates of a CPU that failed between two refills. */
  readonly burst: number;
  /**
   * With so many objects prefilled before each such stretch no update fails: the burst. For anyctx, and a kernel that will have such
   * a call: Linux 6.18 has none. Left out where that is not known: a batch of user space ends at its first failure, and a memory
   * cgroup's limit is in the way of a prefill too.
   */
  readonly prefill?: number;
  readonly verdict: Verdict;
  readonly maxEntries: number;
  readonly reason: string;
}
