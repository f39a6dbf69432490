/**
 * The arena's memory as plays start from it: kept, and put back before each, so that every play finds the same state.
 * Whatever runs afterwards runs on one CPU of one thread, so the memory is all the state there is.
 */
import type { Arena } from "../arena/arena.ts";
import { cacheStatistics } from "../arena/statistics.ts";
import type { LoadedMap } from "../load/maps.ts";
import { CONSTANTS } from "../wasm/face.ts";
import { endOfUse } from "../wasm/pages.ts";

/** Memory that a play may use on top: what it found out by lack of that would not be about the program. */
const LEAST_ROOM = 1 << 22;
const MOST_ROOM = 1 << 29;
/** Objects of a map that one run may take. */
const OBJECTS_A_RUN = 8;

export class Snapshots {
  readonly #arena: Arena;
  /** Before anything ran. */
  readonly #fresh: Uint8Array;
  /** What prefills are added to. */
  #base: Uint8Array;
  /** What plays start from. */
  #state: Uint8Array;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#fresh = keep(arena);
    this.#base = this.#fresh;
    this.#state = this.#fresh;
  }

  /** Puts back what plays start from. */
  restore(): void {
    this.#put(this.#state);
  }

  /** From now on plays start from the very beginning again. */
  startFresh(): void {
    this.#base = this.#fresh;
    this.#state = this.#fresh;
  }

  /** From now on plays start from what `change` makes of the very beginning. */
  startAfter(change: () => void): void {
    this.#put(this.#fresh);
    change();
    this.#base = keep(this.#arena);
    this.#state = this.#base;
  }

  /** From now on plays start with what `change` adds; without it where it says that it did not succeed. */
  startWith(change: () => boolean): boolean {
    this.#put(this.#base);
    this.#state = this.#base;
    const changed = change();
    if (changed) this.#state = keep(this.#arena);
    return changed;
  }

  #put(state: Uint8Array): void {
    new Uint8Array(this.#arena.memory.buffer).set(state);
  }
}

/** The memory up to where nothing is in use: what is free need not be put back. */
function keep(arena: Arena): Uint8Array {
  return new Uint8Array(arena.memory.buffer).slice(
    0,
    endOfUse((at) => arena.word(at)),
  );
}

/** Whether the memory has what plays of so many runs can need. */
export function hasRoom(arena: Arena, maps: readonly LoadedMap[], runs: number): boolean {
  const needed = maps
    .flatMap(({ map }) => cacheStatistics(arena, map.info))
    .reduce((bytes, { unit, high }) => bytes + unit * 2 * (runs * OBJECTS_A_RUN + high), 0);
  const room = arena.core.allocateBytes(Math.min(Math.max(LEAST_ROOM, needed), MOST_ROOM)) >>> 0;
  // Below the superblock it is an errno, which freeBytes ignores.
  arena.core.freeBytes(room);
  return room >= CONSTANTS.SUPERBLOCK;
}
