/** Of which type of the registry a map is, by what it is created with. */
import { AnyctxError } from "../error.ts";
import type { Codec, Description } from "./accessor.ts";
import { expiring, isExpiring } from "./expiring-codec.ts";
import { orderedForm } from "./key-order.ts";
import { type MapType, mapKindByType } from "./kinds.ts";
import type { MapOptions } from "./options.ts";
import { isVariable } from "./variable-codec.ts";

/** Sizes of 0: each entry has its own. */
export interface MapShape {
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
}

/**
 * A hash with a codec without a length is a variable one; an ordered map is as variable.
 * @throws {AnyctxError} EINVAL: what only these can have, or cannot
 */
export function shapeOf<K, V>({ type, name, key, value, prealloc, withoutCache }: MapOptions<K, V>): MapShape {
  if (type !== "variable_hash" && type !== "ordered" && !isVariable(key) && !isVariable(value))
    return { type, keySize: key.size, valueSize: value.size };
  if (type !== "hash" && type !== "variable_hash" && type !== "ordered")
    throw new AnyctxError(
      "EINVAL",
      `Map "${name}" is ${type}: only a hash and an ordered map have keys or values without a length`,
    );
  if (prealloc === true || withoutCache === true)
    throw new AnyctxError("EINVAL", `Map "${name}" has entries of lengths of their own: it is dynamic, with caches`);
  if (type === "ordered") orderedForm(key);
  return { type: type === "hash" ? "variable_hash" : type, keySize: 0, valueSize: 0 };
}

/**
 * How values are written: with the time until which they are good, where they expire.
 * @throws {AnyctxError} EINVAL: no time, or values that are not replaced as a whole
 */
export function valueCodecOf<K, V>({ type, name, value, expireAfter }: MapOptions<K, V>): Codec<V> {
  if (expireAfter === undefined) return value;
  if (mapKindByType(type)?.modify?.compareDelete === undefined)
    throw new AnyctxError("EINVAL", `Values of map "${name}" cannot expire: it is ${type}`);
  if (value.lock !== undefined)
    throw new AnyctxError("EINVAL", `Values of map "${name}" cannot expire: they have a lock`);
  return expiring(value, expireAfter);
}

/** What a value is, whether it expires or not: who opens a map need not know. */
export function plainDescription(description: Description | undefined): Description | undefined {
  return description !== undefined && isExpiring(description) ? description.expiring[0] : description;
}
