/**
 * Many entries at once. Where key and value are one word each they go to the core and back in one call, as long as they fit the
 * thread's room; other maps are asked entry by entry. What the caller gave is read and checked before the arena is touched.
 */
import { AnyctxError, ERRNO } from "../error.ts";
import type { Core } from "../wasm/face.ts";
import type { Codec, Role, ScalarName } from "./accessor.ts";
import { mapFailure } from "./failure.ts";
import type { MapHost, Room } from "./host.ts";
import type { MapInfo } from "./info.ts";
import { numberPlaceOf } from "./number-place.ts";
import { refusalOf } from "./refusal.ts";
import { isScalar, SCALAR_ARRAYS, type ScalarArray } from "./scalar.ts";
import { copyOut, type Scanned, scanInto, scanNext } from "./scan.ts";
import { typedArrayKind } from "./typed-array.ts";

/** What batches are read from: an array, or a typed array. */
export type Many<T> = ArrayLike<T>;
/** What batches are written to. */
export type ManyOut<T> = { readonly length: number; [index: number]: T };

/** The map, entry by entry. */
interface Single<K, V> {
  readonly info: MapInfo;
  readonly isOpen: boolean;
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
  add(key: K, amount: V & number): unknown;
}

/** The core copies words of 8 bytes. */
const ALIGN = 8;

/** What a number is changed by and room for a value of one. */
const CHANGE_BYTES = 24;

/** Where keys, values and the rest of a call lie in a room, and how many entries it has place for. */
interface Layout {
  readonly most: number;
  readonly valuesAt: number;
  readonly foundAt: number;
  readonly changeAt: number;
}

/** What is written, for messages, and how it is where the core cannot do it for many. */
interface Writing<K, V> {
  readonly values: string;
  readonly entry: string;
  readonly single: (key: K, given: V) => unknown;
}

type WriteMany = (core: Core, map: number, keys: number, count: number, layout: Layout) => number;

/** The name of a codec of one word. */
function scalarOf({ description }: Codec<unknown>): ScalarName | undefined {
  return isScalar(description) ? description : undefined;
}

function checkLength(what: string, given: { readonly length: number } | undefined, length: number): void {
  if (given === undefined || given === null || typeof given.length !== "number" || given.length < length)
    throw new AnyctxError("EINVAL", `A batch of ${length} keys needs an array of as many ${what}`);
}

/** What is written to has the codec's own words, or is an array of anything. */
function checkArray(what: string, codec: ScalarName, given: unknown): void {
  const { array } = SCALAR_ARRAYS[codec];
  const kind = typeof given === "object" ? typedArrayKind(given) : typeof given;
  if (kind !== undefined && kind !== array.name)
    throw new AnyctxError("EINVAL", `${what} of ${codec} need ${array.name} or an array, not ${kind}`);
}

export class Batch<K, V> {
  readonly #host: MapHost;
  readonly #map: Single<K, V>;
  readonly #key: ScalarName | undefined;
  readonly #value: ScalarName | undefined;
  readonly #keyCodec: Codec<K>;
  readonly #valueCodec: Codec<V>;

  constructor(host: MapHost, map: Single<K, V>, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    this.#host = host;
    this.#map = map;
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
    const isPlain = map.info.copies === 1 && map.info.kind.batches;
    this.#key = isPlain ? scalarOf(keyCodec) : undefined;
    this.#value = isPlain ? scalarOf(valueCodec) : undefined;
  }

  read(keys: Many<K>): (V | undefined)[] {
    checkLength("keys", keys, 0);
    const values = new Array<V | undefined>(keys.length).fill(undefined);
    this.readInto(keys, values as V[]);
    return values;
  }

