/**
 * A map's single entries: read, written and removed through this thread's transfer buffer, and what is left of the map once it
 * is closed: nothing. `ArenaMap` (maps/map.ts) is the rest of `Map`'s shape.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { AnyctxError, ERRNO } from "../error.ts";
import type { Core } from "../wasm/face.ts";
import { type Access, accessOf, isForbidden } from "./access.ts";
import type { Accessor, Codec } from "./accessor.ts";
import { runsCode } from "./codec.ts";
import { isUndecided, mapFailure } from "./failure.ts";
import type { MapHost, Tenant } from "./host.ts";
import type { MapInfo } from "./info.ts";
import { refusalOf } from "./refusal.ts";
import { holdsI32, holdsU32 } from "./scalar.ts";
import { type Operations, SPECIALIZED, specialize } from "./specialize.ts";
import { bindValue, roundUp, transferBytes } from "./transfer.ts";

/** Update flags: create or replace, create only, replace only (Linux `uapi/linux/bpf.h`). */
export const ANY = 0;
export const NOEXIST = 1;
export const EXIST = 2;

/** Whether keys go to the core's functions as they are, and as which word, or by their address. */
type KeyWord = "u32" | "i32" | "none";

/** A map that is open, and the address of its transfer buffer. */
export interface OpenMap {
  readonly info: MapInfo;
  readonly room: number;
}

/**
 * Closed (`close`, or the arena was detached) it is dead: `update` and `prefill` return -EBADF, everything else throws EBADF,
 * and nothing of the arena's memory is read or written.
 */
export class MapEntries<K, V> {
  readonly info: MapInfo;
  /** @internal */
  protected readonly host: MapHost;
  /** @internal */
  protected readonly core: Core;
  readonly #keyCodec: Codec<K>;
  readonly #valueCodec: Codec<V>;
  readonly #address: number;
  readonly #access: Access;
  /** This thread's transfer buffer: a key, then a value (all copies). Never moves, so the views never go stale. */
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
  readonly #keyWord: KeyWord;
  /** The core's functions for this kind: `isRefused` for what it cannot do, `isClosed` afterwards. */
  #get: Core["hashGet"];
  #update: Core["hashUpdate"];
  #delete: Core["hashDelete"];
  #take: Core["hashGet"];
  /** Where the transfer buffer is; 0 once the map is closed. */
  #room: number;
  /** CPU on which the map is counted as open. */
  readonly #cpu: number;
  readonly #tenant: Tenant;
  /** For operations of its own: whether the map is open. */
  readonly #gate: { open: boolean } = { open: true };
  /** Uses of the buffers: reading a value may run code that uses them as well. */
  #uses = 0;

  /**
   * Made by `Arena.createMap` and `Arena.openMap`, which have opened the map in the core on the host's CPU.
   * @param open its transfer buffer is this object's from now on
   * @internal
   */
  constructor(host: MapHost, { info, room }: OpenMap, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    const { memory, cpu, instance } = host;
    this.host = host;
    this.core = instance.core;
    this.#cpu = cpu;
    this.info = info;
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
    this.#address = info.address;
    const valueAt = roundUp(info.keySize);
    this.#room = room;
    // The core wants no key of a map without keys.
    this.#keyAddress = valueAt === 0 ? 0 : room;
    this.#valueAddress = room + valueAt;
    this.#bytes = new Uint8Array(memory.buffer, room, transferBytes(info));
    this.#key = this.#keyIn = keyCodec.bind(memory.buffer, room, "key");
    this.#value = this.#valueIn = bindValue(valueCodec, info, memory.buffer, this.#valueAddress);
    // Code that runs in the middle of a value may close the map: what comes behind must not go to memory that was shared.
    if (runsCode(keyCodec.description)) {
      this.#keyScratch = new Uint8Array(info.keySize);
      this.#keyIn = keyCodec.bind(this.#keyScratch.buffer, 0, "key");
    }
    if (info.copies > 1 || runsCode(valueCodec.description)) {
      this.#valueScratch = new Uint8Array(info.valueStride * info.copies);
      this.#valueIn = bindValue(valueCodec, info, this.#valueScratch.buffer, 0);
    }
    const { system, byWord } = info.kind;
    const { description } = keyCodec;
    const asWord = byWord !== undefined && (description === "u32" || description === "i32");
    this.#keyWord = asWord ? description : "none";
    const { get, update, delete: remove } = (asWord ? byWord : undefined) ?? system;
    this.#access = accessOf(memory, info.address);
    const { mayRead, mayWrite, mayChange } = this.#access;
    this.#get = !mayRead ? isForbidden : get === undefined ? isRefused : this.core[get];
    this.#update = !mayWrite ? isForbidden : update === undefined ? isRefused : this.core[update];
    this.#delete = !mayWrite ? isForbidden : remove === undefined ? isRefused : this.core[remove];
    this.#take = !mayChange ? isForbidden : system.take === undefined ? isRefused : this.core[system.take];
    this.#tenant = { info, end: () => this.#end(), close: () => this.close() };
    host.enter(this.#tenant);
    this.#takeOver(asWord);
  }

  /** Puts operations of this map's own, where there are any, before those that all maps share. */
  #takeOver(asWord: boolean): void {
    if (this.info.copies > 1) return;
    const own = specialize({
      info: this.info,
      key: this.#keyCodec.description,
      value: this.#valueCodec.description,
      asWord,
      buffer: this.host.memory.buffer,
      room: this.#room,
      read: this.#get,
      write: this.#update,
      remove: this.#delete,
      gate: this.#gate,
      slow: MapEntries.prototype as unknown as Operations,
    });
    if (own === undefined) return;
    for (const name of SPECIALIZED) Object.defineProperty(this, name, { value: own[name], configurable: true });
  }

