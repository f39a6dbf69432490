/**
 * A map as TypeScript sees it: `Map`'s shape over shared memory. One object per map and thread; all threads see the
 * same entries. Values are copies.
 */
import { checkBooleans, checkFunction, checkOptions, refuse } from "../arguments.ts";
import { AnyctxError, ERRNO } from "../error.ts";
import { Batch, type Many, type ManyOut } from "./batch.ts";
import type { Refused } from "./capabilities.ts";
import type { Codec } from "./codec/accessor.ts";
import { behindPrefix } from "./codec/key-order.ts";
import type { OpenMap } from "./entries.ts";
import { mapFailure } from "./failure.ts";
import type { MapHost } from "./host.ts";
import { type Inspect, type InspectOptions, inspectEntries, showAs } from "./inspect.ts";
import { KeylessEntries } from "./keyless.ts";
import type { MapKind, MapType } from "./kinds.ts";
import { LiveView } from "./live-view.ts";
import type { MapOptions, ValueOf } from "./options.ts";
import { iterate, type Visit } from "./walk/iterator.ts";
import { type ByteRange, checkOrdered, walkInOrder } from "./walk/order.ts";
import { type Scanned, scanNext } from "./walk/scan.ts";
import type { WalkStep } from "./walk/step.ts";
import { walkKeys, wordsOfKey } from "./walk/walk.ts";

export { ANY, EXIST, LOCK, NOEXIST } from "./entries.ts";
export type { MapInfo } from "./info.ts";

/** An element takes 16 bytes at least, an arena 4 GiB at most. */
const MOST_PREFILLED = 1 << 28;

/** Which entries of an ordered map: from `from` on, before `to`. */
export interface KeyRange<K> {
  readonly from?: K | undefined;
  readonly to?: K | undefined;
  /** The last one first. */
  readonly reverse?: boolean | undefined;
}

/** Who creates maps: an arena. */
export interface MapMaker {
  createMap<T extends MapType, K, V>(
    options: MapOptions<K, V> & { readonly type: T },
  ): ArenaMap<K, ValueOf<T, V>> & Refused<T>;
}

/**
 * A map whose entries all threads of the arena see. Made by `Arena.createMap`, `Arena.openMap` and `ArenaMap.from`.
 *
 * @example
 * ```ts
 * import { Arena, ArenaMap, string, struct, u32, u64 } from "anyctx";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const value = struct({ hits: u32, bytes: u64 });
 * const options = { type: "hash", name: "pages", key: string(64), value, maxEntries: 1000 } as const;
 * const pages = ArenaMap.from(arena, options, [["/", { hits: 1, bytes: 512n }]]);
 *
 * // Whatever other threads do meanwhile: nothing is lost.
 * console.log(pages.add("/", "hits", 1)); // 2
 * console.log(pages.compareExchange("/", "bytes", 512n, 0n)); // true
 * console.log(pages.getOrInsert("/new", { hits: 0, bytes: 0n })); // { hits: 0, bytes: 0n }
 * pages.compute("/", (page) => page && { hits: page.hits, bytes: page.bytes + BigInt(page.hits) });
 *
 * for (const [path, { bytes }] of pages) if (bytes > 0n) console.log(path, bytes); // / 2n
 * console.log(pages.delete("/new"), pages.size); // true 1
 * ```
 */
export class ArenaMap<K, V> extends KeylessEntries<K, V> {
  readonly #keyCodec: Codec<K>;
  readonly #valueCodec: Codec<V>;
  #batch: Batch<K, V> | undefined;
  readonly #load: Visit<unknown>["load"] = (keys, from, stamp) => this.load(keys, from, stamp);

  /** @internal */
  constructor(host: MapHost, open: OpenMap, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    super(host, open, keyCodec, valueCodec);
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
  }

