/**
 * The transfer buffer of a hash whose entries have lengths of their own: a place for a key, one for a value, one for a second value,
 * each a length, the room behind it, and bytes (core/maps/table/entry.ts). A place that is too small is replaced by a larger one.
 */
import { type AnyctxError, ERRNO } from "../../error.ts";
import { CONSTANTS, type Core } from "../../wasm/face.ts";
import { roundUp } from "../align.ts";
import type { Codec, Role, VariableForm } from "../codec/accessor.ts";
import { orderedForm } from "../codec/key-order.ts";
import { refusalOf } from "../codec/refusal.ts";
import { bytesOf, typedArrayLength } from "../codec/typed-array.ts";
import { encodeUtf8, MOST_BYTES_A_UNIT, utf8Of } from "../codec/utf8.ts";
import { formOf } from "../codec/variable.ts";
import { mapFailure } from "../failure.ts";
import { type MapHost, memoryFor } from "../host.ts";
import type { MapInfo } from "../info.ts";
import type { Transfer } from "./transfer.ts";

/** Length and room. */
const { GIVEN_BYTES } = CONSTANTS;
const KEY_ROOM = 248;
const VALUE_ROOM = 1016;
/** The places that a map is opened with. */
export const VARIABLE_TRANSFER_BYTES: number = 2 * GIVEN_BYTES + KEY_ROOM + VALUE_ROOM;

/** Room for one key or value. */
class Place {
  address = 0;
  /** Memory of the arena that the place got when it grew, 0: it is where it was at first. */
  grown = 0;
  /** Length, room, and what lies behind them. */
  #words = new Uint32Array(2);
  #bytes = new Uint8Array(0);
  /** The last view of what lies here: entries of one map are mostly as long as each other, and a view costs more than they do. */
  #view = this.#bytes;

  lieAt({ memory }: MapHost, address: number, room: number): void {
    this.address = address;
    this.#words = new Uint32Array(memory.buffer, address, (GIVEN_BYTES + room) / 4);
    this.#bytes = new Uint8Array(memory.buffer, address + GIVEN_BYTES, room);
    this.#view = this.#bytes;
    this.#words[1] = room;
  }

  get room(): number {
    return this.#bytes.length;
  }

  get length(): number {
    return this.#words[0] ?? 0;
  }

  /** The bytes that lie here: a view that is good until others do. */
  get bytes(): Uint8Array {
    if (this.#view.length !== this.length) this.#view = this.#bytes.subarray(0, this.length);
    return this.#view;
  }

  /**
   * Writes what `room` is enough for.
   * @param length of bytes, as it was when the room was made: what they say of themselves is not asked again
   */
  put(given: string | Uint8Array, length: number): void {
    if (typeof given === "string") this.#words[0] = encodeUtf8(given, this.#bytes);
    else {
      this.#words[0] = length;
      this.#bytes.set(given);
    }
  }

  /** Writes a key as a walk has copied it: what `room` is enough for. */
  putWords(words: Uint32Array, from: number): void {
    const count = roundUp(words[from] ?? 0) / 4;
    this.#words[0] = words[from] ?? 0;
    const [to, behind] = [GIVEN_BYTES / 4, from + GIVEN_BYTES / 4];
    for (let word = 0; word < count; word++) this.#words[to + word] = words[behind + word] ?? 0;
  }

  /** As if nobody had ever used it: what is written goes nowhere. */
  forget(): void {
    this.address = 0;
    this.grown = 0;
    this.#words = new Uint32Array(2);
    this.#bytes = new Uint8Array(0);
    this.#view = this.#bytes;
  }
}

export class VariableTransfer<K, V> implements Transfer<K, V> {
  readonly numbers = undefined;
  /** Only whether a key is there. */
  readonly nowhere = 0;
  readonly #host: MapHost;
  readonly #info: MapInfo;
  readonly #keyForm: VariableForm<K>;
  readonly #valueForm: VariableForm<V>;
  readonly #key = new Place();
  readonly #value = new Place();
  readonly #second = new Place();
  #isOpen = true;

  /** @param room VARIABLE_TRANSFER_BYTES of the arena's memory */
  constructor(host: MapHost, info: MapInfo, room: number, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    this.#host = host;
    this.#info = info;
    this.#keyForm = info.kind.order === "key" ? orderedForm(keyCodec) : formOf(keyCodec, "key");
    this.#valueForm = formOf(valueCodec, "value");
    this.#key.lieAt(host, room, KEY_ROOM);
    this.#value.lieAt(host, room + GIVEN_BYTES + KEY_ROOM, VALUE_ROOM);
  }

  get valueAddress(): number {
    return this.#value.address;
  }

