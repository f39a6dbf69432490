/**
 * A map as TypeScript sees it: `Map`'s shape over shared memory. One object per map and thread; all threads see the
 * same entries. Values are copies.
 */

import { AnyctxError, ERRNO } from "../error.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import type { CoreInstance } from "../wasm/instance.ts";
import type { SharedMemory } from "../wasm/types.ts";
import type { Accessor, Codec } from "./codec.ts";
import { isUndecided, mapFailure } from "./failure.ts";
import type { MapInfo } from "./info.ts";

export type { MapInfo } from "./info.ts";

/** Update flags: create or replace, create only, replace only (Linux `uapi/linux/bpf.h`). */
export const ANY = 0;
export const NOEXIST = 1;
export const EXIST = 2;

/** Memory of the arena that is there to be written to; what is in it is gone at the next use. */
export interface Room {
  readonly address: number;
  readonly bytes: number;
}

/** What one step of a walk copied, and where to go on: 0, nowhere. */
interface Step {
  readonly copies: readonly ArrayBuffer[];
  readonly next: number;
}

/** An element takes 16 bytes at least, an arena 4 GiB at most. */
const MOST_PREFILLED = 1 << 28;

/** Bytes a view of the arena's memory needs to be aligned to. */
const ALIGN = 8;

function roundUp(value: number): number {
  return Math.ceil(value / ALIGN) * ALIGN;
}

/** Bytes of a key and a value, all its copies. */
export function transferBytes({ keySize, valueStride, copies }: MapInfo): number {
  return roundUp(keySize) + valueStride * copies;
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
        throw new AnyctxError(
          "EINVAL",
          `Map "${info.name}" needs an array of ${places.length} values, one for each CPU`,
        );
      for (const [cpu, place] of places.entries()) place.write(list[cpu] as V);
    },
  };
}

export class ArenaMap<K, V> {
  readonly info: MapInfo;
  readonly #instance: CoreInstance;
  readonly #memory: SharedMemory;
  readonly #keyCodec: Codec<K>;
  readonly #valueCodec: Codec<V>;
  readonly #address: number;
  /** This thread's transfer buffer: a key, then a value (all copies). Never moves, so the views never go stale. */
  #keyAddress: number;
  #valueAddress: number;
  #key: Accessor<K>;
  #value: Accessor<V>;
  /** Whether keys go to the core's functions as they are, and not by their address. */
  #byWord: boolean;
  /** The core's functions for this kind: `isRefused` for what it cannot do, `isClosed` afterwards. */
  #get: Core["hashGet"];
  #update: Core["hashUpdate"];
  #delete: Core["hashDelete"];
  #take: Core["hashGet"];
  /** Where the transfer buffer is; 0 once it has been given back. */
  #room: number;
  /** CPU on which the map is counted as open. */
  readonly #cpu: number;
  /** The thread's, for walks. */
  readonly #walkRoom: Room;

