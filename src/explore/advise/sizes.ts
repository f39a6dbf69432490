/** What max_entries could be: sizes around what a trace needed, and what a hash would take with each, both ways. */
import type { MapInfo } from "../../maps/info.ts";
import { dynamicBytes, powerOfTwo, preallocatedBytes } from "../../replay/linux-memory.ts";
import type { Observed } from "./watched.ts";

export interface SizeAdvice {
  readonly maxEntries: number;
  /** So many times the most entries that were needed at once. */
  readonly margin: number;
  /** Bytes in Linux. */
  readonly preallocated: number;
  readonly dynamic: number;
}

/** A trace is not all that will happen. */
const MARGIN = 4;
const OTHER_MARGINS = [2, 16];
/** What BPF tools have where nobody thought of a number. */
const CUSTOMARY = 10_240;

/** Entries that the trace would have had, had no update failed. */
export function neededEntries({ peakEntries, burst, userMisses }: Observed): number {
  return peakEntries + Math.max(burst, userMisses);
}

/** Buckets are a power of two, so a size between two of them saves nothing of them. */
function withMargin(needed: number, margin: number): number {
  return powerOfTwo(needed * margin);
}

/** The size to have: what was needed with a margin, or what there is where that is no less or the trace does not tell. */
export function advisedEntries(info: Pick<MapInfo, "maxEntries">, observed: Observed): number {
  const needed = neededEntries(observed);
  if (!observed.isSettled || needed === 0) return info.maxEntries;
  return Math.min(info.maxEntries, withMargin(needed, MARGIN));
}

/** A row for each size from twice what was needed to what there is. */
export function sizeTable(info: MapInfo, cpus: number, observed: Observed): SizeAdvice[] {
  const needed = neededEntries(observed);
  if (needed === 0) return [];
  const sizes = [...[MARGIN, ...OTHER_MARGINS].map((margin) => withMargin(needed, margin)), CUSTOMARY]
    .filter((size) => size >= needed && size < info.maxEntries)
    .concat(info.maxEntries)
    .sort((a, b) => a - b);
  return [...new Set(sizes)].map((maxEntries) => {
    const sized = { ...info, maxEntries };
    return {
      maxEntries,
      margin: maxEntries / needed,
      preallocated: preallocatedBytes(sized, cpus).total,
      dynamic: dynamicBytes(sized, cpus, observed.peakState).total,
    };
  });
}
