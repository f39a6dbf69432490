/** Helpers on texts: printed, formatted, compared, read as numbers. */
import { ERRNO } from "../../error.ts";
import { decodeText } from "../object/bytes.ts";
import type { Helper } from "./helper.ts";
import {
  DESTINATION_OR_NULL,
  FORMAT,
  LONG_ROOM,
  POSITIVE_SIZE,
  SIZE,
  SOURCE,
  STRING,
  TEXT,
  TEXT_OR_NULL,
} from "./parameters/memory.ts";
import { SCALAR } from "./parameters/numbers.ts";
import { formatLine, latin, parseFormat } from "./print.ts";
import type { ServiceCall } from "./service.ts";

const NUMBER_BYTES = 8;
/** MAX_BPRINTF_VARARGS of Linux. */
const MOST_VALUES = 12;

/** The line that a format gives; -errno: it has no NUL within so many bytes, or Linux does not take it. */
function lineOf(call: ServiceCall, address: number, most: number, values: readonly bigint[]): string | number {
  const window = call.bytes.subarray(address, address + most);
  const end = window.indexOf(0);
  const format = end < 0 ? undefined : parseFormat(latin(window.subarray(0, end)), values.length);
  return format === undefined ? -ERRNO.EINVAL : formatLine(format, values, call.host);
}

const bytesOf = (line: string): Uint8Array => Uint8Array.from(line, (character) => character.charCodeAt(0));

/** `bpf_trace_printk` and `bpf_trace_vprintk`: the line goes to the host without a newline at its end. */
function print(call: ServiceCall, address: number, size: number, values: readonly bigint[]): number {
  const line = lineOf(call, address, size, values);
  if (typeof line === "number") return line;
  call.host.print(decodeText(bytesOf(line)).replace(/\n$/, ""));
  return line.length;
}

/** The values of a call that gives them as an array; undefined: it cannot be one. */
function valuesAt({ view }: ServiceCall, address: number, size: number): bigint[] | undefined {
  if (size % NUMBER_BYTES !== 0 || size > MOST_VALUES * NUMBER_BYTES || (address === 0 && size > 0)) return undefined;
  return Array.from({ length: size / NUMBER_BYTES }, (_, index) =>
    view.getBigUint64(address + index * NUMBER_BYTES, true),
  );
}

function printArray(call: ServiceCall, text: number, size: number, data: number, dataSize: number): number {
  const values = valuesAt(call, data, dataSize);
  return values === undefined ? -ERRNO.EINVAL : print(call, text, size, values);
}

/** `bpf_snprintf`: the length of the whole text with its NUL, however much of it there is room for. */
function format(call: ServiceCall, into: number, room: number, text: number, data: number, dataSize: number): number {
  const values = valuesAt(call, data, dataSize);
  const line = values === undefined ? -ERRNO.EINVAL : lineOf(call, text, call.bytes.length, values);
  if (typeof line === "number") return line;
  if (room > 0) {
    const kept = bytesOf(line.slice(0, room - 1));
    call.bytes.set(kept, into);
    call.bytes[into + kept.length] = 0;
  }
  return line.length + 1;
}

/** Seq files are read by user space, a line or a piece at a time: here the host gets each piece. */
function printToFile(call: ServiceCall, _: bigint, text: number, size: number, data: number, dataSize: number): number {
  const result = printArray(call, text, size, data, dataSize);
  return Math.min(0, result);
}

function writeToFile(call: ServiceCall, _: bigint, address: number, size: number): number {
  call.host.print(decodeText(call.bytes.slice(address, address + size)).replace(/\n$/, ""));
  return 0;
}

/** As `strncmp` of Linux: -1, 0 or 1. */
function compare({ bytes }: ServiceCall, first: number, size: number, second: number): number {
  for (let index = 0; index < size; index++) {
    const [one = 0, other = 0] = [bytes[first + index], bytes[second + index]];
    if (one !== other) return one < other ? -1 : 1;
    if (one === 0) return 0;
  }
  return 0;
}

const BASE_MASK = 0x1fn;
const BASES: readonly number[] = [0, 8, 10, 16];
/** Digits that are looked at. */
const MOST_DIGITS = 63;
const SPACE = /^[\t-\r \u00a0]*/;

