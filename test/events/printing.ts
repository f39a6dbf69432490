/**
 * Events printed as a kernel prints them (Linux `Documentation/core-api/printk-formats.rst`, `include/trace/stages/`): slowly, one conversion
 * after the other, and with nothing of what reads such lines but the parser of their `print fmt`.
 */
import type { EventField } from "../../src/events/event.ts";
import { type Expression, parsePrint } from "../../src/events/tracepoints/expression.ts";
import type { FtraceFormat } from "../../src/events/tracepoints/format.ts";
import { dumped, pointedAt } from "./pointers.ts";

/** An event that is printed. */
export interface Printed {
  readonly format: FtraceFormat;
  readonly bytes: Buffer;
  /** Fields that were printed as symbols, with their texts. */
  readonly symbols: Map<string, string>;
}

/** What a value is: a number, a text, or bytes where they lie. */
type Value = bigint | string | Buffer;

/** Thrown for what only the kernel can carry out. */
export class Unprintable extends Error {}

/** So many ticks of the clock are a second. */
const TICKS = 250n;

function fieldOf({ format }: Printed, name: string): EventField {
  const field = format.fields.find((each) => each.name === name);
  if (field === undefined) throw new Unprintable(name);
  return field;
}

/** The bytes of a field, those behind the struct of one that says where they lie. */
export function bytesOfField({ bytes }: Printed, { kind, offset, size }: EventField): Buffer {
  if (kind !== "dataLoc" && kind !== "relLoc")
    return size === 0 ? bytes.subarray(offset) : bytes.subarray(offset, offset + size);
  const place = bytes.readUInt32LE(offset);
  const at = (place & 0xffff) + (kind === "relLoc" ? offset + size : 0);
  return bytes.subarray(at, at + (place >>> 16));
}

function numberIn(bytes: Buffer, at: number, size: number, signed: boolean): bigint {
  let value = 0n;
  for (let byte = size - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(bytes[at + byte] ?? 0);
  return signed ? BigInt.asIntN(size * 8, value) : value;
}

/** Numbers of constants that a format names and only its kernel knows: any that no other has. */
const named = new Map<string, bigint>();
function constant(name: string): bigint {
  if (!/^[A-Z][A-Z0-9_]+$/.test(name)) throw new Unprintable(name);
  const value = named.get(name) ?? 1n << BigInt(named.size % 31);
  named.set(name, value);
  return value;
}

const numberOf = (value: Value): bigint => {
  if (typeof value !== "bigint") throw new Unprintable("no number");
  return value;
};
const textOf = (value: Value): string => {
  if (typeof value === "bigint") throw new Unprintable("no text");
  return typeof value === "string" ? value : (value.toString("latin1").split("\0", 1)[0] ?? "");
};

/** Numbers that are moved out of their 64 bits, or by more than they have, are no event's. */
function moved(by: bigint, result: bigint): bigint {
  if (by < 0n || by > 63n || (BigInt.asIntN(64, result) !== result && BigInt.asUintN(64, result) !== result))
    throw new Unprintable("moved out");
  return result;
}

const truth = (test: boolean): bigint => (test ? 1n : 0n);
const BINARY: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => (b === 0n ? 0n : a / b),
  "%": (a, b) => (b === 0n ? 0n : a % b),
  "&": (a, b) => a & b,
  "|": (a, b) => a | b,
  "^": (a, b) => a ^ b,
  "<<": (a, b) => moved(b, a << (b & 63n)),
  ">>": (a, b) => moved(b, a >> (b & 63n)),
  "==": (a, b) => truth(BigInt.asUintN(64, a) === BigInt.asUintN(64, b)),
  "!=": (a, b) => truth(BigInt.asUintN(64, a) !== BigInt.asUintN(64, b)),
  "<": (a, b) => truth(a < b),
  ">": (a, b) => truth(a > b),
  "<=": (a, b) => truth(a <= b),
  ">=": (a, b) => truth(a >= b),
  "&&": (a, b) => truth(a !== 0n && b !== 0n),
  "||": (a, b) => truth(a !== 0n || b !== 0n),
};

function swapped(value: bigint, bytes: number): bigint {
  const swap = Buffer.from(
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, "0"),
    "hex",
  ).reverse();
  return BigInt(`0x${swap.toString("hex")}`);
}

/** Functions of numbers that the kernel has in its formats. */
function computed(name: string, value: () => bigint): bigint | undefined {
  const swap = /^(?:__builtin_bswap|_*(?:fswab|swab|be|cpu_to_be)|hto?n|nto?h)(16|32|64|s|l)(?:_to_cpu)?p?$/.exec(
    name,
  )?.[1];
  if (swap !== undefined) return swapped(value(), { 16: 2, s: 2, 32: 4, l: 4 }[swap] ?? 8);
  const cut = /^_*(?:cpu_to_le|le)(16|32|64)(?:_to_cpu)?$/.exec(name)?.[1];
  if (cut !== undefined) return BigInt.asUintN(Number(cut), value());
  if (name === "__builtin_expect") return value();
  if (name === "__builtin_constant_p") return 0n;
  if (name === "jiffies_to_msecs") return (value() * 1000n) / TICKS;
  if (name === "__print_ns_to_secs") return value() / 1_000_000_000n;
  if (name === "__print_ns_without_secs") return value() % 1_000_000_000n;
  return undefined;
}

