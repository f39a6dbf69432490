/** Takes binary files apart: numbers, texts and parts of a whole input, checked. */
import { AnyctxError } from "../error.ts";

/** Bytes that are taken where they lie: of a file, or of memory. */
export interface ByteRange {
  readonly length: number;
  /** Bytes of whatever it is a part of that were read so far. */
  readonly read: number;
  /** Fewer where there are no more. Good until the next call. */
  subarray(from: number, to: number): Uint8Array;
  /** A part to be read on its own. */
  part(from: number, to: number): ByteRange;
  /** Nothing of it is needed any more. */
  close(): void;
}

/** Memory as such bytes. */
export function memoryRange(bytes: Uint8Array): ByteRange {
  return {
    length: bytes.length,
    read: bytes.length,
    subarray: (from, to) => bytes.subarray(from, to),
    part: (from, to) => memoryRange(bytes.subarray(Math.min(from, bytes.length), Math.min(to, bytes.length))),
    close: () => undefined,
  };
}

/** Reads on from a place in bytes; what is not there is an error that names the file and where. */
export class Cursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  at: number;

  /** @param name what messages call the bytes */
  constructor(bytes: Uint8Array, name: string, at: number = 0) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#name = name;
    this.at = at;
  }

  /** Steps over `length` bytes. @returns where they begin @throws {AnyctxError} BAD_TRACE where there are not so many */
  skip(length: number, what: string): number {
    const from = this.at;
    if (!(length >= 0) || from + length > this.bytes.length)
      throw new AnyctxError("BAD_TRACE", `${this.#name} is cut or damaged: no ${what} at byte ${from}`);
    this.at = from + length;
    return from;
  }

  u8(what: string): number {
    return this.#view.getUint8(this.skip(1, what));
  }

  u16(what: string): number {
    return this.#view.getUint16(this.skip(2, what), true);
  }

  u32(what: string): number {
    return this.#view.getUint32(this.skip(4, what), true);
  }

  u64(what: string): bigint {
    return this.#view.getBigUint64(this.skip(8, what), true);
  }

  /** A u64 that is a length or a place in the file. */
  size(what: string): number {
    const size = this.u64(what);
    if (size > BigInt(Number.MAX_SAFE_INTEGER))
      throw new AnyctxError("BAD_TRACE", `${this.#name} is damaged: ${what} of ${size} at byte ${this.at - 8}`);
    return Number(size);
  }

  take(length: number, what: string): Uint8Array {
    const from = this.skip(length, what);
    return this.bytes.subarray(from, from + length);
  }

  /** Text up to a zero. */
  text(what: string): string {
    const end = this.bytes.indexOf(0, this.at);
    const length = (end < 0 ? this.bytes.length : end) - this.at;
    const text = letters(this.take(length, what));
    this.skip(1, `end of ${what}`);
    return text;
  }
}

/** Bytes as text, a character each. */
export function letters(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

/** More than this cannot be one piece of memory. */
const MOST_BYTES = 2 ** 32;

/** A whole input in one piece. @throws {AnyctxError} BAD_TRACE where it is too large for that */
export async function wholeOf(chunks: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length > MOST_BYTES)
      throw new AnyctxError("BAD_TRACE", `${name} is larger than 4 GiB, which is read as a whole`);
  }
  return joined(parts, length);
}

/** Pieces behind each other, `length` bytes in all; one alone is not copied. */
export function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
