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

export interface Codec<T> {
  /** Bytes, a multiple of `align`. */
  readonly size: number;
  readonly align: number;
  /** What `codecFrom` makes the same codec of again, on another thread. */
  readonly description: Description;
  /** @param role "value" if not given */
  bind(buffer: ArrayBufferLike, offset: number, role?: Role): Accessor<T>;
}

export type Description =
  | ScalarName
  | "none"
  | { readonly bytes: number }
  | { readonly string: number }
  | { readonly json: number }
  | { readonly array: readonly [Description, number] }
  | { readonly struct: readonly (readonly [string, Description])[] };
