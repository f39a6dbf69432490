/**
 * A map's single entries: read, written and removed through this thread's transfer buffer (maps/transfer/transfer.ts), and what is left of
 * the map once it is closed: nothing. `ArenaMap` (maps/map.ts) is the rest of `Map`'s shape.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { AnyctxError, ERRNO } from "../error.ts";
import { CONSTANTS, type Core } from "../wasm/face.ts";
import { type Access, accessOf, isForbidden } from "./access.ts";
import type { Codec } from "./codec/accessor.ts";
import { holdsU32 } from "./codec/scalar.ts";
import { errnoOf, isUndecided, mapFailure } from "./failure.ts";
import type { MapHost, Tenant } from "./host.ts";
import type { MapInfo } from "./info.ts";
import { NOT_SENT } from "./inspect.ts";
import { FixedTransfer, keyWordOf } from "./transfer/fixed.ts";
import { type Operations, SPECIALIZED, specialize } from "./transfer/specialize.ts";
import type { Transfer } from "./transfer/transfer.ts";
import { VariableTransfer } from "./transfer/variable.ts";

/** Update flags: create or replace, create only, replace only (Linux `uapi/linux/bpf.h`). */
export const ANY = 0;
export const NOEXIST = 1;
export const EXIST = 2;
/** BPF_F_LOCK, with one of these: a value that is there is changed where it lies, under the lock in it. */
export const LOCK: number = CONSTANTS.LOCK;

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
  /** @internal */
  readonly sent: symbol = NOT_SENT;
  readonly info: MapInfo;
  /** @internal */
  protected readonly host: MapHost;
  /** @internal */
  protected readonly core: Core;
  /** @internal */
  protected readonly transfer: Transfer<K, V>;
  readonly #address: number;
  readonly #access: Access;
  /** The core's functions for this kind: `isRefused` for what it cannot do, `isClosed` afterwards. */
  #get: Core["hashGet"];
  #getAt: Core["orderedGetAt"];
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

  /**
   * Made by `Arena.createMap` and `Arena.openMap`, which have opened the map in the core on the host's CPU.
   * @param open its transfer buffer is this object's from now on
   * @internal
   */
  constructor(host: MapHost, { info, room }: OpenMap, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    const { cpu, instance } = host;
    this.host = host;
    this.core = instance.core;
    this.#cpu = cpu;
    this.info = info;
    this.#address = info.address;
    this.#room = room;
    const Made = info.kind.variable ? VariableTransfer : FixedTransfer;
    this.transfer = new Made(host, info, room, keyCodec, valueCodec);
    const asWord = keyWordOf(info, keyCodec) !== "none";
    const { system, byWord } = info.kind;
    const { get, update, delete: remove } = (asWord ? byWord : undefined) ?? system;
    this.#access = accessOf(host.memory, info.address);
    const { mayRead, mayWrite, mayChange } = this.#access;
    this.#get = !mayRead ? isForbidden : get === undefined ? isRefused : this.transfer.reading(this.core[get]);
    this.#update = !mayWrite ? isForbidden : update === undefined ? isRefused : this.core[update];
    this.#delete = !mayWrite ? isForbidden : remove === undefined ? isRefused : this.core[remove];
    const { take, getAt } = system;
    this.#getAt = !mayRead || getAt === undefined ? isForbidden : this.core[getAt];
    this.#take = !mayChange ? isForbidden : take === undefined ? isRefused : this.transfer.reading(this.core[take]);
    this.#tenant = { info, end: () => this.#end(), close: () => this.close() };
    host.enter(this.#tenant);
    this.#takeOver(asWord, keyCodec, valueCodec);
  }

  /** Puts operations of this map's own, where there are any, before those that all maps share. */
  #takeOver(asWord: boolean, { description: key }: Codec<K>, { description: value }: Codec<V>): void {
    if (this.info.copies > 1 || this.info.kind.variable || this.info.lock !== undefined) return;
    const own = specialize({
      info: this.info,
      ...{ key, value, asWord },
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

  /** @internal Whether a map lies in a memory: is one of that arena's. */
  static liesIn<K, V>(map: MapEntries<K, V>, memory: MapHost["memory"]): boolean {
    return map.host.memory === memory;
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

  /**
   * The value under a key, or undefined.
   * @throws {AnyctxError} EINVAL for what can be no key; EBADF; of a queue, whose lock is needed: ETIMEDOUT, EBUSY (as `delete`)
   */
  get(key: K): V | undefined {
    // First: to read a key may run code that closes the map, and a function that was looked up before would not see it.
    const given = this.transfer.given(key);
    const result = this.#get(this.#address, given, this.transfer.valueAddress);
    return result === 0 || this.#isThere(result, "read an entry of") ? this.transfer.readValue() : undefined;
  }

  /**
   * As `get`, under the lock in the value: what programs, and `update` with LOCK, change under it is seen as a whole.
   * @throws {AnyctxError} as `get`; EINVAL: values have no lock; ETIMEDOUT: who has it does not let go; EBUSY: this thread may not wait
   */
  getLocked(key: K): V | undefined {
    const { getLocked } = this.info.kind.system;
    if (this.info.lock === undefined || getLocked === undefined)
      throw new AnyctxError("EINVAL", `The values of map "${this.info.name}" have no lock`);
    const given = this.transfer.given(key);
    this.checkOpen("read an entry of", "mayRead");
    const result = this.core[getLocked](this.#address, given, this.transfer.valueAddress);
    return this.#isThere(result, "read an entry of") ? this.transfer.readValue() : undefined;
  }

  has(key: K): boolean {
    const given = this.transfer.given(key);
    const result = this.#get(this.#address, given, this.transfer.nowhere);
    return result === 0 || this.#isThere(result, "read an entry of");
  }

  /**
   * Creates or replaces an entry, whatever is there by now: to change what `get` gave, use `compute`, `compareExchange` or `add`.
   * @throws {AnyctxError} EINVAL: a codec cannot hold key or value exactly; E2BIG when the map is full, ENOMEM when there is
   * nothing to allocate from in this context; EBADF
   */
  set(key: K, value: V): this {
    const given = this.transfer.write(key, value);
    const result = this.#update(this.#address, given, this.transfer.valueAddress, ANY);
    if (result !== 0) throw mapFailure(this.info, result, "set an entry of");
    return this;
  }

  /**
   * As `set` with flags ANY, NOEXIST or EXIST, and without a throw. With LOCK beside them, of values that have a lock (`spinLock`), a
   * value that is there is changed where it lies, under its lock.
   * @returns 0, or -errno: -EEXIST, -ENOENT, -E2BIG, -ENOMEM, -EBUSY, -EINVAL (flags that there are not; key or value that its
   * codec cannot hold), -ETIMEDOUT (a thread died in the middle of an operation on the same keys, or with a lock of the
   * memory, and has not been reaped), -EBADF (closed)
   */
  update(key: K, value: V, flags: number = ANY): number {
    if (!holdsU32(flags)) return this.#room === 0 ? -ERRNO.EBADF : -ERRNO.EINVAL;
    let given: number;
    try {
      given = this.transfer.write(key, value);
    } catch (cause) {
      return this.#room === 0 ? -ERRNO.EBADF : errnoOf(cause);
    }
    return this.#update(this.#address, given, this.transfer.valueAddress, flags);
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
    const at = this.transfer.place(key);
    const result = this.#take(this.#address, at, this.transfer.valueAddress);
    return this.#isThere(result, "take an entry of") ? this.transfer.readValue() : undefined;
  }

  /**
   * Removes an entry; whether it was there. Entries of an array cannot be removed.
   * @throws {AnyctxError} EINVAL, EBADF; ETIMEDOUT: a thread died in the middle of an operation on the same keys and has not
   * been reaped; EBUSY: this thread may not wait, and another one is in the middle of such an operation. The entry may be there.
   */
  delete(key: K): boolean {
    const given = this.transfer.given(key);
    return this.#isThere(this.#delete(this.#address, given), "delete an entry of");
  }

  /**
   * Has key and value of a key as it lies in memory in the transfer buffer; false if the key is gone.
   * @param from the key's first word
   * @param stamp of the walk's step (maps/walk/walk.ts)
   */
  protected load(words: Uint32Array, from: number, stamp: number): boolean {
    const key = this.transfer.put(words, from);
    const { valueAddress } = this.transfer;
    if (stamp !== 0 && this.#getAt(this.#address, words[from + 1] ?? 0, stamp, valueAddress) === 0) return true;
    return this.#isThere(this.#get(this.#address, key, valueAddress), "walk");
  }

  /** The key that `load` has loaded, and its value. */
  protected loadedKey(): K {
    return this.transfer.readKey();
  }

  protected loadedValue(): V {
    return this.transfer.readValue();
  }

  /** The bytes of a key's value, undefined if there is none. */
  protected find(key: K): Uint8Array | undefined {
    const given = this.transfer.given(key);
    const result = this.#get(this.#address, given, this.transfer.valueAddress);
    return this.#isThere(result, "read an entry of") ? this.transfer.valueBytes(0) : undefined;
  }

  /** As `update` with NOEXIST, but throws what key and value are refused for. */
  protected insert(key: K, value: V): number {
    const given = this.transfer.write(key, value);
    return this.#update(this.#address, given, this.transfer.valueAddress, NOEXIST);
  }

  /** Removes the entry of a key as it lies in memory: 0 or -errno. */
  protected remove(words: Uint32Array, from: number): number {
    return this.#delete(this.#address, this.transfer.put(words, from));
  }

  /**
   * Gives this object's transfer buffer back; the map itself stays. A map that was destroyed keeps its memory until every
   * thread has closed it or is gone. Closing twice does nothing.
   */
  close(): void {
    if (this.#room === 0) return;
    const rooms = [this.#room, ...this.#end()];
    this.host.leave(this.#tenant);
    for (const room of rooms) this.core.freeBytes(room);
    this.core.closeMap(this.#address, this.#cpu);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What `close` does but for the shared memory. */
  #end(): readonly number[] {
    this.#room = 0;
    this.#gate.open = false;
    for (const name of SPECIALIZED) Reflect.deleteProperty(this, name);
    const more = this.transfer.end();
    this.#get = isClosed;
    this.#getAt = isClosed;
    this.#update = isClosed;
    this.#delete = isClosed;
    this.#take = isClosed;
    return more;
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
