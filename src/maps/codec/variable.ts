/** Codecs of keys and values that have lengths of their own: what is given is read first, and written when nothing can go wrong. */
import { AnyctxError } from "../../error.ts";
import type { Codec, Role, VariableForm, VariableName } from "./accessor.ts";
import { alone } from "./alone.ts";
import { type Json, jsonText } from "./json-text.ts";
import { refusal } from "./refusal.ts";
import { typedArrayKind } from "./typed-array.ts";
import { decodeText } from "./utf8.ts";

function variable<T>(name: VariableName, form: VariableForm<T>): Codec<T> {
  return {
    size: 0,
    align: 1,
    description: { variable: name },
    variable: form,
    bind() {
      throw new AnyctxError(
        "EINVAL",
        `${name}() without a length is for whole keys and values of a hash, not for parts`,
      );
    },
  };
}

const text: Codec<string> = variable("string", {
  prepare(value) {
    if (typeof value !== "string") throw refusal("string()", "text", value);
    return value;
  },
  restore: decodeText,
});

const binary: Codec<Uint8Array> = variable("bytes", {
  prepare(value) {
    // Whether its bytes are there is seen when they are written.
    if (typedArrayKind(value) !== "Uint8Array") throw refusal("bytes()", "Uint8Arrays", value);
    return value;
  },
  restore: (bytes) => bytes.slice(),
});

const anything: Codec<Json> = variable("json", {
  prepare(value, role) {
    if (role === "key") throw new AnyctxError("EINVAL", "json() is for values, not for keys");
    const written = jsonText(value);
    if (written === undefined) throw refusal("json()", "what JSON gives back as it was", value);
    return written;
  },
  restore: (bytes) => JSON.parse(decodeText(bytes)) as Json,
});

export const VARIABLE_CODECS: Readonly<Record<VariableName, Codec<never>>> = {
  string: text as Codec<never>,
  bytes: binary as Codec<never>,
  json: anything as Codec<never>,
};

export function isVariable(codec: { readonly variable?: unknown }): boolean {
  return codec.variable !== undefined;
}

/** How a map whose entries have lengths of their own takes values of a codec: one of a fixed size is as long as that. */
export function formOf<T>(codec: Codec<T>, role: Role): VariableForm<T> {
  if (codec.variable !== undefined) return codec.variable;
  const { encode, decode } = alone(codec, codec.size, role);
  return { prepare: encode, restore: decode };
}
