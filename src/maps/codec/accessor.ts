/** What a codec is: a value's bytes, and who reads and writes them at a place. */

export type NumberName = "u8" | "u16" | "u32" | "i8" | "i16" | "i32" | "f32" | "f64";
export type BigName = "u64" | "i64";
export type ScalarName = NumberName | BigName;

export interface Accessor<T> {
  read(): T;
  /** @throws {AnyctxError} EINVAL: the codec cannot hold the value exactly. What is in the place then says nothing */
  write(value: T): void;
}

/** What a place is for. Keys that `Map` takes for the same have the same bytes. */
export type Role = "key" | "value";

/** A codec without a length, by the name of the function that makes it. */
export type VariableName = "string" | "bytes" | "json";

/** How values that have lengths of their own are read and given back. */
export interface VariableForm<T> {
  /**
   * Reads what is given, which may run code of whoever made it.
   * @returns text to be written as UTF-8, or bytes, which are written before anything else happens
   * @throws {AnyctxError} EINVAL: the codec cannot hold it exactly
   */
  prepare(value: T, role: Role): string | Uint8Array;
  /** @param bytes lie in shared memory, and are somebody else's afterwards */
  restore(bytes: Uint8Array): T;
}

export interface Codec<T> {
  /** Bytes, a multiple of `align`; 0: each value has a length of its own. */
  readonly size: number;
  readonly align: number;
  /** What `codecFrom` makes the same codec of again, on another thread. */
  readonly description: Description;
  /** @param role "value" if not given */
  bind(buffer: ArrayBufferLike, offset: number, role?: Role): Accessor<T>;
  /** Of a codec for maps: one that all are like. */
  readonly like?: { readonly info: { readonly address: number }; readonly isOpen: boolean };
  /** Where a lock lies in what it holds, if one does. Bytes. */
  readonly lock?: number;
  /** Of a codec without a length; then it cannot be bound. */
  readonly variable?: VariableForm<T>;
}

export type Description =
  | ScalarName
  | "none"
  | { readonly bytes: number }
  | { readonly lock: true }
  | { readonly string: number }
  | { readonly json: number }
  | { readonly variable: VariableName }
  | { readonly maps: true }
  /** Bytes whose meaning is known to one thread only: it opens the map with codecs of its own. */
  | { readonly layout: number }
  | { readonly expiring: readonly [Description, milliseconds: number] }
  | { readonly array: readonly [Description, number] }
  | { readonly struct: readonly (readonly [string, Description])[] };
