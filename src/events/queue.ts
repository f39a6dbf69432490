/** Bytes of a stream as they are asked for, in constant memory. */
import { joined } from "./bytes.ts";

export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#source = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes in one piece, valid until the next call; fewer where the stream ends before. */
  async take(length: number): Promise<Uint8Array> {
    if (this.#chunk.length < length && !this.#ended) await this.#gather(length);
    const taken = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  /** The same, and they are not taken. */
  async peek(length: number): Promise<Uint8Array> {
    if (this.#chunk.length < length && !this.#ended) await this.#gather(length);
    return this.#chunk.subarray(0, length);
  }

  /** Whether nothing follows. */
  async isEmpty(): Promise<boolean> {
    if (this.#chunk.length === 0 && !this.#ended) await this.#gather(1);
    return this.#chunk.length === 0;
  }

  async #gather(length: number): Promise<void> {
    const parts = [this.#chunk];
    let bytes = this.#chunk.length;
    while (bytes < length) {
      const { done, value } = await this.#source.next();
      this.#ended = done === true;
      if (this.#ended) break;
      parts.push(value);
      bytes += value.length;
    }
    this.#chunk = joined(parts, bytes);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