  /**
   * Creates a map with entries, as `new Map(entries)`: all of them, or there is no map.
   * @param options as of `arena.createMap`
   * @throws {AnyctxError} as `arena.createMap` and `set`
   */
  static from<T extends MapType, K, V>(
    arena: MapMaker,
    options: MapOptions<K, V> & { readonly type: T },
    entries: Iterable<readonly [K, ValueOf<T, V>]>,
  ): ArenaMap<K, ValueOf<T, V>> & Refused<T> {
    checkFunction("ArenaMap.from", "arena.createMap", arena?.createMap);
    checkFunction("ArenaMap.from", "entries[Symbol.iterator]", entries?.[Symbol.iterator]);
    const made = arena.createMap(options);
    // Whatever its kind can do: it throws what it cannot.
    const map: ArenaMap<K, ValueOf<T, V>> = made;
    try {
      for (const entry of entries) {
        if (Object(entry) !== entry) refuse("ArenaMap.from", "[key, value]", "entries", entry);
        map.set(entry[0], entry[1]);
      }
    } catch (error) {
      // What gave the entries may have destroyed it already, or have detached the arena.
      if (map.isOpen) map.core.destroyMap(map.info.address);
      map.close();
      throw error;
    }
    return made;
  }

  /**
   * Removes what is there now, by its bytes; entries others add meanwhile may stay. Needs no memory of the arena, but for keys of more than
   * 4 KiB of an ordered map.
   * @throws {AnyctxError} as `delete`, when all that can be removed has been; EINVAL: entries of an array cannot be removed
   */
  clear(): void {
    const { clear } = this.info.kind.system;
    const failed = clear === undefined ? this.#removeWalked() : this.#clearBy(clear);
    if (failed !== 0) throw mapFailure(this.info, failed, "delete an entry of");
  }