  readInto(keys: Many<K>, values: ManyOut<V>, found?: Uint8Array): number {
    checkLength("keys", keys, 0);
    checkLength("values", values, keys.length);
    if (found !== undefined) checkLength("bytes in found", found, keys.length);
    if (this.#key === undefined || this.#value === undefined) return this.#readSingly(keys, values, found);
    checkArray("Values", this.#value, values);
    const { array } = SCALAR_ARRAYS[this.#value];
    const words = this.#words(keys, this.#key, this.#keyCodec, "key");
    const room = this.#roomFor(words.length);
    const { most, valuesAt, foundAt } = this.#layout(room);
    const { buffer } = this.#host.memory;
    const given = new SCALAR_ARRAYS[this.#key].array(buffer, room.address, most);
    const taken = new array(buffer, valuesAt, most);
    const flags = new Uint8Array(buffer, foundAt, most);
    let count = 0;
    for (let from = 0; from < words.length; from += most) {
      const part = words.subarray(from, from + most);
      given.set(part as never);
      const { core } = this.#host.instance;
      const result = core.mapGetMany(this.#map.info.address, room.address, part.length, valuesAt, foundAt);
      if (result < 0) throw this.#failure(result, "read", from, words.length);
      count += result;
      if (result === part.length) copyOut(taken, values, from, result);
      else
        for (let index = 0; index < part.length; index++)
          if (flags[index] !== 0) values[from + index] = taken[index] as V;
      found?.set(flags.subarray(0, part.length), from);
    }
    return count;
  }

  set(keys: Many<K>, values: Many<V>): void {
    const single = (key: K, value: V): unknown => this.#map.set(key, value);
    this.#write(keys, values, { values: "values", entry: "set", single }, (core, map, room, count, { valuesAt }) =>
      core.mapSetMany(map, room, count, valuesAt),
    );
  }

  /** As `set`, of what is added to each value. */
  add(keys: Many<K>, amounts: Many<V>): void {
    const single = (key: K, amount: V): unknown => this.#map.add(key, amount as V & number);
    const kind = this.#value === undefined ? 0 : numberPlaceOf(this.#value, undefined, this.#map.info.name).kind;
    const what = { values: "amounts", entry: "add to", single };
    this.#write(keys, amounts, what, (core, map, room, count, { valuesAt, changeAt }) =>
      core.mapAddMany(map, room, count, kind, valuesAt, changeAt),
    );
  }

  /** Gives keys, and with each what becomes of its value, to the core. @param many 0 or -errno for as many as fit at once */
  #write(keys: Many<K>, given: Many<V>, { values, entry, single }: Writing<K, V>, many: WriteMany): void {
    checkLength("keys", keys, 0);
    checkLength(values, given, keys.length);
    if (this.#key === undefined || this.#value === undefined) {
      for (let index = 0; index < keys.length; index++) single(keys[index] as K, given[index] as V);
      return;
    }
    const words = this.#words(keys, this.#key, this.#keyCodec, "key");
    const wanted = this.#words(given, this.#value, this.#valueCodec, "value");
    const room = this.#roomFor(words.length);
    const layout = this.#layout(room);
    const { most, valuesAt } = layout;
    const { buffer } = this.#host.memory;
    const placedKeys = new SCALAR_ARRAYS[this.#key].array(buffer, room.address, most);
    const placedValues = new SCALAR_ARRAYS[this.#value].array(buffer, valuesAt, most);
    for (let from = 0; from < words.length; from += most) {
      const part = words.subarray(from, from + most);
      placedKeys.set(part as never);
      placedValues.set(wanted.subarray(from, from + part.length) as never);
      const result = many(this.#host.instance.core, this.#map.info.address, room.address, part.length, layout);
      if (result !== 0) throw this.#failure(result, entry, from, words.length);
    }
  }

  delete(keys: Many<K>): number {
    checkLength("keys", keys, 0);
    let count = 0;
    if (this.#key === undefined || this.#value === undefined) {
      for (let index = 0; index < keys.length; index++) if (this.#map.delete(keys[index] as K)) count++;
      return count;
    }
    const words = this.#words(keys, this.#key, this.#keyCodec, "key");
    const room = this.#roomFor(words.length);
    const { most } = this.#layout(room);
    const given = new SCALAR_ARRAYS[this.#key].array(this.#host.memory.buffer, room.address, most);
    for (let from = 0; from < words.length; from += most) {
      const part = words.subarray(from, from + most);
      given.set(part as never);
      const result = this.#host.instance.core.mapDeleteMany(this.#map.info.address, room.address, part.length);
      if (result < 0) throw this.#failure(result, "delete", from, words.length);
      count += result;
    }
    return count;
  }

  scan(keys: ManyOut<K>, values: ManyOut<V>, from: number): Scanned {
    checkLength("keys", keys, 1);
    checkLength("values", values, 1);
    const { name, kind } = this.#map.info;
    if (this.#key === undefined || this.#value === undefined)
      throw new AnyctxError(
        "EINVAL",
        `Map "${name}" cannot be scanned: keys and values of one word are wanted (${kind.type})`,
      );
    for (const [what, codec, given] of [
      ["Keys", this.#key, keys],
      ["Values", this.#value, values],
    ] as const)
      checkArray(what, codec, given);
    return scanInto(this.#host, this.#map.info, [this.#key, this.#value], [keys, values], from);
  }

  #readSingly(keys: Many<K>, values: ManyOut<V>, found: Uint8Array | undefined): number {
    let count = 0;
    for (let index = 0; index < keys.length; index++) {
      const value = this.#map.get(keys[index] as K);
      if (value !== undefined) {
        values[index] = value;
        count++;
      }
      if (found !== undefined) found[index] = value === undefined ? 0 : 1;
    }
    return count;
  }

  /** What was given, as words that the codec holds exactly, in memory of this thread's own. */
  #words<T>(given: Many<T>, name: ScalarName, codec: Codec<T>, role: Role): ScalarArray {
    const { array, isFloat } = SCALAR_ARRAYS[name];
    // Every number of such an array is one of the codec's; but a float's 0 and NaN have several forms.
    if (typedArrayKind(given) === array.name && !(isFloat && role === "key"))
      return (given as unknown as ScalarArray).slice().subarray(0, given.length);
    const words = new array(given.length);
    const place = codec.bind(new ArrayBuffer(ALIGN), 0, role);
    for (let index = 0; index < words.length; index++)
      try {
        place.write(given[index] as T);
        words[index] = place.read() as never;
      } catch (cause) {
        throw refusalOf(`The ${role} ${index} of ${words.length} for map "${this.#map.info.name}" is refused`, cause);
      }
    return words;
  }

  /** A small batch fits the thread's room. To read what was given may have closed the map. */
  #roomFor(length: number): Room {
    if (!this.#map.isOpen) throw mapFailure(this.#map.info, -ERRNO.EBADF, "use many entries of");
    return length <= this.#layout(this.#host.room).most ? this.#host.room : this.#host.batchRoom();
  }

  /** How many entries a room has place for, and where: keys, values, a byte each for whether it was found, and one change. */
  #layout({ address, bytes }: Room): Layout {
    const { keySize, valueSize } = this.#map.info;
    const most = Math.floor((bytes - ALIGN - CHANGE_BYTES) / (keySize + valueSize + 1));
    const valuesAt = Math.ceil((address + most * keySize) / ALIGN) * ALIGN;
    const changeAt = address + bytes - CHANGE_BYTES;
    return { most, valuesAt, foundAt: valuesAt + most * valueSize, changeAt };
  }

  /** The core says in `scanNext` at which entry of its part it stopped. */
  #failure(result: number, what: string, from: number, count: number): AnyctxError {
    const index = from + scanNext(this.#host.instance.core, this.#host.memory);
    return mapFailure(this.#map.info, result, `${what} entry ${index} of ${count} of`);
  }
}
