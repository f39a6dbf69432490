/** The transfer buffer of a map of fixed sizes: a key, then a value (all copies), then room for what changes values. It never moves. */
import { AnyctxError } from "../../error.ts";
import type { Core } from "../../wasm/face.ts";
import { roundUp } from "../align.ts";
import type { Accessor, Codec } from "../codec/accessor.ts";
import { type Alone, alone } from "../codec/alone.ts";
import { runsCode } from "../codec/codec.ts";
import { refusalOf } from "../codec/refusal.ts";
import { holdsI32, holdsU32 } from "../codec/scalar.ts";
import type { MapHost } from "../host.ts";
import type { MapInfo } from "../info.ts";
import type { NumberRoom, Transfer } from "./transfer.ts";

/** Two words of 8 bytes for numbers that are changed by themselves. */
const NUMBER_ROOM = 16;

/** Whether keys go to the core's functions as they are, and as which word, or by their address. */
export type KeyWord = "u32" | "i32" | "none";

export function keyWordOf({ kind, lock }: MapInfo, { description }: Codec<unknown>): KeyWord {
  return kind.byWord !== undefined && lock === undefined && (description === "u32" || description === "i32")
    ? description
    : "none";
}

/** Bytes of a key and a value, all its copies, and of the room behind them. */
export function fixedTransferBytes({ keySize, valueStride, copies, kind }: MapInfo): number {
  return roundUp(keySize) + valueStride * copies + (kind.modify === undefined ? 0 : NUMBER_ROOM + valueStride);
}

/** A per-CPU map's value is an array with one element for each CPU. */
function bindValue<V>(codec: Codec<V>, info: MapInfo, buffer: ArrayBufferLike, offset: number): Accessor<V> {
  if (info.copies === 1) return codec.bind(buffer, offset);
  const places = Array.from({ length: info.copies }, (_, cpu) => codec.bind(buffer, offset + cpu * info.valueStride));
  return {
    read: () => places.map((place) => place.read()) as V,
    write: (values) => {
      const list = values as readonly V[];
      if (!Array.isArray(list) || list.length !== places.length)
        throw new AnyctxError("EINVAL", `it needs an array of ${places.length} values, one for each CPU`);
      for (const [cpu, place] of places.entries())
        try {
          place.write(list[cpu] as V);
        } catch (cause) {
          throw refusalOf(`CPU ${cpu}`, cause);
        }
    },
  };
}

export class FixedTransfer<K, V> implements Transfer<K, V> {
  readonly #info: MapInfo;
  readonly #keyCodec: Codec<K>;
  readonly #valueCodec: Codec<V>;
  readonly #keyWord: KeyWord;
  readonly #valueAt: number;
  /** Of all copies of a value. */
  readonly #valuesBytes: number;
  #keyAddress: number;
  #valueAddress: number;
  #bytes: Uint8Array;
  #key: Accessor<K>;
  #value: Accessor<V>;
  /** Where keys and values are written: there, or first to memory of this thread's own. */
  #keyIn: Accessor<K>;
  #valueIn: Accessor<V>;
  #keyScratch: Uint8Array | undefined;
  #valueScratch: Uint8Array | undefined;
  /** Uses of the scratch: reading a value may run code that uses it as well. */
  #uses = 0;
  /** A value on this thread alone: for `encode` and `decode`. */
  readonly #alone: Alone<V>;

  /** @param room `fixedTransferBytes` of the arena's memory */
  constructor({ memory }: MapHost, info: MapInfo, room: number, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    const { buffer } = memory;
    this.#info = info;
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
    this.#keyWord = keyWordOf(info, keyCodec);
    this.#valueAt = roundUp(info.keySize);
    this.#valuesBytes = info.valueStride * info.copies;
    // The core wants no key of a map without keys.
    this.#keyAddress = this.#valueAt === 0 ? 0 : room;
    this.#valueAddress = room + this.#valueAt;
    this.#bytes = new Uint8Array(buffer, room, fixedTransferBytes(info));
    this.#key = this.#keyIn = keyCodec.bind(buffer, room, "key");
    this.#value = this.#valueIn = bindValue(valueCodec, info, buffer, this.#valueAddress);
    // Code that runs in the middle of a value may close the map: what comes behind must not go to memory that was shared.
    if (runsCode(keyCodec.description)) {
      this.#keyScratch = new Uint8Array(info.keySize);
      this.#keyIn = keyCodec.bind(this.#keyScratch.buffer, 0, "key");
    }
    if (info.copies > 1 || runsCode(valueCodec.description)) {
      this.#valueScratch = new Uint8Array(this.#valuesBytes);
      this.#valueIn = bindValue(valueCodec, info, this.#valueScratch.buffer, 0);
    }
    this.#alone = alone(valueCodec, info.valueSize, "value");
  }

