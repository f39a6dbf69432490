/**
 * Codecs: how a JavaScript value lies in memory. Integers are little-endian at their natural alignment and structs are
 * laid out as C does, so that a program compiled from C sees the same bytes. A value is held exactly or refused with EINVAL.
 *
 * A codec is bound once to a place in memory and then reads and writes there; nothing is allocated per operation
 * except the values themselves.
 */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import type { Accessor, Codec, Description } from "./accessor.ts";
import { expiring } from "./expiring.ts";
import { json } from "./json.ts";
import { checkLength, refusal, refusalOf } from "./refusal.ts";
import { SCALARS } from "./scalar.ts";
import { typedArrayKind, typedArrayLength } from "./typed-array.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";
import { isVariable, VARIABLE_CODECS } from "./variable.ts";

export type { Accessor, Codec, Description, Role } from "./accessor.ts";
export { f32, f64, i8, i16, i32, i64, u8, u16, u32, u64 } from "./scalar.ts";

/**
 * @param what the argument, for the message: "createMap needs a codec as key"
 * @throws {AnyctxError} EINVAL: it is no codec
 */
export function checkCodec(what: string, codec: unknown): void {
  const { size, bind, description } = (codec ?? {}) as Partial<Codec<unknown>>;
  if (typeof size === "number" && typeof bind === "function" && description !== undefined) return;
  throw new AnyctxError("EINVAL", `${what}, as u32 or string(16), not ${show(codec)}`);
}

/** As checkCodec, of a part of something that has a size. */
function checkPart(what: string, part: string, codec: { readonly variable?: unknown }): void {
  checkCodec(`${what} needs a codec as ${part}`, codec);
  if (isVariable(codec))
    throw new AnyctxError(
      "EINVAL",
      `${what} needs a codec of a fixed size as ${part}, as string(16): this one has no length`,
    );
}

/** The key of a map that has no keys (a queue): nothing is written, nothing read. */
export const none: Codec<undefined> = {
  size: 0,
  align: 1,
  description: "none",
  bind: () => ({
    read: () => undefined,
    write: (value) => {
      if (value !== undefined) throw refusal("none", "undefined", value);
    },
  }),
};

/** A `struct bpf_spin_lock`, as a field of a value. */
export interface LockCodec extends Codec<undefined> {
  readonly lock: 0;
}

/**
 * A field of a value that is its lock, as C's `struct bpf_spin_lock`: programs take it around what they change, `getLocked` and `update`
 * with `LOCK` while they copy. It is no field of what is read and written.
 */
export const spinLock: LockCodec = {
  size: 4,
  align: 4,
  description: { lock: true },
  lock: 0,
  bind: () => ({
    read: () => undefined,
    write: (value) => {
      if (value !== undefined) throw refusal("spinLock", "undefined", value);
    },
  }),
};

/** Exactly `length` bytes, a shorter value is refused; or, without a length, any number of them. What is read is a copy. */
export function bytes(...given: readonly [length?: number]): Codec<Uint8Array> {
  if (given.length === 0) return VARIABLE_CODECS.bytes;
  const [length = Number.NaN] = given;
  checkLength("bytes()", length);
  return {
    size: length,
    align: 1,
    description: { bytes: length },
    bind(buffer, offset) {
      const place = new Uint8Array(buffer, offset, length);
      return {
        read: () => place.slice(),
        write: (value) => {
          if (typedArrayKind(value) !== "Uint8Array")
            throw refusal(`bytes(${length})`, `a Uint8Array of ${length} bytes`, value);
          if (typedArrayLength(value) !== length)
            throw new AnyctxError("EINVAL", `bytes(${length}) holds ${length} bytes, not ${typedArrayLength(value)}`);
          place.set(value);
        },
      };
    },
  };
}

/**
 * Text of at most `length` bytes of UTF-8, NUL padded (not terminated when it fills them): text with a NUL is refused. Without a
 * length any text: an entry of a hash then takes what its key and value need. Half of a surrogate pair comes back as it was.
 */