  /** Whether it can be used: not once it has been closed or the arena detached. */
  get isOpen(): boolean {
    return this.#room !== 0;
  }

  /** @param what was to be done, as "walk" or "set an entry of" @param needs nothing but that it is open, if it is left out */
  protected checkOpen(what: string, needs?: keyof Access): void {
    if (this.#room === 0) throw mapFailure(this.info, -ERRNO.EBADF, what);
    if (needs !== undefined && !this.#access[needs]) throw mapFailure(this.info, -ERRNO.EPERM, what);
  }

  /** A key as the core's functions take it. A word holds -0 as 0. */
  #given(key: K): number {
    if (this.#keyWord === "u32" ? holdsU32(key) : this.#keyWord === "i32" && holdsI32(key)) return key as number;
    this.#writeKey(key);
    return this.#keyAddress;
  }

  #writeKey(key: K): void {
    if (this.#keyScratch !== undefined) {
      this.#writeGuarded("key", this.#keyIn, key, this.#keyScratch, 0);
      return;
    }
    try {
      this.#keyIn.write(key);
    } catch (cause) {
      throw this.#refused("key", cause);
    }
  }

  /** Writes a value and a key; what `#given` gives. */
  #write(key: K, value: V): number {
    if (this.#valueScratch !== undefined) return this.#writeBoth(key, value, this.#valueScratch);
    try {
      this.#valueIn.write(value);
    } catch (cause) {
      throw this.#refused("value", cause);
    }
    return this.#given(key);
  }

  /** To read the key may run code that writes another value. */
  #writeBoth(key: K, value: V, scratch: Uint8Array): number {
    this.#writeGuarded("value", this.#valueIn, value, scratch, roundUp(this.info.keySize));
    const use = this.#uses;
    const given = this.#given(key);
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
    return refusalOf(`The ${what} of map "${this.info.name}" is refused`, cause);
  }

