/**
 * The loops of `bench maps`, over whatever has `Map`'s shape. Each side of a comparison loads a copy of this file of its own
 * (maps-child.ts): a loop that had seen both kinds of map would be compiled for both, and slower for each.
 */

/** What both sides can do. */
export interface MapLike<K, V> {
  get(key: K): V | undefined;
  has(key: K): boolean;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
  forEach(visit: (value: V, key: K) => void): void;
  [Symbol.iterator](): IterableIterator<[K, V]>;
}

/** What only a map of the arena can do. */
interface BatchMap {
  getMany(keys: Uint32Array, values: BigUint64Array): number;
  scan(keys: Uint32Array, values: BigUint64Array, from: number): { readonly count: number; readonly next: number };
}

/** What a loop goes through: `keys` between `from` and `to`, so many times. */
export interface Input<Keys = ArrayLike<unknown>> {
  readonly keys: Keys;
  readonly from: number;
  readonly to: number;
  readonly passes: number;
}

type Bigints = MapLike<number, bigint>;
type Struct = { readonly count: number; readonly mean: number };
type Structs = MapLike<number, Struct>;

/** Values that exist already: a loop that sets these makes none. */
const OLD_BIGINT = 1n;
const OLD_NUMBER = 1;

/** Where what is kept goes, and sums and counts: a loop without any effect would not have to run. */
const kept: { value: unknown } = { value: undefined };

/** Keys in each batch, a power of two. */
export const BATCH = 1024;
/** Where keys and values that are read go, as numbers. */
const readKeys = new Uint32Array(BATCH);
const readValues = new BigUint64Array(BATCH);

/** A new value each time, as counters and times are: a Map keeps the bigint itself, the arena its 8 bytes. */
function newBigint(index: number): bigint {
  return BigInt(index * 0x10_0000);
}

/** @returns how many operations that was, as all of these */
export function get(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++)
      readValues[index & (BATCH - 1)] = map.get(keys[index] as number) as bigint;
  return passes * (to - from);
}

export function getAndKeep(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) kept.value = map.get(keys[index] as number);
  return passes * (to - from);
}

export function getStruct(map: Structs, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  let sum = 0;
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) {
      const value = map.get(keys[index] as number) as Struct;
      sum += value.count + value.mean;
    }
  kept.value = sum;
  return passes * (to - from);
}

export function getByText(map: MapLike<string, number>, { keys, from, to, passes }: Input<ArrayLike<string>>): number {
  let sum = 0;
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) sum += map.get(keys[index] as string) as number;
  kept.value = sum;
  return passes * (to - from);
}

export function miss(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  let missing = 0;
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) if (map.get(keys[index] as number) === undefined) missing++;
  return missing;
}

export function has(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  let there = 0;
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) if (map.has(keys[index] as number)) there++;
  return there;
}

export function overwrite(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) map.set(keys[index] as number, OLD_BIGINT);
  return passes * (to - from);
}

export function pairOld(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) {
      const key = keys[index] as number;
      map.set(key, OLD_BIGINT);
      map.delete(key);
    }
  return passes * (to - from);
}

export function pairNew(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) {
      const key = keys[index] as number;
      map.set(key, newBigint(index + pass));
      map.delete(key);
    }
  return passes * (to - from);
}

export function pairStruct(map: Structs, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) {
      const key = keys[index] as number;
      map.set(key, { count: index, mean: index / 4 });
      map.delete(key);
    }
  return passes * (to - from);
}

export function pairText(map: MapLike<string, number>, { keys, from, to, passes }: Input<ArrayLike<string>>): number {
  for (let pass = 0; pass < passes; pass++)
    for (let index = from; index < to; index++) {
      const key = keys[index] as string;
      map.set(key, OLD_NUMBER);
      map.delete(key);
    }
  return passes * (to - from);
}

export function fillAndEmpty(map: Bigints, { keys, from, to, passes }: Input<ArrayLike<number>>): number {
  for (let pass = 0; pass < passes; pass++) {
    for (let index = from; index < to; index++) map.set(keys[index] as number, newBigint(index + pass));
    for (let index = from; index < to; index++) map.delete(keys[index] as number);
  }
  return passes * (to - from);
}

export function forOf(map: Bigints, { passes }: Input): number {
  let entries = 0;
  for (let pass = 0; pass < passes; pass++)
    for (const [key, value] of map) {
      readKeys[entries & (BATCH - 1)] = key;
      readValues[entries & (BATCH - 1)] = value;
      entries++;
    }
  return entries;
}

export function forEach(map: Bigints, { passes }: Input): number {
  let entries = 0;
  for (let pass = 0; pass < passes; pass++)
    map.forEach((value, key) => {
      readKeys[entries & (BATCH - 1)] = key;
      readValues[entries & (BATCH - 1)] = value;
      entries++;
    });
  return entries;
}

/** @returns entries, as of the two above */
export function scan(map: BatchMap, { passes }: Input): number {
  let entries = 0;
  for (let pass = 0; pass < passes; pass++) {
    let next = 0;
    do {
      const step = map.scan(readKeys, readValues, next);
      entries += step.count;
      next = step.next;
    } while (next !== 0);
  }
  return entries;
}

/** Batches of gets, one by one, into an array. */
export function getEach(map: Bigints, { keys, from, to, passes }: Input<Uint32Array>): number {
  let entries = 0;
  for (let pass = 0; pass < passes; pass++)
    for (let at = from; at + BATCH <= to; at += BATCH) {
      for (let index = 0; index < BATCH; index++) readValues[index] = map.get(keys[at + index] as number) as bigint;
      entries += BATCH;
    }
  return entries;
}

export function getMany(map: BatchMap, { keys, from, to, passes }: Input<Uint32Array>): number {
  let entries = 0;
  for (let pass = 0; pass < passes; pass++)
    for (let at = from; at + BATCH <= to; at += BATCH)
      entries += map.getMany(keys.subarray(at, at + BATCH), readValues);
  return entries;
}
