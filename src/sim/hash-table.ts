/**
 * A hash map as bodies use it: every operation is written down with its result, and at rest the history has to be one
 * that a map could have had (linearizable), with the entries that are really there.
 */

import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { checkElements } from "./checks/elements.ts";
import { checkHistory, type Operation, type Result } from "./checks/linearizable.ts";
import { bucketsOf, checkTable } from "./checks/table.ts";
import { type EntryFormat, entryFormat } from "./entry-format.ts";
import { type Call, LEVELS } from "./fiber.ts";
import { Finding } from "./finding.ts";
import { hex } from "./objects.ts";
import type { World } from "./world.ts";

type Calls<T> = Generator<Call, T, number>;

export const FLAGS = { any: 0, noexist: 1, exist: 2 } as const;

/** What a scenario prepares: the map and its arguments in memory. */
export interface PreparedHash {
  readonly world: World;
  readonly map: number;
  readonly keys: readonly number[];
  /** Places for values: that are read, and that are written. */
  readonly into: number;
  readonly from: number;
  /** For two that belong together: `roomForPairs`. */
  readonly pairs?: number;
  readonly format: EntryFormat;
}

/**
 * Puts keys 1 to `keys` into scratch, and room for values. All words of a value are the same number.
 * @param caches whether every cache is refilled once, so that runs are about the map and not about its first element
 */
export function prepareHash(
  world: World,
  map: number,
  keys: number,
  caches: "filled" | "as created" = "filled",
): PreparedHash {
  const format = entryFormat(world, map);
  const addresses = Array.from({ length: keys }, (_, index) => format.placeKey(index + 1));
  const { room } = format;
  const values = world.scratch(room * 32);
  for (let place = 0; place < 16; place++) format.clear(values + place * room);
  for (const cpu of caches === "filled" ? world.areas.keys() : []) {
    world.callOn(cpu, "hashUpdate", map, addresses[0] as number, values, 0);
    world.callOn(cpu, "hashDelete", map, addresses[0] as number);
  }
  return {
    world,
    map,
    keys: addresses,
    into: values,
    from: values + room * 16,
    format,
  };
}

/** With room for what `add` and `exchange` are given. */
export function roomForPairs(prepared: PreparedHash): PreparedHash {
  return { ...prepared, pairs: prepared.world.scratch(prepared.format.room * 32) };
}

/** Values that are there from the start are above all others. */
export const FIRST_VALUE = 1000;

/** Puts keys into the map before anything runs. Only while setting up. */
export function putKeys({ world, map, keys, from, format }: PreparedHash, wanted: readonly number[]): void {
  for (const key of wanted) {
    format.write(from, FIRST_VALUE + key);
    const refused = world.call("hashUpdate", map, keys[key - 1] as number, from, 0);
    if (refused !== 0) throw new Finding("scenario", `key ${key} cannot be put into the map: ${refused | 0}`);
  }
}

/**
 * Keys that share the bucket of key 1: as many as it takes until one of them is chained behind it, the last one, then
 * `more`. Whatever a bucket has room for. Only while setting up: all of them are gone again afterwards.
 */
export function overflowingKeys(prepared: PreparedHash, more: number): number[] {
  const { world, map, keys } = prepared;
  const bucket = bucketOfKey(prepared, 1);
  const sharing = keys.map((_, index) => index + 1).filter((key) => bucketOfKey(prepared, key) === bucket);
  const chain = bucket + CONSTANTS.OVERFLOW;
  let count = 0;
  while (world.memory.load(chain) === 0 && count < sharing.length) putKeys(prepared, [sharing[count++] as number]);
  for (const key of sharing.slice(0, count)) world.call("hashDelete", map, keys[key - 1] as number);
  if (sharing.length < count + more) throw new Finding("scenario", `only ${sharing.length} keys share a bucket`);
  return sharing.slice(0, count + more);
}

/** The address of the bucket that a key lies in, by putting it there. Only while setting up. */
export function bucketOfKey({ world, map, keys, from }: PreparedHash, key: number): number {
  const address = keys[key - 1] as number;
  world.call("hashUpdate", map, address, from, 0);
  const slots = Number(CONSTANTS.SLOT_MASK);
  const used = bucketsOf(world, map).find((bucket) => (world.memory.load(bucket.address) & slots) !== 0);
  world.call("hashDelete", map, address);
  return used?.address as number;
}

const ENOENT = 2;
/** A number of 4 bytes (core/base/number.ts). */
const U32 = 2;

type Recorded = { -readonly [K in keyof Operation]: Operation[K] };

