/** What a map is created with. */
import { checkBooleans, checkOptions } from "../arguments.ts";
import type { Codec } from "./codec/accessor.ts";
import type { MapType, PercpuMapType } from "./kinds.ts";

export interface MapOptions<K, V> {
  readonly type: MapType;
  readonly name: string;
  readonly key: Codec<K>;
  readonly value: Codec<V>;
  readonly maxEntries: number;
  /** Allocate every element now. Hashes only; the default is dynamic. */
  readonly prealloc?: boolean;
  /**
   * Milliseconds, by `Date.now`, that a value is good for after it was written: then its entry is as gone. Of hashes, LRU hashes and
   * ordered maps (docs/caches.md).
   */
  readonly expireAfter?: number;
  /** Extra flags for `info.flags`, as a program's map definition has them. */
  readonly flags?: number;
  /** map_extra of Linux: of an arena map the pointer to its first page, of a bloom filter its hash functions. */
  readonly extra?: bigint;
  /**
   * Elements straight from the slab, each free through a grace-period callback: what dynamic maps were before per-CPU
   * caches. For comparison. Not with the profile `linux`.
   */
  readonly withoutCache?: boolean;
  /**
   * An allocator whose capacity the map's elements count against, together with its own objects and other maps that share
   * it. Dynamic hashes only. The allocator cannot be destroyed before the map.
   */
  readonly allocator?: { readonly address: number };
}

const MAP_OPTIONS: readonly (keyof MapOptions<unknown, unknown>)[] = [
  "type",
  "name",
  "key",
  "value",
  "maxEntries",
  "prealloc",
  "expireAfter",
  "flags",
  "extra",
  "withoutCache",
  "allocator",
];

/**
 * The options of a call, each asked for once: they may be inherited, as those of a class are that has getters.
 * @throws {AnyctxError} as `checkOptions` and `checkBooleans`
 */
export function mapOptions<T extends MapType, K, V>(
  options: MapOptions<K, V> & { readonly type: T },
): MapOptions<K, V> & { readonly type: T } {
  checkOptions("createMap", options, MAP_OPTIONS);
  const own = Object.fromEntries(MAP_OPTIONS.map((name) => [name, options[name]]));
  checkBooleans("createMap", own, ["prealloc", "withoutCache"]);
  return own as unknown as typeof options;
}

/** A map's value type: per-CPU kinds have one value for each CPU. */
export type ValueOf<T extends MapType, V> = T extends PercpuMapType ? V[] : V;
