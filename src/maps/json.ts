/** Values of any shape as JSON text. */
import { AnyctxError } from "../error.ts";
import type { Codec } from "./accessor.ts";
import { checkLength, refusal } from "./refusal.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Whether an object is of a literal's kind, of whichever realm: one made by a class would come back as something else. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether JSON gives back what it is given. @param around the objects that it lies in: it must be none of them */
function isJson(value: unknown, around: readonly object[]): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || around.includes(value)) return false;
  const inside = [...around, value];
  const names = Reflect.ownKeys(value);
  if (Array.isArray(value))
    return names.length === value.length + 1 && Object.keys(value).every((name) => isJson(value[Number(name)], inside));
  const fields = value as Readonly<Record<string, unknown>>;
  return (
    isPlain(value) &&
    names.length === Object.keys(value).length &&
    Object.keys(value).every((name) => isJson(fields[name], inside))
  );
}

function textOf(value: unknown): string | undefined {
  // What goes too deep, or throws when it is read, has no text either.
  try {
    return isJson(value, []) ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A value as JSON, of at most `maximumBytes` bytes of UTF-8: strings, finite numbers, booleans, null, arrays and plain objects
 * of them. What JSON would change (undefined, NaN, -0, a bigint, a Date, a Map, an object of a class) is refused. For values,
 * not for keys: two texts may mean the same.
 *
 * @example
 * ```ts
 * import { Arena, json, string } from "anyctx";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const value = json<{ user: string; roles: string[] }>(200);
 * const sessions = arena.createMap({ type: "hash", name: "sessions", key: string(32), value, maxEntries: 1000 });
 * sessions.set("abc", { user: "ada", roles: ["admin"] });
 * console.log(sessions.get("abc")?.roles); // [ 'admin' ]
 * ```
 */
export function json<T = Json>(maximumBytes: number): Codec<T> {
  checkLength("json()", maximumBytes);
  const name = `json(${maximumBytes})`;
  return {
    size: maximumBytes,
    align: 1,
    description: { json: maximumBytes },
    bind(buffer, offset, role = "value") {
      if (role === "key") throw new AnyctxError("EINVAL", `${name} is for values, not for keys`);
      const place = new Uint8Array(buffer, offset, maximumBytes);
      return {
        // What nobody wrote (an array's first value) is null.
        read: () => JSON.parse(decodeUtf8(place) || "null") as T,
        write: (value) => {
          const text = textOf(value);
          if (text === undefined) throw refusal(name, "what JSON gives back as it was", value);
          place.fill(0);
          const needed = encodeUtf8(text, place);
          if (needed > maximumBytes)
            throw new AnyctxError("EINVAL", `${name} holds ${maximumBytes} bytes, not the ${needed} of this value`);
        },
      };
    },
  };
}
