/** A dynamic hash that is looked at after every event of a replay: entries, memory, and updates that found nothing. */
import type { Arena } from "../../arena/arena.ts";
import { type Misses, noMisses, readMisses, totalMisses } from "../../arena/caches.ts";
import { cacheStatistics } from "../../arena/statistics.ts";
import { CONTEXTS } from "../../events/record.ts";
import { type LoadedMap, qualifiedName } from "../../load/maps.ts";
import { type DynamicState, NOTHING_OWNED, ownedState } from "../../replay/linux-memory.ts";
import { LAYOUT } from "../../wasm/face.ts";
import { cacheAddress } from "../../wasm/sets.ts";
import { isAttempt, type UpdateHook } from "../updates.ts";
import { type Forecast, forecastUpdates } from "./forecast.ts";

/** What one replay saw of a hash. */
export interface Observed {
  readonly entries: number;
  readonly peakEntries: number;
  /** Whether there were nearly as many halfway: if not, a longer trace would show more. */
  readonly isSettled: boolean;
  /** At the end, and when it owned the most. */
  readonly state: DynamicState;
  readonly peakState: DynamicState;
  /** Updates that asked for an element. */
  readonly updates: number;
  readonly misses: Misses;
  /** Inserts of user space among them. */
  readonly userMisses: number;
  /** Most misses of a CPU between two refills. */
  readonly burst: number;
}

/** A peak is noted again when it is so many times the one before. */
const NOTED = 1.02;
/** From halfway to the end what grows without end doubles; what has settled grows by no more than this. */
const SETTLED = 1.25;

export class Watched {
  /** With the object's label in front, where there are several. */
  readonly name: string;
  readonly loaded: LoadedMap;
  /** What the programs' updates go through. */
  readonly hook: UpdateHook;
  readonly #arena: Arena;
  readonly #forecast: Forecast | undefined;
  /** Caches of the elements, and of a per-CPU hash's values. */
  readonly #sets: readonly number[];
  /** By CPU: refills and misses so far, and the misses since the last refill. */
  readonly #refills: number[] = [];
  readonly #misses: number[] = [];
  readonly #stretch: number[] = [];
  /** Peaks as they grew, with the event that each came at. */
  readonly #peaks: { readonly event: number; readonly entries: number }[] = [];
  #events = 0;
  #updates = 0;
  #burst = 0;
  #peakEntries = 0;
  #peak: DynamicState = NOTHING_OWNED;

  /** @param forecast of a kernel with (true) or without PREEMPT_RT; undefined: what the arena does counts */
  constructor(arena: Arena, loaded: LoadedMap, forecast: boolean | undefined) {
    const { info } = loaded.map;
    this.name = qualifiedName(loaded.spec.name, loaded.objects);
    this.loaded = loaded;
    this.#arena = arena;
    this.#forecast = forecast === undefined ? undefined : forecastUpdates(arena, info, forecast);
    const parts = info.kind.perCpu ? (["elements", "values"] as const) : (["elements"] as const);
    this.#sets = parts.map((part) => arena.word(info.address + LAYOUT.MapHeader[part])).filter((set) => set !== 0);
    const inner = this.#forecast?.hook ?? ((update: () => number) => update());
    this.hook = (update, request) => {
      const result = inner(update, request);
      this.count(result);
      return result;
    };
  }

  /** Counts an update that did not come from a program too. */
  count(result: number): void {
    if (isAttempt(result)) this.#updates++;
  }

  /** After every event. */
  look(): void {
    this.#events++;
    const state = this.state();
    if (state.entries > this.#peakEntries) this.#notePeak(state.entries);
    if (isMore(state, this.#peak)) this.#peak = state;
    this.#lookAtCache(this.#arena.cpu);
  }

  #notePeak(entries: number): void {
    this.#peakEntries = entries;
    const last = this.#peaks.at(-1);
    if (last === undefined || entries >= last.entries * NOTED) this.#peaks.push({ event: this.#events, entries });
  }

  /** Of the CPU that had the event. A refill comes before an event's own updates, or interrupts did not come on. */
  #lookAtCache(cpu: number): void {
    let refills = 0;
    let misses = 0;
    for (const set of this.#sets) {
      const cache = cacheAddress(set, cpu);
      refills += this.#arena.word(cache + LAYOUT.Cache.refills);
      misses += totalMisses(readMisses(this.#arena, cache));
    }
    const more = misses - (this.#misses[cpu] ?? 0);
    const stretch = refills === (this.#refills[cpu] ?? 0) ? (this.#stretch[cpu] ?? 0) + more : more;
    this.#refills[cpu] = refills;
    this.#misses[cpu] = misses;
    this.#stretch[cpu] = stretch;
    if (stretch > this.#burst) this.#burst = stretch;
  }

  /** A slab without caches has what is live, and nothing besides. */
  state(): DynamicState {
    const { info } = this.loaded.map;
    if (this.#forecast === undefined) return ownedState(this.#arena, info);
    const entries = this.#arena.core.mapCount(info.address);
    return { entries, ownedElements: entries, ownedValues: info.kind.perCpu ? entries : 0 };
  }

  #cacheMisses(): Misses {
    const misses = noMisses();
    for (const cache of cacheStatistics(this.#arena, this.loaded.map.info))
      for (const context of CONTEXTS) misses[context] += cache.misses[context];
    return misses;
  }

  observed(): Observed {
    const state = this.state();
    const half = this.#peaks.findLast(({ event }) => event <= this.#events / 2)?.entries ?? 0;
    const peakEntries = Math.max(state.entries, this.#peakEntries);
    return {
      entries: state.entries,
      peakEntries,
      isSettled: half * SETTLED >= peakEntries,
      state,
      peakState: isMore(state, this.#peak) ? state : this.#peak,
      updates: this.#updates,
      misses: this.#forecast?.misses ?? this.#cacheMisses(),
      userMisses: 0,
      burst: this.#forecast === undefined ? this.#burst : 0,
    };
  }
}

/** Objects of one hash are all alike: who owns more of them takes more memory; of the same memory more may be in use. */
function isMore(one: DynamicState, other: DynamicState): boolean {
  const more = one.ownedElements + one.ownedValues - other.ownedElements - other.ownedValues;
  return more > 0 || (more === 0 && one.entries > other.entries);
}
