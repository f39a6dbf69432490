/** Bytes that a line prints in another form: addresses (`%pI4`, `%pM`), bytes in hex, arrays, sets of CPUs. */
import type { EventField } from "../../event.ts";
import { storeBigInt } from "../../integer.ts";
import { bytesOfType } from "../../tracepoints/format.ts";
import { errorNumber } from "./errno-names.ts";

type TextReader = (text: string) => Uint8Array | undefined;

/** A form and the bytes that a field of it has: of another size it is something else. */
interface PointerForm {
  readonly extension: RegExp;
  readonly bytes: number;
  readonly read: TextReader;
}

function hexPairs(text: string, separator: string): Uint8Array | undefined {
  const pairs = separator === "" ? (text.match(/../g) ?? []) : text.split(separator);
  if (!pairs.every((pair) => /^[0-9a-f]{2}$/i.test(pair)) || (separator === "" && text.length % 2 !== 0))
    return undefined;
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

function ip4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return Uint8Array.from(parts, Number);
}

/** `fe80::1`, `::ffff:127.0.0.1`, or all eight groups, with colons or without. */
function ip6(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{32}$/.test(text)) return hexPairs(text, "");
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const last = tail === null ? undefined : ip4(tail[2] as string);
  if (tail !== null && last === undefined) return undefined;
  const groupsOf = (part: string): number[] | undefined => {
    const groups = part === "" ? [] : part.split(":");
    return groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))
      ? groups.map((group) => Number.parseInt(group, 16))
      : undefined;
  };
  const pairs = [...(last ?? [])].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const whole = last === undefined ? text : `${tail?.[1]}${pairs.slice(0, 4)}:${pairs.slice(4)}`;
  const sides = whole.split("::");
  if (sides.length > 2) return undefined;
  const [front, back] = [groupsOf(sides[0] ?? ""), groupsOf(sides[1] ?? "")];
  if (front === undefined || back === undefined) return undefined;
  const gap = 8 - front.length - back.length;
  if (sides.length === 1 ? gap !== 0 : gap < 0) return undefined;
  const groups = [...front, ...new Array<number>(sides.length === 1 ? 0 : gap).fill(0), ...back];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

const [AF_INET, AF_INET6] = [2, 10];

/** `127.0.0.1:80` or `[::1]:80` as `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress(text: string): Uint8Array | undefined {
  const [, host = "", port = ""] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(text) ?? [];
  const four = ip4(host);
  const address = four ?? ip6(host);
  if (address === undefined || Number(port) > 65535) return undefined;
  const bytes = new Uint8Array(28);
  bytes[0] = four === undefined ? AF_INET6 : AF_INET;
  bytes[2] = Number(port) >> 8;
  bytes[3] = Number(port) & 0xff;
  bytes.set(address, four === undefined ? 8 : 4);
  return bytes;
}

const uuid: TextReader = (text) => hexPairs(text.replaceAll("-", ""), "");

/** The first three groups have their lowest byte first. */
function guid(text: string): Uint8Array | undefined {
  const bytes = uuid(text);
  for (const [from, to] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ])
    bytes?.subarray(from, to).reverse();
  return bytes;
}

/** The bytes of `struct sockaddr_in`, where an address lies behind the event's struct. */
const FOUR_BYTES = 16;

const reversed =
  (read: TextReader): TextReader =>
  (text) =>
    read(text)?.reverse();

/** `-ENOMEM`, or where names were left out of the kernel the number. */
function errorPointer(text: string): Uint8Array | undefined {
  const value = errorNumber(text) ?? (/^-\d{1,4}$/.test(text) ? Number(text) : undefined);
  const hex = /^(?:0x)?[0-9a-f]{16}$/.test(text)
    ? BigInt.asIntN(64, BigInt(`0x${text.replace(/^0x/, "")}`))
    : undefined;
  const number = text === "(null)" ? 0n : value === undefined ? hex : BigInt(value);
  return number === undefined ? undefined : new Uint8Array(new BigInt64Array([number]).buffer);
}

/** `0x0000000000004000` of what lies at the pointer. */
function number64(text: string): Uint8Array | undefined {
  return /^0x[0-9a-f]{16}$/.test(text) ? hexPairs(text.slice(2), "")?.reverse() : undefined;
}

/** `NV12 little-endian (0x3231564e)`. */
function fourCharacters(text: string): Uint8Array | undefined {
  const hex = /\(0x([0-9a-f]{8})\)$/.exec(text)?.[1];
  return hex === undefined ? undefined : hexPairs(hex, "")?.reverse();
}

