/**
 * What to do with objects' hashes on the events of a trace, in what Linux has: keep them preallocated as most objects do, make them
 * dynamic, or lower their max_entries. Each figure is that of a replay in profile `linux`, with every hash dynamic, on a kernel
 * with PREEMPT_RT and on one without.
 *
 * When interrupts came on a recording does not say, so updates that fail are counted by two readings of it (replay/interrupts.ts).
 * What is safe goes by the one in which the most fail.
 */
import { totalMisses } from "../../arena/caches.ts";
import type { ProgramKind } from "../../bpf/programs/program-type.ts";
import { type LoadedMap, qualifiedName } from "../../load/maps.ts";
import { mapsUsed } from "../../load/select.ts";
import { NO_PREALLOC } from "../../maps/kinds.ts";
import type { MapInfo } from "../../maps/map.ts";
import type { RuleRange } from "../../replay/interrupts.ts";
import { arrayBytes, dynamicBytes, NOTHING_OWNED, preallocatedBytes } from "../../replay/linux-memory.ts";
import { type Advised, type MissingMap, type Usable, usable } from "../usable.ts";
import type { AdviceReport, KernelAdvice, MapAdvice, TotalBytes } from "./advice.ts";
import { againstDynamic, type KernelVersion, KNOWN_KERNEL, versionText } from "./kernel-version.ts";
import { leftForMaps } from "./memory-limit.ts";
import { becomesDynamic, patchOf } from "./patch.ts";
import type { OpenStream } from "./recording.ts";
import { type AdviseProgress, type ReplaySettings, Replays } from "./replays.ts";
import { sizeTable } from "./sizes.ts";
import { isAlwaysDynamic, judge, safest } from "./verdict.ts";
import type { Observed } from "./watched.ts";

export interface AdviseOptions extends ReplaySettings {
  readonly rules: RuleRange;
  /** PREEMPT_RT or not; both by default. */
  readonly realTime?: readonly boolean[];
  /** The kernel that the object is for, 6.18 by default. */
  readonly kernel?: KernelVersion;
}

/**
 * @param open opens the same trace each time; it is replayed up to three times for each kernel
 * @throws {AnyctxError} as `loadSpec` and as reading the trace
 */
export async function adviseObjects(
  objects: readonly Advised[],
  open: OpenStream,
  options: AdviseOptions,
  progress: AdviseProgress,
): Promise<AdviceReport> {
  const parts = objects.map(usable);
  const replays = new Replays(parts, open, options, progress);
  const observed: KernelObserved[] = [];
  for (const realTime of options.realTime ?? [false, true])
    observed.push(await observeKernel(replays, realTime, options.rules));
  const maps = [
    ...replays.maps.map((loaded) => mapAdvice(parts, loaded, observed, { ...options, lost: replays.events.lost })),
    ...parts.flatMap((part) => part.missing.map((each) => missingAdvice(each, part))),
  ];
  const { skipped: skippedPrograms = [] } = replays.loaded ?? {};
  const { replayed, skipped, skippedBy, lost } = replays.events;
  return {
    ...{ cpus: options.cpus, kernel: versionText(options.kernel ?? KNOWN_KERNEL) },
    ...{ profile: options.forecast ? "linux-nolock" : "linux", replays: replays.done },
    ...{ events: replayed, skipped, skippedBy, lost, programs: replays.programs, skippedPrograms },
    ...{ maps, total: totalOf(maps) },
  };
}

/** What the replays for one kernel saw, by map. */
interface KernelObserved {
  readonly realTime: boolean;
  readonly most: ReadonlyMap<string, Observed>;
  readonly fewest: ReadonlyMap<string, Observed>;
  readonly adaptive: ReadonlyMap<string, Observed>;
}

async function observeKernel(replays: Replays, realTime: boolean, rules: RuleRange): Promise<KernelObserved> {
  const most = await replays.run({ realTime, rule: rules.most, adaptive: false });
  const misses = [...most.values()].some((each) => totalMisses(each.misses) > 0);
  // A forecast has no watermarks and no refills: every reading of it is the same.
  if (!misses || replays.settings.forecast) return { realTime, most, fewest: most, adaptive: most };
  const fewest = await replays.run({ realTime, rule: rules.fewest, adaptive: false });
  const adaptive = await replays.run({ realTime, rule: rules.most, adaptive: true });
  return { realTime, most, fewest, adaptive };
}

/** What judging needs besides what was observed. */
interface JudgeOptions extends AdviseOptions {
  readonly lost: number;
}

/** Linux has them preallocated or not at all (-ENOTSUPP). */
function lruBytes(info: MapInfo, cpus: number): Pick<MapAdvice, "note" | "declaredBytes" | "advisedBytes"> {
  const bytes = preallocatedBytes(info, cpus).total;
  return { note: "an LRU map is always preallocated", declaredBytes: bytes, advisedBytes: bytes };
}

