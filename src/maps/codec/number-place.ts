/** Where in a value a number lies that is changed by itself. */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import type { Description, ScalarName } from "./accessor.ts";
import { codecFrom, placeFields } from "./codec.ts";
import { isScalar } from "./scalar.ts";

export interface NumberPlace {
  readonly name: ScalarName;
  /** Bytes from the value's beginning on. */
  readonly offset: number;
  /** How the core names a number (core/base/number.ts). */
  readonly kind: number;
}

const { NUMBER_SIGNED, NUMBER_FLOAT } = CONSTANTS;

const KINDS: Readonly<Record<ScalarName, number>> = {
  u8: 0,
  u16: 1,
  u32: 2,
  u64: 3,
  i8: 0 | NUMBER_SIGNED,
  i16: 1 | NUMBER_SIGNED,
  i32: 2 | NUMBER_SIGNED,
  i64: 3 | NUMBER_SIGNED,
  f32: 2 | NUMBER_FLOAT,
  f64: 3 | NUMBER_FLOAT,
};

/**
 * @param field of a struct; undefined: the value itself
 * @param map its name, for the message
 * @throws {AnyctxError} EINVAL: there is no such number
 */
export function numberPlaceOf(description: Description, field: string | undefined, map: string): NumberPlace {
  if (field === undefined) {
    if (isScalar(description)) return { name: description, offset: 0, kind: KINDS[description] };
    throw new AnyctxError("EINVAL", `The values of map "${map}" are no numbers: name a field that is one`);
  }
  const fields = typeof description === "object" && "struct" in description ? description.struct : [];
  const { offsets } = placeFields(fields.map(([, each]) => codecFrom(each)));
  for (const [index, [name, each]] of fields.entries())
    if (name === field && isScalar(each)) return { name: each, offset: offsets[index] ?? 0, kind: KINDS[each] };
  const numbers = fields.filter(([, each]) => isScalar(each)).map(([name]) => name);
  const known = numbers.length === 0 ? "there is none" : `there are ${numbers.join(", ")}`;
  throw new AnyctxError("EINVAL", `The values of map "${map}" have no number ${show(field)}: ${known}`);
}
