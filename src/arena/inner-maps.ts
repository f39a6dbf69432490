/** Maps as values of maps: what is in shared memory is an address, what a thread gets is the map, open. */
import { show } from "../arguments.ts";
import { AnyctxError } from "../error.ts";
import type { Codec } from "../maps/codec/accessor.ts";
import type { MapInfo } from "../maps/info.ts";
import { ArenaMap } from "../maps/map.ts";
import type { SharedMemory } from "../wasm/types.ts";

/** A thread's place in an arena, as far as it opens maps. */
export interface MapOpener {
  readonly memory: SharedMemory;
  openMap(name: string): ArenaMap<unknown, unknown>;
  /** What there is to know of the map at an address. */
  infoAt(address: number): MapInfo;
}

/** Maps that this thread has opened by way of an entry: each once, until it is closed. */
class Opened<K, V> {
  readonly #arena: MapOpener;
  readonly #open: (name: string) => ArenaMap<K, V>;
  readonly #maps = new Map<number, ArenaMap<K, V>>();

  constructor(arena: MapOpener, open: (name: string) => ArenaMap<K, V>) {
    this.#arena = arena;
    this.#open = open;
  }

  /** @throws {AnyctxError} ENOENT: it has been destroyed */
  at(address: number): ArenaMap<K, V> {
    const { name, serial } = this.#arena.infoAt(address);
    const known = this.#maps.get(serial);
    if (known?.isOpen) return known;
    this.#maps.delete(serial);
    const map = this.#open(name);
    // Another one may have the name by now.
    if (map.info.serial === serial) {
      this.#maps.set(serial, map);
      return map;
    }
    map.close();
    throw new AnyctxError("ENOENT", `Map "${name}" has been destroyed`);
  }
}

/**
 * The value of a map of maps (`array_of_maps`, `hash_of_maps`): maps of the arena that are all like one, in type, sizes and flags, arrays
 * in `maxEntries` too. What `get` gives is open on this thread until it is closed or the thread detaches, and the same object each time. A map
 * that is destroyed stays while an entry has it, for programs and for who has it open; `get` then throws ENOENT.
 *
 * @example
 * ```ts
 * import { Arena, innerMaps, u32 } from "anyctx";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const inner = { type: "hash", key: u32, value: u32, maxEntries: 100 } as const;
 * const first = arena.createMap({ ...inner, name: "first" });
 * const value = innerMaps(arena, first);
 * const outer = arena.createMap({ type: "hash_of_maps", name: "outer", key: u32, value, maxEntries: 10 });
 * outer.set(1, first);
 * outer.get(1)?.set(7, 70);
 * console.log(first.get(7)); // 70
 * ```
 */
export function innerMaps<K, V>(arena: MapOpener, like: ArenaMap<K, V>): Codec<ArenaMap<K, V>> {
  if (!(like instanceof ArenaMap))
    throw new AnyctxError("EINVAL", `innerMaps needs a map of the arena, not ${show(like)}`);
  return { ...openedMaps<K, V>(arena), like };
}

/**
 * As innerMaps, for a map of maps that is there: it knows what its inner maps are like.
 * @param open how they are opened; by default with the codecs that they were created with
 */
export function openedMaps<K, V>(
  arena: MapOpener,
  open: (name: string) => ArenaMap<K, V> = (name) => arena.openMap(name) as ArenaMap<K, V>,
): Codec<ArenaMap<K, V>> {
  const opened = new Opened(arena, open);
  return {
    size: 4,
    align: 4,
    description: { maps: true },
    bind(buffer, offset, role = "value") {
      if (role === "key") throw new AnyctxError("EINVAL", "innerMaps() is for values, not for keys");
      const place = new Uint32Array(buffer, offset, 1);
      return {
        read: () => opened.at(place[0] as number),
        write(map) {
          if (!(map instanceof ArenaMap) || !map.isOpen || !ArenaMap.liesIn(map, arena.memory))
            throw new AnyctxError("EINVAL", `innerMaps() holds open maps of the arena, not ${show(map)}`);
          place[0] = map.info.address;
        },
      };
    },
  };
}
