/**
 * A map whose values are good for a time. An entry that is over is as one that is not there, in every method but `size`; its place it
 * gives up when somebody writes its key, when there is no room for another one, or when `removeExpired` is called.
 */
import { AnyctxError, ERRNO } from "../error.ts";
import type { Codec } from "./codec/accessor.ts";
import { lifetimeOf, UNTIL_BYTES, untilIn } from "./codec/expiring.ts";
import { ANY, EXIST, type OpenMap } from "./entries.ts";
import { errnoOf } from "./failure.ts";
import type { MapHost } from "./host.ts";
import { ArenaMap } from "./map.ts";
import { wordsOfKey } from "./walk/walk.ts";

const { E2BIG, EEXIST, ENOENT } = ERRNO;

/** Whether two values are the same, whenever they were written. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => index < UNTIL_BYTES || byte === b[index]);
}

/**
 * Made by `Arena.createMap` with `expireAfter`, and by `openMap` of such a map: there the compiler learns it by `instanceof`.
 *
 * @example
 * ```ts
 * import { Arena, string, u32 } from "anyctx";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const options = { key: string(16), value: u32, maxEntries: 100, expireAfter: 500 };
 * const codes = arena.createMap({ type: "hash", name: "codes", ...options });
 * codes.set("ada", 1234);
 * console.log(codes.get("ada")); // 1234
 * await new Promise((resolve) => setTimeout(resolve, 600));
 * console.log(codes.get("ada"), codes.has("ada"), codes.size); // undefined false 1
 * console.log(codes.removeExpired(), codes.size); // 1 0
 * ```
 */
export class ExpiringMap<K, V> extends ArenaMap<K, V> {
  /** When it was last looked through, and until when nothing of what was there is over. */
  #lookedAt = 0;
  #nothingBefore = 0;
  /** Milliseconds that a value is good for. */
  readonly #lifetime: number;
  /** What `load` has loaded: it may be over by the time when it is asked for. */
  #loaded: V | undefined;

  /** @internal */
  constructor(host: MapHost, open: OpenMap, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    super(host, open, keyCodec, valueCodec);
    this.#lifetime = lifetimeOf(valueCodec.description);
  }

  override has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  override set(key: K, value: V): this {
    try {
      return super.set(key, value);
    } catch (cause) {
      if (!(cause instanceof AnyctxError && cause.code === "E2BIG" && this.#makeRoom())) throw cause;
      return super.set(key, value);
    }
  }

  override update(key: K, value: V, flags: number = ANY): number {
    try {
      if (flags === EXIST && this.isOpen && !this.has(key)) return -ENOENT;
      return this.#again(key, () => super.update(key, value, flags));
    } catch (cause) {
      return errnoOf(cause);
    }
  }

  /** What is over is taken out only as that: another thread may have written a new value since it was looked at. */
  override delete(key: K): boolean {
    return !this.#dropIfOver(key) && super.delete(key);
  }

  /**
   * Refused: a number that is changed where it lies would keep the time of the one before it.
   * @throws {AnyctxError} EINVAL; EBADF
   */
  override add(): never {
    this.checkOpen("change an entry of");
    throw new AnyctxError(
      "EINVAL",
      `Values of map "${this.info.name}" expire: they are changed as a whole, by compute`,
    );
  }

  /**
   * Removes what is over.
   * @returns how many entries
   * @throws {AnyctxError} as `delete`
   */
  removeExpired(): number {
    this.#lookedAt = Date.now();
    // What is written from now on is good for as long.
    let [count, next] = [0, this.#lookedAt + this.#lifetime];
    for (const { keys, stamp } of this.walk())
      for (let from = 0; from < keys.length; from += wordsOfKey(this.info, keys, from)) {
        if (!super.load(keys, from, stamp)) continue;
        const bytes = this.transfer.valueBytes(0);
        if (super.loadedValue() !== undefined) next = Math.min(next, untilIn(bytes));
        else if (this.replace(this.loadedKey(), bytes, undefined)) count++;
      }
    this.#nothingBefore = next;
    return count;
  }

  protected override load(words: Uint32Array, from: number, stamp: number): boolean {
    this.#loaded = super.load(words, from, stamp) ? super.loadedValue() : undefined;
    return this.#loaded !== undefined;
  }

  protected override loadedValue(): V {
    return this.#loaded as V;
  }

  protected override insert(key: K, value: V): number {
    return this.#again(key, () => super.insert(key, value));
  }

  /** The time is not compared. */
  protected override bytesIf(key: K, expected: V): Uint8Array | undefined {
    const there = this.find(key);
    const value = there && this.transfer.decode(there);
    if (value === undefined) return undefined;
    return isSame(this.transfer.encode(value), this.transfer.encode(expected)) ? there : undefined;
  }

  /** Does something once more, where an entry that is over was in its way. */
  #again(key: K, act: () => number): number {
    while (true) {
      const result = act();
      if (result === -EEXIST ? !this.#dropIfOver(key) : result !== -E2BIG || !this.#makeRoom()) return result;
    }
  }

  /** Whether there is no entry that is good. */
  #dropIfOver(key: K): boolean {
    const bytes = this.find(key);
    if (bytes === undefined) return true;
    if (this.transfer.decode(bytes) !== undefined) return false;
    this.replace(key, bytes, undefined);
    return true;
  }

  #makeRoom(): boolean {
    const now = Date.now();
    // A clock that was set back: what was written since is over before what was there.
    const mayBeOver = now >= this.#nothingBefore || now < this.#lookedAt;
    return mayBeOver && this.removeExpired() > 0;
  }
}
