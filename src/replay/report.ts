/**
 * What a replay is summed up as: one plain document, the same for a program that reads it (`anyctx run --json` prints
 * it) and for people (the command line draws its tables from it). Fields may be added, none is renamed.
 */
import type { Arena } from "../arena/arena.ts";
import { type Misses, noMisses } from "../arena/caches.ts";
import { type CacheStatistics, cacheStatistics, mapStatistics } from "../arena/statistics.ts";
import { AnyctxError } from "../error.ts";
import { CONTEXTS, type Context } from "../events/record.ts";
import { type EventCounts, type SourceEvents, skippedIn, type UnreadableCount } from "../events/source.ts";
import type { LoadedObject } from "../load/load.ts";
import type { LoadedMap } from "../load/maps.ts";
import { type MapType, NO_PREALLOC } from "../maps/kinds.ts";
import { ArenaMap } from "../maps/map.ts";
import { newProgramCounts, type ProgramCounts, type RunCounts } from "./counts.ts";
import { DEFAULT_THREAD_DELAY, type InterruptRule, type InterruptSign } from "./interrupts.ts";
import { type LinuxMemory, linuxMemory } from "./linux-memory.ts";
import type { ReplayResult } from "./ordered.ts";
import { attaches } from "./runner.ts";

export interface Report {
  readonly events: EventReport;
  readonly programs: readonly ProgramReport[];
  /** Programs of the object that were not loaded, with the reason as a sentence. */
  readonly skippedPrograms: readonly { readonly name: string; readonly reason: string; readonly object?: string }[];
  /** In order of the object file; data sections (`.rodata`, `.data`, `.bss`) are arrays of one entry. */
  readonly maps: readonly MapReport[];
  readonly allocator: AllocatorReport;
  readonly interrupts: InterruptReport;
}

export interface EventReport {
  /** What the input holds, lines that are no comments in a trace: `replayed + skipped`. */
  readonly read: number;
  readonly replayed: number;
  readonly skipped: number;
  /** Why something was skipped, by the reasons of the kind of source; only reasons that occurred. */
  readonly skippedBy: Readonly<Record<string, number>>;
  /** Events that the kernel, or whoever recorded, says were lost. */
  readonly lost: number;
  /** Fields of events that are there but could not be read, and how often. */
  readonly unreadable: readonly UnreadableCount[];
  /** Events replayed in a second of replay, without reading the trace. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Threads that ran programs: 1, or one for each CPU with events. */
  readonly threads: number;
  /** Events replayed, by the context they were recorded in. */
  readonly byContext: Readonly<Record<Context, number>>;
  /** Events replayed, by CPU number. */
  readonly byCpu: readonly number[];
}

export interface ProgramReport {
  readonly name: string;
  /** Which object it is of, where several were run. */
  readonly object?: string;
  readonly section: string;
  /** Whether the source's table has the event that the program runs on; if not it never ran. */
  readonly attached: boolean;
  readonly runs: number;
  /** Runs that were stopped: a bad access, an endless loop. */
  readonly errors: number;
  /** What the first of them said. */
  readonly firstError?: string;
  /** Events it was not run on any more, because it had been stopped in an endless loop too often. */
  readonly leftOut: number;
  /** Runs that read what the recording does not tell; errors, unless it was to be taken for 0. */
  readonly unread: number;
  /** Fields that were read so, as `event.field`, and in how many runs. */
  readonly unreadFields: Readonly<Record<string, number>>;
  /** How often functions of its timers and workqueues ran; not there if they never did. */
  readonly fired?: number;
}

export interface MapReport {
  readonly name: string;
  /** Which objects it is of, where several were run: more than one if it is pinned. */
  readonly objects?: readonly string[];
  readonly type: MapType;
  /** `false`: a hash that was created with all its elements. Arrays always are. */
  readonly dynamic: boolean;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly entries: number;
  /** Records that programs handed to user space through it, of a perf_event_array; it has no entries. */
  readonly records?: number;
  /** Shared memory that the map holds now, and what it would hold preallocated. */
  readonly bytes: number;
  readonly preallocatedBytes: number;
  /** Of a hash: what it would take in Linux, as `advise` says it too. */
  readonly linux?: LinuxMemory;
  /** All entries, where they were asked for. */
  readonly items?: readonly MapItem[];
}

/** Bytes as they lie in memory, in hex; a per-CPU map's value is a list, one for each CPU. */
export interface MapItem {
  readonly key: string;
  readonly value: string | readonly string[];
}

export interface AllocatorReport {
  /** A row for each kind of object, dynamic map and CPU. */
  readonly caches: readonly CacheStatistics[];
  /** Allocations that found nothing, over all caches, by the context that asked. */
  readonly misses: Misses;
}

