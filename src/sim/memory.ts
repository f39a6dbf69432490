/**
 * The memory of a simulated arena, put back to its first state between schedules. Only blocks that a schedule touched
 * are copied back: every step marks its block, so marking has to cost next to nothing.
 */
import type { SharedMemory } from "../wasm/types.ts";

/** Bytes of a block, as a shift. */
export const BLOCK_SHIFT = 10;
const WASM_PAGE_BYTES = 65536;
const BLOCK_BYTES = 1 << BLOCK_SHIFT;
const BLOCK_WORDS = BLOCK_BYTES / 4;

export class SimMemory {
  readonly memory: SharedMemory;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** 1 for every block that may differ from the first state. Steps write here. */
  readonly dirty: Uint8Array;
  #first: Uint32Array;

  /** @param pages of 64 KiB: all exist from the start, and the memory cannot grow */
  constructor(pages: number) {
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.words = new Uint32Array(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
    this.dirty = new Uint8Array((pages * WASM_PAGE_BYTES) >>> BLOCK_SHIFT);
    this.#first = this.words.slice();
  }

  /** What is in memory now is the state that `restore` goes back to. */
  keep(): void {
    this.#first = this.words.slice();
    this.dirty.fill(0);
  }

  restore(): void {
    const { dirty, words } = this;
    for (let block = dirty.indexOf(1); block >= 0; block = dirty.indexOf(1, block + 1)) {
      const from = block * BLOCK_WORDS;
      words.set(this.#first.subarray(from, from + BLOCK_WORDS), from);
    }
    dirty.fill(0);
  }

  /** Marks the blocks of a range: for accesses of more than a few bytes. */
  touch(address: number, size: number): void {
    this.dirty.fill(1, address >>> BLOCK_SHIFT, (address + size + BLOCK_BYTES - 1) >>> BLOCK_SHIFT);
  }

  load(address: number): number {
    return this.words[address >>> 2] ?? 0;
  }

  store(address: number, value: number): void {
    this.dirty[address >>> BLOCK_SHIFT] = 1;
    this.words[address >>> 2] = value;
  }

  /** A hash of all that differs from the first state. */
  hash(): number {
    const { dirty, words } = this;
    const first = this.#first;
    let hash = 0x811c9dc5;
    for (let block = dirty.indexOf(1); block >= 0; block = dirty.indexOf(1, block + 1)) {
      const end = (block + 1) * BLOCK_WORDS;
      for (let word = block * BLOCK_WORDS; word < end; word++) {
        const value = words[word];
        if (value === first[word]) continue;
        hash = Math.imul(hash ^ word, 0x01000193);
        hash = Math.imul(hash ^ (value as number), 0x01000193);
        hash ^= hash >>> 15;
      }
    }
    return hash >>> 0;
  }
}