function call(event: Printed, name: string, values: readonly Expression[]): Value {
  const [first, second, third] = values;
  if (first === undefined) throw new Unprintable(name);
  const about = (): Buffer => {
    const named = first.kind === "name" ? fieldOf(event, first.name) : undefined;
    const value = named === undefined ? evaluated(event, first) : bytesOfField(event, named);
    if (!Buffer.isBuffer(value)) throw new Unprintable(name);
    return value;
  };
  if (/^__get_(rel_)?(str|dynamic_array|sockaddr)$/.test(name)) return about();
  if (/^__get_(rel_)?dynamic_array_len$/.test(name)) return BigInt(about().length);
  if (/^__get_(rel_)?(bitmask|cpumask)$/.test(name)) return mask(about());
  if (/^__print_flags(_u64)?$/.test(name)) return flags(event, values);
  if (/^__print_symbolic(_u64)?$/.test(name)) return symbolic(event, values);
  const sized = (value: Expression | undefined): number | undefined =>
    value === undefined || value.kind === "opaque" ? undefined : Number(numberOf(evaluated(event, value)));
  if (name === "__print_hex" || name === "__print_hex_str") {
    const bytes = about();
    if ((sized(second) ?? bytes.length) !== bytes.length) throw new Unprintable("cut");
    const pairs = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
    return pairs.join(name === "__print_hex" ? " " : "");
  }
  if (name === "__print_array") {
    const [bytes, size] = [about(), sized(third) ?? 1];
    const count = sized(second) ?? bytes.length / size;
    if (count < 0 || count * size > bytes.length) throw new Unprintable("cut");
    return array(bytes, count, size);
  }
  if (name === "__print_dynamic_array")
    return array(about(), about().length / (sized(second) ?? 1), sized(second) ?? 1);
  const value = computed(name, () => numberOf(evaluated(event, first)));
  if (value === undefined) throw new Unprintable(name);
  return value;
}

function array(bytes: Buffer, count: number, size: number): string {
  const numbers = Array.from({ length: count }, (_, at) => numberIn(bytes, at * size, size, false));
  return `{${numbers.map((number) => `0x${number.toString(16)}`).join(",")}}`;
}

function mask(bytes: Buffer): string {
  const words = Array.from({ length: bytes.length / 4 }, (_, at) =>
    bytes
      .readUInt32LE(at * 4)
      .toString(16)
      .padStart(8, "0"),
  );
  return words.reverse().join(",");
}

/** The rows of a table. */
function* rowsOf(event: Printed, rows: readonly Expression[]): Generator<readonly [bigint, string]> {
  for (const row of rows)
    if (row.kind === "list" && row.items.length === 2) {
      const [number, text] = row.items.map((item) => evaluated(event, item));
      yield [numberOf(number ?? 0n), textOf(text ?? "")];
    }
}

function flags(event: Printed, [value, delimiter, ...rows]: readonly Expression[]): string {
  let bits = BigInt.asUintN(64, numberOf(evaluated(event, value as Expression)));
  const words: string[] = [];
  for (const [each, word] of rowsOf(event, rows)) {
    const number = BigInt.asUintN(64, each);
    if ((bits & number) !== number || number === 0n) continue;
    bits &= ~number;
    words.push(word);
  }
  if (bits !== 0n) words.push(`0x${bits.toString(16)}`);
  return words.join(delimiter?.kind === "text" ? delimiter.value : "");
}

function symbolic(event: Printed, [value, ...rows]: readonly Expression[]): string {
  const number = BigInt.asUintN(64, numberOf(evaluated(event, value as Expression)));
  for (const [each, word] of rowsOf(event, rows)) if (BigInt.asUintN(64, each) === number) return word;
  return `0x${number.toString(16)}`;
}

function fieldValue(event: Printed, name: string, index: number, isAddress: boolean): Value {
  const field = fieldOf(event, name);
  const { kind, size, count, offset, signed } = field;
  if (kind !== "number" || isAddress) return bytesOfField(event, field);
  // An array by its name alone is where it lies.
  const element = size / count;
  return numberIn(event.bytes, offset + index * element, element, signed);
}

/** The value of an argument. */
export function evaluated(event: Printed, expression: Expression, isAddress: boolean = false): Value {
  const inner = (each: Expression): Value => evaluated(event, each, isAddress);
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "text":
      return expression.value;
    case "name":
      return constant(expression.name);
    case "field":
      return fieldValue(event, expression.name, expression.index, isAddress);
    case "cast": {
      const value = inner(expression.operand);
      const cut = expression.signed ? BigInt.asIntN : BigInt.asUintN;
      return typeof value === "bigint" ? cut(expression.bytes * 8, value) : value;
    }
    case "unary":
      return unary(event, expression.operator, expression.operand);
    case "binary": {
      const [left, right] = [numberOf(inner(expression.left)), numberOf(inner(expression.right))];
      const operate = BINARY[expression.operator];
      if (operate === undefined) throw new Unprintable(expression.operator);
      return operate(left, right);
    }
    case "choice":
      return numberOf(evaluated(event, expression.test)) !== 0n ? inner(expression.yes) : inner(expression.no);
    case "call":
      return call(event, expression.name, expression.arguments);
    default:
      throw new Unprintable(expression.kind);
  }
}

