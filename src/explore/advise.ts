/**
 * What to do with an object's hashes on the events of a trace: preallocate them as most objects do, or make them
 * dynamic. Each figure is that of a replay in profile `linux`, with every hash dynamic, on a kernel with PREEMPT_RT and on one
 * without.
 *
 * When interrupts came on a recording does not say, so updates that fail are counted by two readings of it (replay/interrupts.ts).
 * What is safe goes by the one in which the most fail.
 */

import { Arena } from "../arena/arena.ts";
import { cacheAddress, type Misses, noMisses, readMisses } from "../arena/caches.ts";
import { cacheStatistics } from "../arena/statistics.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import { CONTEXTS } from "../events/record.ts";
import { type LoadedMap, loadObject } from "../load/load.ts";
import { type MapType, NO_PREALLOC } from "../maps/kinds.ts";
import type { InterruptRule, RuleRange } from "../replay/interrupts.ts";
import { replay } from "../replay/ordered.ts";
import { LAYOUT } from "../wasm/face.ts";
import { type LinuxSizes, linuxSizes } from "./linux-size.ts";
import type { OpenStream } from "./recording.ts";

export interface AdviseOptions {
  readonly cpus: number;
  readonly rules: RuleRange;
}

/** One plain document; fields may be added, none is renamed. Bytes are those of Linux. */
export interface AdviceReport {
  readonly cpus: number;
  readonly replays: number;
  readonly events: number;
  readonly maps: readonly MapAdvice[];
}

export interface MapAdvice {
  readonly name: string;
  readonly type: MapType;
  readonly maxEntries: number;
  /** Whether the object asks for a dynamic hash (BPF_F_NO_PREALLOC). */
  readonly dynamic: boolean;
  /** Why there is nothing to advise. */
  readonly note?: string;
  readonly preallocatedBytes?: number;
  readonly kernels?: readonly KernelAdvice[];
}

export type Verdict = "keep prealloc" | "go dynamic" | "no advice";

export interface KernelAdvice {
  readonly realTime: boolean;
  /** At the end of the trace, and the most at any event. */
  readonly entries: number;
  readonly peakEntries: number;
  /** Of the dynamic hash: what is live and what its caches hold, at the end and at most. */
  readonly bytes: number;
  readonly peakBytes: number;
  /** Updates that got -ENOMEM, as many as any reading of the recording has; and the fewest, in sum. */
  readonly misses: Misses;
  readonly missesFewest: number;
  /** The same in sum with watermarks that follow what was observed (docs/thresholds.md) instead of Linux's. */
  readonly missesAdaptive: number;
  /**
   * The most updates of a CPU that failed between two refills: with so many objects prefilled before each such stretch none fails.
   * For anyctx, and a kernel that will have such a call: Linux 6.18 has none.
   */
  readonly prefill: number;
  readonly verdict: Verdict;
  readonly reason: string;
}

/** What one replay saw of a map. */
interface Observed {
  readonly entries: number;
  readonly peakEntries: number;
  /** What its objects take in Linux, buckets included. */
  readonly bytes: number;
  readonly peakBytes: number;
  readonly misses: Misses;
  /** Most misses of a CPU between two refills. */
  readonly burst: number;
}

const MEMORY_BYTES = 2 ** 32;
const SEED = 1;

/** Called while it works: replays done, the one under way counted in part. How many there will be is not known before. */
export type AdviseProgress = (replays: number) => void;

/**
 * @param open opens the same trace each time; it is replayed some tens of times
 * @throws {AnyctxError} as `loadObject` and as reading the trace
 */
export async function adviseObject(
  object: ObjectSpec,
  open: OpenStream,
  options: AdviseOptions,
  progress: AdviseProgress,
): Promise<AdviceReport> {
  const replays = new Replays(object, open, options, progress);
  const kernels = [await adviseKernel(replays, false), await adviseKernel(replays, true)];
  const maps = replays.maps.map(({ spec, map }): MapAdvice => {
    const { kind, maxEntries } = map.info;
    const base = {
      name: spec.name,
      type: kind.type,
      maxEntries,
      dynamic: kind.mayBeDynamic && (spec.flags & NO_PREALLOC) !== 0,
    };
    if (!kind.mayBeDynamic)
      return { ...base, note: `${kind.keys === "index" ? "an array" : "its room"} is always there as a whole` };
    const rows = kernels.flatMap((rows) => rows.get(spec.name) ?? []);
    return { ...base, preallocatedBytes: linuxSizes(map.info, options.cpus).preallocated, kernels: rows };
  });
  return { cpus: options.cpus, replays: replays.done, events: replays.events, maps };
}

