/**
 * A shared map against JavaScript's own, unshared one: u32 -> u64, set+delete from TypeScript on one thread, in the
 * same process and in turn. What a `Map` costs depends on how it is used, so there are several shapes of use.
 */
import { Arena } from "../arena/arena.ts";
import { u32, u64 } from "../maps/codec.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** What both sides of the comparison can do. */
interface SetDelete {
  set(key: number, value: bigint): unknown;
  delete(key: number): boolean;
}

interface Shape {
  readonly name: string;
  readonly doc: string;
  /** Elements that are in the map throughout. */
  readonly live: number;
  /** max_entries of the arena's map; a Map has no bound. */
  readonly maxEntries: number;
  readonly run: (map: SetDelete, pairs: number) => void;
}

/** A new value each time, as counters and times are: a Map keeps the bigint itself, the arena its 8 bytes. */
const newValue = (index: number): bigint => BigInt(index * 0x10_0000);

/** Values that exist already: what is left of the difference when making and keeping bigints costs nothing. */
const OLD_VALUES = Array.from({ length: 64 }, (_, index) => newValue(index));
const oldValue = (index: number): bigint => OLD_VALUES[index & 63] ?? 0n;

/** Keys all over the 32 bits, as hashes, addresses and identifiers are. */
const keyOf = (index: number): number => Math.imul(index, 0x9e3779b1) >>> 0;

const PAIRS = 200_000;

const SHAPES: readonly Shape[] = [
  inTurn("same keys", "64 keys in turn, each deleted as soon as it is set; every value is new", newValue),
  inTurn("same keys, old values", "the same with values that exist already", oldValue),
  slidingWindow(1000),
  slidingWindow(100_000),
  fillAndEmpty(10_000),
  fillAndEmpty(100_000),
];

function inTurn(name: string, doc: string, makeValue: (index: number) => bigint): Shape {
  return {
    name,
    doc,
    live: 0,
    maxEntries: 1000,
    run: (map, pairs) => {
      for (let index = 0; index < pairs; index++) {
        const key = keyOf(index & 63);
        map.set(key, makeValue(index));
        map.delete(key);
      }
    },
  };
}

/** A batch: everything is set, then everything deleted. */
function fillAndEmpty(entries: number): Shape {
  const name = entries.toLocaleString("en");
  return {
    name: `fill and empty ${name}`,
    doc: `${name} keys set, then all deleted`,
    live: 0,
    maxEntries: entries,
    run: (map, pairs) => {
      for (let round = 0; round < pairs / entries; round++) {
        for (let index = 0; index < entries; index++) map.set(keyOf(index), newValue(index));
        for (let index = 0; index < entries; index++) map.delete(keyOf(index));
      }
    },
  };
}

/** Sessions, flows, timers: a new key is set, the oldest one deleted. */
function slidingWindow(live: number): Shape {
  return {
    name: `window of ${live.toLocaleString("en")}`,
    doc: `a new key is set, the oldest of ${live.toLocaleString("en")} deleted`,
    live,
    maxEntries: live * 2,
    run: (map, pairs) => {
      for (let index = 0; index < live; index++) map.set(keyOf(index), newValue(index));
      for (let index = 0; index < pairs; index++) {
        map.set(keyOf(index + live), newValue(index));
        map.delete(keyOf(index));
      }
      for (let index = 0; index < live; index++) map.delete(keyOf(index + pairs));
    },
  };
}

export interface MapsRow {
  readonly shape: string;
  readonly doc: string;
  /** Nanoseconds per set+delete pair. */
  readonly arena: Spread;
  readonly native: Spread;
  /** How many times as fast the arena's map is: median of the rounds' own ratios. */
  readonly ratio: Spread;
}

function time(shape: Shape, map: SetDelete): number {
  const begin = performance.now();
  shape.run(map, PAIRS);
  return ((performance.now() - begin) * 1e6) / (PAIRS + shape.live);
}

/**
 * @param rounds runs of each side and shape, in turn, after two that warm up
 * @param progress called with the share that is done, 0 to 1
 */
export async function measureMaps(
  rounds = 11,
  progress: (share: number) => void = () => undefined,
): Promise<MapsRow[]> {
  const arena = await Arena.create({ maximumBytes: 1 << 28, cpus: 4 });
  const rows: MapsRow[] = [];
  for (const [index, shape] of SHAPES.entries()) {
    const { name, maxEntries } = shape;
    const map = arena.createMap({ type: "hash", name, key: u32, value: u64, maxEntries });
    // A Map that has grown stays slower: each shape gets a new one, as it gets a new map of the arena.
    const native = new Map<number, bigint>();
    const taken: { arena: number; native: number }[] = [];
    for (let round = -2; round < rounds; round++) {
      const pair = { arena: time(shape, map), native: time(shape, native) };
      if (round >= 0) taken.push(pair);
      progress((index + (round + 2) / (rounds + 2)) / SHAPES.length);
    }
    rows.push({
      shape: name,
      doc: shape.doc,
      arena: spreadOf(taken.map((each) => each.arena)),
      native: spreadOf(taken.map((each) => each.native)),
      ratio: spreadOf(taken.map((each) => each.native / each.arena)),
    });
    arena.destroyMap(name);
  }
  return rows;
}
