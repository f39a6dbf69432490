/**
 * What a byte string was found to mean, by its bytes: a 64-bit number each, as two halves. A trace prints the same few
 * hundred symbols and flag words over and over; each is decoded and looked up as a string only once.
 *
 * Open addressing with linear probing at most half full. Forgets everything when it holds MAX_ENTRIES, so that a trace
 * of ever new words costs time but no memory.
 */
import { matches } from "./bytes.ts";

const MAX_ENTRIES = 16384;
const SLOTS = MAX_ENTRIES * 2;

export class ByteCache {
  /** Index of the entry plus one; 0: free. */
  readonly #slots = new Uint16Array(SLOTS);
  #keys: Uint8Array[] = [];
  readonly #low: Int32Array = new Int32Array(MAX_ENTRIES);
  readonly #high: Int32Array = new Int32Array(MAX_ENTRIES);

  /** The entry for `bytes[from..to)`, or -1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    for (let slot = hash(bytes, from, to); ; slot = (slot + 1) % SLOTS) {
      const entry = (this.#slots[slot] as number) - 1;
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
    }
    const entry = this.#keys.push(bytes.slice(from, to)) - 1;
    this.#low[entry] = Number(BigInt.asIntN(32, value));
    this.#high[entry] = Number(BigInt.asIntN(32, value >> 32n));
    let slot = hash(bytes, from, to);
    while (this.#slots[slot] !== 0) slot = (slot + 1) % SLOTS;
    this.#slots[slot] = entry + 1;
    return entry;
  }

  low(entry: number): number {
    return this.#low[entry] as number;
  }

  high(entry: number): number {
    return this.#high[entry] as number;
  }
}

/** FNV-1a over the bytes, folded to a slot. */
function hash(bytes: Uint8Array, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let position = from; position < to; position++)
    value = Math.imul(value ^ (bytes[position] as number), 0x01000193);
  return (value ^ (value >>> 15)) & (SLOTS - 1);
}
