/**
 * Many entries at once. Where key and value are one word each they go to the core and back in one call, as long as they fit the
 * thread's room; other maps are asked entry by entry. What the caller gave is read and checked before the arena is touched.
 */
import { refuse, show } from "../arguments.ts";
import { AnyctxError, ERRNO, failureAt } from "../error.ts";
import type { Core } from "../wasm/face.ts";
import type { Accessor, Codec, Role, ScalarName } from "./codec/accessor.ts";
import { writeAmount } from "./codec/amount.ts";
import { numberPlaceOf } from "./codec/number-place.ts";
import { refusalOf } from "./codec/refusal.ts";
import { isScalar, SCALAR_ARRAYS, type ScalarArray } from "./codec/scalar.ts";
import { bytesOf, isWhole, typedArrayKind, typedArrayLength } from "./codec/typed-array.ts";
import { mapFailure } from "./failure.ts";
import type { MapHost, Room } from "./host.ts";
import type { MapInfo } from "./info.ts";
import { copyOut, type Scanned, scanInto, scanNext } from "./walk/scan.ts";

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

/**
 * Elements of what was given: of a typed array what the engine says, whatever its own properties say.
 * @param least keys of the batch; 0 for the keys themselves
 * @throws {AnyctxError} EINVAL: it is nothing like an array of so many, or its buffer has been transferred
 */
function lengthOf(what: string, given: unknown, least: number): number {
  const isTyped = typedArrayKind(given) !== undefined;
  const { length } = isTyped ? { length: isWhole(given) ? typedArrayLength(given) : -1 } : Object(given);
  if (Number.isInteger(length) && length >= least && length < 2 ** 32) return length;
  const wanted = least === 0 ? `needs an array of ${what}` : `of ${least} keys needs an array of as many ${what}`;
  throw new AnyctxError("EINVAL", `A batch ${wanted}, not ${isTyped ? "a typed array of fewer" : show(given)}`);
}

/** @param taken values, of which those are good that were found */
function copyFound<V>(taken: ScalarArray, found: Uint8Array, values: ManyOut<V>, from: number): void {
  for (let index = 0; index < found.length; index++) if (found[index] !== 0) values[from + index] = taken[index] as V;
}

/**
 * What is written to has the codec's own words, or is an array of anything.
 * @param places that are written to
 */
function checkArray(what: string, codec: ScalarName | undefined, given: unknown, places: number): void {
  const kind = typeof given === "object" ? typedArrayKind(given) : typeof given;
  if (kind === undefined && !isWritable(given as object, places))
    throw new AnyctxError("EINVAL", `${what} need an array that can be written to, not one that is frozen`);
  if (kind === undefined || (codec === undefined && typeof given === "object")) return;
  const { name } = codec === undefined ? Array : SCALAR_ARRAYS[codec].array;
  if (kind !== name)
    throw new AnyctxError("EINVAL", `${what} of ${codec ?? "the map"} need ${name} or an array, not ${kind}`);
}

/** Whether a frozen array, or one that takes no new elements, has places for all the same. */
function isWritable(given: object, places: number): boolean {
  if (Object.isExtensible(given)) return true;
  for (let index = 0; index < places; index++) {
    const place = Object.getOwnPropertyDescriptor(given, index);
    if (place?.writable !== true && place?.set === undefined) return false;
  }
  return true;
}

/** Which keys were found is written to bytes. */
function foundIn(found: unknown, count: number): Uint8Array | undefined {
  const bytes = found === undefined ? undefined : bytesOf(found);
  if (found === undefined || (bytes !== undefined && bytes.length >= count)) return bytes;
  refuse("getMany", `a Uint8Array of at least ${count} bytes`, "found", found);
}

/** Entry by entry. What is thrown says at which. */
function singly(count: number, act: (index: number) => void): void {
  for (let index = 0; index < count; index++)
    try {
      act(index);
    } catch (cause) {
      throw failureAt(`Entry ${index} of ${count}`, cause);
    }
}

