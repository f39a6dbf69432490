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

/** What all empty caches have: there are many in which nothing is ever put. */
const NONE = new Int32Array(0);
const NO_SLOTS = new Uint16Array(1);

export class ByteCache {
  /** Index of the entry plus one; 0: free. Twice as many as there may be entries. */
  #slots = NO_SLOTS;
  #count = 0;
  #hashes = NONE;
  #lengths = NONE;
  /** Where the words of an entry's bytes begin in `#words`. */
  #starts = NONE;
  #words = NONE;
  /** Words in use. */
  #end = 0;
  #low = NONE;
  #high = NONE;

  /** The entry for `bytes[from..to)`, or -1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const view = wordsOf(bytes);
    const slots = this.#slots;
    const mask = slots.length - 1;
    const hash = hashOf(view, from, to);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = (slots[slot] as number) - 1;
      if (entry < 0) return -1;
      if (this.#hashes[entry] === hash && this.#lengths[entry] === to - from && this.#isAt(view, from, to, entry))
        return entry;
    }
  }

  /** Remembers `value` for bytes that are not there yet; gives the entry. */
  add(bytes: Uint8Array, from: number, to: number, value: bigint): number {
    const words = wordsIn(wordsOf(bytes), from, to);
    if (this.#count === MAX_ENTRIES) this.#forget();
    if (this.#count === this.#low.length) this.#grow();
    if (this.#end + words.length > this.#words.length)
      this.#words = grown(this.#words, (this.#end + words.length) * WORD);
    const entry = this.#count++;
    this.#hashes[entry] = hashOf(wordsOf(bytes), from, to);
    this.#lengths[entry] = to - from;
    this.#starts[entry] = this.#end;
    this.#words.set(words, this.#end);
    this.#end += words.length;
    this.#low[entry] = Number(BigInt.asIntN(32, value));
    this.#high[entry] = Number(BigInt.asIntN(32, value >> 32n));
    this.#place(entry);
    return entry;
  }

  #isAt(view: DataView, from: number, to: number, entry: number): boolean {
    const words = this.#words;
    let index = this.#starts[entry] as number;
    let at = from;
    for (; at + WORD <= to; at += WORD) if (view.getInt32(at, true) !== words[index++]) return false;
    return at === to || tailOf(view, at, to) === words[index];
  }

  #forget(): void {
    this.#slots.fill(0);
    this.#count = 0;
    this.#end = 0;
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1;
    let slot = (this.#hashes[entry] as number) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    const entries = Math.max(FIRST_ENTRIES, this.#low.length * 4);
    this.#slots = new Uint16Array(entries * 2);
    this.#hashes = grown(this.#hashes, entries);
    this.#lengths = grown(this.#lengths, entries);
    this.#starts = grown(this.#starts, entries);
    this.#low = grown(this.#low, entries);
    this.#high = grown(this.#high, entries);
    for (let entry = 0; entry < this.#count; entry++) this.#place(entry);
  }

  low(entry: number): number {
    return this.#low[entry] as number;
  }

  high(entry: number): number {
    return this.#high[entry] as number;
  }
}

function grown(before: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const after = new Int32Array(length);
  after.set(before);
  return after;
}

/** The last bytes, fewer than a word has. */
function tailOf(view: DataView, from: number, to: number): number {
  let tail = 0;
  for (let at = from; at < to; at++) tail = (tail << 8) | view.getUint8(at);
  return tail;
}

function wordsIn(view: DataView, from: number, to: number): Int32Array {
  const words = new Int32Array((to - from + WORD - 1) >> 2);
  let at = from;
  for (let index = 0; at + WORD <= to; at += WORD) words[index++] = view.getInt32(at, true);
  if (at < to) words[words.length - 1] = tailOf(view, at, to);
  return words;
}

/** FNV-1a over the words, with its upper half folded in. */
function hashOf(view: DataView, from: number, to: number): number {
  let value = 0x811c9dc5;
  let at = from;
  for (; at + WORD <= to; at += WORD) value = Math.imul(value ^ view.getInt32(at, true), 0x01000193);
  if (at < to) value = Math.imul(value ^ tailOf(view, at, to), 0x01000193);
  return value ^ (value >>> 15);
}
