/** What reads shared memory for reports needs of an arena, without holding a lock. */
import type { Core } from "./face.ts";

export interface Reader {
  readonly core: Core;
  readonly cpus: number;
  /** A u32 field of a structure in shared memory. */
  word(address: number): number;
}

/** The word of 32 bits at an address of the arena's memory. */
export function wordAt({ buffer }: { readonly buffer: ArrayBufferLike }, address: number): number {
  return new Uint32Array(buffer, address, 1)[0] ?? 0;
}

/** Reads in a read section: what lives at its beginning stays what it is until its end. */
export function inReadSection<T>(core: Core, read: () => T): T {
  core.readEnter();
  try {
    return read();
  } finally {
    core.readLeave();
  }
}
