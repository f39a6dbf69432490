/**
 * What is seen of a program's updates while it is played: the keys that were new, and the first update of each context
 * that got -ENOMEM. The program's host is the arena's, with every update of a hash going through here.
 */
import type { Arena } from "../../arena/arena.ts";
import { cacheStatistics } from "../../arena/statistics.ts";
import type { CoreFunction, ProgramHost } from "../../bpf/host.ts";
import { ERRNO } from "../../error.ts";
import type { Context } from "../../events/record.ts";
import { programHost } from "../../load/host.ts";
import type { LoadedMap } from "../../load/maps.ts";
import { UPDATE_FUNCTIONS } from "../updates.ts";

/** An update that got -ENOMEM. */
export interface Failure {
  readonly map: string;
  readonly context: Context;
  /** New keys that the map had got before, over all runs. */
  readonly inserted: number;
  /** Runs begun until then, those of interrupting contexts too. */
  readonly runs: number;
  /** Whether a refill was asked for when it failed: it comes when interrupts are on, too late for this update. */
  readonly workRaised: boolean;
}

/** What the updates of one play came to, and where it is: whoever plays keeps the latter up to date. */
export interface Observation {
  /** The first update that failed in each context. */
  readonly failures: Map<Context, Failure>;
  /** New keys by map. */
  readonly inserted: Map<string, number>;
  /** The first key that each map was updated with, and whether others came. */
  readonly firstKeys: Map<string, string>;
  keysVary: boolean;
  /** The context that runs now. */
  context: Context;
  /** Runs begun. */
  runs: number;
  /** Updates by map of the run that is under way: an interrupting run has its own. */
  updates: Map<string, number>;
}

export function newObservation(context: Context): Observation {
  return {
    ...{ failures: new Map(), inserted: new Map(), firstKeys: new Map(), keysVary: false },
    ...{ context, runs: 0, updates: new Map() },
  };
}

interface ObservedMap {
  readonly name: string;
  readonly keySize: number;
}

export class Observer {
  readonly #arena: Arena;
  /** The maps that may run out, the dynamic hashes, by address. */
  readonly #maps: ReadonlyMap<number, ObservedMap>;
  /** Undefined: nobody looks. */
  #observation: Observation | undefined;

  constructor(arena: Arena, maps: readonly LoadedMap[]) {
    this.#arena = arena;
    this.#maps = new Map(
      maps
        .filter(({ map }) => cacheStatistics(arena, map.info).length > 0)
        .map(({ spec, map }) => [map.info.address, { name: spec.name, keySize: map.info.keySize }]),
    );
  }

  /** Notes in `observation` what `action` does. */
  watch(observation: Observation, action: () => void): void {
    this.#observation = observation;
    try {
      action();
    } finally {
      this.#observation = undefined;
    }
  }

  /** The arena's host, with every update of a hash seen. */
  host(): ProgramHost {
    const host = programHost(this.#arena, () => undefined);
    const seen = UPDATE_FUNCTIONS.map((name) => [name, this.#seen(host.core[name] as CoreFunction)] as const);
    return { ...host, core: { ...host.core, ...Object.fromEntries(seen) } };
  }

  #seen(update: CoreFunction): CoreFunction {
    return (address, ...rest) => {
      const map = this.#maps.get(Number(address));
      const observation = this.#observation;
      if (map === undefined || observation === undefined) return update(address, ...rest);
      const { core } = this.#arena;
      const { name } = map;
      const { context, runs, updates, inserted } = observation;
      this.#noteKey(observation, map, Number(rest[0]));
      const before = core.mapCount(Number(address));
      const result = Number(update(address, ...rest));
      updates.set(name, (updates.get(name) ?? 0) + 1);
      const news = inserted.get(name) ?? 0;
      if (result === 0 && core.mapCount(Number(address)) > before) inserted.set(name, news + 1);
      if (result === -ERRNO.ENOMEM && !observation.failures.has(context)) {
        const workRaised = core.workPending() !== 0;
        observation.failures.set(context, { map: name, context, inserted: news, runs, workRaised });
      }
      return result;
    };
  }

  #noteKey(observation: Observation, { name, keySize }: ObservedMap, address: number): void {
    const key = String(new Uint8Array(this.#arena.memory.buffer, address, keySize));
    const first = observation.firstKeys.get(name);
    if (first === undefined) observation.firstKeys.set(name, key);
    else if (first !== key) observation.keysVary = true;
  }
}
