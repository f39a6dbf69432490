/**
 * A frame's stack as the verifier knows it: words of 8 bytes, each with what was spilled to it whole, which of its bytes were written and
 * which of those are zero. Words are immutable, a frame's list of them is not where one state alone has it.
 */
import { FRAME_BYTES } from "../host.ts";
import { Basis } from "./basis.ts";
import { ANY_NUMBER, number, type Register, rely, zero } from "./registers.ts";
import { bytesLoaded, constantOf, truncated } from "./values/scalar.ts";

const WORD_BYTES = 8;
export const WORDS: number = FRAME_BYTES / WORD_BYTES;
const ALL_BYTES = 0xff;

interface Spill {
  /** Within the word. */
  readonly offset: number;
  readonly bytes: number;
  readonly register: Register;
}

/** What lies on the stack and is known by its functions alone: a dynptr, an iterator, the state of interrupts. */
export interface StackObject {
  readonly kind: "dynptr" | "iterator" | "interrupts";
  readonly id: number;
  /** What has to be given back with it; 0: nothing. */
  readonly reference: number;
  /** Which of its words this is, the lowest being 0. */
  readonly part: number;
  /** Of a dynptr: what it leads to. */
  readonly leads: "memory" | "record" | "packet";
}

export interface StackWord {
  /** A bit a byte. */
  readonly written: number;
  readonly zero: number;
  readonly spills: readonly Spill[];
  readonly object?: StackObject;
}

/** By word, the first being the one just below the frame's top. */
export type Stack = (StackWord | undefined)[];
export type ReadonlyStack = readonly (StackWord | undefined)[];

const EMPTY: StackWord = { written: 0, zero: 0, spills: [] };

/** The word of a byte, given as its offset from the frame's top. */
export function wordAt(offset: number): number {
  return (-offset - 1) >> 3;
}

function bitsOf(offset: number, bytes: number): number {
  return ((1 << bytes) - 1) << offset;
}

/** Where in its word an offset from the top is. */
function within(offset: number): number {
  return offset & (WORD_BYTES - 1);
}

/** Stores a register's lowest bytes at a place that lies in one word. */
export function storeAt(stack: Stack, offset: number, bytes: number, register: Register): void {
  const index = wordAt(offset);
  const from = within(offset);
  const bits = bitsOf(from, bytes);
  const { written, zero: zeroes, spills } = stack[index] ?? EMPTY;
  const isZero = register.type === "number" && constantOf(truncated(register.scalar, bytes)) === 0n;
  // That it is zero is known of the bytes from now on, wherever that came from.
  if (isZero) rely(register);
  const others = spills.filter((spill) => spill.offset >= from + bytes || spill.offset + spill.bytes <= from);
  const kept = bytes === WORD_BYTES ? register : narrowed(register, bytes);
  stack[index] = {
    written: written | bits,
    zero: isZero ? zeroes | bits : zeroes & ~bits,
    spills:
      kept === undefined || (isZero && from !== 0) ? others : [...others, { offset: from, bytes, register: kept }],
  };
}

/** The lowest bytes of a number; of a pointer they are of no use. */
function narrowed(register: Register, bytes: number): Register | undefined {
  if (register.type !== "number") return undefined;
  const fits = register.scalar.wide.umax <= (1n << BigInt(bytes * 8)) - 1n;
  return fits ? register : number(truncated(register.scalar, bytes), false, new Basis(register.basis));
}

/** What a load of bytes that lie in one word finds; undefined where some of them were never written. */
export function loadAt(stack: ReadonlyStack, offset: number, bytes: number): Register | undefined {
  const word = stack[wordAt(offset)] ?? EMPTY;
  const from = within(offset);
  const bits = bitsOf(from, bytes);
  if ((word.written & bits) !== bits) return undefined;
  if ((word.zero & bits) === bits) return zero();
  const spill = word.spills.find((each) => each.offset === from && each.bytes >= bytes);
  if (spill === undefined) return bytes === WORD_BYTES ? ANY_NUMBER : number(bytesLoaded(bytes));
  if (spill.bytes === bytes) return spill.register;
  const { register } = spill;
  if (register.type !== "number") return number(bytesLoaded(bytes));
  return number(truncated(register.scalar, bytes), false, new Basis(register.basis));
}

/**
 * The constant that was stored at a place as a number of so many bytes, as Linux knows it; undefined: it is none. What is stored at a
 * word's beginning is one number there, and elsewhere bytes, of which only zeroes are known.
 */
export function constantAt(stack: ReadonlyStack, offset: number, bytes: number): bigint | undefined {
  const word = stack[wordAt(offset)] ?? EMPTY;
  const from = within(offset);
  const bits = bitsOf(from, bytes);
  const spill = word.spills.find((each) => each.offset === 0);
  if (spill === undefined || spill.bytes <= from) return (word.zero & bits) === bits ? 0n : undefined;
  if (from !== 0 || spill.bytes !== bytes || spill.register.type !== "number") return undefined;
  const found = constantOf(spill.register.scalar);
  if (found !== undefined) rely(spill.register);
  return found;
}

/** Whether a byte is known to be 0: by itself, or as one of a number's. */
export function isZeroByte(stack: ReadonlyStack, offset: number): boolean {
  const word = stack[wordAt(offset)] ?? EMPTY;
  const at = within(offset);
  if ((word.zero & (1 << at)) !== 0) return true;
  const spill = word.spills.find((each) => each.offset <= at && at < each.offset + each.bytes);
  if (spill?.register.type !== "number") return false;
  const { value, mask } = spill.register.scalar.wide;
  if ((((value | mask) >> BigInt(8 * (at - spill.offset))) & 0xffn) !== 0n) return false;
  rely(spill.register);
  return true;
}

/** Whether all bytes of a range were written. */
export function isWritten(stack: ReadonlyStack, offset: number, bytes: number): boolean {
  for (let at = offset; at < offset + bytes; at++)
    if (((stack[wordAt(at)]?.written ?? 0) & (1 << within(at))) === 0) return false;
  return true;
}

/**
 * Forgets what lies in a range that something unknown may have been stored to.
 * @param surely all of it was written; otherwise it is as written as it was
 */
export function smear(stack: Stack, offset: number, bytes: number, surely: boolean): void {
  for (let at = offset; at < offset + bytes; ) {
    const index = wordAt(at);
    const from = within(at);
    const count = Math.min(WORD_BYTES - from, offset + bytes - at);
    const bits = bitsOf(from, count);
    const { written, zero: zeroes, spills } = stack[index] ?? EMPTY;
    stack[index] = {
      written: surely ? written | bits : written,
      zero: zeroes & ~bits,
      spills: spills.filter((spill) => spill.offset >= from + count || spill.offset + spill.bytes <= from),
    };
    at += count;
  }
}

/** Changes what was spilled to a word; without a change it is the same object. */
export function mapSpills(word: StackWord, change: (register: Register) => Register): StackWord {
  let spills: Spill[] | undefined;
  for (let index = 0; index < word.spills.length; index++) {
    const spill = word.spills[index] as Spill;
    const register = change(spill.register);
    if (register === spill.register) continue;
    spills ??= word.spills.slice();
    spills[index] = { offset: spill.offset, bytes: spill.bytes, register };
  }
  if (spills === undefined) return word;
  const { written, zero, object } = word;
  return object === undefined ? { written, zero, spills } : { written, zero, spills, object };
}

/** Whether a word was written as a whole: nothing of what was there before is left. */
export function coversWord(offset: number, bytes: number): boolean {
  return bytes === WORD_BYTES && within(offset) === 0;
}

export const WHOLE_WORD: number = ALL_BYTES;
