/**
 * Keys of an ordered map: bytes whose order is that of what they stand for. Texts come in the order of their code points, numbers in
 * their own, -0 as 0 and NaN behind all.
 */
import { AnyctxError } from "../error.ts";
import type { Codec, ScalarName, VariableForm } from "./accessor.ts";
import { isScalar } from "./scalar.ts";
import { formOf } from "./variable-codec.ts";

/** Numbers of which the upper half are below the lower one, as bytes without a sign have it. */
const SIGNED: ReadonlySet<ScalarName> = new Set(["i8", "i16", "i32", "i64"]);
const FLOATS: ReadonlySet<ScalarName> = new Set(["f32", "f64"]);
const SIGN = 0x80;

/** Highest byte first; the sign turned round. Of floats below 0 all bits: the larger they are the less. */
function toOrder(bytes: Uint8Array, name: ScalarName): Uint8Array {
  const ordered = bytes.slice().reverse();
  const first = ordered[0] ?? 0;
  if (FLOATS.has(name) && first >= SIGN) return ordered.map((byte) => ~byte);
  if (FLOATS.has(name) || SIGNED.has(name)) ordered[0] = first ^ SIGN;
  return ordered;
}

/** The other way. */
function fromOrder(ordered: Uint8Array, name: ScalarName): Uint8Array {
  const first = ordered[0] ?? 0;
  if (FLOATS.has(name) && first < SIGN) return ordered.map((byte) => ~byte).reverse();
  const bytes = ordered.slice();
  if (FLOATS.has(name) || SIGNED.has(name)) bytes[0] = first ^ SIGN;
  return bytes.reverse();
}

/**
 * How an ordered map takes keys of a codec.
 * @throws {AnyctxError} EINVAL: a codec whose bytes have no order of their own
 */
export function orderedForm<K>({ description, variable, ...codec }: Codec<K>): VariableForm<K> {
  if (variable !== undefined) return variable;
  if (!isScalar(description))
    throw new AnyctxError("EINVAL", "The keys of an ordered map are string(), bytes() or numbers (u8 to f64)");
  const plain = formOf({ ...codec, description }, "key");
  return {
    prepare: (key, role) => toOrder(plain.prepare(key, role) as Uint8Array, description),
    restore: (bytes) => plain.restore(fromOrder(bytes, description)),
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