async function adviseKernel(replays: Replays, realTime: boolean): Promise<Map<string, KernelAdvice>> {
  const { fewest: guessing, most: proven } = replays.rules;
  const most = await replays.run({ realTime, rule: proven, adaptive: false });
  const misses = [...most.values()].some((each) => total(each.misses) > 0);
  const fewest = misses ? await replays.run({ realTime, rule: guessing, adaptive: false }) : most;
  const adaptive = misses ? await replays.run({ realTime, rule: proven, adaptive: true }) : most;
  const advice = new Map<string, KernelAdvice>();
  for (const loaded of replays.maps) {
    const { name } = loaded.spec;
    const observed = most.get(name);
    if (observed === undefined) continue;
    const missesFewest = total((fewest.get(name) ?? observed).misses);
    const missesAdaptive = total((adaptive.get(name) ?? observed).misses);
    advice.set(name, adviceOn(loaded, replays.cpus, { realTime, observed, missesFewest, missesAdaptive }));
  }
  return advice;
}

interface Findings {
  readonly realTime: boolean;
  /** By the reading in which the most updates fail. */
  readonly observed: Observed;
  readonly missesFewest: number;
  readonly missesAdaptive: number;
}

function adviceOn({ map }: LoadedMap, cpus: number, findings: Findings): KernelAdvice {
  const { realTime, observed, missesFewest, missesAdaptive } = findings;
  const { preallocated } = linuxSizes(map.info, cpus);
  const { entries, peakEntries, bytes, peakBytes, misses, burst } = observed;
  return {
    ...{ realTime, entries, peakEntries, bytes, peakBytes, misses, missesAdaptive, prefill: burst },
    // A reading that lets more refills run may fail elsewhere: the range is from the fewer to the more.
    missesFewest: Math.min(missesFewest, total(misses)),
    ...judge(findings, preallocated, map.info.maxEntries),
  };
}

/** Dynamic has to take at most so much of the preallocated memory to be worth a change. */
const WORTHWHILE = 0.8;

