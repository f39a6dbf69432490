/**
 * Keys of an ordered map: bytes whose order is that of what they stand for. Texts come in the order of their code points, numbers in
 * their own, -0 as 0 and NaN behind all.
 */
import { AnyctxError } from "../../error.ts";
import type { Codec, ScalarName, VariableForm } from "./accessor.ts";
import { isScalar } from "./scalar.ts";

/** Numbers of which the upper half are below the lower one, as bytes without a sign have it. */
const SIGNED: ReadonlySet<ScalarName> = new Set(["i8", "i16", "i32", "i64", "f32", "f64"]);
const FLOATS: ReadonlySet<ScalarName> = new Set(["f32", "f64"]);
const SIGN = 0x80;

/** What the order of a type's numbers is: whether they have a sign, and whether all bits of those below 0 are turned round. */
interface NumberOrder {
  readonly isSigned: boolean;
  readonly isFloat: boolean;
}

/**
 * Copies a number's bytes into the order of keys: highest first, the sign turned round; of floats below 0 all bits, as the larger they are
 * the less.
 */
function toOrder(bytes: Uint8Array, ordered: Uint8Array, { isSigned, isFloat }: NumberOrder): void {
  const last = bytes.length - 1;
  const highest = bytes[last] ?? 0;
  const isTurned = isFloat && highest >= SIGN;
  const rest = isTurned ? 0xff : 0;
  for (let index = 0; index <= last; index++) ordered[index] = (bytes[last - index] ?? 0) ^ rest;
  if (!isTurned && isSigned) ordered[0] = highest ^ SIGN;
}

/** The other way. */
function fromOrder(ordered: Uint8Array, bytes: Uint8Array, { isSigned, isFloat }: NumberOrder): void {
  const last = bytes.length - 1;
  const first = ordered[0] ?? 0;
  const isTurned = isFloat && first < SIGN;
  const rest = isTurned ? 0xff : 0;
  for (let index = 0; index <= last; index++) bytes[last - index] = (ordered[index] ?? 0) ^ rest;
  if (!isTurned && isSigned) bytes[last] = first ^ SIGN;
}

/**
 * How an ordered map takes keys of a codec. What is prepared of a number is good until the next one is: no code of the caller's runs between
 * that and its being put where the core reads it.
 * @throws {AnyctxError} EINVAL: a codec whose bytes have no order of their own
 */
export function orderedForm<K>({ description, variable, size, bind }: Codec<K>): VariableForm<K> {
  if (variable !== undefined) return variable;
  if (!isScalar(description))
    throw new AnyctxError("EINVAL", "The keys of an ordered map are string(), bytes() or numbers (u8 to f64)");
  const [bytes, ordered] = [new Uint8Array(size), new Uint8Array(size)];
  const place = bind(bytes.buffer, 0, "key");
  const order: NumberOrder = { isSigned: SIGNED.has(description), isFloat: FLOATS.has(description) };
  return {
    prepare(key) {
      place.write(key);
      toOrder(bytes, ordered, order);
      return ordered;
    },
    restore(given) {
      fromOrder(given, bytes, order);
      return place.read();
    },
  };
}

/** Whether bytes come before others. */
export function comesBefore(a: Uint8Array, b: Uint8Array): boolean {
  const common = Math.min(a.length, b.length);
  for (let index = 0; index < common; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return a.length < b.length;
}

/** The first bytes behind all that begin with these; undefined: there are none behind. */
export function behindPrefix(prefix: Uint8Array): Uint8Array | undefined {
  const last = prefix.findLastIndex((byte) => byte !== 0xff);
  if (last < 0) return undefined;
  const end = prefix.slice(0, last + 1);
  end[last] = (end[last] ?? 0) + 1;
  return end;
}