export function string(...given: readonly [length?: number]): Codec<string> {
  if (given.length === 0) return VARIABLE_CODECS.string;
  const [length = Number.NaN] = given;
  checkLength("string()", length);
  return {
    size: length,
    align: 1,
    description: { string: length },
    bind(buffer, offset) {
      const place = new Uint8Array(buffer, offset, length);
      return {
        read: () => decodeUtf8(place),
        write: (value) => {
          if (typeof value !== "string" || value.includes("\0"))
            throw refusal(`string(${length})`, "text without a NUL", value);
          // A typed array ignores writes beyond its end, so an oversized text is found before anything else uses it.
          place.fill(0);
          const needed = encodeUtf8(value, place);
          if (needed > length)
            throw new AnyctxError(
              "EINVAL",
              `string(${length}) holds ${length} bytes of UTF-8, not the ${needed} of this text`,
            );
        },
      };
    },
  };
}

/** Writes the parts of a whole; a refusal says which part. @param given whose parts, read one by one */
function writeParts<N extends string | number>(
  places: readonly (readonly [N, Accessor<unknown>])[],
  given: Readonly<Record<N, unknown>>,
  title: string,
): void {
  let part: N | undefined;
  try {
    for (const [name, place] of places) {
      part = name;
      place.write(given[name]);
    }
  } catch (cause) {
    throw refusalOf(`${title} ${part}`, cause);
  }
}

/** `length` values of one type, as an array; fewer or more are refused. */
export function array<T>(element: Codec<T>, length: number): Codec<T[]> {
  checkPart("array()", "element", element);
  if (element.lock !== undefined) throw new AnyctxError("EINVAL", "A value has one lock: array() cannot have any");
  checkLength("array()", length);
  return {
    size: element.size * length,
    align: element.align,
    description: { array: [element.description, length] },
    bind(buffer, offset, role) {
      const bound = (index: number): Accessor<T> => element.bind(buffer, offset + index * element.size, role);
      const places = Array.from({ length }, (_, index) => [index, bound(index)] as const);
      return {
        read: () => places.map(([, place]) => place.read()),
        write: (value) => {
          if (!Array.isArray(value)) throw refusal(`array(…, ${length})`, "arrays", value);
          if (value.length !== length)
            throw new AnyctxError("EINVAL", `array(…, ${length}) holds ${length} elements, not ${value.length}`);
          writeParts(places as readonly (readonly [number, Accessor<unknown>])[], value, "element");
        },
      };
    },
  };
}

type Fields = Readonly<Record<string, Codec<unknown>>>;
/** How much room something takes, and at a multiple of what it begins. Bytes. */
interface Extent {
  readonly size: number;
  readonly align: number;
}

/** Where C places the fields of a struct. */
export function placeFields(fields: readonly Extent[]): Extent & { readonly offsets: readonly number[] } {
  let end = 0;
  let align = 1;
  const offsets = fields.map((field) => {
    const offset = roundUp(end, field.align);
    end = offset + field.size;
    align = Math.max(align, field.align);
    return offset;
  });
  return { offsets, size: roundUp(end, align), align };
}

/** Bytes of a struct that are no field's, from and to: C leaves in them what was there. */
export function paddingOf(fields: readonly Extent[]): readonly (readonly [from: number, to: number])[] {
  const { offsets, size } = placeFields(fields);
  return fields
    .map((field, index) => [(offsets[index] ?? 0) + field.size, offsets[index + 1] ?? size] as const)
    .filter(([from, to]) => from < to);
}

/** Whether values that are the same may have other bytes, if a program in C has written them: behind a text, between fields. */
export function hasOtherForms(description: Description): boolean {
  if (typeof description === "string") return false;
  if ("string" in description) return true;
  if ("array" in description) return hasOtherForms(description.array[0]);
  if (!("struct" in description)) return false;
  const fields = description.struct.map(([, field]) => field);
  return paddingOf(fields.map(codecFrom)).length !== 0 || fields.some(hasOtherForms);
}

type StructOf<F extends Fields> = {
  [Name in keyof F as F[Name] extends LockCodec ? never : Name]: F[Name] extends Codec<infer T> ? T : never;
};

