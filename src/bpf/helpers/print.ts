/**
 * `bpf_trace_printk`: the conversions Linux knows, on 64-bit arguments. The interpreter and compiled programs share it;
 * compiled programs reach it through a host import.
 */
import { decodeText } from "../object/bytes.ts";

/** Longest text that is read for the format or for a `%s`. */
const MAXIMUM_TEXT = 512;

/** Reads a NUL-terminated string out of memory; what is not readable is `(fault)`. */
export function textAt(memory: WebAssembly.Memory, address: bigint, limit: number = MAXIMUM_TEXT): string {
  const bytes = new Uint8Array(memory.buffer);
  if (address === 0n || address >= BigInt(bytes.length)) return "(fault)";
  const start = Number(address);
  const window = bytes.slice(start, start + Math.min(limit, MAXIMUM_TEXT));
  const end = window.indexOf(0);
  return decodeText(end < 0 ? window : window.subarray(0, end));
}

interface Conversion {
  readonly flags: string;
  readonly width: number;
  readonly bits: 8 | 16 | 32 | 64;
  readonly letter: string;
}

/** Bits that a length modifier leaves of an argument. */
const LENGTHS: Readonly<Record<string, 8 | 16 | 32 | 64>> = { hh: 8, h: 16, "": 32, l: 64, ll: 64, z: 64 };

type Format = (value: bigint, conversion: Conversion, memory: WebAssembly.Memory) => string;

const unsigned =
  (radix: number, prefix: string): Format =>
  (value, { bits, flags }) => {
    const digits = BigInt.asUintN(bits, value).toString(radix);
    return (flags.includes("#") ? prefix : "") + digits;
  };

const signed: Format = (value, { bits, flags }) => {
  const number = BigInt.asIntN(bits, value);
  return (flags.includes("+") && number >= 0n ? "+" : "") + number.toString();
};

const CONVERSIONS: Readonly<Record<string, Format>> = {
  d: signed,
  i: signed,
  u: unsigned(10, ""),
  x: unsigned(16, "0x"),
  X: (value, conversion, memory) => unsigned(16, "0x")(value, conversion, memory).toUpperCase().replace("0X", "0x"),
  o: unsigned(8, "0"),
  c: (value) => String.fromCharCode(Number(value & 0xffn)),
  s: (value, _, memory) => textAt(memory, value),
  p: (value) => value.toString(16).padStart(16, "0"),
};

function pad(text: string, { flags, width, letter }: Conversion): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || letter === "s" || letter === "c") return text.padStart(width);
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

/** `%pK`, `%px` and the like print as `%p`; an unknown conversion stays as written. */
const PATTERN = /%(?:%|([-+ #0]*)(\d{0,3})(hh|h|ll|l|z)?(p[a-zA-Z]*|[diuxXocs]))/g;

/** The line of a `bpf_trace_printk` call. Arguments that are not given count as 0. */
export function formatLine(format: string, values: readonly bigint[], memory: WebAssembly.Memory): string {
  let next = 0;
  return format.replace(PATTERN, (whole, flags = "", width = "", length = "", letter = "") => {
    if (whole === "%%") return "%";
    const conversion: Conversion = {
      flags,
      width: Number(width),
      bits: LENGTHS[length] ?? 32,
      letter: letter.slice(0, 1),
    };
    const render = CONVERSIONS[conversion.letter];
    return render === undefined ? whole : pad(render(values[next++] ?? 0n, conversion, memory), conversion);
  });
}

interface Printer {
  readonly memory: WebAssembly.Memory;
  readonly print: (line: string) => void;
}

/**
 * Carries out the helper: formats, prints without a trailing newline, returns the length of the text.
 * @param address of the format, `size` bytes with its NUL
 */
export function tracePrint(host: Printer, address: bigint, size: number, values: readonly bigint[]): number {
  const line = formatLine(textAt(host.memory, address, size), values, host.memory);
  host.print(line.replace(/\n$/, ""));
  return line.length;
}
