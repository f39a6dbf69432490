/**
 * What a byte string was found to mean, by its bytes: a 64-bit number each, as two halves. A trace prints the same few
 * hundred symbols and flag words over and over; each is decoded and looked up as a string only once.
 *
 * Open addressing with linear probing at most half full; strings are compared four bytes at once. Forgets everything when it holds
 * MAX_ENTRIES, so that a trace of ever new words costs time but no memory.
 */
import { wordsOf } from "./bytes.ts";

const MAX_ENTRIES = 16384;
const FIRST_ENTRIES = 32;
const WORD = 4;

interface Key {
  readonly length: number;
  readonly hash: number;
  readonly words: DataView;
}

export class ByteCache {
  /** Index of the entry plus one; 0: free. Twice as many as there may be entries. */
  #slots = new Uint16Array(FIRST_ENTRIES * 2);
  #keys: Key[] = [];
  #low: Int32Array = new Int32Array(FIRST_ENTRIES);
  #high: Int32Array = new Int32Array(FIRST_ENTRIES);

  /** The entry for `bytes[from..to)`, or -1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const words = wordsOf(bytes);
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = hashOf(words, from, to);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = (slots[slot] as number) - 1;
      if (entry < 0) return -1;
      const key = this.#keys[entry] as Key;
      if (key.hash === hash && key.length === to - from && isAt(words, from, key)) return entry;
    }
  }

  /** Remembers `value` for bytes that are not there yet; gives the entry. */
  add(bytes: Uint8Array, from: number, to: number, value: bigint): number {
    if (this.#keys.length === MAX_ENTRIES) {
      this.#slots.fill(0);
      this.#keys = [];
    } else if (this.#keys.length === this.#low.length) this.#grow();
    const words = new DataView(bytes.slice(from, to).buffer);
    const entry = this.#keys.push({ length: to - from, hash: hashOf(words, 0, to - from), words }) - 1;
    this.#low[entry] = Number(BigInt.asIntN(32, value));
    this.#high[entry] = Number(BigInt.asIntN(32, value >> 32n));
    this.#place(entry);
    return entry;
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#keys[entry] as Key).hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    const entries = this.#low.length * 4;
    this.#slots = new Uint16Array(entries * 2);
    this.#low = grown(this.#low, entries);
    this.#high = grown(this.#high, entries);
    for (const entry of this.#keys.keys()) this.#place(entry);
  }

  low(entry: number): number {
    return this.#low[entry] as number;
  }

  high(entry: number): number {
    return this.#high[entry] as number;
  }
}

function grown(before: Int32Array, entries: number): Int32Array {
  const after = new Int32Array(entries);
  after.set(before);
  return after;
}

/** Whole words, and the last four bytes, which may have been among them: a string that is shorter has its bytes alone. */
function isAt(words: DataView, from: number, key: Key): boolean {
  const last = key.length - WORD;
  if (last < 0) {
    for (let at = 0; at < key.length; at++) if (words.getUint8(from + at) !== key.words.getUint8(at)) return false;
    return true;
  }
  for (let at = 0; at < last; at += WORD)
    if (words.getInt32(from + at, true) !== key.words.getInt32(at, true)) return false;
  return words.getInt32(from + last, true) === key.words.getInt32(last, true);
}

/** FNV-1a over the same words, with its upper half folded in. */
function hashOf(words: DataView, from: number, to: number): number {
  let value = 0x811c9dc5;
  const last = to - WORD;
  if (last < from) for (let at = from; at < to; at++) value = Math.imul(value ^ words.getUint8(at), 0x01000193);
  else {
    for (let at = from; at < last; at += WORD) value = Math.imul(value ^ words.getInt32(at, true), 0x01000193);
    value = Math.imul(value ^ words.getInt32(last, true), 0x01000193);
  }
  return value ^ (value >>> 15);
}
