/**
 * What to do with an object's hashes on the events of a trace: preallocate them as most objects do, or make them
 * dynamic, with or without a prefill. Each figure is that of a replay in profile `linux`, with every hash dynamic, on a
 * kernel with PREEMPT_RT and on one without.
 */

import { Arena } from "../arena/arena.ts";
import { type Misses, noMisses } from "../arena/caches.ts";
import { cacheStatistics } from "../arena/statistics.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import { CONTEXTS } from "../events/record.ts";
import { type LoadedMap, loadObject } from "../load/load.ts";
import { type MapType, NO_PREALLOC } from "../maps/kinds.ts";
import type { InterruptRule } from "../replay/interrupts.ts";
import { replay } from "../replay/ordered.ts";
import { LAYOUT } from "../wasm/face.ts";
import { leastThat } from "./bisect.ts";
import { type LinuxSizes, linuxSizes } from "./linux-size.ts";
import type { OpenStream } from "./recording.ts";

export interface AdviseOptions {
  readonly cpus: number;
  readonly rule: InterruptRule;
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

export type Verdict = "keep prealloc" | "go dynamic" | "dynamic with prefill" | "no advice";

export interface KernelAdvice {
  readonly realTime: boolean;
  /** At the end of the trace, and the most at any event. */
  readonly entries: number;
  readonly peakEntries: number;
  /** Of the dynamic hash with its prefill: what is live and what its caches hold, at the end and at most. */
  readonly bytes: number;
  readonly peakBytes: number;
  /** Updates that got -ENOMEM without a prefill. */
  readonly misses: Misses;
  /** The same in sum with watermarks that follow what was observed (docs/thresholds.md) instead of Linux's. */
  readonly missesAdaptive: number;
  /** The fewest objects prefilled on each CPU with which there are no misses; left out: none is enough. */
  readonly prefill?: number;
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
}

type Prefills = ReadonlyMap<string, number>;

const NO_PREFILL: Prefills = new Map();
const MEMORY_BYTES = 2 ** 32;
const SEED = 1;
/** Where the search for a prefill begins; it doubles from here. */
const FIRST_PREFILL = 64;
const MOST_PREFILL = 1 << 20;

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
  const plain = await replays.run({ realTime, prefills: NO_PREFILL, adaptive: false });
  const misses = [...plain.values()].some((each) => total(each.misses) > 0);
  const prefills = misses ? await smallestPrefills(replays, realTime) : NO_PREFILL;
  const adaptive = misses ? await replays.run({ realTime, prefills: NO_PREFILL, adaptive: true }) : plain;
  const final =
    prefills === undefined || prefills.size === 0 ? plain : await replays.run({ realTime, prefills, adaptive: false });
  const advice = new Map<string, KernelAdvice>();
  for (const loaded of replays.maps) {
    const [before, after] = [plain.get(loaded.spec.name), final.get(loaded.spec.name)];
    if (before === undefined || after === undefined) continue;
    const missesAdaptive = total((adaptive.get(loaded.spec.name) ?? before).misses);
    const prefill = total(before.misses) === 0 ? 0 : prefills?.get(loaded.spec.name);
    advice.set(loaded.spec.name, adviceOn(loaded, replays.cpus, { realTime, before, after, missesAdaptive, prefill }));
  }
  return advice;
}

interface Findings {
  readonly realTime: boolean;
  /** Without a prefill, and with it. */
  readonly before: Observed;
  readonly after: Observed;
  readonly missesAdaptive: number;
  readonly prefill: number | undefined;
}

function adviceOn({ map }: LoadedMap, cpus: number, findings: Findings): KernelAdvice {
  const { realTime, before, after, missesAdaptive, prefill } = findings;
  const { preallocated } = linuxSizes(map.info, cpus);
  const { entries, peakEntries, bytes, peakBytes } = after;
  return {
    ...{ realTime, entries, peakEntries, bytes, peakBytes, misses: before.misses, missesAdaptive },
    ...(prefill === undefined ? {} : { prefill }),
    ...judge(findings, preallocated, map.info.maxEntries),
  };
}