function mapAdvice(
  parts: readonly Usable[],
  loaded: LoadedMap,
  observed: readonly KernelObserved[],
  options: JudgeOptions,
): MapAdvice {
  const { spec, map, objects } = loaded;
  const { info } = map;
  const { kind, maxEntries } = info;
  const { cpus } = options;
  const dynamic = kind.mayBeDynamic && (spec.flags & NO_PREALLOC) !== 0;
  const base = { name: spec.name, ...(objects.length === 0 ? {} : { objects }), type: kind.type, maxEntries, dynamic };
  if (!kind.mayBeDynamic) {
    const note = `${kind.keys === "index" ? "an array" : "its room"} is always there as a whole`;
    if (kind.memoryUse === "filter") return { ...base, note };
    if (kind.memoryUse === "lru") return { ...base, ...lruBytes(info, cpus) };
    const bytes = arrayBytes(info, cpus, spec.contents !== undefined);
    return { ...base, note, declaredBytes: bytes, advisedBytes: bytes };
  }
  const kinds = kindsUsing(parts, loaded);
  const key = qualifiedName(spec.name, objects);
  const kernels = observed.flatMap((each) => kernelAdvice(loaded, dynamic, each, kinds, options));
  const advice = safest(kernels);
  const [peak] = observed.flatMap(({ most }) => most.get(key) ?? []).sort(byMemory);
  const asDeclared = declaredBytes(info, dynamic, cpus, peak);
  if (advice === undefined || peak === undefined)
    return { ...base, kernels, declaredBytes: asDeclared, advisedBytes: asDeclared };
  const { verdict, reason } = advice;
  const chosen = { verdict, reason, maxEntries: advice.maxEntries };
  const becomes = becomesDynamic(verdict, dynamic);
  return {
    ...{ ...base, kernels, advice: chosen, patch: patchOf(spec, maxEntries, chosen) },
    ...(isAlwaysDynamic(info) ? {} : { sizes: sizeTable(info, cpus, peak) }),
    declaredBytes: asDeclared,
    advisedBytes: declaredBytes({ ...info, maxEntries: advice.maxEntries }, becomes, cpus, peak),
  };
}

function byMemory(one: Observed, other: Observed): number {
  return other.peakState.ownedElements - one.peakState.ownedElements;
}

function declaredBytes(info: LoadedMap["map"]["info"], dynamic: boolean, cpus: number, seen?: Observed): number {
  const state = seen?.peakState ?? NOTHING_OWNED;
  return (dynamic ? dynamicBytes(info, cpus, state) : preallocatedBytes(info, cpus)).total;
}

function kernelAdvice(
  { spec, map: { info }, objects }: LoadedMap,
  isDynamic: boolean,
  { realTime, most, fewest, adaptive }: KernelObserved,
  kinds: readonly ProgramKind[],
  { cpus, kernel = KNOWN_KERNEL, memoryLimit, lost }: JudgeOptions,
): KernelAdvice[] {
  const key = qualifiedName(spec.name, objects);
  const observed = most.get(key);
  if (observed === undefined) return [];
  const { entries, peakEntries, state, peakState, updates, misses, userMisses, burst } = observed;
  // A reading that lets more refills run may fail elsewhere: the range is from the fewer to the more.
  const missesFewest = Math.min(totalMisses((fewest.get(key) ?? observed).misses), totalMisses(misses));
  const against = againstDynamic(kernel, realTime, kinds);
  const room = memoryLimit === undefined ? undefined : leftForMaps(memoryLimit, cpus);
  const dynamic = dynamicBytes(info, cpus, peakState);
  return [
    {
      ...{ realTime, entries, peakEntries, bytes: dynamicBytes(info, cpus, state).total, peakBytes: dynamic.total },
      linux: isAlwaysDynamic(info) ? { dynamic } : { preallocated: preallocatedBytes(info, cpus), dynamic },
      ...{ updates, misses, missesFewest, failureRate: updates === 0 ? 0 : totalMisses(misses) / updates },
      userMisses,
      missesAdaptive: totalMisses((adaptive.get(key) ?? observed).misses),
      burst,
      ...(room === undefined && userMisses === 0 ? { prefill: burst } : {}),
      ...judge({ info, cpus, isDynamic, observed, missesFewest, lost, against, room }),
    },
  ];
}

function missingAdvice({ spec, reason }: MissingMap, { label }: Usable): MapAdvice {
  const { name, bpfType, maxEntries, flags } = spec;
  const whose = label === undefined ? {} : { objects: [label] };
  return { name, ...whose, type: `type ${bpfType}`, maxEntries, dynamic: (flags & NO_PREALLOC) !== 0, note: reason };
}

/** What programs that use a map are. */
function kindsUsing(parts: readonly Usable[], { spec: { name }, objects }: LoadedMap): ProgramKind[] {
  const whose = parts.filter(({ label }) => label === undefined || objects.includes(label));
  return whose.flatMap(({ object }) =>
    object.programs.flatMap((program) => {
      const { kind } = program;
      return !("reason" in kind) && mapsUsed(object, [program]).has(name) ? [kind] : [];
    }),
  );
}

function totalOf(maps: readonly MapAdvice[]): TotalBytes {
  const sum = (of: (map: MapAdvice) => number | undefined): number =>
    maps.reduce((all, map) => all + (of(map) ?? 0), 0);
  const most = ({ kernels = [], declaredBytes: bytes }: MapAdvice, of: (kernel: KernelAdvice) => number) =>
    kernels.length === 0 ? bytes : Math.max(...kernels.map(of));
  return {
    declared: sum(({ declaredBytes: bytes }) => bytes),
    preallocated: sum((map) => most(map, ({ linux, peakBytes }) => linux.preallocated?.total ?? peakBytes)),
    dynamic: sum((map) => most(map, ({ peakBytes }) => peakBytes)),
    advised: sum(({ advisedBytes }) => advisedBytes),
    without: maps.flatMap(({ name, objects, declaredBytes: bytes }) =>
      bytes === undefined ? [qualifiedName(name, objects)] : [],
    ),
  };
}
