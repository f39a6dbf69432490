/** A file whose parts are read where they lie, a window at a time: it may be larger than memory. Needs Node. */
import { closeSync, openSync, readSync } from "node:fs";
import { AnyctxError } from "../error.ts";
import type { ByteRange } from "./bytes.ts";

const WINDOW_BYTES = 1 << 18;

/** What the ranges of one file share. */
interface OpenFile {
  readonly path: string;
  /** Undefined: not opened yet, or closed. */
  handle: number | undefined;
  /** Bytes read so far. */
  read: number;
}

class FileRange implements ByteRange {
  readonly length: number;
  readonly #file: OpenFile;
  readonly #start: number;
  #window = new Uint8Array(0);
  #windowAt = 0;

  constructor(file: OpenFile, start: number, length: number) {
    this.#file = file;
    this.#start = start;
    this.length = length;
  }

  get read(): number {
    return this.#file.read;
  }

  subarray(from: number, to: number): Uint8Array {
    const end = Math.min(to, this.length);
    if (from >= end) return new Uint8Array(0);
    const at = from - this.#windowAt;
    if (at < 0 || end - this.#windowAt > this.#window.length) this.#load(from, Math.max(end - from, WINDOW_BYTES));
    return this.#window.subarray(from - this.#windowAt, end - this.#windowAt);
  }

  /** A new window: who holds a part of the last one keeps it. */
  #load(from: number, bytes: number): void {
    const file = this.#file;
    file.handle ??= openSync(file.path, "r");
    const window = new Uint8Array(Math.min(bytes, this.length - from));
    let filled = 0;
    while (filled < window.length) {
      const count = readSync(file.handle, window, filled, window.length - filled, this.#start + from + filled);
      if (count === 0) throw new AnyctxError("BAD_TRACE", `${file.path} has become shorter while it was read`);
      filled += count;
    }
    file.read += filled;
    this.#window = window;
    this.#windowAt = from;
  }

  part(from: number, to: number): ByteRange {
    const start = Math.min(from, this.length);
    return new FileRange(this.#file, this.#start + start, Math.max(0, Math.min(to, this.length) - start));
  }

  close(): void {
    if (this.#file.handle !== undefined) closeSync(this.#file.handle);
    this.#file.handle = undefined;
  }
}

/** @param length its bytes, as far as they are read */
export function fileRange(path: string, length: number): ByteRange {
  return new FileRange({ path, handle: undefined, read: 0 }, 0, length);
}
