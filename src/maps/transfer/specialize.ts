/**
 * A map's own operations, compiled for its key and value (maps/codec/source.ts) and its place in memory. They do what goes well;
 * whatever does not (a value that does not fit, an errno) is left to the operations that all maps share, which say why. Where
 * code may not be made of text (a content security policy), and for codecs that cannot be written out, there are only those.
 */
import { ERRNO } from "../../error.ts";
import type { Core } from "../../wasm/face.ts";
import { roundUp } from "../align.ts";
import type { Description } from "../codec/accessor.ts";
import { runsCode } from "../codec/codec.ts";
import { codecSource, rememberingSource, type WriteSource } from "../codec/source.ts";
import { typedArrayKind, typedArrayLength } from "../codec/typed-array.ts";
import { decodeUtf8 } from "../codec/utf8.ts";
import type { MapInfo } from "../info.ts";
import { fixedTransferBytes } from "./fixed.ts";

/** Operations that a map may have of its own: they take over from those of the same name. */
export const SPECIALIZED = ["get", "has", "set", "update", "delete", "load", "loadedKey", "loadedValue"] as const;
export type Operations = Readonly<Record<(typeof SPECIALIZED)[number], unknown>>;

/** What the operations are made of, and work on. */
export interface Specializable {
  readonly info: MapInfo;
  readonly key: Description;
  readonly value: Description;
  /** Whether keys go to the core's functions as they are. */
  readonly asWord: boolean;
  readonly buffer: ArrayBufferLike;
  /** Address of the map's transfer buffer. */
  readonly room: number;
  readonly read: Core["hashGet"];
  readonly write: Core["hashUpdate"];
  readonly remove: Core["hashDelete"];
  /** Whether the map is open: asked when all that was given has been read. */
  readonly gate: { readonly open: boolean };
  /** What all maps share. */
  readonly slow: Operations;
}

/** A text as it lies in memory, up to its NUL. */
function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) {
    const code = bytes[at] as number;
    if (code === 0) break;
    if (code > 127) return decodeUtf8(bytes.subarray(from, to));
    text += String.fromCharCode(code);
  }
  return text;
}

function viewsOf(buffer: ArrayBufferLike, at: number, bytes: number): Readonly<Record<string, unknown>> {
  return {
    U8: new Uint8Array(buffer, at, bytes),
    I8: new Int8Array(buffer, at, bytes),
    U16: new Uint16Array(buffer, at, bytes >> 1),
    I16: new Int16Array(buffer, at, bytes >> 1),
    U32: new Uint32Array(buffer, at, bytes >> 2),
    I32: new Int32Array(buffer, at, bytes >> 2),
    F32: new Float32Array(buffer, at, bytes >> 2),
    F64: new Float64Array(buffer, at, bytes >> 3),
    U64: new BigUint64Array(buffer, at, bytes >> 3),
    I64: new BigInt64Array(buffer, at, bytes >> 3),
  };
}

const CHECK_OPEN = "if (!gate.open) break fast;";

/**
 * An operation: `body` in a block that it leaves for the shared operation.
 * @param guarded to read what is given may throw: what, the shared operation says
 */
function method(name: string, parameters: string, body: string, guarded: boolean): string {
  const given = parameters.replace(" = 0", "");
  return `${name}(${parameters}) {
    fast: {
      ${guarded ? `try {\n${body}\n} catch {\nbreak fast;\n}` : body}
    }
    return slow.${name}.call(this, ${given});
  },`;
}

/** The text of all operations; undefined if a codec cannot be written out. */
function sourceOf({ info, key, value, asWord, room }: Specializable): string | undefined {
  const valueAt = roundUp(info.keySize);
  const keySource = codecSource(key, 0, "key");
  const valueSource = codecSource(value, valueAt, "value");
  if (keySource === undefined || valueSource === undefined) return undefined;
  const remembering = rememberingSource(key, 0);
  const givenKey = keySource.write("key");
  const setKey = remembering?.remember("key") ?? givenKey;
  const deletedKey = remembering?.recall("key") ?? givenKey;
  const givenValue = valueSource.write("value");
  const at = asWord ? "key" : String(room);
  const ready = ({ read, store }: WriteSource): string => `${read}\n${CHECK_OPEN}\n${asWord ? "" : store}`;
  const placed = `${info.address}, ${at}`;
  const into = room + valueAt;
  const withBoth = `${givenValue.read}\n${ready(setKey)}\n${givenValue.store}`;
  const [keyMayThrow, anyMayThrow] = [runsCode(key), runsCode(key) || runsCode(value)];
  const answer = (found: string, missing: string): string => `if (result === 0) return ${found};
      if (result === -${ERRNO.ENOENT}) return ${missing};`;
  const read = `${ready(givenKey)}\nconst result = read(${placed}, ${into});`;
  const set = `${withBoth}\nif (write(${placed}, ${into}, 0) === 0) return this;`;
  const update = `if (flags !== 0 && flags !== 1 && flags !== 2) break fast;
      ${withBoth}\nreturn write(${placed}, ${into}, flags);`;
  const remove = `${ready(deletedKey)}\nconst result = remove(${placed});\n${answer("true", "false")}`;
  const words = Array.from({ length: roundUp(info.keySize) / 4 }, (_, word) => `U32[${word}] = words[from + ${word}];`);
  const load = `${CHECK_OPEN}\n${words.join(" ")}
      const result = read(${info.address}, ${asWord ? "U32[0]" : room}, ${into});\n${answer("true", "false")}`;
  const operations = [
    method("get", "key", `${read}\n${answer(valueSource.value, "undefined")}`, keyMayThrow),
    method("has", "key", `${read}\n${answer("true", "false")}`, keyMayThrow),
    method("set", "key, value", set, anyMayThrow),
    method("update", "key, value, flags = 0", update, anyMayThrow),
    method("delete", "key", remove, keyMayThrow),
    method("load", "words, from", load, false),
    `loadedKey() { return ${keySource.value}; },`,
    `loadedValue() { return ${valueSource.value}; },`,
  ].join("\n");
  return `${remembering?.declarations ?? ""} return {\n${operations}\n};`;
}

const HELPERS = { textOf, kindOf: typedArrayKind, lengthOf: typedArrayLength, fround: Math.fround };
let made = 0;

/** @returns undefined: the map has only the operations that all maps share */
export function specialize(map: Specializable): Operations | undefined {
  const source = sourceOf(map);
  if (source === undefined) return undefined;
  const { buffer, room, info, read, write, remove, gate, slow } = map;
  const names = { ...HELPERS, ...viewsOf(buffer, room, fixedTransferBytes(info)), read, write, remove, gate, slow };
  // A text of its own for each map: equal texts are compiled once, for all that use them.
  const text = `"use strict"; /* map ${++made} */ ${source}`;
  try {
    return new Function(...Object.keys(names), text)(...Object.values(names)) as Operations;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}