function holds<T>({ write }: Accessor<T>, value: unknown): boolean {
  try {
    write(value as T);
    return true;
  } catch {
    return false;
  }
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
    const values = new Array<V | undefined>(lengthOf("keys", keys, 0)).fill(undefined);
    this.readInto(keys, values as V[]);
    return values;
  }

  readInto(keys: Many<K>, values: ManyOut<V>, found?: Uint8Array): number {
    const length = lengthOf("keys", keys, 0);
    lengthOf("values", values, length);
    const places = foundIn(found, length);
    checkArray("Values", this.#value, values, length);
    if (this.#key === undefined || this.#value === undefined) return this.#readSingly(keys, length, values, places);
    const { array } = SCALAR_ARRAYS[this.#value];
    const words = this.#words(keys, length, this.#key, this.#keyCodec, "key");
    const room = this.#roomFor(length);
    const { most, valuesAt, foundAt } = this.#layout(room);
    const { buffer } = this.#host.memory;
    const given = new SCALAR_ARRAYS[this.#key].array(buffer, room.address, most);
    const taken = new array(buffer, valuesAt, most);
    const flags = new Uint8Array(buffer, foundAt, most);
    let count = 0;
    for (let from = 0; from < length; from += most) {
      const part = words.subarray(from, from + most);
      // To write to what was given may have run code.
      this.#checkOpen();
      given.set(part as never);
      const { core } = this.#host.instance;
      const result = core.mapGetMany(this.#map.info.address, room.address, part.length, valuesAt, foundAt);
      if (result < 0) throw this.#failure(result, "read", from, length);
      count += result;
      places?.set(flags.subarray(0, part.length), from);
      if (result === part.length) copyOut(taken, values, from, result);
      else copyFound(taken.slice(0, part.length), flags.slice(0, part.length), values, from);
    }
    return count;
  }

  set(keys: Many<K>, values: Many<V>): void {
    const single = (key: K, value: V): unknown => this.#map.set(key, value);
    this.#write(keys, values, { values: "values", entry: "set", single }, (core, map, room, count, { valuesAt }) =>
      core.mapSetMany(map, room, count, valuesAt),
    );
  }

  /** As `set`, of what is added to each value: amounts that values cannot be, as -1 of u32, one by one. */
  add(keys: Many<K>, amounts: Many<V>): void {
    const single = (key: K, amount: V): unknown => this.#map.add(key, amount as V & number);
    const what = { values: "amounts", entry: "add to", single };
    const name = this.#value;
    const kind = name === undefined ? 0 : numberPlaceOf(name, undefined, this.#map.info.name).kind;
    const many: WriteMany = (core, map, room, count, { valuesAt, changeAt }) =>
      core.mapAddMany(map, room, count, kind, valuesAt, changeAt);
    if (this.#key === undefined || name === undefined || typedArrayKind(amounts) === SCALAR_ARRAYS[name].array.name)
      this.#write(keys, amounts, what, many);
    else {
      const length = lengthOf("keys", keys, 0);
      lengthOf("amounts", amounts, length);
      const { taken, words } = this.#amounts(amounts, length, name);
      const given = this.#words(keys, length, this.#key, this.#keyCodec, "key");
      if (words !== undefined) this.#write(given as unknown as Many<K>, words as unknown as Many<V>, what, many);
      else singly(length, (index) => void single(given[index] as K, taken[index] as V));
    }
  }

  /** What `add` takes, read once. @returns also as the codec's words, if all of them are such */
  #amounts(given: Many<V>, length: number, name: ScalarName): { taken: unknown[]; words: ScalarArray | undefined } {
    const scratch = new DataView(new ArrayBuffer(ALIGN));
    const place = this.#valueCodec.bind(scratch.buffer, 0);
    const taken = new Array<unknown>(length);
    let words: ScalarArray | undefined = new SCALAR_ARRAYS[name].array(length);
    for (let index = 0; index < length; index++)
      try {
        taken[index] = given[index];
        writeAmount(scratch, name, taken[index], this.#map.info.name);
        if (words !== undefined && holds(place, taken[index])) words[index] = place.read() as never;
        else words = undefined;
      } catch (cause) {
        throw failureAt(`The amount ${index} of ${length}`, cause);
      }
    return { taken, words };
  }

  /** Gives keys, and with each what becomes of its value, to the core. @param many 0 or -errno for as many as fit at once */
  #write(keys: Many<K>, given: Many<V>, { values, entry, single }: Writing<K, V>, many: WriteMany): void {
    const length = lengthOf("keys", keys, 0);
    lengthOf(values, given, length);
    if (this.#key === undefined || this.#value === undefined) {
      singly(length, (index) => void single(keys[index] as K, given[index] as V));
      return;
    }
    const words = this.#words(keys, length, this.#key, this.#keyCodec, "key");
    const wanted = this.#words(given, length, this.#value, this.#valueCodec, "value");
    const room = this.#roomFor(length);
    const layout = this.#layout(room);
    const { most, valuesAt } = layout;
    const { buffer } = this.#host.memory;
    const placedKeys = new SCALAR_ARRAYS[this.#key].array(buffer, room.address, most);
    const placedValues = new SCALAR_ARRAYS[this.#value].array(buffer, valuesAt, most);
    for (let from = 0; from < length; from += most) {
      const part = words.subarray(from, from + most);
      placedKeys.set(part as never);
      placedValues.set(wanted.subarray(from, from + part.length) as never);
      const result = many(this.#host.instance.core, this.#map.info.address, room.address, part.length, layout);
      if (result !== 0) throw this.#failure(result, entry, from, length);
    }
  }

  delete(keys: Many<K>): number {
    const length = lengthOf("keys", keys, 0);
    let count = 0;
    if (this.#key === undefined || this.#value === undefined) {
      singly(length, (index) => {
        if (this.#map.delete(keys[index] as K)) count++;
      });
      return count;
    }
    const words = this.#words(keys, length, this.#key, this.#keyCodec, "key");
    const room = this.#roomFor(length);
    const { most } = this.#layout(room);
    const given = new SCALAR_ARRAYS[this.#key].array(this.#host.memory.buffer, room.address, most);
    for (let from = 0; from < length; from += most) {
      const part = words.subarray(from, from + most);
      given.set(part as never);
      const result = this.#host.instance.core.mapDeleteMany(this.#map.info.address, room.address, part.length);
      if (result < 0) throw this.#failure(result, "delete", from, length);
      count += result;
    }
    return count;
  }

  scan(keys: ManyOut<K>, values: ManyOut<V>, from: number): Scanned {
    const most = Math.min(lengthOf("keys", keys, 1), lengthOf("values", values, 1));
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
      checkArray(what, codec, given, most);
    const scan = { keys, values, most, from, check: () => this.#checkOpen() };
    return scanInto(this.#host, this.#map.info, [this.#key, this.#value], scan);
  }

  #readSingly(keys: Many<K>, length: number, values: ManyOut<V>, found: Uint8Array | undefined): number {
    let count = 0;
    singly(length, (index) => {
      const value = this.#map.get(keys[index] as K);
      if (found !== undefined) found[index] = value === undefined ? 0 : 1;
      if (value === undefined) return;
      count++;
      values[index] = value;
    });
    return count;
  }

  /** What was given, as words that the codec holds exactly, in memory of this thread's own. */
  #words<T>(given: Many<T>, length: number, name: ScalarName, codec: Codec<T>, role: Role): ScalarArray {
    const { array, isFloat } = SCALAR_ARRAYS[name];
    const refused = (part: string, cause: unknown): AnyctxError =>
      refusalOf(`The ${part} for map "${this.#map.info.name}" is refused`, cause);
    // Every number of such an array is one of the codec's; but a float's 0 and NaN have several forms.
    if (typedArrayKind(given) === array.name && !(isFloat && role === "key"))
      try {
        // By the engine, which asks none of its properties; code that has run since it was looked at may have taken its buffer.
        const words = new array(given as never) as ScalarArray;
        if (words.length >= length) return words.subarray(0, length);
        throw new AnyctxError("EINVAL", `it has only ${words.length} elements by now`);
      } catch (cause) {
        throw refused(`array of ${role}s`, cause);
      }
    const words = new array(length);
    const place = codec.bind(new ArrayBuffer(ALIGN), 0, role);
    for (let index = 0; index < length; index++)
      try {
        place.write(given[index] as T);
        words[index] = place.read() as never;
      } catch (cause) {
        throw refused(`${role} ${index} of ${length}`, cause);
      }
    return words;
  }

  #checkOpen(): void {
    if (!this.#map.isOpen) throw mapFailure(this.#map.info, -ERRNO.EBADF, "use many entries of");
  }

  /** A small batch fits the thread's room. To read what was given may have closed the map. */
  #roomFor(length: number): Room {
    this.#checkOpen();
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