  #isReused(what: string): AnyctxError {
    return new AnyctxError(
      "EINVAL",
      `The ${what} of map "${this.info.name}" is refused: to read it uses the map itself`,
    );
  }

  /**
   * The value under a key, or undefined.
   * @throws {AnyctxError} EINVAL for what can be no key; EBADF; of a queue, whose lock is needed: ETIMEDOUT, EBUSY (as `delete`)
   */
  get(key: K): V | undefined {
    const result = this.#get(this.#address, this.#given(key), this.#valueAddress);
    return result === 0 || this.#isThere(result, "read an entry of") ? this.#value.read() : undefined;
  }

  has(key: K): boolean {
    const result = this.#get(this.#address, this.#given(key), this.#valueAddress);
    return result === 0 || this.#isThere(result, "read an entry of");
  }

  /**
   * Creates or replaces an entry, whatever is there by now: to change what `get` gave, use `compute`, `compareExchange` or `add`.
   * @throws {AnyctxError} EINVAL: a codec cannot hold key or value exactly; E2BIG when the map is full, ENOMEM when there is
   * nothing to allocate from in this context; EBADF
   */
  set(key: K, value: V): this {
    const given = this.#write(key, value);
    const result = this.#update(this.#address, given, this.#valueAddress, ANY);
    if (result !== 0) throw mapFailure(this.info, result, "set an entry of");
    return this;
  }

  /**
   * As `set` with flags ANY, NOEXIST or EXIST, and without a throw.
   * @returns 0, or -errno: -EEXIST, -ENOENT, -E2BIG, -ENOMEM, -EBUSY, -EINVAL (flags that there are not; key or value that its
   * codec cannot hold), -ETIMEDOUT (a thread died in the middle of an operation on the same keys, or with a lock of the
   * memory, and has not been reaped), -EBADF (closed)
   */
  update(key: K, value: V, flags: number = ANY): number {
    if (!holdsU32(flags)) return this.#room === 0 ? -ERRNO.EBADF : -ERRNO.EINVAL;
    let given: number;
    try {
      given = this.#write(key, value);
    } catch {
      return this.#room === 0 ? -ERRNO.EBADF : -ERRNO.EINVAL;
    }
    return this.#update(this.#address, given, this.#valueAddress, flags);
  }

  /**
   * Removes an entry and gives its value, or undefined if there is none: of a queue the one that came first.
   * @throws {AnyctxError} EINVAL for a kind that gives none; EBADF; ETIMEDOUT, EBUSY (as `delete`)
   */
  take(key: K): V | undefined {
    if (this.info.kind.system.take === undefined)
      throw new AnyctxError(
        "EINVAL",
        `Nothing can be taken from map "${this.info.name}": it is ${this.info.kind.type}`,
      );
    this.#writeKey(key);
    const result = this.#take(this.#address, this.#keyAddress, this.#valueAddress);
    return this.#isThere(result, "take an entry of") ? this.#value.read() : undefined;
  }

  /**
   * Removes an entry; whether it was there. Entries of an array cannot be removed.
   * @throws {AnyctxError} EINVAL, EBADF; ETIMEDOUT: a thread died in the middle of an operation on the same keys and has not
   * been reaped; EBUSY: this thread may not wait, and another one is in the middle of such an operation. The entry may be there.
   */
  delete(key: K): boolean {
    return this.#isThere(this.#delete(this.#address, this.#given(key)), "delete an entry of");
  }

  /**
   * As a key that is given, of one as it lies in memory.
   * @returns what the core's functions take
   */
  #put(words: Uint32Array, from: number): number {
    this.#bytes.set(new Uint8Array(words.buffer, words.byteOffset + from * 4, roundUp(this.info.keySize)));
    return this.#keyWord === "none" ? this.#keyAddress : (this.#key.read() as number);
  }

  /**
   * Has key and value of a key as it lies in memory in the transfer buffer; false if the key is gone.
   * @param from the key's first word
   */
  protected load(words: Uint32Array, from: number): boolean {
    return this.#isThere(this.#get(this.#address, this.#put(words, from), this.#valueAddress), "walk");
  }

  /** The key that `load` has loaded, its value, and the bytes of both. */
  protected loadedKey(): K {
    return this.#key.read();
  }

  protected loadedValue(): V {
    return this.#value.read();
  }

  protected loadedBytes(from: number, to: number): Uint8Array {
    return this.#bytes.slice(from, to);
  }

  /** Bytes of the value that `has` has found: like `get` it has the entry in the transfer buffer. */
  protected foundValue(): Uint8Array {
    const { keySize, valueSize } = this.info;
    return this.loadedBytes(roundUp(keySize), roundUp(keySize) + valueSize);
  }

  /** As `update` with NOEXIST, but throws what key and value are refused for. */
  protected insert(key: K, value: V): number {
    const given = this.#write(key, value);
    return this.#update(this.#address, given, this.#valueAddress, NOEXIST);
  }

  /** Puts bytes into the transfer buffer. @param offset of the value: 0; or of the room behind it */
  protected putBytes(bytes: Uint8Array, offset: number): void {
    this.#bytes.set(bytes, roundUp(this.info.keySize) + offset);
  }

  /** Where a value is in the transfer buffer; behind all its copies is the room for what changes values. */
  protected get valueAddress(): number {
    return this.#valueAddress;
  }

  /** Removes the entry of a key as it lies in memory: 0 or -errno. */
  protected remove(words: Uint32Array, from: number): number {
    return this.#delete(this.#address, this.#put(words, from));
  }

  /** Has a key in the transfer buffer. @returns its address there */
  protected place(key: K): number {
    this.#writeKey(key);
    return this.#keyAddress;
  }

  /**
   * Gives this object's transfer buffer back; the map itself stays. A map that was destroyed keeps its memory until every
   * thread has closed it or is gone. Closing twice does nothing.
   */
  close(): void {
    if (this.#room === 0) return;
    const room = this.#room;
    this.#end();
    this.host.leave(this.#tenant);
    this.core.freeBytes(room);
    this.core.closeMap(this.#address, this.#cpu);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What `close` does but for the shared memory. */
  #end(): void {
    this.#room = 0;
    this.#gate.open = false;
    for (const name of SPECIALIZED) Reflect.deleteProperty(this, name);
    // The buffer may be anybody's by now: keys and values are written elsewhere, and nobody reads them.
    const { buffer } = new Uint8Array(transferBytes(this.info));
    const valueAt = roundUp(this.info.keySize);
    this.#keyAddress = 0;
    this.#valueAddress = 0;
    this.#bytes = new Uint8Array(buffer);
    this.#key = this.#keyIn = this.#keyCodec.bind(buffer, 0, "key");
    this.#value = this.#valueIn = bindValue(this.#valueCodec, this.info, buffer, valueAt);
    this.#keyScratch = undefined;
    this.#valueScratch = undefined;
    this.#get = isClosed;
    this.#update = isClosed;
    this.#delete = isClosed;
    this.#take = isClosed;
  }

  /** Whether an operation found its entry; an error if it could not find that out. */
  #isThere(result: number, what: string): boolean {
    if (isUndecided(result)) throw mapFailure(this.info, result, what);
    return result === 0;
  }
}

/** What a kind of map cannot do. */
function isRefused(): number {
  return -ERRNO.EINVAL;
}

function isClosed(): number {
  return -ERRNO.EBADF;
}