function judge(
  { observed, missesFewest }: Findings,
  preallocated: number,
  maxEntries: number,
): Pick<KernelAdvice, "verdict" | "reason"> {
  const most = total(observed.misses);
  if (observed.peakEntries === 0 && most === 0)
    return { verdict: "no advice", reason: "this trace puts no entry into it" };
  const full = observed.peakEntries >= maxEntries ? "; it was full: max_entries is too small" : "";
  const share = observed.peakBytes / preallocated;
  const memory = `${percent(share)} of the memory${full}`;
  if (most > 0) {
    const updates = missesFewest >= most ? `${most}` : `${missesFewest} to ${most}`;
    return { verdict: "keep prealloc", reason: `dynamic, ${updates} of its updates fail; ${memory}` };
  }
  if (share > WORTHWHILE) return { verdict: "keep prealloc", reason: `dynamic it takes ${memory}` };
  return { verdict: "go dynamic", reason: `no update fails, ${memory}` };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function total(misses: Misses): number {
  return CONTEXTS.reduce((sum, context) => sum + misses[context], 0);
}

interface ReplayOptions {
  readonly realTime: boolean;
  readonly rule: InterruptRule;
  readonly adaptive: boolean;
}

/** Replays of one object and trace, each in an arena of its own. */
class Replays {
  /** Of the last replay's object: sizes and names, which are always the same. */
  maps: readonly LoadedMap[] = [];
  done = 0;
  events = 0;
  readonly #object: ObjectSpec;
  readonly #open: OpenStream;
  readonly #options: AdviseOptions;
  readonly #progress: AdviseProgress;

  constructor(object: ObjectSpec, open: OpenStream, options: AdviseOptions, progress: AdviseProgress) {
    this.#object = object;
    this.#open = open;
    this.#options = options;
    this.#progress = progress;
  }

  get cpus(): number {
    return this.#options.cpus;
  }

  get rules(): RuleRange {
    return this.#options.rules;
  }

  async run({ realTime, rule, adaptive }: ReplayOptions): Promise<ReadonlyMap<string, Observed>> {
    const { cpus } = this.#options;
    const arena = await Arena.create({
      ...{ cpus, maximumBytes: MEMORY_BYTES, seed: SEED, profile: "linux", realTime },
      thresholds: adaptive ? "adaptive" : "fixed",
    });
    const { programs, maps } = loadObject(arena, this.#object, { hashes: "dynamic" });
    const hashes = maps.filter(({ map }) => map.info.kind.mayBeDynamic).map((each) => new Watched(arena, each));
    const stream = await this.#open();
    const { progress } = stream;
    const result = await replay(
      ...([arena, programs, stream, rule, () => undefined] as const),
      () => this.#progress(this.done + part(progress.read, progress.total)),
      {
        event: () => {
          for (const hash of hashes) hash.look();
        },
      },
    );
    this.maps = maps;
    this.events = result.counts.replayed;
    this.#progress(++this.done);
    return new Map(hashes.map((hash) => [hash.name, hash.observed()]));
  }
}

function part(read: number, all: number | undefined): number {
  return all === undefined || all === 0 ? 0 : Math.min(1, read / all);
}

/** A hash that is looked at after every event. */
class Watched {
  readonly name: string;
  readonly #arena: Arena;
  readonly #loaded: LoadedMap;
  readonly #sizes: LinuxSizes;
  /** Caches of the elements, and of a per-CPU hash's values (0: there are none). */
  readonly #elements: number;
  readonly #values: number;
  readonly #sets: readonly number[];
  /** By CPU: refills and misses so far, and the misses since the last refill. */
  readonly #refills: number[] = [];
  readonly #misses: number[] = [];
  readonly #stretch: number[] = [];
  #burst = 0;
  #peakEntries = 0;
  #peakBytes = 0;

  constructor(arena: Arena, loaded: LoadedMap) {
    const { info } = loaded.map;
    this.name = loaded.spec.name;
    this.#arena = arena;
    this.#loaded = loaded;
    this.#sizes = linuxSizes(info, arena.cpus);
    this.#elements = arena.word(info.address + LAYOUT.MapHeader.elements);
    this.#values = info.kind.perCpu ? arena.word(info.address + LAYOUT.MapHeader.values) : 0;
    this.#sets = [this.#elements, this.#values].filter((set) => set !== 0);
  }

  look(): void {
    const entries = this.#arena.core.mapCount(this.#loaded.map.info.address);
    if (entries > this.#peakEntries) this.#peakEntries = entries;
    const bytes = this.#bytes();
    if (bytes > this.#peakBytes) this.#peakBytes = bytes;
    this.#lookAtCache(this.#arena.cpu);
  }

  /** Of the CPU that had the event. A refill comes before an event's own updates, or interrupts did not come on. */
  #lookAtCache(cpu: number): void {
    let refills = 0;
    let misses = 0;
    for (const set of this.#sets) {
      const cache = cacheAddress(set, cpu);
      refills += this.#arena.word(cache + LAYOUT.Cache.refills);
      misses += total(readMisses(this.#arena, cache));
    }
    const more = misses - (this.#misses[cpu] ?? 0);
    const stretch = refills === (this.#refills[cpu] ?? 0) ? (this.#stretch[cpu] ?? 0) + more : more;
    this.#refills[cpu] = refills;
    this.#misses[cpu] = misses;
    this.#stretch[cpu] = stretch;
    if (stretch > this.#burst) this.#burst = stretch;
  }

  #bytes(): number {
    const { core } = this.#arena;
    const { buckets, element, value } = this.#sizes;
    const values = this.#values === 0 ? 0 : core.allocatorOwned(this.#values) * value;
    return buckets + core.allocatorOwned(this.#elements) * element + values;
  }

  observed(): Observed {
    const { info } = this.#loaded.map;
    const misses = noMisses();
    for (const cache of cacheStatistics(this.#arena, info))
      for (const context of CONTEXTS) misses[context] += cache.misses[context];
    const entries = this.#arena.core.mapCount(info.address);
    const bytes = this.#bytes();
    const [peakEntries, peakBytes] = [Math.max(entries, this.#peakEntries), Math.max(bytes, this.#peakBytes)];
    return { entries, peakEntries, bytes, peakBytes, misses, burst: this.#burst };
  }
}