  given(key: K): number {
    return this.place(key);
  }

  place(key: K): number {
    return this.#put(this.#key, this.#prepare("key", this.#keyForm, key));
  }

  write(key: K, value: V): number {
    const prepared = this.#prepare("value", this.#valueForm, value);
    // To read the key may run code that uses the map: so it is read before anything is written.
    const preparedKey = this.#prepare("key", this.#keyForm, key);
    this.#put(this.#value, prepared);
    return this.#put(this.#key, preparedKey);
  }

  #prepare<T>(role: Role, form: VariableForm<T>, given: T): string | Uint8Array {
    try {
      return form.prepare(given, role);
    } catch (cause) {
      throw this.#refused(role, cause);
    }
  }

  #refused(role: Role, cause: unknown): AnyctxError {
    return refusalOf(`The ${role} of map "${this.#info.name}" is refused`, cause);
  }

  #checkOpen(what: string): void {
    if (!this.#isOpen) throw mapFailure(this.#info, -ERRNO.EBADF, what);
  }

  /** Has something in a place. @returns the place's address @throws {AnyctxError} EBADF, ENOMEM, E2BIG */
  #put(place: Place, given: string | Uint8Array): number {
    this.#checkOpen("use an entry of");
    const length = typeof given === "string" ? given.length : typedArrayLength(given);
    if (typeof given === "string") {
      if (length * MOST_BYTES_A_UNIT > place.room) this.#grow(place, encodeUtf8(given, NOTHING));
    } else if (length > place.room) this.#grow(place, length);
    try {
      place.put(given, length);
    } catch (cause) {
      // Bytes whose buffer another thread has by now.
      throw this.#refused(place === this.#key ? "key" : "value", cause);
    }
    return place.address;
  }

  /** Makes room for so many bytes. */
  #grow(place: Place, needed: number): void {
    if (needed <= place.room) return;
    const { core } = this.#host.instance;
    if (needed > CONSTANTS.LARGEST_ENTRY) throw mapFailure(this.#info, -ERRNO.E2BIG, "use an entry of");
    const room = roundUp(Math.max(needed, 2 * place.room));
    const address = memoryFor(core, this.#host.memory, GIVEN_BYTES + room);
    if (address < CONSTANTS.SUPERBLOCK) throw mapFailure(this.#info, -ERRNO.ENOMEM, "use an entry of");
    core.freeBytes(place.grown);
    place.lieAt(this.#host, address, room);
    place.grown = address;
  }

  /**
   * A reading function of the core, done again with more room for a value that is longer than any before.
   * Between two readings it may have become longer still.
   */
  reading(read: Core["variableHashGet"]): Core["variableHashGet"] {
    return (map, key, into) => {
      if (into === this.nowhere) return read(map, key, into);
      let result = read(map, key, this.#value.address);
      while (result === -ERRNO.ENOSPC) {
        this.#grow(this.#value, this.#value.length);
        result = read(map, key, this.#value.address);
      }
      return result;
    };
  }

  put(words: Uint32Array, from: number): number {
    this.#checkOpen("use an entry of");
    this.#grow(this.#key, words[from] ?? 0);
    this.#key.putWords(words, from);
    return this.#key.address;
  }

  readKey(): K {
    return this.#restore(this.#keyForm, this.#key);
  }

  readValue(): V {
    return this.#restore(this.#valueForm, this.#value);
  }

  #restore<T>(form: VariableForm<T>, place: Place): T {
    this.#checkOpen("read an entry of");
    return form.restore(place.bytes);
  }

  keyBytes(): Uint8Array {
    return this.#key.bytes.slice();
  }

  valueBytes(): Uint8Array {
    return this.#value.bytes.slice();
  }

  encode(value: V): Uint8Array {
    const prepared = this.#prepare("value", this.#valueForm, value);
    if (typeof prepared === "string") return utf8Of(prepared);
    const bytes = bytesOf(prepared);
    if (bytes === undefined) throw this.#refused("value", undefined);
    return bytes.slice();
  }

  decode(bytes: Uint8Array): V {
    return this.#valueForm.restore(bytes);
  }

  placeValue(bytes: Uint8Array): number {
    return this.#put(this.#value, bytes);
  }

  placePair(expected: Uint8Array, value: Uint8Array): number {
    this.placeValue(expected);
    return this.#put(this.#second, value);
  }

  end(): readonly number[] {
    const grown = [this.#key, this.#value, this.#second].map((place) => place.grown);
    this.#isOpen = false;
    for (const place of [this.#key, this.#value, this.#second]) place.forget();
    return grown;
  }
}

/** To find out how many bytes a text needs. */
const NOTHING = new Uint8Array(0);
