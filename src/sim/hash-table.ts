/**
 * A hash map as bodies use it: every operation is written down with its result, and at rest the history has to be one
 * that a map could have had (linearizable), with the entries that are really there.
 */
import { checkHistory, type Operation, type Result } from "./checks/linearizable.ts";
import { checkLists } from "./checks/lists.ts";
import { constantOf } from "./core.ts";
import type { Call } from "./fiber.ts";
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
  /** For each fiber a place for a value to write and one for a value that is read. */
  readonly into: number;
  readonly from: number;
  readonly valueSize: number;
}

/** Puts keys 1 to `keys` into scratch, and room for values. All words of a value are the same number. */
export function prepareHash(world: World, map: number, keys: number): PreparedHash {
  const valueSize = world.field(map, "MapHeader", "valueSize");
  const keySize = world.field(map, "MapHeader", "keySize");
  const addresses = Array.from({ length: keys }, (_, index) =>
    world.words(index + 1, ...Array.from({ length: Math.ceil(keySize / 4) - 1 }, () => 0)),
  );
  const room = world.scratch(valueSize * 32);
  // Every cache has been refilled once, so that runs are about the map and not about its first element.
  for (const cpu of world.areas.keys()) {
    world.callOn(cpu, "hashUpdate", map, addresses[0] as number, room, 0);
    world.callOn(cpu, "hashDelete", map, addresses[0] as number);
  }
  return { world, map, keys: addresses, into: room, from: room + valueSize * 16, valueSize };
}

/** The bucket that a key lies in, by putting it there. Only while setting up. */
export function bucketOfKey({ world, map, keys, from }: PreparedHash, key: number): number {
  const address = keys[key - 1] as number;
  world.call("hashUpdate", map, address, from, 0);
  const buckets = world.field(map, "MapHeader", "buckets");
  const bytes = constantOf(world.table, "BUCKET_BYTES");
  let bucket = 0;
  while ((world.memory.load(buckets + bucket * bytes) & constantOf(world.table, "SLOT_MASK")) === 0) bucket++;
  world.call("hashDelete", map, address);
  return bucket;
}

export class HashTable {
  readonly #prepared: PreparedHash;
  readonly #history: Operation[] = [];
  /** Values never repeat, so that a result says which update it saw. */
  #values = 0;
  #clock = 0;

  constructor(prepared: PreparedHash) {
    this.#prepared = prepared;
  }

  *update(key: number, flags: number = FLAGS.any): Calls<number> {
    const value = ++this.#values;
    const address = this.#prepared.from + (value % 16) * this.#prepared.valueSize;
    this.#write(address, value);
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

  /** The value of a key, 0 if it is not there. */
  *get(key: number): Calls<number> {
    const into = this.#prepared.into + (this.#clock % 16) * this.#prepared.valueSize;
    const call: Call = ["hashGet", this.#prepared.map, this.#key(key), into];
    return (yield* this.#record({ type: "get", key }, call, into)).value;
  }

  #key(key: number): number {
    return this.#prepared.keys[key - 1] as number;
  }

  #write(address: number, value: number): void {
    for (let offset = 0; offset < this.#prepared.valueSize; offset += 4)
      this.#prepared.world.memory.store(address + offset, value);
  }

  #read(address: number): number {
    const { world, valueSize } = this.#prepared;
    const value = world.memory.load(address);
    for (let offset = 4; offset < valueSize; offset += 4)
      if (world.memory.load(address + offset) !== value) throw new Finding("torn value", `${hex(address)}: two values`);
    return value;
  }

  *#record(what: Operation["what"], call: Call, into = 0): Calls<Result> {
    const operation: { -readonly [K in keyof Operation]: Operation[K] } = {
      what,
      called: this.#clock++,
      returned: Number.POSITIVE_INFINITY,
      result: undefined,
    };
    this.#history.push(operation);
    const errno = (yield call) | 0;
    const result = { errno, value: errno === 0 && into !== 0 ? this.#read(into) : 0 };
    operation.result = result;
    operation.returned = this.#clock++;
    return result;
  }

  /** The entries that are in the buckets, key to element. */
  entries(): Map<number, number> {
    const { world, map } = this.#prepared;
    const { table, memory } = world;
    const at = (name: string): number => constantOf(table, name);
    const found = new Map<number, number>();
    const put = (element: number): void => {
      const key = memory.load(element + at("ELEMENT_KEY"));
      if (found.has(key)) throw new Finding("key twice", `key ${key} is in the map twice`);
      found.set(key, element);
    };
    const buckets = world.field(map, "MapHeader", "buckets");
    for (let index = 0; index <= world.field(map, "MapHeader", "bucketMask"); index++) {
      const bucket = buckets + index * at("BUCKET_BYTES");
      const control = memory.load(bucket);
      if (control >>> at("OWNER_SHIFT") !== 0)
        throw new Finding(
          "lock held",
          `bucket ${index} is locked at rest by CPU ${(control >>> at("OWNER_SHIFT")) - 1}`,
        );
      for (let slot = 0; slot < at("SLOT_COUNT"); slot++)
        if ((control >>> slot) & 1) put(memory.load(bucket + at("ELEMENTS") + 4 * slot));
      for (let element = memory.load(bucket + at("OVERFLOW")); element !== 0; ) element = this.#next(element, put);
    }
    return found;
  }

  #next(element: number, put: (element: number) => void): number {
    put(element);
    return this.#prepared.world.memory.load(element + constantOf(this.#prepared.world.table, "ELEMENT_NEXT"));
  }

  /** History, entries, count, and the list equation of the elements (where they come from a cache). */
  check(): void {
    const { world, map } = this.#prepared;
    const entries = this.entries();
    const valueOffset = world.field(map, "MapHeader", "valueOffset");
    const final = new Map([...entries].map(([key, element]) => [key, this.#read(element + valueOffset)]));
    checkHistory(this.#history, final);
    const count = world.call("mapCount", map);
    const most = world.field(map, "MapHeader", "maxEntries");
    if (world.field(map, "MapHeader", "exactCount") === 1 && count > most)
      throw new Finding("too many", `${count} entries in a map of ${most}`);
    if (world.field(map, "MapHeader", "supply") === constantOf(world.table, "SUPPLY_CACHE"))
      checkLists(world, { caches: world.field(map, "MapHeader", "elements"), inUse: new Set(entries.values()) });
    if (count !== entries.size)
      throw new Finding("map count", `the map counts ${count} entries and has ${entries.size}`);
  }
}
