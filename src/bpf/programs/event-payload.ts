/** What an event records, made of its fields by their names. */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import type { EventField, EventFormat } from "../../events/event.ts";
import { storeBigInt } from "../../events/integer.ts";
import { utf8Of } from "../../maps/codec/utf8.ts";
import type { GivenFields } from "./program-type.ts";

type Given = GivenFields[string];

function refuse({ name, type }: EventField, wanted: string, value: unknown): never {
  throw new AnyctxError("EINVAL", `field ${name} (${type}) is ${wanted}, not ${show(value)}`);
}

function textOf(field: EventField, value: Given): Uint8Array {
  if (typeof value !== "string" || value.includes("\0")) refuse(field, "a text without a NUL", value);
  return utf8Of(value);
}

/** A whole number, or the text of one. */
function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return BigInt(value as number);
  return typeof value === "string" && /^(-?\d+|0x[0-9a-fA-F]+)$/.test(value) ? BigInt(value) : undefined;
}

function putNumber(bytes: Uint8Array, field: EventField, at: number, size: number, value: unknown): void {
  const number = wholeOf(value);
  // Addresses and flags are given either way, whatever the declaration says of their sign.
  if (number === undefined || !storeBigInt(new DataView(bytes.buffer), at, size, number))
    refuse(field, `a whole number of ${size} bytes`, value);
}

/** Text behind the struct: a u32 says where it is, from the struct's or the field's own end on, and how long. */
function putBehind(bytes: number[], field: EventField, value: Given): void {
  const text = [...textOf(field, value), 0];
  const from = field.kind === "relLoc" ? bytes.length - field.offset - field.size : bytes.length;
  const place = (text.length << 16) | from;
  for (let index = 0; index < field.size; index++) bytes[field.offset + index] = (place >>> (8 * index)) & 0xff;
  bytes.push(...text);
}

function putInPlace(bytes: Uint8Array, field: EventField, value: Given): void {
  if (field.kind === "chars") {
    const text = textOf(field, value);
    if (text.length > field.size) refuse(field, `a text of at most ${field.size} bytes`, value);
    bytes.set(text, field.offset);
    return;
  }
  if (field.kind !== "number") refuse(field, "of a type that cannot be given", value);
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (list.length > field.count || (Array.isArray(value) && field.count === 1))
    refuse(field, field.count === 1 ? "one number" : `at most ${field.count} numbers`, value);
  const size = field.size / field.count;
  for (const [index, each] of list.entries()) putNumber(bytes, field, field.offset + index * size, size, each);
}

/**
 * The bytes of an event's struct, and what lies behind it.
 * @param what the program's target, for messages
 * @throws {AnyctxError} EINVAL: no such field, or a value that it cannot hold; the event's fields are not known
 */
export function payloadOf(format: EventFormat | undefined, fields: GivenFields, what: string): Uint8Array {
  if (format === undefined)
    throw new AnyctxError("EINVAL", `the fields of ${what} are not known here: give its context as bytes`);
  const struct = new Uint8Array(format.size);
  new DataView(struct.buffer).setUint16(0, format.id, true);
  const behind = format.fields.filter(({ kind }) => kind === "dataLoc" || kind === "relLoc");
  for (const [name, value] of Object.entries(fields)) {
    const field = format.fields.find((each) => each.name === name);
    if (field === undefined)
      throw new AnyctxError(
        "EINVAL",
        `${what} has no field ${name}, only ${format.fields.map((each) => each.name).join(", ")}`,
      );
    if (!behind.includes(field)) putInPlace(struct, field, value);
  }
  const bytes = [...struct];
  for (const field of behind) putBehind(bytes, field, fields[field.name] ?? "");
  return Uint8Array.from(bytes);
}
