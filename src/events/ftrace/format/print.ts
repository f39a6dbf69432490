/**
 * From a `print fmt` to what its text says about the fields: the list of items a printed line consists of, each a piece
 * of fixed text or a value with the field it belongs to. The reverse of what the kernel does when it prints.
 */
import type { EventField } from "../../event.ts";
import { type Expression, evaluate, fieldsOf, parsePrint } from "../../tracepoints/expression.ts";
import type { FtraceFormat } from "../../tracepoints/format.ts";
import { withoutCasts } from "./casts.ts";
import { bitmapReader, dumpReader, textBytes, textReaders } from "./conversions.ts";
import { cutTo, type Inverse, invert } from "./inverse.ts";
import type { Padding, PrintItem } from "./print-item.ts";
import { asSums, sumWith } from "./together.ts";
import { wordsOf } from "./words.ts";

const CONVERSION = /%(?:%|([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?(hh|h|ll|l|z|j|t|L|q)?([a-zA-Z])([A-Za-z0-9]*))/g;
/** Addresses of kprobe events: where the format says `%lx` the kernel prints symbols. */
const PROBE_ADDRESSES = /^__probe_(ip|func|ret_ip)$/;
const SYMBOL_POINTERS = new Set(["S", "s", "B", "F", "f"]);
/** `%pa`, `%pad`: an address of hardware, printed by where it lies. */
const REFERENCES = /^a[dp]?$/;
const PLAIN_POINTERS = new Set(["", "K", "x"]);

/** The items of an event's printed line, in order. Empty when the `print fmt` cannot be read at all. */
export function printItems(format: FtraceFormat): PrintItem[] {
  const print = parsePrint(format.print);
  if (print === undefined) return [];
  const items: PrintItem[] = [];
  const values = [...print.arguments];
  let from = 0;
  const literal = (text: string): void => {
    const previous = items.at(-1);
    if (previous?.kind === "literal") items.splice(-1, 1, { kind: "literal", text: previous.text + text });
    else if (text !== "") items.push({ kind: "literal", text });
  };
  CONVERSION.lastIndex = 0;
  for (let match = CONVERSION.exec(print.format); match !== null; match = CONVERSION.exec(print.format)) {
    const [whole, flags = "", width, precision, length = "", type = "", letters = ""] = match;
    literal(print.format.slice(from, match.index));
    // Only after %p do letters belong to the conversion: the kernel goes on behind the last of them.
    const extension = type === "p" ? letters : "";
    from = match.index + whole.length - letters.length + extension.length;
    CONVERSION.lastIndex = from;
    if (whole === "%%") {
      literal("%");
      continue;
    }
    const [wide, precise] = [width, precision].map((size) => (size === "*" ? values.shift() : size));
    const value = withoutCasts(values.shift() ?? { kind: "opaque" }, format.fields);
    const sizes = { width: constantOf(wide), precision: constantOf(precise), padded: width !== undefined };
    const sum = bytesOf(length) === 8 ? sumWith(value, format, items) : undefined;
    const item = itemOf(format, { type, extension, flags, length, ...sizes }, sum?.rest ?? value);
    // A text that is always the same.
    if (item.kind === "literal") literal(item.text);
    else items.push(sum !== undefined && item.kind === "number" ? { ...item, beside: sum.beside } : item);
  }
  literal(print.format.slice(from));
  const joined = onlyOnce(joinWords(asSums(items)));
  return format.name.startsWith("sys_enter_") ? joined.map(asOfCall) : joined;
}

/** Arguments of system calls are written by code of the kernel's own: `0x`, which the format promises, is not there below 10. */
function asOfCall(item: PrintItem, index: number, items: readonly PrintItem[]): PrintItem {
  if (item.kind === "number" && item.base === 16) return { ...item, prefixed: true };
  const next = items[index + 1];
  if (item.kind !== "literal" || next?.kind !== "number" || next.base !== 16) return item;
  return { kind: "literal", text: item.text.replace(/0x$/, "") };
}

/** A width or precision, as digits or as an argument; undefined where it is none, or not always the same. */
function constantOf(size: string | Expression | undefined): number | undefined {
  const value = typeof size === "object" ? evaluate(size) : size;
  return value === undefined ? undefined : Number(value);
}

interface Conversion {
  readonly type: string;
  readonly extension: string;
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly padded: boolean;
  readonly length: string;
}

function itemOf(format: FtraceFormat, conversion: Conversion, value: Expression): PrintItem {
  const named = (name: string): EventField | undefined => format.fields.find((each) => each.name === name);
  const fields = [...new Set(fieldsOf(value))].flatMap((name) => named(name) ?? []);
  const ignored: PrintItem = { kind: "ignored", fields };
  const item = ITEMS[conversion.type]?.(format, value, conversion) ?? numberItem(format, value, conversion) ?? ignored;
  const isText = item.kind === "string" || item.kind === "words" || item.kind === "symbol" || item.kind === "bytes";
  const isMeasured = conversion.type === "p" && MEASURED.test(conversion.extension);
  return isText && conversion.padded && !isMeasured ? { ...item, padding: paddingOf(conversion) } : item;
}

/** The column of a width that an argument tells: as wide as any. */
export const ANY_COLUMNS = 0xffff;

function paddingOf({ flags, width = ANY_COLUMNS, padded }: Conversion): Padding {
  const isLeft = flags.includes("-");
  return { padded: padded && !isLeft, columns: padded && isLeft ? width : 0 };
}

const fieldIn = ({ fields }: FtraceFormat, name: string): EventField | undefined =>
  fields.find((each) => each.name === name);

/** All bits of a field, or of an array's element. */
export const bitsOf = ({ size, count }: EventField): bigint => (1n << BigInt((size / count) * 8)) - 1n;

/** Bytes of a number that is printed with this length modifier. */
const bytesOf = (length: string): number => ({ hh: 1, h: 2, "": 4 })[length] ?? 8;
const printedBits = (length: string): bigint => (1n << BigInt(bytesOf(length) * 8)) - 1n;

type Call = Extract<Expression, { kind: "call" }>;

const BASES: Readonly<Record<string, 8 | 10 | 16>> = { d: 10, i: 10, u: 10, x: 16, X: 16, o: 8 };

function numberItem(format: FtraceFormat, value: Expression, conversion: Conversion): PrintItem | undefined {
  const inverse = invert(value);
  const field = inverse && fieldIn(format, inverse.field);
  const base = BASES[conversion.type];
  if (inverse === undefined || field?.kind !== "number" || inverse.index >= field.count) return undefined;
  const { flags } = conversion;
  const { index } = inverse;
  if (conversion.type === "x" && PROBE_ADDRESSES.test(field.name)) return { kind: "symbol", field, index };
  if (base === undefined) return undefined;
  const prefixed = flags.includes("#") && base === 16;
  const padded = flags.includes(" ") || (conversion.padded && !flags.includes("0"));
  const { columns } = paddingOf(conversion);
  // kprobe events print every number with a plain %d or %x, whatever its size.
  const isProbe = format.fields.some(({ name }) => PROBE_ADDRESSES.test(name));
  const printed = isProbe
    ? inverse.covers
    : (inverse.solve(0n, printedBits(conversion.length))?.known ?? inverse.covers);
  const covers = inverse.covers & (inverse.plain ? printed : inverse.covers) & bitsOf(field);
  // What is cut by its conversion must leave what others tell of the field.
  const printedOf = (each: Inverse): Inverse =>
    each.plain && !isProbe && printed < bitsOf(field) ? (cutTo(each, bytesOf(conversion.length)) ?? each) : each;
  const isWidened = !isProbe && conversion.type !== "d" && conversion.type !== "i" && field.signed;
  const read = isWidened ? widened(inverse, bitsOf(field), printedBits(conversion.length)) : printedOf(inverse);
  const digits = prefixed || /^[di]$/.test(conversion.type) ? 0 : leastDigits(conversion);
  return { kind: "number", base, padded, columns, digits, prefixed, field, index, inverse: read, covers };
}

/** Digits that a number has at least. */
const leastDigits = ({ flags, width = 0, precision }: Conversion): number =>
  precision ?? (flags.includes("0") && !flags.includes("-") ? width : 0);

/** `%u` of a field that is narrower and below 0: what is printed has ones above the field's bits. */
function widened(inverse: Inverse, field: bigint, printed: bigint): Inverse {
  if (field >= printed) return inverse;
  const bits = printed === 0xffff_ffffn ? 32 : 64;
  const solve: Inverse["solve"] = (value, known) =>
    inverse.solve(BigInt.asUintN(64, BigInt.asIntN(bits, value)), known);
  return { ...inverse, plain: false, solve };
}

/** How values are read by the letter of their conversion; all others are numbers. */
const ITEMS: Readonly<
  Record<string, (format: FtraceFormat, value: Expression, conversion: Conversion) => PrintItem | undefined>
> = {
  s: textItem,
  c: characterItem,
  p: (format, value, conversion) =>
    dumpItem(format, value, conversion) ??
    bitmapItem(format, value, conversion) ??
    pointerItem(format, value, conversion),
};

/** Conversions whose width is no column's. */
const MEASURED = /^(?:h|bl?$)/;

/** `%*ph`, `%16phN`: so many bytes in hex. */
function dumpItem(format: FtraceFormat, value: Expression, { extension, width }: Conversion): PrintItem | undefined {
  const read = dumpReader(extension);
  const [name] =
    read === undefined ? [] : (value.kind === "call" ? value.arguments : [value]).flatMap(fieldsOfArgument);
  const field = name === undefined ? undefined : fieldIn(format, name);
  return read && field && { kind: "bytes", field, read, whole: width === undefined || width >= field.size };
}

/** `%*pbl`: so many bits of an array. */
function bitmapItem(format: FtraceFormat, value: Expression, { extension, width }: Conversion): PrintItem | undefined {
  const [name] = fieldsOf(value);
  const field = name === undefined ? undefined : fieldIn(format, name);
  const read = field?.kind === "number" || field?.kind === "other" ? bitmapReader(extension, field) : undefined;
  return read && field && { kind: "bytes", field, read, whole: width !== undefined && width >= field.size * 8 };
}

function pointerItem(format: FtraceFormat, value: Expression, { extension }: Conversion): PrintItem | undefined {
  const address = addressed(value);
  const inverse = invert(address ?? value);
  const field = fieldIn(format, inverse?.field ?? (value.kind === "call" ? fieldsOf(value)[0] : undefined) ?? "");
  if (field === undefined) return undefined;
  const read = textReaders(extension, field);
  if (read !== undefined) return { kind: "bytes", field, read, whole: true };
  if (inverse === undefined) return undefined;
  const { index } = inverse;
  if (address !== undefined && !REFERENCES.test(extension)) return undefined;
  if (!inverse.plain || field.kind !== "number" || index >= field.count || field.size / field.count !== 8)
    return undefined;
  if (SYMBOL_POINTERS.has(extension.slice(0, 1))) return { kind: "symbol", field, index };
  const isNumber = address !== undefined || PLAIN_POINTERS.has(extension);
  return isNumber ? { kind: "pointer", field, index } : undefined;
}

/** What a value is the address of. */
const addressed = (value: Expression): Expression | undefined =>
  value.kind === "unary" && value.operator === "&" ? value.operand : undefined;

/** A one, and nothing else, is what a `bool` is when it is not 0. */
const isBoolean =
  (format: FtraceFormat) =>
  (name: string): boolean =>
    /^(_Bool|bool)$/.test(fieldIn(format, name)?.type ?? "");

/** `__print_hex(field, 4)` prints so many bytes, `__print_array(field, 2, 4)` so many elements of so many. */
function callItem(format: FtraceFormat, { name, arguments: values }: Call): PrintItem | undefined {
  const printed = textBytes(name);
  const [about] = values.flatMap(fieldsOfArgument);
  const field = printed && about !== undefined ? fieldIn(format, about) : undefined;
  if (printed === undefined || field === undefined) return undefined;
  // The second argument of one is how many, of the other how large.
  const [, second, third] = values.map((each) => constantOf(each));
  const [count, size] = name === "__print_dynamic_array" ? [undefined, second] : [second, third];
  // How many may depend on the event.
  const isLocated = field.kind === "dataLoc" || field.kind === "relLoc";
  const whole = isLocated || count === undefined || count * (size ?? 1) >= field.size;
  return { kind: "bytes", field, whole, read: (text) => printed(text, field, size) };
}

function textItem(format: FtraceFormat, value: Expression, conversion: Conversion): PrintItem | undefined {
  const { precision = 0 } = conversion;
  if (value.kind === "text") return { kind: "literal", text: value.value };
  const string = stringOf(value);
  if (string !== undefined) {
    const field = fieldIn(format, string);
    const isText = field?.kind === "chars" || field?.kind === "dataLoc" || field?.kind === "relLoc";
    return isText ? { kind: "string", field, most: precision } : undefined;
  }
  if (value.kind === "call" && textBytes(value.name) !== undefined) return callItem(format, value);
  const words = wordsOf(value, isBoolean(format));
  const field = words && fieldIn(format, words.field);
  if (words === undefined || field?.kind !== "number" || field.count !== 1) return undefined;
  return { kind: "words", field, sets: [words.set] };
}

/** The fields of a call's argument, `__get_dynamic_array(name)` among them. */
function fieldsOfArgument(argument: Expression): string[] {
  if (argument.kind === "name") return [argument.name];
  return fieldsOf(argument);
}

/** The field whose text is printed: `__get_str(name)`, `REC->comm`, `REC->length ? __get_str(name) : NULL`. */
function stringOf(value: Expression): string | undefined {
  if (value.kind === "field") return value.name;
  if (value.kind === "choice") return stringOf(value.yes) ?? stringOf(value.no);
  if (value.kind !== "call" || !/^__get_(rel_)?(str|dynamic_array)$/.test(value.name)) return undefined;
  const [argument] = value.arguments;
  return argument?.kind === "name" ? argument.name : undefined;
}

function characterItem(format: FtraceFormat, value: Expression): PrintItem | undefined {
  if (value.kind === "choice") {
    const asTexts = { ...value, yes: characterText(value.yes), no: characterText(value.no) };
    const words = wordsOf(asTexts, isBoolean(format));
    const field = words && fieldIn(format, words.field);
    return field?.kind === "number" ? { kind: "character", field, set: words?.set } : undefined;
  }
  const inverse = invert(value);
  const field = inverse && fieldIn(format, inverse.field);
  return inverse?.plain === true && field?.kind === "number" ? { kind: "character", field, set: undefined } : undefined;
}

const characterText = (value: Expression): Expression =>
  value.kind === "number" ? { kind: "text", value: String.fromCharCode(Number(value.value)) } : value;

/** Joins words of the same field that follow each other with nothing between: `prev_state=%s%s`. */
function joinWords(items: readonly PrintItem[]): PrintItem[] {
  const joined: PrintItem[] = [];
  for (const item of items) {
    const previous = joined.at(-1);
    if (item.kind === "words" && previous?.kind === "words" && previous.field === item.field)
      joined.splice(-1, 1, { ...previous, sets: [...previous.sets, ...item.sets] });
    else joined.push(item);
  }
  return joined;
}

/** A field whose whole number is printed needs no words: `vec=3 [action=NET_RX]`. */
function onlyOnce(items: readonly PrintItem[]): PrintItem[] {
  const whole = new Set<EventField>();
  for (const item of items)
    if (item.kind === "pointer" || (item.kind === "number" && item.covers === bitsOf(item.field)))
      whole.add(item.field);
  return items.map((item) => {
    if (item.kind !== "words" || !whole.has(item.field)) return item;
    return { kind: "ignored", fields: [], texts: item.sets.flatMap(({ words }) => [...words.keys()]) };
  });
}