export interface InterruptReport {
  /** The signs of interrupts coming on that were looked for (interrupts.ts). */
  readonly signs: readonly InterruptSign[];
  readonly gapMicroseconds: number;
  /** Deferred refills and trims that each sign let run. */
  readonly deferred: Readonly<Record<InterruptSign, number>>;
  /** Events that found work waiting while no sign was seen. */
  readonly heldBack: number;
  /** PREEMPT_RT: refills and trims that the CPUs' work threads did, so many microseconds after they were raised. */
  readonly byThread: number;
  readonly threadDelayMicroseconds?: number;
}

export interface ReportInput {
  readonly arena: Arena;
  readonly loaded: LoadedObject;
  readonly stream: Pick<SourceEvents, "counts" | "events">;
  readonly result: ReplayResult;
  readonly rule: InterruptRule;
  /** Whether every entry of every map is to be in the report. */
  readonly dump: boolean;
}

/** Sums a finished replay up. Reads the arena, changes nothing. */
export function makeReport(input: ReportInput): Report {
  const { arena, loaded, stream, result, rule, dump } = input;
  const { counts } = result;
  const caches = loaded.maps.flatMap(({ map }) => cacheStatistics(arena, map.info));
  return {
    events: eventReport(stream.counts, result),
    programs: loaded.programs.map((image, index) =>
      programReport(
        counts.programs[index] ?? newProgramCounts(image),
        stream.events.some((event) => attaches(image, event)),
      ),
    ),
    skippedPrograms: loaded.skipped,
    maps: loaded.maps.map((map) => mapReport(arena, map, dump, counts)),
    allocator: { caches, misses: sumMisses(caches) },
    interrupts: {
      signs: rule.signs,
      gapMicroseconds: rule.gap / 1000,
      deferred: counts.deferred,
      heldBack: counts.heldBack,
      byThread: counts.byThread,
      ...(arena.realTime ? { threadDelayMicroseconds: (rule.threadDelay ?? DEFAULT_THREAD_DELAY) / 1000 } : {}),
    },
  };
}

function eventReport(read: EventCounts, { counts, seconds, threads }: ReplayResult): EventReport {
  const skipped = skippedIn(read);
  return {
    read: counts.replayed + skipped,
    replayed: counts.replayed,
    skipped,
    skippedBy: Object.fromEntries(read.skipped.map(({ reason, count }) => [reason, count])),
    lost: read.lost,
    unreadable: read.unreadable,
    perSecond: seconds > 0 ? Math.round(counts.replayed / seconds) : 0,
    seconds,
    threads,
    byContext: counts.byContext,
    byCpu: counts.byCpu,
  };
}

function programReport(counts: ProgramCounts, attached: boolean): ProgramReport {
  const { name, object, section, runs, errors, firstError, leftOut, unread, unreadFields, fired } = counts;
  return {
    name,
    ...(object === undefined ? {} : { object }),
    section,
    attached,
    runs,
    errors,
    leftOut,
    unread,
    unreadFields,
    ...(firstError === undefined ? {} : { firstError }),
    ...(fired === 0 ? {} : { fired }),
  };
}

function mapReport(arena: Arena, loaded: LoadedMap, dump: boolean, { records }: RunCounts): MapReport {
  const { spec, map, objects } = loaded;
  const { address, kind, keySize, valueSize, maxEntries, flags } = map.info;
  return {
    name: spec.name,
    ...(objects.length === 0 ? {} : { objects }),
    type: kind.type,
    dynamic: kind.mayBeDynamic && (flags & NO_PREALLOC) !== 0,
    keySize,
    valueSize,
    maxEntries,
    ...mapStatistics(arena, map.info),
    ...(kind.type === "perf_event_array" ? { records: records[address] ?? 0 } : {}),
    ...(kind.memoryUse === "hash" || kind.memoryUse === "lru" ? { linux: linuxMemory(arena, map.info) } : {}),
    ...(dump && kind.walk ? { items: dumpItems(map) } : {}),
  };
}

/** Every entry of a map that can be walked. */
export function dumpItems(map: LoadedMap["map"]): MapItem[] {
  if (map.info.kind.inner) return Array.from(map.keys(), (key) => ({ key: hex(key), value: nameIn(map, key) }));
  return Array.from(map.dump(), ({ key, values }) => {
    const texts = values.map(hex);
    return { key: hex(key), value: map.info.kind.perCpu ? texts : (texts[0] ?? "") };
  });
}

/** Of a map of maps: what the one in it is called; nothing where it is gone by now. */
function nameIn(map: ArenaMap<Uint8Array, unknown>, key: Uint8Array): string {
  try {
    const inner = map.get(key);
    return inner instanceof ArenaMap ? inner.info.name : "";
  } catch (error) {
    if (error instanceof AnyctxError && error.code === "ENOENT") return "(destroyed)";
    throw error;
  }
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => DIGITS[byte]).join("");
}

function sumMisses(caches: readonly CacheStatistics[]): Misses {
  const sum = noMisses();
  for (const { misses } of caches) for (const context of CONTEXTS) sum[context] += misses[context];
  return sum;
}
