/** Numbers and byte strings read where they stand in a buffer of text. No string, BigInt or object on the way. */
import { storeBigInt, storeNumber } from "../integer.ts";

/** Value of a hexadecimal digit by its character code, -1 for all others. */
export const HEX_VALUE: Int8Array = new Int8Array(256).fill(-1);
for (const [index, digit] of [..."0123456789abcdef"].entries()) {
  HEX_VALUE[digit.charCodeAt(0)] = index;
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = index;
}

/** The same of two digits that stand side by side, by the u16 that they are. */
export const HEX_PAIR: Int16Array = Int16Array.from({ length: 65536 }, (_, pair) => {
  const [high, low] = [HEX_VALUE[pair & 0xff] as number, HEX_VALUE[pair >> 8] as number];
  return high < 0 || low < 0 ? -1 : high * 16 + low;
});

export const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const MINUS = 45;
const PLUS = 43;
/** So many decimal digits are exact in a double. */
const EXACT_DIGITS = 15;

/**
 * Reads a decimal number and stores it.
 * @returns the position behind it, or -1: no digit there, or it does not fit
 */
export function scanDecimal(bytes: Uint8Array, from: number, view: DataView, at: number, size: number): number {
  let position = from;
  const sign = bytes[position];
  if (sign === MINUS || sign === PLUS) position++;
  const first = position;
  let value = 0;
  for (;;) {
    const digit = (bytes[position] as number) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
    position++;
  }
  if (position === first) return -1;
  if (position - first > EXACT_DIGITS) {
    const exact = BigInt(textOf(bytes, first, position));
    return storeBigInt(view, at, size, sign === MINUS ? -exact : exact) ? position : -1;
  }
  return storeNumber(view, at, size, sign === MINUS ? -value : value) ? position : -1;
}

/**
 * Reads a hexadecimal number (no 0x) and stores it.
 * @returns the position behind it, or -1: no digit there, or it does not fit
 */
export function scanHex(bytes: Uint8Array, from: number, view: DataView, at: number, size: number): number {
  let position = from;
  let low = 0;
  let high = 0;
  for (;;) {
    const digit = HEX_VALUE[bytes[position] as number] as number;
    if (!(digit >= 0)) break;
    if (high >>> 28 !== 0) return -1;
    high = (high << 4) | (low >>> 28);
    low = (low << 4) | digit;
    position++;
  }
  if (position === from) return -1;
  if (size === 8) {
    view.setInt32(at, low, true);
    view.setInt32(at + 4, high, true);
    return position;
  }
  return high === 0 && storeNumber(view, at, size, low >>> 0) ? position : -1;
}

/** As `scanHex`, of an octal number. */
export function scanOctal(bytes: Uint8Array, from: number, view: DataView, at: number, size: number): number {
  let position = from;
  let value = 0n;
  for (
    let digit = (bytes[position] as number) - 48;
    digit >= 0 && digit <= 7;
    digit = (bytes[position] as number) - 48
  ) {
    value = (value << 3n) | BigInt(digit);
    position++;
  }
  return position > from && storeBigInt(view, at, size, value) ? position : -1;
}

let viewed = new Uint8Array(0);
let view = new DataView(viewed.buffer);

/** The bytes to be read as words. Whoever reads a text reads the same bytes again and again: the last view is kept. */
export function wordsOf(bytes: Uint8Array): DataView {
  if (bytes !== viewed) {
    viewed = bytes as Uint8Array<ArrayBuffer>;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length) as DataView<ArrayBuffer>;
  }
  return view;
}

/** Whether `expected` stands at `position`. */
export function matches(bytes: Uint8Array, position: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index++) if (bytes[position + index] !== expected[index]) return false;
  return true;
}

/** The first position at or after `from` where `expected` stands on this line, or -1. */
export function findOnLine(bytes: Uint8Array, from: number, expected: Uint8Array): number {
  const first = expected[0];
  for (let position = from; ; position++) {
    const byte = bytes[position];
    if (byte === first && matches(bytes, position, expected)) return position;
    if (byte === NEWLINE || byte === undefined) return -1;
  }
}

/** Where the line's text ends: its newline, or the carriage return before it. */
export function endOfLine(bytes: Uint8Array, from: number): number {
  let position = from;
  while (bytes[position] !== NEWLINE && position < bytes.length) position++;
  return position > from && bytes[position - 1] === CARRIAGE_RETURN ? position - 1 : position;
}

/** Whether nothing of the line is left at `position`. */
export function isEndOfLine(bytes: Uint8Array, position: number): boolean {
  const byte = bytes[position];
  return byte === NEWLINE || (byte === CARRIAGE_RETURN && bytes[position + 1] === NEWLINE);
}

/** Made when it is needed: not every thread that loads this has decoders. */
let latin1: TextDecoder | undefined;

/** The bytes as text, one character a byte. */
export function textOf(bytes: Uint8Array, from: number, to: number): string {
  latin1 ??= new TextDecoder("latin1");
  return latin1.decode(bytes.subarray(from, to));
}

/** The bytes of a text of one-byte characters: the inverse of `textOf` for ASCII. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const BLANK = 32;

/** Where the blanks that stand at `from` end. */
export function skipBlanks(line: Uint8Array, from: number): number {
  let position = from;
  while (line[position] === BLANK) position++;
  return position;
}

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;
