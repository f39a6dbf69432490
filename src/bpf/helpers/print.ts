/** The formats of `bpf_trace_printk` and its relatives: the conversions Linux knows, on 64-bit arguments. */
import type { KernelMemory } from "../host.ts";
import { decodeText } from "../object/bytes.ts";

/** Longest text that is read for the format or for a `%s`. */
export const MAXIMUM_TEXT = 512;

/** Where texts and what pointers lead to are read from. */
export interface Readable {
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly kernel?: KernelMemory;
}

/** Bytes at an address, as many as there are up to `most`; undefined where nothing can be read. */
function bytesAt({ memory, kernel }: Readable, address: bigint, most: number): Uint8Array | undefined {
  const bytes = new Uint8Array(memory.buffer);
  if (address !== 0n && address < BigInt(bytes.length))
    return bytes.slice(Number(address), Math.min(bytes.length, Number(address) + most));
  const whole = kernel?.read(address, most);
  if (whole !== undefined || kernel === undefined) return whole;
  const found: number[] = [];
  for (let byte = kernel.read(address, 1)?.[0]; byte !== undefined && found.length < most; ) {
    found.push(byte);
    byte = kernel.read(address + BigInt(found.length), 1)?.[0];
  }
  return found.length === 0 ? undefined : Uint8Array.from(found);
}

/** Reads a NUL-terminated string out of memory; what is not readable is `lost`. */
function textAt(readable: Readable, address: bigint, lost: string): string {
  const window = bytesAt(readable, address, MAXIMUM_TEXT);
  if (window === undefined) return lost;
  const end = window.indexOf(0);
  return decodeText(end < 0 ? window : window.subarray(0, end));
}

interface Conversion {
  readonly flags: string;
  readonly width: number;
  readonly bits: 8 | 16 | 32 | 64;
  readonly letter: string;
  /** What is said of a pointer besides, as `I4` in `%pI4`. */
  readonly kind: string;
}

const ADDRESS_BYTES = { v4: 4, v6: 16 } as const;

function decimals(readable: Readable, address: bigint, digits: number): string | undefined {
  const bytes = bytesAt(readable, address, ADDRESS_BYTES.v4);
  return bytes === undefined ? undefined : Array.from(bytes, (byte) => String(byte).padStart(digits, "0")).join(".");
}

function groups(readable: Readable, address: bigint, separator: string): string | undefined {
  const bytes = bytesAt(readable, address, ADDRESS_BYTES.v6);
  if (bytes === undefined) return undefined;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return (hex.match(/.{4}/g) ?? []).join(separator);
}

/** Pointers that are followed: internet addresses. */
const ADDRESSES: Readonly<Record<string, (readable: Readable, address: bigint) => string | undefined>> = {
  I4: (readable, address) => decimals(readable, address, 0),
  i4: (readable, address) => decimals(readable, address, 3),
  I6: (readable, address) => groups(readable, address, ":"),
  i6: (readable, address) => groups(readable, address, ""),
};

/** Bits that a length modifier leaves of an argument. */
const LENGTHS: Readonly<Record<string, 8 | 16 | 32 | 64>> = { hh: 8, h: 16, "": 32, l: 64, ll: 64, z: 64 };

type Format = (value: bigint, conversion: Conversion, readable: Readable, lost: string) => string;

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
  X: (value, ...rest) =>
    unsigned(16, "0x")(value, ...rest)
      .toUpperCase()
      .replace("0X", "0x"),
  o: unsigned(8, "0"),
  c: (value) => String.fromCharCode(Number(value & 0xffn)),
  s: (value, _, readable, lost) => textAt(readable, value, lost),
  p: (value, { kind }, readable, lost) =>
    ADDRESSES[kind]?.(readable, value) ?? (kind in ADDRESSES ? lost : value.toString(16).padStart(16, "0")),
};

function pad(text: string, { flags, width, letter }: Conversion): string {
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0") || letter === "s" || letter === "c") return text.padStart(width);
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

/** `%pK`, `%px` and the like print as `%p`; an unknown conversion stays as written. */
const PATTERN = /%(?:%|([-+ #0]*)(\d{0,3})(hh|h|ll|l|z)?(p[a-zA-Z]*|[diuxXocs]))/g;

/** What Linux takes (`bpf_bprintf_prepare`): printable ASCII, no more conversions than values, and these conversions. */
const TAKEN = /%(?:%|[-+ 0]*[1-9]?\d*(?:p(?:[Ii][46]|[KxsSB])?(?![A-Za-z0-9])|[ku]?s|c|l{0,2}[iduxX]))/g;

/** Whether Linux takes a format with so many values. */
export function isFormat(format: string, values: number): boolean {
  if (!/^[\t-\r\x20-\x7e]*$/.test(format)) return false;
  const taken = format.match(TAKEN)?.filter((each) => each !== "%%") ?? [];
  return !format.replace(TAKEN, "").includes("%") && taken.length <= values;
}

/**
 * A line with its values in it. Values that are not given count as 0.
 * @param lost stands for what could not be read
 */
export function formatLine(format: string, values: readonly bigint[], readable: Readable, lost = "(fault)"): string {
  let next = 0;
  return format.replace(PATTERN, (whole, flags = "", width = "", length = "", letter = "") => {
    if (whole === "%%") return "%";
    const conversion: Conversion = {
      flags,
      width: Number(width),
      bits: LENGTHS[length] ?? 32,
      letter: letter.replace(/^[ku]s/, "s").slice(0, 1),
      kind: letter.slice(1),
    };
    const render = CONVERSIONS[conversion.letter];
    return render === undefined ? whole : pad(render(values[next++] ?? 0n, conversion, readable, lost), conversion);
  });
}
