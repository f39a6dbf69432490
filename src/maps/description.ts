/** How a map's keys and values are read, as text in shared memory: written by its creator for whoever opens the map. */
import { LAYOUT } from "../wasm/face.ts";
import { utf8Of } from "./codec/utf8.ts";

/** Memory of the arena's. */
export interface Place {
  readonly memory: { readonly buffer: ArrayBufferLike };
  /** Zeroed memory. @throws {AnyctxError} ENOMEM, ETIMEDOUT */
  allocate(bytes: number): number;
}

/** Puts a copy of the text into memory that goes with the map. */
export function writeDescription(place: Place, map: number, description: string): void {
  const text = utf8Of(description);
  const { length } = text;
  const address = place.allocate(length);
  new Uint8Array(place.memory.buffer, address, length).set(text);
  new Uint32Array(place.memory.buffer, map + LAYOUT.MapHeader.description, 2).set([address, length]);
}