  /**
   * Made by `Arena.createMap` and `Arena.openMap`, which have opened the map in the core on CPU `cpu`.
   * @param room its transfer buffer, `transferBytes` long: from now on this object's
   */
  constructor(
    instance: CoreInstance,
    memory: SharedMemory,
    { info, room }: { readonly info: MapInfo; readonly room: number },
    keyCodec: Codec<K>,
    valueCodec: Codec<V>,
    cpu: number,
    walkRoom: Room,
  ) {
    this.#cpu = cpu;
    this.#walkRoom = walkRoom;
    this.info = info;
    this.#instance = instance;
    this.#memory = memory;
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
    this.#address = info.address;
    const keyBytes = roundUp(info.keySize);
    this.#room = room;
    // The core wants no key of a map without keys.
    this.#keyAddress = keyBytes === 0 ? 0 : room;
    this.#valueAddress = room + keyBytes;
    this.#key = keyCodec.bind(memory.buffer, room);
    this.#value = bindValue(valueCodec, info, memory.buffer, this.#valueAddress);
    const { system, byWord } = info.kind;
    this.#byWord = byWord !== undefined && (keyCodec.description === "u32" || keyCodec.description === "i32");
    const { get, update, delete: remove } = (this.#byWord ? byWord : undefined) ?? system;
    const { take } = system;
    this.#get = get === undefined ? isRefused : instance.core[get];
    this.#update = update === undefined ? isRefused : instance.core[update];
    this.#delete = remove === undefined ? isRefused : instance.core[remove];
    this.#take = take === undefined ? isRefused : instance.core[take];
  }

  /** A key as the core's functions take it. */
  #given(key: K): number {
    if (this.#byWord) return key as number;
    this.#key.write(key);
    return this.#keyAddress;
  }

  /**
   * The value under a key, or undefined.
   * @throws {AnyctxError} of a queue, whose lock is needed: ETIMEDOUT, EBUSY (as `delete`)
   */
  get(key: K): V | undefined {
    const result = this.#get(this.#address, this.#given(key), this.#valueAddress);
    return this.#took(result, "read an entry of") ? this.#value.read() : undefined;
  }

  has(key: K): boolean {
    return this.#took(this.#get(this.#address, this.#given(key), this.#valueAddress), "read an entry of");
  }

  /**
   * Creates or replaces an entry.
   * @throws {AnyctxError} E2BIG when the map is full, ENOMEM when there is nothing to allocate from in this context
   */
  set(key: K, value: V): this {
    this.#value.write(value);
    const result = this.#update(this.#address, this.#given(key), this.#valueAddress, ANY);
    if (result !== 0) throw mapFailure(this.info, result, "set an entry of");
    return this;
  }

  /**
   * As `set` with flags ANY, NOEXIST or EXIST, and without a throw.
   * @returns 0, or -errno: -EEXIST, -ENOENT, -E2BIG, -ENOMEM, -EBUSY, -EINVAL, -ETIMEDOUT (a thread died in the middle of
   * an operation on the same keys, or with a lock of the memory, and has not been reaped), -EBADF (closed)
   */
  update(key: K, value: V, flags: number = ANY): number {
    this.#value.write(value);
    return this.#update(this.#address, this.#given(key), this.#valueAddress, flags);
  }

  /**
   * Removes an entry and gives its value, or undefined if there is none: of a queue the one that came first.
   * @throws {AnyctxError} EINVAL for a kind that gives none; ETIMEDOUT, EBUSY (as `delete`)
   */
  take(key: K): V | undefined {
    if (this.info.kind.system.take === undefined)
      throw new AnyctxError(
        "EINVAL",
        `Nothing can be taken from map "${this.info.name}": it is ${this.info.kind.type}`,
      );
    this.#key.write(key);
    const result = this.#take(this.#address, this.#keyAddress, this.#valueAddress);
    return this.#took(result, "take an entry of") ? this.#value.read() : undefined;
  }

  /**
   * Removes an entry; whether it was there. Entries of an array cannot be removed.
   * @throws {AnyctxError} ETIMEDOUT: a thread died in the middle of an operation on the same keys and has not been reaped;
   * EBUSY: this thread may not wait, and another one is in the middle of such an operation. The entry may be there.
   */
  delete(key: K): boolean {
    return this.#took(this.#delete(this.#address, this.#given(key)), "delete an entry of");
  }

  /**
   * Removes what is there now; entries others add meanwhile may stay. Needs no memory of the arena.
   * @throws {AnyctxError} as `delete`, when all that can be removed has been
   */
  clear(): void {
    let failed = 0;
    for (const key of [...this.#walk("mapScanKeys")]) {
      const result = this.#delete(this.#address, this.#writeKey(key));
      if (isUndecided(result)) failed = result;
    }
    if (failed !== 0) throw mapFailure(this.info, failed, "delete an entry of");
  }

  /** Entries now: a few off while others write. */
  get size(): number {
    return this.#instance.core.mapCount(this.#address);
  }

  /** Entries in no particular order; safe while others write. A key that stays is seen exactly once. */
  *entries(): Generator<[K, V]> {
    for (const [keyBuffer, valueOffset] of this.#rawEntries()) {
      const key = this.#keyCodec.bind(keyBuffer, 0).read();
      yield [key, bindValue(this.#valueCodec, this.info, keyBuffer, valueOffset).read()];
    }
  }

  *keys(): Generator<K> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): Generator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[K, V]> {
    return this.entries();
  }

  forEach(visit: (value: V, key: K, map: this) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  /** Keys and values as they lie in memory: the value's bytes, one array for each copy. */
  *dump(): Generator<{ key: Uint8Array; values: Uint8Array[] }> {
    const { keySize, valueSize, valueStride, copies } = this.info;
    for (const [buffer, valueOffset] of this.#rawEntries()) {
      const all = new Uint8Array(buffer);
      const copy = (index: number): Uint8Array => {
        const from = valueOffset + index * valueStride;
        return all.slice(from, from + valueSize);
      };
      yield { key: all.slice(0, keySize), values: Array.from({ length: copies }, (_, index) => copy(index)) };
    }
  }

  /** Each entry's key and value in a buffer of its own, with the offset of the value. */
  *#rawEntries(): Generator<[ArrayBuffer, number]> {
    const valueOffset = roundUp(this.info.keySize);
    for (const copy of this.#walk("mapScan")) {
      const entry = copy.byteLength === valueOffset ? this.#entryOf(copy) : copy;
      if (entry !== undefined) yield [entry, valueOffset];
    }
  }

  /** Entries, or keys. Where the entries of a step of the walk do not fit the thread's room there are keys instead. */
  *#walk(scan: "mapScan" | "mapScanKeys"): Generator<ArrayBuffer> {
    const { name, kind } = this.info;
    if (!kind.walk) throw new AnyctxError("EINVAL", `Map "${name}" cannot be walked: it is ${kind.type}`);
    if (this.#room === 0) throw mapFailure(this.info, -ERRNO.EBADF, "walk");
    let from = 0;
    do {
      const step =
        this.#scan(scan, from, this.#walkRoom) ??
        this.#scan("mapScanKeys", from, this.#walkRoom) ??
        this.#scanKeysElsewhere(from);
      yield* step.copies;
      from = step.next;
    } while (from !== 0);
  }

  /** One step of a walk; undefined if the room is too small for it. */
  #scan(scan: "mapScan" | "mapScanKeys", from: number, { address, bytes }: Room): Step | undefined {
    const { core } = this.#instance;
    const unit = scan === "mapScan" ? core.mapEntryBytes(this.#address) : roundUp(this.info.keySize);
    const count = core[scan](this.#address, from, address, bytes);
    if (count < 0) return undefined;
    const next = new Uint32Array(this.#memory.buffer, core.currentArea() + LAYOUT.CpuArea.scanNext, 1)[0] ?? 0;
    const copies = Array.from({ length: count }, (_, index) => this.#copyOut(address + index * unit, unit));
    return { copies, next };
  }

  /** Keys so large or so many that a bucket's do not fit the thread's room: only this needs memory. */
  #scanKeysElsewhere(from: number): Step {
    const { core } = this.#instance;
    for (let bytes = 2 * this.#walkRoom.bytes; ; bytes *= 2) {
      const address = core.allocateBytes(bytes) >>> 0;
      if (address < CONSTANTS.SUPERBLOCK) throw mapFailure(this.info, -address, "walk");
      const step = this.#scan("mapScanKeys", from, { address, bytes });
      core.freeBytes(address);
      if (step !== undefined) return step;
    }
  }

  /** The entry of a key as it is now, undefined if it is gone. Key and value lie behind each other in the transfer buffer. */
  #entryOf(key: ArrayBuffer): ArrayBuffer | undefined {
    if (this.#get(this.#address, this.#writeKey(key), this.#valueAddress) !== 0) return undefined;
    return this.#copyOut(this.#keyAddress, this.#instance.core.mapEntryBytes(this.#address));
  }

  /** As `#given`, of a key as it lies in memory; it is in the transfer buffer as well. Of a closed map nothing is written. */
  #writeKey(key: ArrayBuffer): number {
    if (this.#room !== 0)
      new Uint8Array(this.#memory.buffer, this.#keyAddress, key.byteLength).set(new Uint8Array(key));
    return this.#byWord ? (new Int32Array(key, 0, 1)[0] as number) : this.#keyAddress;
  }

  #copyOut(address: number, bytes: number): ArrayBuffer {
    return copyOf(new Uint8Array(this.#memory.buffer, address, bytes));
  }

  /**
   * Prefills: the next `count` new keys on this thread's current CPU do not fail for memory, in any context. A later
   * prefill replaces it. Where deferred work may not run (hardirq, NMI, RT) nothing can be prefilled.
   * @returns 0; -EINVAL for a map that is no dynamic hash; or -ENOMEM, and nothing is prefilled
   */
  prefill(count: number): number {
    if (!(count >= 0)) return -ERRNO.EINVAL;
    // Beyond this no arena has room, and sums of 32 bits would wrap.
    if (count > MOST_PREFILLED) return -ERRNO.ENOMEM;
    return this.#instance.core.mapPrefill(this.#address, count);
  }

  /**
   * Gives this object's transfer buffer back; the map itself stays. A map that was destroyed keeps its memory until every
   * thread has closed it or is gone. Afterwards lookups find nothing and updates return -EBADF.
   */
  close(): void {
    if (this.#room === 0) return;
    const { core } = this.#instance;
    core.freeBytes(this.#room);
    this.#room = 0;
    core.closeMap(this.#address, this.#cpu);
    // The buffer may be anybody's by now: keys and values are written elsewhere, and nobody reads them.
    const room = new ArrayBuffer(transferBytes(this.info));
    this.#keyAddress = 0;
    this.#valueAddress = 0;
    this.#key = this.#keyCodec.bind(room, 0);
    this.#value = bindValue(this.#valueCodec, this.info, room, roundUp(this.info.keySize));
    this.#get = isClosed;
    this.#update = isClosed;
    this.#delete = isClosed;
    this.#take = isClosed;
  }

  /** Whether an operation found its entry; an error if it could not find that out. */
  #took(result: number, what: string): boolean {
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

function copyOf(shared: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(shared.length);
  new Uint8Array(copy).set(shared);
  return copy;
}
