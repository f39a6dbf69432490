/**
 * What a byte string was found to mean, by its bytes: a 64-bit number each, as two halves. A trace prints the same few
 * hundred symbols and flag words over and over; each is decoded and looked up as a string only once.
 *
 * Open addressing with linear probing at most half full. Forgets everything when it holds MAX_ENTRIES, so that a trace
 * of ever new words costs time but no memory.
 */
import { matches } from "./bytes.ts";

const MAX_ENTRIES = 16384;
const FIRST_ENTRIES = 32;

export class ByteCache {
  /** Index of the entry plus one; 0: free. Twice as many as there may be entries. */
  #slots = new Uint16Array(FIRST_ENTRIES * 2);
  #keys: Uint8Array[] = [];
  #low: Int32Array = new Int32Array(FIRST_ENTRIES);
  #high: Int32Array = new Int32Array(FIRST_ENTRIES);

  /** The entry for `bytes[from..to)`, or -1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash(bytes, from, to) & mask; ; slot = (slot + 1) & mask) {
      const entry = (slots[slot] as number) - 1;
      if (entry < 0) return -1;
      const key = this.#keys[entry] as Uint8Array;
      if (key.length === to - from && matches(bytes, from, key)) return entry;
    }
  }

  /** Remembers `value` for bytes that are not there yet; gives the entry. */
  add(bytes: Uint8Array, from: number, to: number, value: bigint): number {
    if (this.#keys.length === MAX_ENTRIES) {
      this.#slots.fill(0);
      this.#keys = [];
    } else if (this.#keys.length === this.#low.length) this.#grow();
    const entry = this.#keys.push(bytes.slice(from, to)) - 1;
    this.#low[entry] = Number(BigInt.asIntN(32, value));
    this.#high[entry] = Number(BigInt.asIntN(32, value >> 32n));
    this.#place(entry);
    return entry;
  }

  #place(entry: number): void {
    const key = this.#keys[entry] as Uint8Array;
    const mask = this.#slots.length - 1;
    let slot = hash(key, 0, key.length) & mask;
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

/** FNV-1a over the bytes, with its upper half folded in. */
function hash(bytes: Uint8Array, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let position = from; position < to; position++)
    value = Math.imul(value ^ (bytes[position] as number), 0x01000193);
  return value ^ (value >>> 15);
}
