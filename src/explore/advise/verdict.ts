/**
 * What to do with a hash, in what Linux has: keep it preallocated, make it dynamic, or lower its max_entries. Linux has no prefill, so
 * none is asked for.
 */
import { totalMisses } from "../../arena/caches.ts";
import type { MapInfo } from "../../maps/info.ts";
import { dynamicBytes, preallocatedBytes } from "../../replay/linux-memory.ts";
import { advisedEntries, neededEntries } from "./sizes.ts";
import type { Observed } from "./watched.ts";

/**
 * From the most careful on: of two kernels' verdicts the earlier one is safe on both. A trie of prefixes has only "keep dynamic"; a hash
 * that a memory cgroup holds in no way has "raise the limit".
 */
export const VERDICTS = [
  "keep dynamic",
  "raise the limit",
  "keep preallocated",
  "lower max_entries",
  "go dynamic",
  "no advice",
] as const;

export type Verdict = (typeof VERDICTS)[number];

export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
  /** max_entries to have; the one that the hash has where there is no reason to change it. */
  readonly maxEntries: number;
}

/** What is known of a hash on a kernel. */
export interface Findings {
  readonly info: MapInfo;
  readonly cpus: number;
  /** Whether the object asks for a dynamic hash. */
  readonly isDynamic: boolean;
  /** By the reading in which the most updates fail, and how many do in the other. */
  readonly observed: Observed;
  readonly missesFewest: number;
  /** Events that the recording lost. */
  readonly lost?: number;
  /** Why the kernel should not have it dynamic. */
  readonly against?: string | undefined;
  /** Bytes that a memory cgroup leaves for maps: at its limit refills bring nothing, however often they come. */
  readonly room?: number | undefined;
}

/** A change has to save so much to be worth it: what is left of the memory. */
const WORTHWHILE = 0.8;

export function judge(findings: Findings): Judgement {
  const { info, observed } = findings;
  const most = totalMisses(observed.misses);
  const { maxEntries } = info;
  if (observed.peakEntries === 0 && most === 0)
    return { verdict: "no advice", reason: "this trace puts no entry into it", maxEntries };
  if (isAlwaysDynamic(info)) return keepDynamic(findings, most);
  if (most > 0) return keep(findings, `${failureText(findings)}; ${memoryText(findings)}`);
  if (findings.against !== undefined) return keep(findings, findings.against);
  return withoutFailures(findings);
}

/** Whether Linux has the map in no other way. */
export function isAlwaysDynamic({ kind }: Pick<MapInfo, "kind">): boolean {
  return kind.mayBeDynamic && kind.memoryUse !== "hash";
}

function keepDynamic(findings: Findings, most: number): Judgement {
  const why = most > 0 ? failureText(findings) : nothingText(findings);
  const reason = `${why}; it cannot be preallocated${fullText(findings)}`;
  return { verdict: "keep dynamic", reason, maxEntries: findings.info.maxEntries };
}

/** All that is possible is open: the least memory decides, without a change where that saves little. */
function withoutFailures(findings: Findings): Judgement {
  const { info, cpus, isDynamic, observed } = findings;
  const { maxEntries } = info;
  const advised = advisedEntries(info, observed);
  const preallocated = preallocatedBytes(info, cpus).total;
  const dynamic = dynamicBytes(info, cpus, observed.peakState).total;
  const sized = { ...info, maxEntries: advised };
  const lowered = isDynamic
    ? dynamicBytes(sized, cpus, observed.peakState).total
    : preallocatedBytes(sized, cpus).total;
  if (advised < maxEntries && lowered < Math.min(dynamic, preallocated) * WORTHWHILE)
    return lower(findings, advised, lowered / (isDynamic ? dynamic : preallocated));
  const share = dynamic / preallocated;
  if (share > WORTHWHILE) return keep(findings, `dynamic it takes ${percent(share)} of the memory`);
  return {
    verdict: "go dynamic",
    reason: `${nothingText(findings)}, ${percent(share)} of the memory${fullText(findings)}`,
    maxEntries,
  };
}

function lower(findings: Findings, maxEntries: number, share: number): Judgement {
  const margin = `${maxEntries} is ${times(maxEntries, findings.observed)} what it had at once`;
  const reason = `${nothingText(findings)}, ${margin}, ${percent(share)} of the memory`;
  return { verdict: "lower max_entries", reason, maxEntries };
}

/** Of events that were lost nobody knows. */
function nothingText({ lost = 0 }: Findings): string {
  return lost === 0 ? "no update fails" : `no update fails of what was recorded (${lost} events are lost)`;
}

/** Preallocated, with fewer entries where that saves much and the trace tells how many there are. */
function keep(findings: Findings, why: string): Judgement {
  const { info, cpus, observed, room } = findings;
  const bytes = preallocatedBytes(info, cpus).total;
  if (room !== undefined && bytes > room) {
    const reason = `${why}; preallocated it is not created: it takes ${bytes} bytes, the limit leaves ${room}`;
    return { verdict: "raise the limit", reason, maxEntries: info.maxEntries };
  }
  const advised = room === undefined ? advisedEntries(info, observed) : info.maxEntries;
  const share = preallocatedBytes({ ...info, maxEntries: advised }, cpus).total / bytes;
  const isWorthwhile = advised < info.maxEntries && share < WORTHWHILE;
  const enough = isWorthwhile ? `; max_entries ${advised} is enough, ${percent(share)} of the memory` : "";
  return {
    verdict: "keep preallocated",
    reason: `${why}${enough}${fullText(findings)}`,
    maxEntries: isWorthwhile ? advised : info.maxEntries,
  };
}

function fullText({ info, observed }: Findings): string {
  return observed.peakEntries >= info.maxEntries ? "; it was full: max_entries is too small" : "";
}

function memoryText({ info, cpus, observed: { peakState } }: Findings): string {
  const share = dynamicBytes(info, cpus, peakState).total / preallocatedBytes(info, cpus).total;
  return `dynamic it takes ${percent(share)} of the memory`;
}

function failureText({ observed, missesFewest, room }: Findings): string {
  const { misses, updates, burst } = observed;
  const most = totalMisses(misses);
  const least = Math.min(missesFewest, most);
  const number = least === most ? `${most}` : `${least} to ${most}`;
  const inOneGo = burst === 0 || room !== undefined ? "" : `, up to ${burst} between two refills`;
  return `dynamic, ${number} of its updates fail, ${rateText(least, most, updates)}${inOneGo}`;
}

/** Of all updates that asked for an element. */
function rateText(least: number, most: number, updates: number): string {
  const [from, to] = [percent(least / updates), percent(most / updates)];
  return from === to ? to : `${from} to ${to}`;
}

function times(maxEntries: number, observed: Observed): string {
  return `${(maxEntries / neededEntries(observed)).toFixed(1)} x`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** Of a hash's verdicts on several kernels, the one that is safe on all of them. */
export function safest(judgements: readonly Judgement[]): Judgement | undefined {
  const told = judgements.filter(({ verdict }) => verdict !== "no advice");
  const chosen = VERDICTS.flatMap((verdict) => told.filter((each) => each.verdict === verdict))[0];
  return chosen === undefined ? undefined : { ...chosen, maxEntries: Math.max(...told.map((each) => each.maxEntries)) };
}
