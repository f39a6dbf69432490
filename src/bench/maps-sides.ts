/** Both sides of a row of `bench maps`, with the same in them, and a round of each in turn. */
import type { Arena } from "../arena/arena.ts";
import type { ArenaMap } from "../maps/map.ts";
import type { Input, MapLike } from "./maps-loops.ts";
import { COMING_KEYS, type LoopName, type Workload } from "./maps-workloads.ts";

/** A copy of maps-loops.ts. */
export type Loops = typeof import("./maps-loops.ts");

/** Nanoseconds per operation. */
export interface MapsRound {
  readonly arena: number;
  readonly other: number;
}

export interface Sides {
  readonly map: ArenaMap<unknown, unknown>;
  readonly other: MapLike<unknown, unknown> & { readonly size: number };
  /** @param index of the round: where there are more keys than one round goes through, each goes on where the last ended */
  readonly run: (index: number) => MapsRound;
}

/** Operations of a round, or one pass over all keys if these are more. */
const OPERATIONS = 500_000;

type Loop = (map: MapLike<unknown, unknown>, input: Input) => number;

/** @param begin the first index @returns so many indices, in their order */
function indicesFrom(begin: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, index) => begin + index);
}

/** In an order that has nothing to do with the one in which they were set, and is the same at every run. */
function mixed(indices: Uint32Array): Uint32Array {
  let state = 1;
  for (let index = indices.length - 1; index > 0; index--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (index + 1));
    const value = indices[index] as number;
    indices[index] = indices[other] as number;
    indices[other] = value;
  }
  return indices;
}

/** Which indices a use goes through, if those of `entries` are in the maps. */
const WALKED: Readonly<Record<Workload["use"]["keys"], (entries: number) => Uint32Array>> = {
  present: (entries) => mixed(indicesFrom(0, entries)),
  absent: (entries) => mixed(indicesFrom(entries, entries)),
  coming: (entries) => indicesFrom(entries, COMING_KEYS),
  all: (entries) => indicesFrom(0, entries),
};

function time(loop: Loop, map: MapLike<unknown, unknown>, input: Input): number {
  const begin = performance.now();
  const operations = loop(map, input);
  return ((performance.now() - begin) * 1e6) / operations;
}

/** What a round goes through. */
function inputOf(keys: ArrayLike<unknown>, wholly: boolean, round: number): Input {
  const width = wholly ? keys.length : Math.min(keys.length, OPERATIONS);
  const from = (round % Math.floor(keys.length / width)) * width;
  return { keys, from, to: from + width, passes: Math.max(1, Math.floor(OPERATIONS / width)) };
}

/** @param loopsOf a copy for each side */
export function makeSides(
  arena: Arena,
  { contents, use, entries }: Workload,
  loopsOf: { readonly arena: Loops; readonly other: Loops },
): Sides {
  const { key, value, keysAt, valueAt } = contents;
  const map = arena.createMap({ type: "hash", name: "bench", key, value, maxEntries: 2 * (entries + COMING_KEYS) });
  const native = new Map<unknown, unknown>();
  if (use.keys !== "all") {
    const present = indicesFrom(0, entries);
    const keys = keysAt(present);
    for (const index of present) {
      map.set(keys[index], valueAt(index));
      if (use.beside === "Map") native.set(keys[index], valueAt(index));
    }
  }
  const keys = keysAt(WALKED[use.keys](entries));
  const other = use.beside === "Map" ? native : map;
  const pick = (loops: Loops, name: LoopName): Loop => loops[name] as Loop;
  const arenaLoop = pick(loopsOf.arena, use.loop);
  const otherLoop = pick(loopsOf.other, use.otherLoop ?? use.loop);
  return {
    map,
    other,
    run: (round) => {
      const input = inputOf(keys, use.keys === "all", round);
      return { arena: time(arenaLoop, map, input), other: time(otherLoop, other, input) };
    },
  };
}
