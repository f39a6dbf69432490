/** A value where it lies, not a copy of it. */
import { AnyctxError } from "../error.ts";
import type { Accessor, Codec } from "./codec/accessor.ts";
import type { MapHost } from "./host.ts";

/**
 * A value as it is at each look, while `read` lasts: what other threads write is seen, a value of more than 8 bytes perhaps in
 * the middle of it. If the entry is deleted meanwhile it may become the value of another entry of the same map.
 *
 * @example
 * ```ts
 * import { Arena, u32 } from "anyctx";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const map = arena.createMap({ type: "hash", name: "counts", key: u32, value: u32, maxEntries: 100 });
 * map.set(7, 1);
 * map.read(() => {
 *   const view = map.view(7);
 *   map.add(7, 1);
 *   console.log(view?.value); // 2
 * });
 * ```
 */
export class LiveView<V> {
  readonly #host: MapHost;
  readonly #section: number;
  readonly #place: Accessor<V>;

  /** @internal */
  constructor(host: MapHost, codec: Codec<V>, address: number) {
    this.#host = host;
    this.#section = host.readSection;
    this.#place = codec.bind(host.memory.buffer, address);
  }

  /** @throws {AnyctxError} EBADF once `read` has returned */
  get value(): V {
    if (this.#host.readSection !== this.#section || this.#section === 0)
      throw new AnyctxError("EBADF", "Cannot look at a value: the read that gave its view is over");
    return this.#place.read();
  }
}