function unary(event: Printed, operator: string, operand: Expression): Value {
  if (operator === "&" || operator === "*") return evaluated(event, operand, true);
  const value = numberOf(evaluated(event, operand));
  const results: Readonly<Record<string, bigint>> = { "!": truth(value === 0n), "~": ~value, "-": -value, "+": value };
  return results[operator] ?? 0n;
}

const CONVERSION = /%(?:%|([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?(hh|h|ll|l|z|j|t|L|q)?(?:p([A-Za-z0-9]*)|([a-zA-Z])))/g;

/** The line's fields. */
export function print(event: Printed): string {
  const parsed = parsePrint(event.format.print);
  if (parsed === undefined) throw new Unprintable("format");
  const values = [...parsed.arguments];
  const sized = (size: string | undefined): number | undefined => {
    if (size !== "*") return size === undefined ? undefined : Number(size);
    return Number(numberOf(evaluated(event, values.shift() ?? { kind: "opaque" })));
  };
  return parsed.format.replace(CONVERSION, (whole, flags = "", wide, precise, length = "", pointer, type = "p") => {
    if (whole === "%%") return "%";
    const [width, precision] = [sized(wide), sized(precise)];
    const value = values.shift() ?? { kind: "opaque" };
    const text =
      type === "p"
        ? pointed(event, value, pointer ?? "", width)
        : converted(event, value, { type, flags, length, precision });
    if (pointer?.startsWith("h") === true) return text;
    if (typeof text !== "string") throw new Unprintable(whole);
    return inColumn(text, width ?? 0, flags, type !== "s" && type !== "c" && type !== "p" && precision === undefined);
  });
}

function inColumn(text: string, width: number, flags: string, isNumber: boolean): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || !isNumber) return text.padStart(width);
  const [sign = ""] = /^(?:[-+ ]|0[xX])/.exec(text) ?? [];
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

interface Conversion {
  readonly type: string;
  readonly flags: string;
  readonly length: string;
  readonly precision: number | undefined;
}

const BYTES: Readonly<Record<string, number>> = { hh: 1, h: 2, "": 4 };

function converted(event: Printed, expression: Expression, { type, flags, length, precision }: Conversion): string {
  // An array by its name alone is where it lies.
  const value = evaluated(event, expression, type === "s");
  if (type === "s") {
    // How long a text is, its event says truly.
    const text = textOf(value);
    if (precision !== undefined && precision >= 0 && precision < text.length) throw new Unprintable("cut");
    return text;
  }
  const number = numberOf(value);
  if (type === "c") return String.fromCharCode(Number(number & 0xffn));
  const bits = (BYTES[length] ?? 8) * 8;
  const isSigned = type === "d" || type === "i";
  const cut = isSigned ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number);
  const base = { o: 8, x: 16, X: 16 }[type] ?? 10;
  const digits = (cut < 0n ? -cut : cut).toString(base).padStart(precision ?? 0, "0");
  const sign = cut < 0n ? "-" : isSigned ? (/[+ ]/.exec(flags)?.[0] ?? "") : "";
  const prefix = flags.includes("#") && cut !== 0n ? (base === 16 ? "0x" : base === 8 ? "0" : "") : "";
  const text = sign + prefix + digits;
  return type === "X" ? text.toUpperCase() : text;
}

/** Letters behind `%p` for functions. */
const FUNCTION = /^[SsB]/;

function pointed(event: Printed, expression: Expression, letters: string, width: number | undefined): string {
  if (letters.startsWith("h")) return dumped(evaluated(event, expression, true) as Buffer, letters, width ?? 0);
  if (letters !== "" && !FUNCTION.test(letters) && !/^[Kxe]/.test(letters)) {
    const value = evaluated(event, expression, true);
    const text = Buffer.isBuffer(value) ? pointedAt(value, letters, width ?? 0) : undefined;
    if (text === undefined) throw new Unprintable(`%p${letters}`);
    return text;
  }
  const value = BigInt.asUintN(64, numberOf(evaluated(event, expression)));
  if (FUNCTION.test(letters)) {
    const text = `func_${value.toString(16)}${letters.startsWith("s") ? "" : "+0x10/0x80"}`;
    if (expression.kind === "field") event.symbols.set(expression.name, text);
    return text;
  }
  if (letters === "e" && value >= 2n ** 64n - 4095n) return `${BigInt.asIntN(64, value)}`;
  if (value === 0n && letters !== "x") return "(null)";
  const digits = value.toString(16);
  return letters === "x" ? digits : digits.padStart(16, "0");
}