/**
 * A hash in the hands of a scenario's bodies: what each operation returned is kept, and `check` asks whether one map could have
 * answered so.
 *
 * @example
 * ```ts
 * import { HashTable, prepareHash, simulate, task } from "anyctx/sim";
 *
 * const report = await simulate({
 *   name: "set beside delete",
 *   cpus: 2,
 *   prepare(world) {
 *     const prepared = prepareHash(world, world.createHash({ maxEntries: 4 }), 2);
 *     return () => {
 *       const table = new HashTable(prepared);
 *       function* set() {
 *         yield* table.update(1);
 *         yield* table.get(1);
 *       }
 *       function* remove() {
 *         yield* table.delete(1);
 *       }
 *       return { fibers: [task(0, set), task(1, remove)], atRest: () => table.check() };
 *     };
 *   },
 * });
 * console.log(report.failure); // undefined
 * ```
 */
export class HashTable {
  readonly #prepared: PreparedHash;
  readonly #history: Operation[] = [];
  /** Values never repeat, so that a result says which update it saw. */
  #values = 0;
  #clock = 0;
  readonly #initial: ReadonlyMap<number, number>;

  constructor(prepared: PreparedHash) {
    this.#prepared = prepared;
    this.#initial = this.#contents();
  }

  *update(key: number, flags: number = FLAGS.any): Calls<number> {
    const number = ++this.#values;
    const { from, format } = this.#prepared;
    const address = from + (number % 16) * format.room;
    format.write(address, number);
    const value = format.read(address);
    return (yield* this.#record({ type: "update", key, flags, value }, [
      "hashUpdate",
      this.#prepared.map,
      this.#key(key),
      address,
      flags,
    ])).errno;
  }

  *delete(key: number): Calls<number> {
    return (yield* this.#record({ type: "delete", key }, ["hashDelete", this.#prepared.map, this.#key(key)])).errno;
  }

  /**
   * Deletes what is there, some buckets a call.
   * @param cpu the one that does
   * @param list room of so many bytes
   */
  *clear(cpu: number, list: number, bytes: number): Calls<void> {
    const { world, map, keys } = this.#prepared;
    const all = keys.map((_, index) => this.#begin({ type: "clear", key: index + 1 }));
    for (let place = 0, begun = false; place !== 0 || !begun; begun = true) {
      const errno = (yield ["hashClear", map, place, list, bytes]) | 0;
      if (errno !== 0) throw new Finding("clear", `an entry cannot be deleted: ${errno}`);
      place = world.field(world.areas[cpu] as number, "CpuArea", "scanNext");
    }
    for (const operation of all) this.#end(operation, { errno: 0, value: 0 });
  }

  /** Adds to a key's value, of 4 bytes: the sum. */
  *add(key: number, value: number): Calls<number> {
    const { world, map } = this.#prepared;
    // A word for the number, one that a sum does not need, and room for a value of one.
    const address = this.#pairs() + (this.#clock % 8) * 24;
    world.memory.store(address, value);
    world.memory.store(address + 4, 0);
    const call: Call = ["hashChange", map, this.#key(key), 0, U32, address];
    return (yield* this.#record({ type: "add", key, value }, call, address)).value;
  }

  /** Replaces a key's value by another one where it is as expected; with nothing to replace it by, the key goes. */
  *exchange(key: number, expected: number, becomes: "another" | "nothing"): Calls<number> {
    const { map, format } = this.#prepared;
    const { room } = format;
    const number = ++this.#values;
    const address = this.#pairs() + (number % 16) * 2 * room;
    format.write(address, expected);
    format.write(address + room, number);
    const value = becomes === "another" ? number : 0;
    const call: Call =
      value === 0
        ? ["hashCompareDelete", map, this.#key(key), address]
        : ["hashCompareUpdate", map, this.#key(key), address, address + room];
    return (yield* this.#record({ type: "exchange", key, expected, value }, call)).errno;
  }

  /** The value of a key, 0 if it is not there. */
  *get(key: number): Calls<number> {
    const { map, format } = this.#prepared;
    const into = this.#prepared.into + (this.#clock % 16) * format.room;
    const call: Call = [format.get, map, this.#key(key), into];
    return (yield* this.#record({ type: "get", key }, call, into)).value;
  }

  /** Whether a lookup finds the key; in a read section of its own. */
  *lookup(key: number): Calls<boolean> {
    yield ["readEnter"];
    const operation = this.#begin({ type: "lookup", key });
    const found = (yield [this.#prepared.format.lookup, this.#prepared.map, this.#key(key)]) !== 0;
    this.#end(operation, { errno: found ? 0 : -ENOENT, value: 0 });
    yield ["readLeave"];
    return found;
  }

  /** Prefills on the CPU that asks. */
  *prefill(count: number): Calls<number> {
    return (yield ["mapPrefill", this.#prepared.map, count]) | 0;
  }

  #pairs(): number {
    const { pairs } = this.#prepared;
    if (pairs === undefined) throw new Finding("scenario", "there is no room for two values");
    return pairs;
  }

  #key(key: number): number {
    return this.#prepared.keys[key - 1] as number;
  }

  #begin(what: Operation["what"]): Recorded {
    const operation = { what, called: this.#clock++, returned: Number.POSITIVE_INFINITY, result: undefined };
    this.#history.push(operation);
    return operation;
  }

  #end(operation: Recorded, result: Result): void {
    operation.result = result;
    operation.returned = this.#clock++;
  }

  *#record(what: Operation["what"], call: Call, into = 0): Calls<Result> {
    const operation = this.#begin(what);
    const errno = (yield call) | 0;
    const result = { errno, value: errno === 0 && into !== 0 ? this.#prepared.format.read(into) : 0 };
    this.#end(operation, result);
    return result;
  }

  /** The entries that are in the buckets, key to element. */
  entries(): Map<number, number> {
    const { world, map, format } = this.#prepared;
    const { memory } = world;
    const found = new Map<number, number>();
    const put = (element: number): void => {
      const key = format.keyIn(element);
      if (found.has(key)) throw new Finding("key twice", `key ${key} is in the map twice`);
      found.set(key, element);
    };
    const [overflow, elements, slots] = [CONSTANTS.OVERFLOW, CONSTANTS.ELEMENTS, CONSTANTS.SLOT_COUNT];
    for (const { address: bucket, isDead } of bucketsOf(world, map)) {
      const control = memory.load(bucket);
      const owner = control >>> CONSTANTS.OWNER_SHIFT;
      if (owner !== 0)
        throw new Finding("lock held", `the bucket at ${hex(bucket)} is locked at rest by CPU ${owner - 1}`);
      // A dead bucket has nothing, whatever its chain says.
      if (isDead) continue;
      for (let slot = 0; slot < slots; slot++)
        if ((control >>> (CONSTANTS.SLOT_SHIFT + slot)) & 1) put(memory.load(bucket + elements + 4 * slot));
      for (let element = memory.load(bucket + overflow); element !== 0; ) element = this.#next(element, put);
    }
    return found;
  }

  #next(element: number, put: (element: number) => void): number {
    put(element);
    return this.#prepared.world.memory.load(element + CONSTANTS.ELEMENT_NEXT);
  }

  /** Key to value, as the buckets have them. */
  #contents(): Map<number, number> {
    const { valueIn } = this.#prepared.format;
    return new Map([...this.entries()].map(([key, element]) => [key, valueIn(element)]));
  }

  /** Whatever is in the buckets is found there: no tag, depth or class says otherwise. */
  #checkFound(entries: ReadonlyMap<number, number>): void {
    const { world, map, into, format } = this.#prepared;
    for (const key of entries.keys()) {
      const errno = world.call(format.get, map, this.#key(key), into) | 0;
      if (errno !== 0) throw new Finding("key missed", `key ${key} is in its bucket and a get says ${errno}`);
    }
  }

  /** History, entries, counts, the table, and that each element and value is in one place. */
  check(): void {
    const { world, map } = this.#prepared;
    checkTable(world, map);
    const evicts = world.field(map, "MapHeader", "ring") !== 0;
    checkHistory(this.#history, this.#contents(), this.#initial, evicts);
    const entries = this.entries();
    this.#checkFound(entries);
    const elements = new Set(entries.values());
    const count = world.call("mapCount", map);
    checkPlaces(world, map, elements.size, evicts);
    checkElements(world, map, elements);
    if (count !== elements.size)
      throw new Finding("map count", `the map counts ${count} entries and has ${elements.size}`);
  }
}

/**
 * Never more entries than may be. The places that are given out are those that CPUs have, and more where a thread died between
 * the two; a map that evicts is bounded by its slots.
 */
function checkPlaces(world: World, map: number, entries: number, evicts: boolean): void {
  const most = world.field(map, "MapHeader", "maxEntries");
  const places = world.field(map, "MapHeader", "places");
  if (entries > most) throw new Finding("too many", `${entries} entries in a map of ${most}`);
  if (evicts) return;
  let given = 0;
  for (const cpu of world.areas.keys())
    for (const level of LEVELS.keys()) {
      const counts = map + CONSTANTS.MAP_BYTES + cpu * CONSTANTS.MAP_CPU_BYTES + LAYOUT.MapCpu.counts;
      given += world.field(counts + level * CONSTANTS.LEVEL_COUNT_BYTES, "LevelCount", "places") | 0;
    }
  if (given > places || (given < places && world.dead.size === 0))
    throw new Finding("map count", `${places} places are given out, CPUs have ${given}`);
}
