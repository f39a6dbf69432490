/** How a map's keys and values are read, as text in shared memory: written by its creator for whoever opens the map. */
import { LAYOUT } from "../wasm/face.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Memory of the arena's. */
export interface Place {
  readonly memory: { readonly buffer: ArrayBufferLike };
  /** Zeroed memory. @throws {AnyctxError} ENOMEM, ETIMEDOUT */
  allocate(bytes: number): number;
}

/** Puts a copy of the text into memory that goes with the map. */
export function writeDescription(place: Place, map: number, description: string): void {
  // ASCII needs one byte a character, UTF-8 three at most for a UTF-16 unit.
  const text = new Uint8Array(description.length * 3);
  const length = encodeUtf8(description, text);
  const address = place.allocate(length);
  new Uint8Array(place.memory.buffer, address, length).set(text.subarray(0, length));
  new Uint32Array(place.memory.buffer, map + LAYOUT.MapHeader.description, 2).set([address, length]);
}
