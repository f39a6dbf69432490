/**
 * A little-endian reader over untrusted bytes: every read is checked and a bad one is an AnyctxError that says what
 * was being read and where, never a RangeError of a DataView.
 */
import { AnyctxError } from "../../error.ts";

const LONGEST_STRING = 4096;

export class ByteReader {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;

  /** @param what names the bytes in errors, for example `flow.bpf.o` or `flow.bpf.o: section .BTF` */
  constructor(bytes: Uint8Array, what: string) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  fail(problem: string): never {
    throw new AnyctxError("BAD_OBJECT", `${this.#what}: ${problem}`);
  }

  #need(offset: number, size: number, field: string): void {
    if (offset < 0 || size < 0 || offset + size > this.length)
      this.fail(`${field} needs ${size} bytes at offset ${offset} but there are only ${this.length}`);
  }

  u8(offset: number, field: string): number {
    this.#need(offset, 1, field);
    return this.#view.getUint8(offset);
  }

  u16(offset: number, field: string): number {
    this.#need(offset, 2, field);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number, field: string): number {
    this.#need(offset, 4, field);
    return this.#view.getUint32(offset, true);
  }

  i32(offset: number, field: string): number {
    this.#need(offset, 4, field);
    return this.#view.getInt32(offset, true);
  }

  /** A 64-bit offset or size. Larger than the file means the same bad file whatever the number, so it is cut to 2^53. */
  size(offset: number, field: string): number {
    this.#need(offset, 8, field);
    const value = this.#view.getBigUint64(offset, true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  /** A view, not a copy. */
  slice(offset: number, size: number, field: string): Uint8Array {
    this.#need(offset, size, field);
    return this.#bytes.subarray(offset, offset + size);
  }

  /**
   * The NUL-terminated string at `offset`; characters that are not UTF-8 become replacement characters. What is longer
   * than any real name is cut, or a small file whose names all overlap would cost time and memory without end.
   */
  string(offset: number, field: string): string {
    this.#need(offset, 1, field);
    const longest = this.#bytes.subarray(offset, offset + LONGEST_STRING);
    const end = longest.indexOf(0);
    if (end < 0 && longest.length < LONGEST_STRING) this.fail(`${field} at offset ${offset} has no end`);
    return decodeText(end < 0 ? longest : longest.subarray(0, end));
  }
}

/**
 * UTF-8 text of bytes that may lie in shared memory, which a TextDecoder itself refuses. The decoder is made when it is
 * needed: an AudioWorklet has none, and only programs that print would miss it there.
 */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice());
}