  /** 0, or the last -errno. */
  #clearBy(clear: NonNullable<MapKind["system"]["clear"]>): number {
    this.checkOpen("delete an entry of", "mayWrite");
    const { room } = this.host;
    let [failed, from] = [0, 0];
    do {
      failed = this.core[clear](this.info.address, from, room.address, room.bytes) || failed;
      from = scanNext(this.core, this.host.memory);
    } while (from !== 0);
    return failed;
  }

  #removeWalked(): number {
    let failed = 0;
    for (const { keys } of this.walk())
      for (let from = 0; from < keys.length; from += wordsOfKey(this.info, keys, from)) {
        const result = this.remove(keys, from);
        if (result !== 0 && result !== -ERRNO.ENOENT) failed = result;
      }
    return failed;
  }

  /**
   * Entries now: a few off while others write.
   * @throws {AnyctxError} EBADF
   */
  get size(): number {
    this.checkOpen("count the entries of");
    return this.core.mapCount(this.info.address);
  }

  get [Symbol.toStringTag](): string {
    return "ArenaMap";
  }

  /**
   * Entries in no particular order, of an ordered map in that of its keys; safe while others write. A key that stays is seen exactly once, one that has been deleted
   * before it is asked for is not, and each value is what it is when it is asked for: as of Map.
   */
  entries(): Generator<[K, V], undefined, unknown> {
    return this.#entriesOf(this.walk());
  }

  keys(): Generator<K, undefined, unknown> {
    return iterate<K>(this.info, this.walk(), { load: this.#load, make: () => this.loadedKey() });
  }

  values(): Generator<V, undefined, unknown> {
    return iterate<V>(this.info, this.walk(), { load: this.#load, make: () => this.loadedValue() });
  }

  [Symbol.iterator](): Generator<[K, V], undefined, unknown> {
    return this.entries();
  }

  /** @param self what `visit` has as `this` */
  forEach(visit: (value: V, key: K, map: this) => void, self?: unknown): void {
    checkFunction("forEach", "visit", visit);
    for (const { keys, stamp } of this.walk())
      for (let from = 0; from < keys.length; from += wordsOfKey(this.info, keys, from))
        if (this.load(keys, from, stamp)) visit.call(self, this.loadedValue(), this.loadedKey(), this);
  }

  /**
   * Entries of an ordered map in the order of their keys, while others write: those from `from` on whose keys come before `to`. A
   * key that stays is met once; one that comes meanwhile, if it lies ahead.
   * @param range without `from` from the first on, without `to` to the last; `reverse`: the last one first
   * @throws {AnyctxError} EINVAL: another kind, or a bound that can be no key; EBADF, ENOMEM
   */
  range(range: KeyRange<K> = {}): Generator<[K, V], undefined, unknown> {
    this.checkOpen("walk");
    checkOrdered(this.info, "ranges");
    checkOptions("range", range, ["from", "to", "reverse"]);
    checkBooleans("range", range, ["reverse"]);
    const { from, to, reverse } = range;
    return this.#inOrder({ from: this.#keyBytes(from), to: this.#keyBytes(to), reverse });
  }

  /**
   * As `range`, the entries of an ordered map whose keys begin with what is given: of texts and bytes.
   * @throws {AnyctxError} as `range`; EINVAL: keys are numbers
   */
  prefix(beginning: K, options: Pick<KeyRange<K>, "reverse"> = {}): Generator<[K, V], undefined, unknown> {
    this.checkOpen("walk");
    checkOrdered(this.info, "prefixes");
    checkOptions("prefix", options, ["reverse"]);
    checkBooleans("prefix", options, ["reverse"]);
    if (this.#keyCodec.variable === undefined)
      throw new AnyctxError("EINVAL", `The keys of map "${this.info.name}" are numbers, which have no beginning`);
    this.transfer.place(beginning);
    const from = this.transfer.keyBytes();
    return this.#inOrder({ from, to: behindPrefix(from), reverse: options.reverse });
  }

  #inOrder(range: ByteRange): Generator<[K, V], undefined, unknown> {
    return this.#entriesOf(walkInOrder(this.host, this.info, range, () => this.isOpen));
  }

  #entriesOf(steps: Iterator<WalkStep>): Generator<[K, V], undefined, unknown> {
    return iterate<[K, V]>(this.info, steps, {
      load: this.#load,
      make: () => [this.loadedKey(), this.loadedValue()],
    });
  }

  /** A bound's bytes. */
  #keyBytes(key: K | undefined): Uint8Array | undefined {
    if (key === undefined) return undefined;
    this.transfer.place(key);
    return this.transfer.keyBytes();
  }

  /** Keys and values as they lie in memory: the value's bytes, one array for each copy. */
  *dump(): Generator<{ key: Uint8Array; values: Uint8Array[] }> {
    const { copies } = this.info;
    for (const { keys, stamp } of this.walk())
      for (let from = 0; from < keys.length; from += wordsOfKey(this.info, keys, from))
        if (this.load(keys, from, stamp))
          yield {
            key: this.transfer.keyBytes(),
            values: Array.from({ length: copies }, (_, index) => this.transfer.valueBytes(index)),
          };
  }

  /** @internal Keys as they lie in memory, some at a time. */
  protected walk(): Generator<WalkStep> {
    return walkKeys(this.core, this.host, this.info, () => this.isOpen);
  }

  /**
   * Reads many entries at once: with keys and values of one word each (`u8` to `f64`) in one call of the core.
   * @param keys an array, or a typed array
   * @param values receives what is there, at the key's place: an array, or the typed array of the value's codec
   * @param found receives 1 for each key that is there and 0 for the others
   * @returns how many are there; or, without `values`, their values, undefined for those that are not
   * @throws {AnyctxError} EINVAL for what can be no key, and before anything is read
   */
  getMany(keys: Many<K>): (V | undefined)[];
  getMany(keys: Many<K>, values: ManyOut<V>, found?: Uint8Array): number;
  getMany(keys: Many<K>, values?: ManyOut<V>, found?: Uint8Array): (V | undefined)[] | number {
    return values === undefined ? this.#many().read(keys) : this.#many().readInto(keys, values, found);
  }

  /**
   * Creates or replaces many entries, in their order, as `getMany` reads them.
   * @throws {AnyctxError} EINVAL: a key or value cannot be held exactly; with keys and values of one word nothing has happened
   * then. Otherwise as `set`; the message says at which entry, and those before it have been set
   */
  setMany(keys: Many<K>, values: Many<V>): this {
    this.#many().set(keys, values);
    return this;
  }

  /**
   * Adds to many entries, in their order, as `getMany` reads them; the same key may come twice. As `add` of a map whose values are
   * numbers.
   * @throws {AnyctxError} ERANGE: a sum cannot be held; those before it have been added. Otherwise as `setMany`
   */
  addMany(keys: Many<K>, amounts: Many<V & (number | bigint)>): this {
    this.#many().add(keys, amounts);
    return this;
  }

  /** Removes many entries; how many were there. As `delete`. */
  deleteMany(keys: Many<K>): number {
    return this.#many().delete(keys);
  }

  /**
   * Copies entries into arrays, typed ones or others, as many as they have places for: the fastest way through a map whose keys and
   * values are of one word each. What others do meanwhile is seen as in `entries`, as of the time of the call.
   * @param from `next` of the last call; 0 begins
   * @returns how many entries were copied, and where to go on: 0 at the end
   * @throws {AnyctxError} EINVAL: other keys or values, a per-CPU map or a queue, arrays of too few places (a bucket's do)
   */
  scan(keys: ManyOut<K>, values: ManyOut<V>, from: number = 0): Scanned {
    return this.#many().scan(keys, values, from);
  }

  #many(): Batch<K, V> {
    this.checkOpen("use many entries of", "mayChange");
    this.#batch ??= new Batch(this.host, this, this.#keyCodec, this.#valueCodec);
    return this.#batch;
  }

  /**
   * Runs `act` in a read section: what `view` gives stays what it is until `act` returns. Nests. It holds up memory that others
   * free, so it should be short; `act` runs at once, and what it awaits is outside.
   */
  read<T>(act: () => T): T {
    this.checkOpen("read");
    checkFunction("read", "act", act);
    return this.host.read(act);
  }

  /**
   * A key's value where it lies, inside `read`; undefined if the key is not there. Not of per-CPU maps, maps of maps and queues.
   * @throws {AnyctxError} EINVAL outside of `read`, and for a kind that has none; EBADF
   */
  view(key: K): LiveView<V> | undefined {
    const { name, kind } = this.info;
    const { lookup } = kind.program;
    this.checkOpen("view an entry of", "mayChange");
    if (lookup === undefined || kind.perCpu || kind.inner)
      throw new AnyctxError("EINVAL", `Map "${name}" has no views of its values: it is ${kind.type}`);
    if (this.host.readSection === 0)
      throw new AnyctxError("EINVAL", `A value of map "${name}" can be viewed inside of read only`);
    const at = this.transfer.place(key);
    // To read the key may have closed the map, or have left the section with the arena.
    this.checkOpen("view an entry of");
    const address = this.core[lookup](this.info.address, at) >>> 0;
    return address === 0 ? undefined : new LiveView(this.host, this.#valueCodec, address);
  }

  /**
   * Prefills: the next `count` new keys on this thread's current CPU do not fail for memory, in any context. A later
   * prefill replaces it. Where deferred work may not run (hardirq, NMI, RT) nothing can be prefilled.
   * @returns 0; -EINVAL for a map that is no dynamic hash, and for what is no count; -ENOMEM, and nothing is prefilled; -EBADF
   */
  prefill(count: number): number {
    if (!this.isOpen) return -ERRNO.EBADF;
    if (typeof count !== "number" || !(count >= 0)) return -ERRNO.EINVAL;
    // Beyond this no arena has room, and sums of 32 bits would wrap.
    if (count > MOST_PREFILLED) return -ERRNO.ENOMEM;
    if (!Number.isInteger(count)) return -ERRNO.EINVAL;
    return this.core.mapPrefill(this.info.address, count);
  }

  static {
    showAs<ArenaMap<unknown, unknown>>(
      ArenaMap,
      (map) => map.#title(),
      (map, options, inspect) => map.#show(options, inspect),
    );
  }

  #title(): string {
    const name = JSON.stringify(this.info.name);
    return this.isOpen ? `ArenaMap(${this.size}) ${name}` : `ArenaMap ${name} (closed)`;
  }

  /** How `console.log` shows it. Never throws. */
  #show(options: InspectOptions, inspect: Inspect): string {
    const { kind, maxEntries } = this.info;
    const title = this.#title();
    if (!this.isOpen) return title;
    if (!kind.walk) return `${title} { ${kind.type}, at most ${maxEntries} }`;
    try {
      return inspectEntries(title, this.entries(), this.size, options, inspect);
    } catch (error) {
      // Its access flags do not let it, a thread died in it, or a map that is a value has been destroyed.
      return `${title} { ${error instanceof AnyctxError ? error.message : "it cannot be read"} }`;
    }
  }
}