/** Dynamic has to take at most so much of the preallocated memory to be worth a change. */
const WORTHWHILE = 0.8;

function judge(
  { before, after, prefill }: Findings,
  preallocated: number,
  maxEntries: number,
): Pick<KernelAdvice, "verdict" | "reason"> {
  const misses = total(before.misses);
  if (after.peakEntries === 0 && misses === 0)
    return { verdict: "no advice", reason: "this trace puts no entry into it" };
  const full = after.peakEntries >= maxEntries ? "; it was full: max_entries is too small" : "";
  if (prefill === undefined) return { verdict: "keep prealloc", reason: `no prefill removes all misses${full}` };
  const share = after.peakBytes / preallocated;
  const memory = `${percent(share)} of the memory${full}`;
  if (share > WORTHWHILE) {
    const how = prefill === 0 ? "" : `, with the prefill of ${prefill} that it needs,`;
    return { verdict: "keep prealloc", reason: `dynamic${how} it takes ${memory}` };
  }
  if (prefill === 0) return { verdict: "go dynamic", reason: `no update fails, ${memory}` };
  return {
    verdict: "dynamic with prefill",
    reason: `${misses} ${misses === 1 ? "update fails" : "updates fail"} without, ${memory}`,
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function total(misses: Misses): number {
  return CONTEXTS.reduce((sum, context) => sum + misses[context], 0);
}

/** The smallest prefill of each map with which none misses, the others having enough; undefined where none is enough. */
async function smallestPrefills(replays: Replays, realTime: boolean): Promise<Prefills | undefined> {
  const suffices = async (prefills: Prefills): Promise<boolean> => {
    const seen = await replays.run({ realTime, prefills, adaptive: false });
    return [...seen.values()].every(({ misses }) => total(misses) === 0);
  };
  // A map that missed nothing may miss when another one's updates succeed, so all of them are raised.
  let bound = FIRST_PREFILL;
  const atBound = (): Map<string, number> => new Map(replays.hashes.map((name) => [name, bound]));
  while (!(await suffices(atBound()))) {
    bound *= 2;
    if (bound > MOST_PREFILL) return undefined;
  }
  const found = atBound();
  for (const name of found.keys())
    found.set(name, await leastThat((count) => suffices(new Map([...found, [name, count]])), bound));
  return found;
}

interface ReplayOptions {
  readonly realTime: boolean;
  readonly prefills: Prefills;
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

  get hashes(): string[] {
    return this.maps.filter(({ map }) => map.info.kind.mayBeDynamic).map(({ spec }) => spec.name);
  }

  async run({ realTime, prefills, adaptive }: ReplayOptions): Promise<ReadonlyMap<string, Observed>> {
    const { cpus, rule } = this.#options;
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
        begin: () => prefillMaps(arena, maps, prefills),
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

/** Prefills on every CPU, as whoever creates a map does: in a task that may sleep, on RT too. */
function prefillMaps(arena: Arena, maps: readonly LoadedMap[], prefills: Prefills): void {
  const { realTime } = arena;
  arena.core.setRealTime(0);
  for (const { spec, map } of maps) {
    const count = prefills.get(spec.name) ?? 0;
    if (count > 0) arena.prefillAll(map, count);
  }
  arena.core.setRealTime(realTime ? 1 : 0);
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
  }

  look(): void {
    const entries = this.#arena.core.mapCount(this.#loaded.map.info.address);
    if (entries > this.#peakEntries) this.#peakEntries = entries;
    const bytes = this.#bytes();
    if (bytes > this.#peakBytes) this.#peakBytes = bytes;
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
    return { entries, peakEntries, bytes, peakBytes, misses };
  }
}
