/** Values of any shape as JSON text. */
import { AnyctxError } from "../../error.ts";
import type { Codec } from "./accessor.ts";
import { type Json, jsonText } from "./json-text.ts";
import { checkLength, refusal } from "./refusal.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";
import { VARIABLE_CODECS } from "./variable.ts";

export type { Json } from "./json-text.ts";

/**
 * A value as JSON, of at most `maximumBytes` bytes of UTF-8, or of any length without that: strings, finite numbers, booleans, null,
 * arrays and plain objects of them. What JSON would change (undefined, NaN, -0, a bigint, a Date, a Map, an object of a class) is refused. For values,
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
export function json<T = Json>(...given: readonly [maximumBytes?: number]): Codec<T> {
  if (given.length === 0) return VARIABLE_CODECS.json;
  const [maximumBytes = Number.NaN] = given;
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
          const text = jsonText(value);
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
