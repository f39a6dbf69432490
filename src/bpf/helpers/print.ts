/**
 * The formats of `bpf_trace_printk` and its relatives: the conversions Linux knows, on 64-bit arguments. A text here has a character a
 * byte, whatever the bytes mean: their number is what programs are told.
 */
import { ERRNO } from "../../error.ts";
import type { KernelMemory } from "../host.ts";

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

/** A character a byte. */
export function latin(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The text at an address up to its NUL, or as much of it as may be copied; what is not readable is empty. */
function textAt(readable: Readable, address: bigint, most: number): string {
  const window = bytesAt(readable, address, most) ?? new Uint8Array(0);
  const end = window.indexOf(0);
  return latin(end < 0 ? window : window.subarray(0, end));
}

interface Conversion {
  readonly flags: string;
  readonly width: number;
  /** Bits of an integer. */
  readonly bits: 32 | 64;
  /** `d`, `c`, `s`, or `p` with what is said of a pointer besides. */
  readonly letter: string;
}

/** A format, taken apart: texts, and conversions of one value each. */
export type Format = readonly (string | Conversion)[];

const [V4_BYTES, V6_BYTES] = [4, 16];

/** What cannot be read counts as zeroes. */
function addressAt(readable: Readable, address: bigint, size: number): number[] {
  const bytes = bytesAt(readable, address, size);
  return Array.from({ length: size }, (_, index) => (bytes?.length === size ? (bytes[index] ?? 0) : 0));
}

const decimals = (readable: Readable, address: bigint, digits: number): string =>
  addressAt(readable, address, V4_BYTES)
    .map((byte) => String(byte).padStart(digits, "0"))
    .join(".");

function groups(readable: Readable, address: bigint, separator: string): string {
  const hex = addressAt(readable, address, V6_BYTES).map((byte) => byte.toString(16).padStart(2, "0"));
  return (hex.join("").match(/.{4}/g) ?? []).join(separator);
}

type Render = (value: bigint, conversion: Conversion, readable: Readable, room: number) => string;

const unsigned =
  (radix: number): Render =>
  (value, { bits }) =>
    BigInt.asUintN(bits, value).toString(radix);

const signed: Render = (value, { bits, flags }) => {
  const number = BigInt.asIntN(bits, value);
  const sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  return (number >= 0n ? sign : "") + number.toString();
};

/** An address, in all its digits where no width is asked for. */
const pointer: Render = (value, { width }) => value.toString(16).padStart(width === 0 ? 16 : 0, "0");

/** The name of what lies there: no name is known here, and of what has none Linux prints the address. */
const symbol: Render = (value) => `0x${value.toString(16)}`;

const text: Render = (value, _, readable, room) => textAt(readable, value, room - 1);

interface Row {
  readonly render: Render;
  /**
   * What Linux keeps of the value until the line is made: the number itself, a byte, or a text with its NUL. `made`: a text that is in
   * the line as it is, whatever width is asked for.
   */
  readonly kept: "number" | "byte" | "text" | "made";
}

const CONVERSIONS: Readonly<Record<string, Row>> = {
  d: { render: signed, kept: "number" },
  i: { render: signed, kept: "number" },
  u: { render: unsigned(10), kept: "number" },
  x: { render: unsigned(16), kept: "number" },
  X: { render: (...call) => unsigned(16)(...call).toUpperCase(), kept: "number" },
  c: { render: (value) => String.fromCharCode(Number(value & 0xffn)), kept: "byte" },
  s: { render: text, kept: "text" },
  pks: { render: text, kept: "made" },
  pus: { render: text, kept: "made" },
  p: { render: pointer, kept: "number" },
  pK: { render: pointer, kept: "number" },
  px: { render: pointer, kept: "number" },
  ps: { render: symbol, kept: "number" },
  pS: { render: symbol, kept: "number" },
  pB: { render: symbol, kept: "made" },
  pI4: { render: (value, _, readable) => decimals(readable, value, 0), kept: "made" },
  pi4: { render: (value, _, readable) => decimals(readable, value, 3), kept: "made" },
  pI6: { render: (value, _, readable) => groups(readable, value, ":"), kept: "made" },
  pi6: { render: (value, _, readable) => groups(readable, value, ""), kept: "made" },
};

const LETTERS = "A-Za-z0-9\xc0-\xd6\xd8-\xf6\xf8-\xff";
/** Behind a text there is an end, a blank or a mark; what follows an address is a part of it, and not printed. */
const POINTERS = `p(?:[ku]s(?![${LETTERS}\x80-\x9f])|([KxsSB]|[Ii][46])[${LETTERS}]*|(?![${LETTERS}\x80-\x9f]))`;
/** What Linux takes (`bpf_bprintf_prepare`), one after the other. */
const PARTS = new RegExp(
  `[\t-\r\x20-$&-~\x80-\xff]+|%%|%([-+ 0]*)([1-9][0-9]*)?(ll?(?=[iduxX]))?(${POINTERS}|s(?![${LETTERS}\x80-\x9f])|[ciduxX])`,
  "gy",
);

/** FIELD_WIDTH_MAX of Linux, which reads an int. */
const MOST_WIDTH = 2 ** 23 - 1;
const widthOf = (digits: string): number => Math.min(Number(BigInt.asIntN(32, BigInt(digits))), MOST_WIDTH);

/** Takes a format apart; undefined: Linux does not take it, with so many values. */
export function parseFormat(format: string, values: number): Format | undefined {
  const parts: (string | Conversion)[] = [];
  let [length, wanted] = [0, 0];
  for (const [whole, flags = "", width = "0", long, letter, kind] of format.matchAll(PARTS)) {
    length += whole.length;
    if (letter === undefined) parts.push(whole === "%%" ? "%" : whole);
    else {
      wanted++;
      const bits = long === undefined ? 32 : 64;
      parts.push({ flags, width: widthOf(width), bits, letter: kind === undefined ? letter : `p${kind}` });
    }
  }
  return length === format.length && wanted <= values ? parts : undefined;
}

function pad(rendered: string, { flags, width, letter }: Conversion): string {
  if (flags.includes("-")) return rendered.padEnd(width);
  if (!flags.includes("0") || /[sSc]$/.test(letter)) return rendered.padStart(width);
  const sign = /^[-+ ]/.exec(rendered)?.[0] ?? "";
  return sign + rendered.slice(sign.length).padStart(width - sign.length, "0");
}

/** MAX_BPRINTF_BIN_ARGS of Linux: room for what is kept of all values. */
const KEPT_BYTES = 512;
const NUMBER_ALIGN = 4;

/** @returns a line with its values in it, or -ENOSPC where they are too much for Linux */
export function formatLine(format: Format, values: readonly bigint[], readable: Readable): string | number {
  let [line, next, used] = ["", 0, 0];
  for (const part of format) {
    if (typeof part === "string") {
      line += part;
      continue;
    }
    const { render, kept } = CONVERSIONS[part.letter] as Row;
    if (kept === "number") used = Math.ceil(used / NUMBER_ALIGN) * NUMBER_ALIGN;
    const room = KEPT_BYTES - used;
    if (room < 1) return -ERRNO.ENOSPC;
    const rendered = render(values[next++] ?? 0n, part, readable, room);
    const isPointer = part.letter.startsWith("p");
    used += { number: isPointer ? 8 : part.bits / 8, byte: 1, text: rendered.length + 1, made: rendered.length + 1 }[
      kept
    ];
    if (kept === "number" && used > KEPT_BYTES) return -ERRNO.ENOSPC;
    line += kept === "made" ? rendered : pad(rendered, part);
  }
  return line;
}
