/**
 * Fields as `name=value` in whatever order the struct has them, as `trace-cmd report -R` prints them and the kernel with `options/fields`:
 * there numbers are told twice, `0x21 (33)`, and of one byte as a character, `'A'(65)`.
 */
import type { Target } from "../../batch.ts";
import type { EventField } from "../../event.ts";
import { storeBigInt } from "../../integer.ts";
import { endOfLine, skipBlanks, textOf } from "../bytes.ts";
import type { SymbolTable } from "../symbols.ts";

/** Where a field's text lies in the line. */
interface Piece {
  readonly field: EventField;
  readonly text: string;
}

/** The pieces of a line that has all of the fields, one behind the other; undefined for any other line. */
function piecesOf(text: string, fields: readonly EventField[]): Piece[] | undefined {
  const starts: number[] = [];
  for (const { name } of fields) {
    const before = starts.at(-1);
    const found = before === undefined ? (text.startsWith(`${name}=`) ? 0 : -1) : text.indexOf(` ${name}=`, before);
    if (found < 0) return undefined;
    starts.push(before === undefined ? found : found + 1);
  }
  return fields.map((field, index) => {
    const next = starts[index + 1];
    const from = (starts[index] as number) + field.name.length + 1;
    return { field, text: next === undefined ? text.slice(from) : text.slice(from, next - 1) };
  });
}

/**
 * @param octals fields that the event prints in base 8, of which tools print the digits in one base or the other
 * @param unread is told the fields whose value cannot be read
 * @returns false where the line is not of this form
 */
export function readNamed(
  line: Uint8Array,
  from: number,
  fields: readonly EventField[],
  target: Target,
  symbols: SymbolTable,
  octals: ReadonlySet<EventField>,
  unread: (field: EventField) => void,
): boolean {
  if (fields.length === 0) return false;
  const pieces = piecesOf(textOf(line, skipBlanks(line, from), endOfLine(line, from)), fields);
  // The kernel's own text may have these names too; there other fields than places have words.
  if (pieces?.some(({ field, text }) => isPlainNumber(field) && numberIn(text) === undefined) !== false) return false;
  for (const { field, text } of pieces) {
    const isSure = !octals.has(field) || !EITHER_BASE.test(text);
    if (!isSure || !store(field, text, target, symbols)) unread(field);
  }
  return true;
}

function store(field: EventField, text: string, target: Target, symbols: SymbolTable): boolean {
  const at = target.start + field.offset;
  if (field.kind === "number" && field.count === 1) {
    const value = numberIn(text) ?? symbols.addressOf(text.replace(AGAIN, ""));
    return value !== undefined && storeBigInt(target.view, at, field.size, value);
  }
  const bytes = bytesIn(field, text);
  if (bytes === undefined) return false;
  if (field.kind === "dataLoc" || field.kind === "relLoc" || field.size === 0) return append(field, bytes, target);
  if (bytes.length > field.size) return false;
  target.bytes.set(bytes, at);
  return true;
}

const isPlainNumber = ({ kind, count, size }: EventField): boolean => kind === "number" && count === 1 && size < 8;

/** The number in brackets behind what is printed. */
const AGAIN = / \(-?\d{1,20}\)$/;
/** Digits that are one number in base 8 and another in base 10. */
const EITHER_BASE = /^[0-7]{2,}$/;
const BYTE = /^(?:'.')?\((\d{1,3})\)$/s;

function numberIn(printed: string): bigint | undefined {
  if (printed === "(nil)") return 0n;
  const byte = BYTE.exec(printed)?.[1];
  const text = byte ?? printed.replace(AGAIN, "");
  return /^(-?\d{1,20}|0x[0-9a-f]{1,16})$/.test(text) ? BigInt(text) : undefined;
}

/** What the kernel writes where it prints nothing of a field. */
const NOT_PRINTED = /^<(?:INVALID-SIZE|INVALID-TYPE|OVERFLOW)>$/;
const PAIRS = /^[0-9a-f]{2}(?:,[0-9a-f]{2})*$/;

/** `ARRAY[7f, 00]` or `7f,00` as bytes; of texts their letters. */
function bytesIn({ kind, type, count, size }: EventField, text: string): Uint8Array | undefined {
  if (NOT_PRINTED.test(text)) return undefined;
  const listed = /^ARRAY\[((?:[0-9a-f]{1,2}(?:, |$|(?=\])))*)\]$/.exec(text)?.[1];
  if (listed !== undefined)
    return Uint8Array.from(listed === "" ? [] : listed.split(", "), (byte) => Number(`0x${byte}`));
  const isText = kind === "chars" || /\bchar\b/.test(type);
  const isLocated = kind === "dataLoc" || kind === "relLoc";
  if (isLocated && !isText && PAIRS.test(text)) return Uint8Array.from(text.split(","), (byte) => Number(`0x${byte}`));
  if (!isText || (kind === "number" && size / count !== 1)) return undefined;
  return Uint8Array.from(
    [...text].map((letter) => letter.charCodeAt(0)).concat(kind === "chars" && size > 0 ? [] : [0]),
  );
}

function append({ offset, size, kind }: EventField, bytes: Uint8Array, target: Target): boolean {
  if (target.end + bytes.length > target.limit) return false;
  target.bytes.set(bytes, target.end);
  const relative = kind === "relLoc" ? offset + size : 0;
  if (size === 4)
    target.view.setUint32(target.start + offset, (bytes.length << 16) | (target.end - target.start - relative), true);
  target.end += bytes.length;
  return true;
}