const FORMS: readonly PointerForm[] = [
  { extension: /^[Ii]4[bn]?$/, bytes: 4, read: ip4 },
  { extension: /^[Ii]4[hl]$/, bytes: 4, read: reversed(ip4) },
  { extension: /^e$/, bytes: 8, read: errorPointer },
  { extension: /^NF$/, bytes: 8, read: number64 },
  { extension: /^4cc$/, bytes: 4, read: fourCharacters },
  { extension: /^[Ii]6c?$/, bytes: 16, read: ip6 },
  { extension: /^[Ii]S(?:pc?|cp)$/, bytes: 28, read: socketAddress },
  { extension: /^M$/, bytes: 6, read: (text) => hexPairs(text, ":") },
  { extension: /^MF$/, bytes: 6, read: (text) => hexPairs(text, "-") },
  { extension: /^MR$/, bytes: 6, read: reversed((text) => hexPairs(text, ":")) },
  { extension: /^m$/, bytes: 6, read: (text) => hexPairs(text, "") },
  { extension: /^mR$/, bytes: 6, read: reversed((text) => hexPairs(text, "")) },
  { extension: /^U[bB]?$/, bytes: 16, read: uuid },
  { extension: /^U[lL]$/, bytes: 16, read: guid },
];

/** How the text of a `%p` conversion is read into a field; undefined for those that print a pointer. */
export function textReaders(extension: string, field: EventField): TextReader | undefined {
  const form = FORMS.find((each) => each.extension.test(extension));
  const isLocated = field.kind === "dataLoc" || field.kind === "relLoc";
  if (form === undefined || (!isLocated && field.size !== form.bytes)) return undefined;
  return (text) => {
    const bytes = form.read(text);
    if (isLocated && bytes?.[0] === AF_INET && form.read === socketAddress) return bytes.subarray(0, FOUR_BYTES);
    return bytes?.length === form.bytes ? bytes : undefined;
  };
}

/** What stands between the bytes of `%ph` and its like. */
const DUMPS: Readonly<Record<string, string>> = { h: " ", hC: ":", hD: "-", hN: "" };

/** How `%*ph` is read; undefined for other pointers. */
export function dumpReader(extension: string): TextReader | undefined {
  const separator = DUMPS[extension];
  return separator === undefined ? undefined : (text) => hexPairs(text, separator);
}

/** `{0x1,0x2}` as numbers of so many bytes as they are printed with, or of the field's declared type. */
function array(text: string, field: EventField, printed: number | undefined): Uint8Array | undefined {
  const { type, size, count, kind } = field;
  const values = /^\{(.*)\}$/s.exec(text)?.[1];
  if (values === undefined) return undefined;
  const bytes = printed ?? (kind === "number" ? size / count : bytesOfType(type));
  const numbers = values === "" ? [] : values.split(",");
  if (bytes === undefined || !numbers.every((number) => /^(0x[0-9a-f]{1,16}|-?\d{1,20})$/.test(number)))
    return undefined;
  const view = new DataView(new ArrayBuffer(numbers.length * bytes));
  const fits = numbers.every((number, index) => storeBigInt(view, index * bytes, bytes, BigInt(number)));
  return fits ? new Uint8Array(view.buffer) : undefined;
}

/** `00000000,00000003`: words of 32 bits, the highest first, as the kernel keeps such sets: in words of 64. */
function bitmask(text: string): Uint8Array | undefined {
  const words = text.split(",");
  if (!words.every((word) => /^[0-9a-f]{1,8}$/.test(word))) return undefined;
  const view = new DataView(new ArrayBuffer(Math.ceil(words.length / 2) * 8));
  for (const [index, word] of words.reverse().entries()) view.setUint32(index * 4, Number.parseInt(word, 16), true);
  return new Uint8Array(view.buffer);
}

/** `0-3,7`: `%*pbl` of so many bits. */
function bitList(text: string, bytes: number): Uint8Array | undefined {
  const bits = new Uint8Array(bytes);
  for (const run of text === "" ? [] : text.split(",")) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(run) ?? [];
    if (from === undefined || Number(to) >= bytes * 8) return undefined;
    for (let at = Number(from); at <= Number(to); at++) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7));
  }
  return bits;
}

/** How `%*pb` and `%*pbl` are read; undefined for other pointers. */
export function bitmapReader(extension: string, { size }: EventField): TextReader | undefined {
  if (extension === "bl") return (text) => bitList(text, size);
  return extension === "b" ? (text) => bitmask(text)?.subarray(0, size) : undefined;
}

/** Bytes in hex with a blank between them; of none nothing. */
export const spacedBytes = (text: string): Uint8Array | undefined =>
  text === "" ? new Uint8Array(0) : hexPairs(text, " ");

/** @param bytes of an array's element, where the macro is told */
type MacroReader = (text: string, field: EventField, bytes?: number) => Uint8Array | undefined;

const TEXTS: Readonly<Record<string, MacroReader>> = {
  __print_hex: spacedBytes,
  __print_hex_str: (text) => hexPairs(text, ""),
  __print_array: array,
  __print_dynamic_array: array,
  __get_bitmask: bitmask,
  __get_rel_bitmask: bitmask,
  __get_cpumask: bitmask,
  __get_rel_cpumask: bitmask,
};

/** How the text that a macro prints is read back; undefined for other macros. */
export function textBytes(macro: string): MacroReader | undefined {
  return TEXTS[macro];
}
