/** Of which type of the registry a map is, by what it is created with. */
import { AnyctxError } from "../error.ts";
import type { Codec, Description, ScalarName } from "./codec/accessor.ts";
import { expiring, isExpiring } from "./codec/expiring.ts";
import { orderedForm } from "./codec/key-order.ts";
import { isVariable } from "./codec/variable.ts";
import { type MapKind, type MapType, mapKindByType } from "./kinds.ts";
import type { MapOptions } from "./options.ts";

/** Sizes of 0: each entry has its own. */
export interface MapShape {
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
}

/** Keys whose bytes the core reads itself: what they begin with, and what that is to it. */
const BEGINNINGS: Readonly<Partial<Record<MapKind["keys"], readonly [names: readonly ScalarName[], what: string]>>> = {
  index: [["u32", "i32"], "the index"],
  owner: [["u64", "i64"], "the owner's address"],
  prefix: [["u32", "i32"], "the length of the prefix"],
};

/** What a key begins with; undefined: bytes, of which nobody knows more. */
function beginningOf(description: Description): ScalarName | "string" | undefined {
  if (typeof description === "string") return description === "none" ? undefined : description;
  if ("string" in description) return "string";
  if ("array" in description) return description.array[0] === "u8" ? undefined : beginningOf(description.array[0]);
  const [first] = "struct" in description ? description.struct : [];
  return first && beginningOf(first[1]);
}

/**
 * Whether a key says what the core reads in it: it would take a text for an index, or an address for a length.
 * @throws {AnyctxError} EINVAL
 */
export function checkKey<K, V>({ type, name, key }: MapOptions<K, V>): void {
  const rule = BEGINNINGS[mapKindByType(type)?.keys ?? "bytes"];
  const beginning = beginningOf(key.description);
  if (rule === undefined || beginning === undefined) return;
  const [names, what] = rule;
  if (!names.some((each) => each === beginning))
    throw new AnyctxError(
      "EINVAL",
      `Map "${name}" is ${type}: its key begins with ${names[0]}, ${what}, not ${beginning}`,
    );
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
