/** Values that are good for a time: with each goes the time until which it is. */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import type { Codec, Description, VariableForm } from "./accessor.ts";
import { f64 } from "./scalar.ts";
import { typedArrayLength } from "./typed-array.ts";
import { utf8Of } from "./utf8.ts";

/** Of the time: milliseconds as `Date.now` counts them, which is the same on all threads. */
export const UNTIL_BYTES = 8;

type ExpiringDescription = Extract<Description, { readonly expiring: unknown }>;

/** @throws {AnyctxError} EINVAL */
function checkDuration(milliseconds: unknown): void {
  if (typeof milliseconds === "number" && milliseconds > 0 && Number.isFinite(milliseconds)) return;
  throw new AnyctxError("EINVAL", `expireAfter is a number of milliseconds above 0, not ${show(milliseconds)}`);
}

/** Whether values of a codec with this description expire. */
export function isExpiring(description: Description): description is ExpiringDescription {
  return typeof description === "object" && "expiring" in description;
}

/** Milliseconds that values are good for; of others for ever. */
export function lifetimeOf(description: Description): number {
  return isExpiring(description) ? description.expiring[1] : Number.POSITIVE_INFINITY;
}

/** The time in a value's bytes. */
export function untilIn(bytes: Uint8Array): number {
  return f64.bind(bytes.slice(0, UNTIL_BYTES).buffer, 0).read();
}

const isOver = (until: number): boolean => until <= Date.now();

/** The time first, then the value. */
function expiringForm<V>(form: VariableForm<V>, milliseconds: number): VariableForm<V> {
  return {
    prepare(value, role) {
      const given = form.prepare(value, role);
      const body = typeof given === "string" ? utf8Of(given) : given;
      const bytes = new Uint8Array(UNTIL_BYTES + typedArrayLength(body));
      f64.bind(bytes.buffer, 0).write(Date.now() + milliseconds);
      bytes.set(body, UNTIL_BYTES);
      return bytes;
    },
    restore(bytes) {
      return isOver(untilIn(bytes)) ? (undefined as V) : form.restore(bytes.subarray(UNTIL_BYTES));
    },
  };
}

/**
 * A codec whose values are gone `milliseconds` after they were written: what is read then is undefined.
 * @throws {AnyctxError} EINVAL: no time
 */
export function expiring<V>(codec: Codec<V>, milliseconds: number): Codec<V> {
  checkDuration(milliseconds);
  const description = { expiring: [codec.description, milliseconds] } as const;
  const bind: Codec<V>["bind"] = (buffer, offset, role) => {
    const until = f64.bind(buffer, offset);
    const place = codec.bind(buffer, offset + UNTIL_BYTES, role);
    return {
      read: () => (isOver(until.read()) ? (undefined as V) : place.read()),
      write(value) {
        place.write(value);
        until.write(Date.now() + milliseconds);
      },
    };
  };
  if (codec.variable !== undefined)
    return { ...codec, description, variable: expiringForm(codec.variable, milliseconds) };
  return { size: UNTIL_BYTES + Math.ceil(codec.size / 8) * 8, align: 8, description, bind };
}
