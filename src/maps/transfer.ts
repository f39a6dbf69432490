/** A map's transfer buffer: a key, then a value, as the core's functions take and give them, then room for what changes values. */
import { AnyctxError } from "../error.ts";
import type { Accessor, Codec } from "./accessor.ts";
import type { MapInfo } from "./info.ts";
import { refusalOf } from "./refusal.ts";

/** Bytes a view of the arena's memory needs to be aligned to. */
const ALIGN = 8;

export function roundUp(value: number): number {
  return Math.ceil(value / ALIGN) * ALIGN;
}

/** Two words of 8 bytes for numbers that are changed by themselves. */
const NUMBER_ROOM = 16;

/** Bytes of a key and a value, all its copies, and of the room behind them. */
export function transferBytes({ keySize, valueStride, copies, kind }: MapInfo): number {
  return roundUp(keySize) + valueStride * copies + (kind.modify === undefined ? 0 : NUMBER_ROOM + valueStride);
}

/** A per-CPU map's value is an array with one element for each CPU. */
export function bindValue<V>(codec: Codec<V>, info: MapInfo, buffer: ArrayBufferLike, offset: number): Accessor<V> {
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
