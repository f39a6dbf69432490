/** A map's transfer buffer: how keys and values come to where the core's functions take and give them. This thread's own. */
import type { Core } from "../../wasm/face.ts";

/**
 * What is given is first read, which may run code of whoever made it, and may even close the map: then it is refused, and nothing
 * has been written to the arena. Everything that writes throws AnyctxError, EINVAL: what cannot be held exactly.
 */
export interface Transfer<K, V> {
  /** Where the core's functions take a value and give one. */
  readonly valueAddress: number;
  /** A key as the core's functions take it: by its address, or as a word. */
  given(key: K): number;
  /** A key by its address. */
  place(key: K): number;
  /** Writes a value and a key; what `given` gives. */
  write(key: K, value: V): number;
  /** As `given`, of a key as a walk has copied it (maps/walk/walk.ts). */
  put(words: Uint32Array, from: number): number;
  /** The key and the value that are there. */
  readKey(): K;
  readValue(): V;
  /** Their bytes, copied. @param copy of a per-CPU value: the CPU */
  keyBytes(): Uint8Array;
  valueBytes(copy: number): Uint8Array;
  /** The bytes that a value has; the value that bytes are. */
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
  /** Has a value in memory as it is, at `valueAddress`, which is the result. */
  placeValue(bytes: Uint8Array): number;
  /** Has two values in memory, as comparing operations take them: the expected one at `valueAddress`. @returns the other's address */
  placePair(expected: Uint8Array, value: Uint8Array): number;
  /** Where a value is given to whoever only asks whether a key is there. */
  readonly nowhere: number;
  /** Room for numbers that are changed by themselves; undefined: there are none. */
  readonly numbers: NumberRoom | undefined;
  /** A reading function of the core, as this transfer can do with it. */
  reading(read: Get): Get;
  /**
   * The map is closed: the memory is somebody else's by now. What is written from now on goes elsewhere, and nobody reads it.
   * @returns more of the arena's memory that it had, for whoever closes the map to give back (0: none)
   */
  end(): readonly number[];
}

export interface NumberRoom {
  readonly address: number;
  put(bytes: Uint8Array): void;
}

type Get = Core["hashGet"];
