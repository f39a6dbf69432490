/**
 * What the system call's side may do with a map: it reads unless the map was created with BPF_F_WRONLY, and writes unless it was with
 * BPF_F_RDONLY or is frozen. Programs have flags of their own.
 */
import { ERRNO } from "../error.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { wordAt } from "../wasm/reader.ts";

const { RDONLY, WRONLY } = CONSTANTS;

export interface Access {
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
  /** To read and to write, in one step or after each other. */
  readonly mayChange: boolean;
}

/** What may be done with the map at an address now. */
export function accessOf(memory: { readonly buffer: ArrayBufferLike }, map: number): Access {
  const flags = wordAt(memory, map + LAYOUT.MapHeader.access);
  const mayRead = (flags & WRONLY) === 0;
  const mayWrite = (flags & RDONLY) === 0 && wordAt(memory, map + LAYOUT.MapHeader.frozen) === 0;
  return { mayRead, mayWrite, mayChange: mayRead && mayWrite };
}

/** What the core's functions are of which a map's flags let threads call none. */
export function isForbidden(): number {
  return -ERRNO.EPERM;
}