/** Where the lock lies of which a struct has one at most. */
function lockOffset(codecs: readonly Codec<unknown>[], offsets: readonly number[]): { readonly lock?: number } {
  const locks = codecs.flatMap(({ lock }, index) => (lock === undefined ? [] : [lock + (offsets[index] ?? 0)]));
  if (locks.length > 1) throw new AnyctxError("EINVAL", "A value has one lock: struct() cannot have several");
  return locks[0] === undefined ? {} : { lock: locks[0] };
}

/** A field that the struct does not have would be lost. Most values have the fields in their order. */
function checkFields(value: object, names: readonly string[]): void {
  const given = Object.keys(value);
  let index = 0;
  while (index < given.length && given[index] === names[index]) index++;
  if (index === given.length) return;
  const unknown = given.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new AnyctxError("EINVAL", `struct() has no field ${unknown}, only ${names.join(", ")}`);
}

/**
 * Fields in the order given, each at its natural alignment, the whole rounded up to the largest: as in C.
 *
 * @example
 * ```ts
 * import { array, f32, string, struct, u8 } from "anyctx";
 *
 * const player = struct({ name: string(16), level: u8, position: array(f32, 3) });
 * console.log(player.size); // 32
 * ```
 */
export function struct<F extends Fields>(fields: F): Codec<StructOf<F>> {
  const entries = Object.entries(fields ?? {});
  const names = entries.filter(([, codec]) => codec !== spinLock).map(([name]) => name);
  for (const [name, codec] of entries) checkPart("struct()", name, codec);
  const { offsets, size, align } = placeFields(entries.map(([, codec]) => codec));
  if (size === 0) throw new AnyctxError("EINVAL", "struct() needs at least one field");
  return {
    size,
    align,
    ...lockOffset(
      entries.map(([, codec]) => codec),
      offsets,
    ),
    description: { struct: entries.map(([name, codec]) => [name, codec.description] as const) },
    bind(buffer, offset, role) {
      const places = entries.flatMap(([name, codec], index) =>
        codec === spinLock ? [] : [[name, codec.bind(buffer, offset + (offsets[index] ?? 0), role)] as const],
      );
      return {
        read: () => Object.fromEntries(places.map(([name, place]) => [name, place.read()])) as StructOf<F>,
        write: (value) => {
          if (typeof value !== "object" || value === null) throw refusal("struct()", "objects", value);
          checkFields(value, names);
          writeParts(places, value, "field");
        },
      };
    },
  };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** The codec that a description was taken from. */
export function codecFrom(description: Description): Codec<unknown> {
  if (description === "none") return none as Codec<unknown>;
  if (typeof description === "string") return SCALARS[description] as Codec<unknown>;
  if ("lock" in description) return spinLock as Codec<unknown>;
  if ("bytes" in description) return bytes(description.bytes) as Codec<unknown>;
  if ("string" in description) return string(description.string) as Codec<unknown>;
  if ("json" in description) return json(description.json) as Codec<unknown>;
  if ("layout" in description) return bytes(description.layout) as Codec<unknown>;
  if ("maps" in description) throw new AnyctxError("EINVAL", "Maps are read by an arena: innerMaps()");
  if ("variable" in description) return VARIABLE_CODECS[description.variable] as Codec<unknown>;
  if ("expiring" in description) return expiring(codecFrom(description.expiring[0]), description.expiring[1]);
  if ("array" in description) return array(codecFrom(description.array[0]), description.array[1]) as Codec<unknown>;
  const fields = description.struct.map(([name, field]) => [name, codecFrom(field)] as const);
  return struct(Object.fromEntries(fields)) as Codec<unknown>;
}

/** Whether two values that are the same have the same bytes, so that they are one key. */
export function isForKeys(description: Description): boolean {
  if (typeof description === "string") return true;
  if ("array" in description) return isForKeys(description.array[0]);
  if ("struct" in description) return description.struct.every(([, field]) => isForKeys(field));
  return !(
    "json" in description ||
    "lock" in description ||
    "maps" in description ||
    "expiring" in description ||
    ("variable" in description && description.variable === "json")
  );
}

/** Whether to write a value may run code of whoever made it: getters, proxies. */
export function runsCode(description: Description): boolean {
  return typeof description !== "string" && !("bytes" in description || "string" in description);
}
