/**
 * The arena's memory as plays start from it: kept, and put back before each, so that every play finds the same state.
 * Whatever runs afterwards runs on one CPU of one thread, so the memory is all the state there is.
 */
import type { Arena } from "../arena/arena.ts";
import { cacheStatistics } from "../arena/statistics.ts";
import type { LoadedMap } from "../load/load.ts";

/** Memory that a play may use on top: what it found out by lack of that would not be about the program. */
const LEAST_ROOM = 1 << 22;
const MOST_ROOM = 1 << 29;
/** Objects of a map that one run may take. */
const OBJECTS_A_RUN = 8;

export class Snapshots {
  readonly #memory: WebAssembly.Memory;
  /** Before anything ran. */
  readonly #fresh: Uint8Array;
  /** What prefills are added to. */
  #base: Uint8Array;
  /** What plays start from. */
  #state: Uint8Array;

  /** Keeps the memory as it is now; it must not grow any more. */
  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#fresh = keep(memory);
    this.#base = this.#fresh;
    this.#state = this.#fresh;
  }

  /** Puts back what plays start from. */
  restore(): void {
    new Uint8Array(this.#memory.buffer).set(this.#state);
  }

  /** From now on plays start from the very beginning again. */
  startFresh(): void {
    this.#base = this.#fresh;
    this.#state = this.#fresh;
  }

  /** From now on plays start from what `change` makes of the very beginning. */
  startAfter(change: () => void): void {
    this.#restoreAll(this.#fresh);
    change();
    this.#base = keep(this.#memory);
    this.#state = this.#base;
  }

  /** From now on plays start with what `change` adds; without it where it says that it did not succeed. */
  startWith(change: () => boolean): boolean {
    this.#restoreAll(this.#base);
    this.#state = this.#base;
    const changed = change();
    if (changed) this.#state = keep(this.#memory);
    return changed;
  }

  /** Puts a state back to go on from and keep: what plays left in free memory would be taken for a part of it. */
  #restoreAll(state: Uint8Array): void {
    const bytes = new Uint8Array(this.#memory.buffer);
    bytes.set(state);
    bytes.fill(0, state.length);
  }
}

/** The memory without the zeroes at its end: they are free, and what is free need not be put back. */
function keep(memory: WebAssembly.Memory): Uint8Array {
  const words = new Uint32Array(memory.buffer);
  let length = words.length;
  while (length > 0 && words[length - 1] === 0) length--;
  return new Uint8Array(memory.buffer).slice(0, length * 4);
}

/** Whether the memory has what plays of so many runs can need. */
export function hasRoom(arena: Arena, maps: readonly LoadedMap[], runs: number): boolean {
  const needed = maps
    .flatMap(({ map }) => cacheStatistics(arena, map.info))
    .reduce((bytes, { unit, high }) => bytes + unit * 2 * (runs * OBJECTS_A_RUN + high), 0);
  const room = arena.core.allocateBytes(Math.min(Math.max(LEAST_ROOM, needed), MOST_ROOM));
  arena.core.freeBytes(room);
  return room !== 0;
}