/** A number at the beginning of a text, and how many characters it takes; -errno where there is none (`__bpf_strtoull`). */
function numberIn(text: string, flags: bigint): { value: bigint; isNegative: boolean; length: number } | number {
  const base = Number(flags & BASE_MASK);
  if (text.length === 0 || !BASES.includes(base) || (flags & ~BASE_MASK) !== 0n) return -ERRNO.EINVAL;
  const begin = SPACE.exec(text)?.[0].length ?? 0;
  const isNegative = text[begin] === "-";
  const rest = text.slice(begin + (isNegative ? 1 : 0)).slice(0, MOST_DIGITS);
  const before = begin + (isNegative ? 1 : 0);
  const isHex = /^0x[0-9a-f]/i.test(rest) || (base === 16 && /^0x/i.test(rest));
  const radix = base !== 0 ? base : isHex ? 16 : rest.startsWith("0") ? 8 : 10;
  const skipped = radix === 16 && isHex ? 2 : 0;
  const digits = { 8: /^[0-7]*/, 10: /^[0-9]*/, 16: /^[0-9a-f]*/i }[radix]?.exec(rest.slice(skipped))?.[0] ?? "";
  if (digits === "") return -ERRNO.EINVAL;
  const value = BigInt({ 8: "0o", 10: "", 16: "0x" }[radix] + digits);
  return value >= 2n ** 64n ? -ERRNO.ERANGE : { value, isNegative, length: before + skipped + digits.length };
}

/** `bpf_strtol`: how many characters were taken. */
function toSigned(call: ServiceCall, address: number, size: number, flags: bigint, into: number): number {
  call.view.setBigUint64(into, 0n, true);
  const found = numberIn(latin(call.bytes.slice(address, address + size)), flags);
  if (typeof found === "number") return found;
  const value = found.isNegative ? -found.value : found.value;
  if (value !== BigInt.asIntN(64, value)) return -ERRNO.ERANGE;
  call.view.setBigInt64(into, value, true);
  return found.length;
}

function toUnsigned(call: ServiceCall, address: number, size: number, flags: bigint, into: number): number {
  call.view.setBigUint64(into, 0n, true);
  const found = numberIn(latin(call.bytes.slice(address, address + size)), flags);
  if (typeof found === "number") return found;
  if (found.isNegative) return -ERRNO.EINVAL;
  call.view.setBigUint64(into, found.value, true);
  return found.length;
}

export const TEXT_HELPERS: readonly Helper[] = [
  {
    id: 6,
    name: "trace_printk",
    parameters: [TEXT, POSITIVE_SIZE, SCALAR, SCALAR, SCALAR],
    required: 2,
    action: {
      type: "service",
      run: (call, text: number, size: number, ...values: bigint[]) => print(call, text, size, values),
    },
    result: "i32",
    doc: "Prints a line with up to three numbers; its length, or -EINVAL for a format that Linux does not know.",
  },
  {
    id: 105,
    name: "strtol",
    parameters: [TEXT, POSITIVE_SIZE, SCALAR, LONG_ROOM],
    action: { type: "service", run: toSigned },
    result: "i32",
    doc: "Reads a signed number of a text in base 8, 10 or 16; how many characters it has, -EINVAL or -ERANGE.",
  },
  {
    id: 106,
    name: "strtoul",
    parameters: [TEXT, POSITIVE_SIZE, SCALAR, LONG_ROOM],
    action: { type: "service", run: toUnsigned },
    result: "i32",
    doc: "Reads an unsigned number of a text in base 8, 10 or 16; how many characters it has, -EINVAL or -ERANGE.",
  },
  {
    id: 126,
    name: "seq_printf",
    callers: ["iter"],
    parameters: [SOURCE, TEXT, POSITIVE_SIZE, TEXT_OR_NULL, SIZE],
    action: { type: "service", run: printToFile },
    result: "i32",
    doc: "Prints into the file that user space reads: a piece goes where printed lines go; 0 or -EINVAL.",
  },
  {
    id: 127,
    name: "seq_write",
    callers: ["iter"],
    parameters: [SOURCE, TEXT, SIZE],
    action: { type: "service", run: writeToFile },
    result: "i32",
    doc: "Puts bytes into the file that user space reads: they go where printed lines go, as text; 0.",
  },
  {
    id: 165,
    name: "snprintf",
    parameters: [DESTINATION_OR_NULL, SIZE, FORMAT, TEXT_OR_NULL, SIZE],
    action: { type: "service", run: format },
    result: "i32",
    doc: "Formats a text with numbers from an array; its length with the NUL, also where there was less room, or -EINVAL.",
  },
  {
    id: 177,
    name: "trace_vprintk",
    parameters: [TEXT, POSITIVE_SIZE, TEXT_OR_NULL, SIZE],
    action: { type: "service", run: printArray },
    result: "i32",
    doc: "Prints a line with numbers from an array, up to twelve; its length, or -EINVAL.",
  },
  {
    id: 182,
    name: "strncmp",
    parameters: [TEXT, POSITIVE_SIZE, STRING],
    action: { type: "service", run: compare },
    result: "i32",
    doc: "Compares a text of at most so many bytes with another: -1, 0 or 1.",
  },
];