  get valueAddress(): number {
    return this.#valueAddress;
  }

  get nowhere(): number {
    return this.#valueAddress;
  }

  get numbers(): NumberRoom {
    return { address: this.#spareAddress, put: (bytes) => this.#putSpare(bytes) };
  }

  /** Behind all copies of the value. */
  get #spareAddress(): number {
    return this.#valueAddress + this.#valuesBytes;
  }

  #putSpare(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#valueAt + this.#valuesBytes);
  }

  reading(read: Core["hashGet"]): Core["hashGet"] {
    return read;
  }

  given(key: K): number {
    if (this.#keyWord === "u32" ? holdsU32(key) : this.#keyWord === "i32" && holdsI32(key)) return key as number;
    return this.place(key);
  }

  place(key: K): number {
    if (this.#keyScratch !== undefined) this.#writeGuarded("key", this.#keyIn, key, this.#keyScratch, 0);
    else
      try {
        this.#keyIn.write(key);
      } catch (cause) {
        throw this.#refused("key", cause);
      }
    return this.#keyAddress;
  }

  write(key: K, value: V): number {
    if (this.#valueScratch !== undefined) return this.#writeBoth(key, value, this.#valueScratch);
    try {
      this.#valueIn.write(value);
    } catch (cause) {
      throw this.#refused("value", cause);
    }
    return this.given(key);
  }

  /** To read the key may run code that writes another value. */
  #writeBoth(key: K, value: V, scratch: Uint8Array): number {
    this.#writeGuarded("value", this.#valueIn, value, scratch, this.#valueAt);
    const use = this.#uses;
    const given = this.given(key);
    if (this.#keyScratch === undefined || use + 1 === this.#uses) return given;
    throw this.#isReused("value");
  }

  /** Writes what may run code: first to memory of this thread's own, and from there to its place in the transfer buffer. */
  #writeGuarded<T>(what: string, place: Accessor<T>, value: T, scratch: Uint8Array, at: number): void {
    const use = ++this.#uses;
    try {
      place.write(value);
    } catch (cause) {
      throw this.#refused(what, cause);
    }
    if (use !== this.#uses) throw this.#isReused(what);
    this.#bytes.set(scratch, at);
  }

  #refused(what: string, cause: unknown): AnyctxError {
    return refusalOf(`The ${what} of map "${this.#info.name}" is refused`, cause);
  }

  #isReused(what: string): AnyctxError {
    const map = `map "${this.#info.name}"`;
    return new AnyctxError("EINVAL", `The ${what} of ${map} is refused: to read it uses the map itself`);
  }

  put(words: Uint32Array, from: number): number {
    this.#bytes.set(new Uint8Array(words.buffer, words.byteOffset + from * 4, this.#valueAt));
    return this.#keyWord === "none" ? this.#keyAddress : (this.#key.read() as number);
  }

  readKey(): K {
    return this.#key.read();
  }

  readValue(): V {
    return this.#value.read();
  }

  keyBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#info.keySize);
  }

  valueBytes(copy: number): Uint8Array {
    const from = this.#valueAt + copy * this.#info.valueStride;
    return this.#bytes.slice(from, from + this.#info.valueSize);
  }

  encode(value: V): Uint8Array {
    try {
      return this.#alone.encode(value);
    } catch (cause) {
      throw this.#refused("value", cause);
    }
  }

  decode(bytes: Uint8Array): V {
    return this.#alone.decode(bytes);
  }

  placeValue(bytes: Uint8Array): number {
    this.#bytes.set(bytes, this.#valueAt);
    return this.#valueAddress;
  }

  placePair(expected: Uint8Array, value: Uint8Array): number {
    this.placeValue(expected);
    this.#putSpare(value);
    return this.#spareAddress;
  }

  end(): readonly number[] {
    const { buffer } = new Uint8Array(fixedTransferBytes(this.#info));
    this.#keyAddress = 0;
    this.#valueAddress = 0;
    this.#bytes = new Uint8Array(buffer);
    this.#key = this.#keyIn = this.#keyCodec.bind(buffer, 0, "key");
    this.#value = this.#valueIn = bindValue(this.#valueCodec, this.#info, buffer, this.#valueAt);
    this.#keyScratch = undefined;
    this.#valueScratch = undefined;
    return [];
  }
}
